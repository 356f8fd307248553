//! Checkpoints on the disk: one file each, checksummed, written whole and then renamed.
//!
//! A file is the word `MILLRACE`, a version, the length and the CRC-32 of what follows, and the checkpoint as
//! MessagePack. The newest one that is whole wins; a torn one is told and skipped. The two newest are kept. One process
//! at a time has the folder, by a lock that ends with it.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use millrace_model::NodeId;
use serde::{Deserialize, Serialize};

use super::SavedInstance;
use crate::fault;
use crate::layout::Layout;
use crate::plan::{Plan, PlannedNode};

const MAGIC: &[u8; 8] = b"MILLRACE";
const VERSION: u32 = 1;
const HEADER_LENGTH: usize = 8 + 4 + 8 + 4;
const EXTENSION: &str = "checkpoint";
const NUM_KEPT: usize = 2;

/// What is wrong with a state folder: one sentence with the folder or the file.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("another run has the state folder `{}`; end it first, or name another folder", .0.display())]
    InUse(PathBuf),
    #[error("the state folder `{}` {what}", .path.display())]
    Io { path: PathBuf, what: &'static str, source: io::Error },
    #[error("the checkpoint cannot be written: {0}")]
    Encode(#[from] rmp_serde::encode::Error),
}

/// A folder that keeps the checkpoints of one run. While this value lives, no other process gets it.
#[derive(Debug)]
pub struct StateFolder {
    path: PathBuf,
    _lock: File,
}

/// What a state folder holds.
#[derive(Debug, Default)]
pub struct Found {
    pub checkpoint: Option<Checkpoint>,
    /// One sentence for each file that is no whole checkpoint.
    pub skipped: Vec<String>,
}

/// A consistent picture of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Counts up from 1 in a state folder.
    pub number: u64,
    /// Milliseconds since the epoch.
    pub taken_ms: i64,
    /// Every source had come to its end and every row had been handled.
    pub is_complete: bool,
    /// With which parallelism the run was started.
    pub parallelism: usize,
    pub(crate) nodes: BTreeMap<NodeId, SavedNode>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SavedNode {
    pub title: String,
    pub fingerprint: String,
    pub instances: Vec<SavedInstance>,
}

/// What becomes of the state of one node when a pipeline goes on from a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeFate {
    pub node: NodeId,
    pub title: String,
    /// Why the state is lost; `None` when it is kept.
    pub lost: Option<&'static str>,
}

impl Checkpoint {
    /// What would become of the state of each node, were `plan` to go on from here. Nodes without state are left out.
    pub fn fates(&self, plan: &Plan) -> Vec<NodeFate> {
        let layout = Layout::new(plan, self.parallelism);
        let has_state =
            |saved: &SavedNode| saved.instances.iter().any(|of| !of.state.is_empty() || !of.aside.is_empty());
        let of_saved = self.nodes.iter().filter(|(_, saved)| has_state(saved)).map(|(id, saved)| {
            let lost = match plan.nodes.get(id).filter(|node| node.takes_part) {
                None => Some("it is no longer part of the pipeline"),
                Some(node) if saved.fingerprint != fingerprint(node) || !saved.aside_fits(node) => {
                    Some("its kind, its params or the columns that reach it have changed")
                }
                Some(_) if saved.instances.len() != layout.num_instances(id) => {
                    Some("it now runs in another number of instances")
                }
                Some(_) => None,
            };
            let title = plan.nodes.get(id).map_or(&saved.title, |node| &node.title).clone();
            NodeFate { node: id.clone(), title, lost }
        });
        of_saved.collect()
    }

    /// The titles of the nodes that are not as they were when the checkpoint was taken: changed, new or gone.
    pub fn changed_nodes(&self, plan: &Plan) -> Vec<String> {
        let planned = plan.nodes.values().filter(|node| node.takes_part);
        let is_as_it_was =
            |node: &PlannedNode| self.nodes.get(&node.id).is_some_and(|saved| saved.fingerprint == fingerprint(node));
        let changed = planned.filter(|node| !is_as_it_was(node)).map(|node| node.title.clone());
        let is_gone = |id: &NodeId| plan.nodes.get(id).is_none_or(|node| !node.takes_part);
        let gone = self.nodes.iter().filter(|(id, _)| is_gone(id)).map(|(_, saved)| saved.title.clone());
        changed.chain(gone).collect()
    }

    /// What instance `instance` of a node has to go on from, where its state still fits.
    pub(crate) fn instance(&self, node: &PlannedNode, instance: usize, num_instances: usize) -> Option<&SavedInstance> {
        let saved = self.nodes.get(&node.id)?;
        let fits =
            saved.fingerprint == fingerprint(node) && saved.aside_fits(node) && saved.instances.len() == num_instances;
        saved.instances.get(instance).filter(|_| fits)
    }
}

impl SavedNode {
    /// Whether the rows that wait for a later watermark have all columns of the inputs.
    fn aside_fits(&self, node: &PlannedNode) -> bool {
        let schema = |input: usize| node.inputs.get(input).and_then(|input| input.schema.as_ref());
        let mut aside = self.instances.iter().flat_map(|instance| &instance.aside);
        aside.all(|rows| schema(rows.input).is_some_and(|schema| rows.fits(schema)))
    }
}

/// What must be the same for a node's state to fit: its kind, the params and the columns that its state hangs on.
pub(crate) fn fingerprint(node: &PlannedNode) -> String {
    let columns: Vec<String> = node
        .inputs
        .iter()
        .zip(&node.state_inputs)
        .map(|(input, schema)| {
            let fields = schema.iter().flat_map(|schema| schema.fields());
            let columns: Vec<String> = fields.map(|field| format!("{} {}", field.name(), field.data_type())).collect();
            format!("{}({})", input.port.name, columns.join(", "))
        })
        .collect();
    let params: Vec<String> = node.state_params.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{} {} {}", node.kind, params.join(" "), columns.join(" "))
}

impl StateFolder {
    /// Takes the folder, and makes it where there is none.
    ///
    /// # Errors
    /// When another process has it, or it cannot be made or written.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        let failed = |what| move |source| StateError::Io { path: path.to_owned(), what, source };
        std::fs::create_dir_all(path).map_err(failed("cannot be made"))?;
        let options = OpenOptions::new().create(true).truncate(false).write(true).clone();
        let lock = options.open(path.join("lock")).map_err(failed("cannot be written"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StateError::InUse(path.to_owned())),
            Err(TryLockError::Error(source)) => Err(failed("cannot be locked")(source)),
        }
    }

    /// The newest whole checkpoint.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn newest(&self) -> Result<Found, StateError> {
        let mut found = Found::default();
        for (number, path) in self.files()?.into_iter().rev() {
            match read(&path) {
                Ok(checkpoint) if checkpoint.number == number => {
                    found.checkpoint = Some(checkpoint);
                    break;
                }
                Ok(_) => found.skipped.push(format!("`{}` is not the checkpoint that its name says", path.display())),
                Err(reason) => found.skipped.push(format!("`{}` is no whole checkpoint: {reason}", path.display())),
            }
        }
        Ok(found)
    }

    /// Forgets every checkpoint, so that the next run starts over.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn clear(&self) -> Result<(), StateError> {
        for (_, path) in self.files()? {
            std::fs::remove_file(&path).map_err(self.failed("cannot be cleared"))?;
        }
        self.sync()
    }

    /// Writes a checkpoint, durably, and removes old ones. Returns its size in bytes.
    pub(crate) fn write(&self, checkpoint: &Checkpoint) -> Result<u64, StateError> {
        let body = rmp_serde::to_vec_named(checkpoint)?;
        let mut bytes = Vec::with_capacity(HEADER_LENGTH + body.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(body.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
        bytes.extend_from_slice(&body);
        let path = self.path.join(format!("{:012}.{EXTENSION}", checkpoint.number));
        let unfinished = path.with_extension("unfinished");
        let failed = self.failed("cannot be written");
        fault::reach("before_state_write").map_err(&failed)?;
        (|| {
            let mut file = File::create(&unfinished)?;
            fault::write(&mut file, &bytes)?;
            file.sync_all()?;
            std::fs::rename(&unfinished, &path)
        })()
        .map_err(&failed)?;
        self.sync()?;
        fault::reach("after_state_write").map_err(&failed)?;
        let files = self.files()?;
        for (_, old) in files.iter().rev().skip(NUM_KEPT) {
            // An old file that will not go takes room and nothing else.
            let _ = std::fs::remove_file(old);
        }
        Ok(bytes.len() as u64)
    }

    /// The checkpoint files by number.
    fn files(&self) -> Result<BTreeMap<u64, PathBuf>, StateError> {
        let mut files = BTreeMap::new();
        for entry in std::fs::read_dir(&self.path).map_err(self.failed("cannot be read"))? {
            let path = entry.map_err(self.failed("cannot be read"))?.path();
            let is_checkpoint = path.extension().is_some_and(|extension| extension == EXTENSION);
            let number = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
            if let (true, Some(number)) = (is_checkpoint, number) {
                files.insert(number, path);
            }
        }
        Ok(files)
    }

    /// A new name is on the disk once its folder is.
    fn sync(&self) -> Result<(), StateError> {
        File::open(&self.path).and_then(|folder| folder.sync_all()).map_err(self.failed("cannot be written"))
    }

    fn failed(&self, what: &'static str) -> impl Fn(io::Error) -> StateError {
        let path = self.path.clone();
        move |source| StateError::Io { path: path.clone(), what, source }
    }
}

fn read(path: &Path) -> Result<Checkpoint, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let (header, body) = bytes.split_at_checked(HEADER_LENGTH).ok_or("it ends before its head does")?;
    if &header[..8] != MAGIC {
        return Err("it does not begin as one".to_owned());
    }
    let word = |from: usize| u32::from_le_bytes(header[from..from + 4].try_into().expect("four bytes"));
    if word(8) != VERSION {
        return Err(format!("it is of version {}, and this program reads version {VERSION}", word(8)));
    }
    let length = u64::from_le_bytes(header[12..20].try_into().expect("eight bytes"));
    if body.len() as u64 != length {
        return Err(format!("{} of its {length} bytes are there", body.len()));
    }
    if crc32fast::hash(body) != word(20) {
        return Err("its checksum is another".to_owned());
    }
    rmp_serde::from_slice(body).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn checkpoint(number: u64) -> Checkpoint {
        let saved =
            SavedInstance { state: vec![number as u8; 40], watermark_out: Some(-5), ..SavedInstance::default() };
        let node = SavedNode { title: "T".to_owned(), fingerprint: "f".to_owned(), instances: vec![saved] };
        let nodes = [(NodeId::new("a").expect("an id"), node)].into();
        Checkpoint { number, taken_ms: 7, is_complete: false, parallelism: 2, nodes }
    }

    fn newest(folder: &StateFolder) -> (Option<u64>, usize) {
        let found = folder.newest().expect("it can be read");
        (found.checkpoint.map(|checkpoint| checkpoint.number), found.skipped.len())
    }

    #[test]
    fn the_newest_whole_checkpoint_wins_and_two_are_kept() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = StateFolder::open(&place.path().join("state")).expect("it opens");
        assert_eq!(newest(&folder), (None, 0));
        for number in 1..=4 {
            folder.write(&checkpoint(number)).expect("it is written");
        }
        assert_eq!(folder.newest().expect("it can be read").checkpoint, Some(checkpoint(4)));
        assert_eq!(folder.files().expect("it can be read").into_keys().collect::<Vec<_>>(), [3, 4]);
        folder.clear().expect("it is cleared");
        assert_eq!(newest(&folder), (None, 0));
    }

    #[test]
    fn a_torn_or_damaged_checkpoint_is_told_and_skipped_wherever_it_is_hurt() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = StateFolder::open(place.path()).expect("it opens");
        folder.write(&checkpoint(1)).expect("it is written");
        folder.write(&checkpoint(2)).expect("it is written");
        let path = folder.files().expect("it can be read")[&2].clone();
        let mut whole = Vec::new();
        File::open(&path).expect("it is there").read_to_end(&mut whole).expect("it can be read");
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).expect("it is written");
            assert_eq!(newest(&folder), (Some(1), 1), "cut to {length} bytes");
        }
        for place in 0..whole.len() {
            let mut hurt = whole.clone();
            hurt[place] ^= 0x10;
            std::fs::write(&path, &hurt).expect("it is written");
            assert_eq!(newest(&folder), (Some(1), 1), "byte {place} is another");
        }
        std::fs::write(&path, &whole).expect("it is written");
        assert_eq!(newest(&folder), (Some(2), 0));
    }

    #[test]
    fn a_folder_belongs_to_one_run_at_a_time() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = StateFolder::open(place.path()).expect("it opens");
        assert!(matches!(StateFolder::open(place.path()), Err(StateError::InUse(_))));
        drop(folder);
        StateFolder::open(place.path()).expect("it is free again");
    }
}
