//! Goes through the files in the order of their names, and with *watch* comes back to those that grow.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use millrace_operator::rejected::{OnError, RejectedBuilder};
use millrace_operator::watermark::{WatermarkMaker, WatermarkState};
use millrace_operator::{BuildContext, InferContext, NodeError, Source, SourceContext, SourceEvent, State};
use notify::Watcher;
use serde::{Deserialize, Serialize};

use super::reading::{Block, Fault, OpenFile, Position, Reading, shown_path};
use super::{FILE_COLUMN, LINE_COLUMN, Params, listing};
use crate::format::columns::types_of;
use crate::ingest::event_time;

/// How soon a watched folder is looked at again when the system says nothing; it may be unable to.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// How soon the engine may ask again while there is nothing to read.
const IDLE: Duration = Duration::from_millis(200);

const ROWS: usize = 0;
const REJECTED: usize = 1;

pub(super) struct FileSource {
    reading: Reading,
    base_dir: PathBuf,
    files: Vec<Progress>,
    is_listed: bool,
    /// The file being read: its index in `files`.
    current: Option<(usize, OpenFile)>,
    /// The length of the file being read, in the measure of its offset.
    length: Option<u64>,
    /// Bytes of each file on the disk, as they were when the files were listed.
    sizes: Vec<u64>,
    watermark: Option<WatermarkMaker>,
    watching: Option<Watching>,
}

/// How far one file was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    path: PathBuf,
    offset: u64,
    line: u64,
    is_done: bool,
    /// Its size on disk when its end was reached.
    size: u64,
}

impl Progress {
    fn new(path: PathBuf) -> Self {
        let Position { offset, line } = Position::START;
        Self { path, offset, line, is_done: false, size: 0 }
    }
}

#[derive(Serialize, Deserialize)]
struct SavedState {
    files: Vec<Progress>,
    watermark: Option<WatermarkState>,
}

/// Tells when something may have changed in the watched folder.
struct Watching {
    has_changed: Arc<AtomicBool>,
    looked_at: Instant,
    /// Kept alive: dropping it ends the watch. None where the system cannot tell.
    _watcher: Option<notify::RecommendedWatcher>,
}

impl Watching {
    fn new(folder: &Path) -> Self {
        let has_changed = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&has_changed);
        let watcher = notify::recommended_watcher(move |_| flag.store(true, Ordering::Relaxed))
            .and_then(|mut watcher| {
                watcher.watch(folder, notify::RecursiveMode::Recursive)?;
                Ok(watcher)
            })
            .ok();
        Self { has_changed, looked_at: Instant::now(), _watcher: watcher }
    }

    fn is_due(&mut self) -> bool {
        let is_due = self.has_changed.swap(false, Ordering::Relaxed) || self.looked_at.elapsed() >= POLL_INTERVAL;
        if is_due {
            self.looked_at = Instant::now();
        }
        is_due
    }
}

impl FileSource {
    pub(super) fn new(params: Params, cx: &BuildContext) -> Result<Self, NodeError> {
        let schema = cx
            .outputs
            .first()
            .ok_or_else(|| NodeError::internal("the file node was built without an output schema"))?
            .clone();
        let watermark = WatermarkMaker::new(&schema, params.max_out_of_orderness);
        let mut found = InferContext::new(&[], cx.probed.as_ref());
        let whole = super::file_schema(&params, &mut found);
        let is_whole = |whole: &SchemaRef| own_columns(&schema, &params).all(|name| whole.index_of(name).is_ok());
        let file_schema = whole.filter(is_whole).unwrap_or_else(|| schema.clone());
        let mut kept: Vec<usize> =
            own_columns(&schema, &params).filter_map(|name| file_schema.index_of(name).ok()).collect();
        if kept.is_empty() {
            // Rows without columns have no number.
            kept.push(0);
        }
        kept.sort_unstable();
        Ok(Self {
            reading: Reading {
                types: types_of(&file_schema, &params.columns),
                times: event_time::cell_times(&params.time_zone, &mut found),
                params,
                file_schema,
                kept,
                schema,
            },
            base_dir: cx.base_dir.clone(),
            files: Vec::new(),
            is_listed: false,
            current: None,
            length: None,
            sizes: Vec::new(),
            watermark,
            watching: None,
        })
    }

    fn list(&self) -> Result<Vec<PathBuf>, NodeError> {
        let params = &self.reading.params;
        match listing::list(&self.base_dir, params.path.as_str(), params.format) {
            Ok(files) if files.is_empty() && !params.watch => {
                Err(NodeError::user(format!("no file matches `{}`", params.path)))
            }
            // What is watched for may not be there yet.
            Err(_) if params.watch => Ok(Vec::new()),
            other => other.map_err(NodeError::user),
        }
    }

    /// Finds files that appeared or grew. A file that shrank is a new one.
    fn look_again(&mut self) -> Result<(), NodeError> {
        for path in self.list()? {
            let Some(known) = self.files.iter_mut().find(|known| known.path == path) else {
                self.files.push(Progress::new(path));
                continue;
            };
            let size = size_of(&path);
            if known.is_done && size != known.size {
                if size < known.size {
                    *known = Progress::new(path);
                }
                known.is_done = false;
            }
        }
        Ok(())
    }

    fn shown(&self, index: usize) -> String {
        shown_path(&self.base_dir, &self.files[index].path)
    }

    /// Notes how far file `index` was read, and that nothing more is to be had from it for now.
    fn close(&mut self, index: usize, size: u64) {
        self.current = None;
        let file = &mut self.files[index];
        file.is_done = true;
        file.size = size;
    }

    fn emit(&mut self, block: Block, shown: &str, cx: &mut SourceContext<'_>) -> Result<(), NodeError> {
        if self.reading.params.on_error == OnError::Fail
            && let Some(reject) = block.rejects.first()
        {
            return Err(NodeError::user(format!("{shown}:{}: {}", reject.line, reject.reason)));
        }
        if let Some(batch) = block.batch {
            match &mut self.watermark {
                Some(watermark) => watermark.emit(ROWS, batch, cx.output)?,
                None => cx.output.emit(ROWS, batch),
            }
        }
        if !block.rejects.is_empty() {
            let mut rejected = RejectedBuilder::default();
            for reject in &block.rejects {
                rejected.push(&reject.raw, &reject.reason, &format!("{shown}:{}", reject.line));
            }
            cx.output.emit(REJECTED, rejected.finish(cx.output.now_us()));
        }
        Ok(())
    }

    /// Reads one block; `true` when rows were emitted.
    async fn step(&mut self, cx: &mut SourceContext<'_>) -> Result<bool, NodeError> {
        let is_watched = self.reading.params.watch;
        // It stays where it is while it is waited for: `next` may be dropped meanwhile.
        let Some((index, file)) = &mut self.current else { return Ok(false) };
        let index = *index;
        let shown = shown_path(&self.base_dir, &self.files[index].path);
        // Taken before the end is seen, so that what is appended meanwhile is noticed later.
        let size = if is_watched { size_of(&self.files[index].path) } else { 0 };
        let how = (cx.batch_size.max(1), cx.crew);
        let block = file.next(&self.reading, &shown, how, is_watched).await;
        let Position { offset, line } = file.position();
        match block {
            Ok(Some(block)) => {
                (self.files[index].offset, self.files[index].line) = (offset, line);
                self.emit(block, &shown, cx)?;
                Ok(true)
            }
            Ok(None) => {
                (self.files[index].offset, self.files[index].line) = (offset, line);
                self.close(index, size);
                Ok(false)
            }
            // A file that is still being written is looked at again when it has grown.
            Err(Fault::EndsEarly(_)) if is_watched => {
                self.close(index, size);
                Ok(false)
            }
            Err(fault) => Err(fault.into_error()),
        }
    }
}

#[async_trait]
impl Source for FileSource {
    async fn open(&mut self) -> Result<(), NodeError> {
        if !self.is_listed {
            self.files = self.list()?.into_iter().map(Progress::new).collect();
            self.is_listed = true;
        }
        self.sizes = self.files.iter().map(|file| size_of(&file.path)).collect();
        let params = &self.reading.params;
        if params.watch {
            self.watching = Some(Watching::new(&listing::folder_to_watch(&self.base_dir, params.path.as_str())));
            self.look_again()?;
        }
        Ok(())
    }

    async fn next(&mut self, cx: &mut SourceContext<'_>) -> Result<SourceEvent, NodeError> {
        loop {
            if self.step(cx).await? {
                return Ok(SourceEvent::More);
            }
            let Some(index) = self.files.iter().position(|file| !file.is_done) else {
                let Some(watching) = &mut self.watching else { return Ok(SourceEvent::End) };
                if watching.is_due() {
                    self.look_again()?;
                    if self.files.iter().any(|file| !file.is_done) {
                        continue;
                    }
                }
                return Ok(SourceEvent::Idle(IDLE));
            };
            let file = &self.files[index];
            let position = Position { offset: file.offset, line: file.line };
            let size = size_of(&file.path);
            match OpenFile::open(&self.reading, &file.path, &self.shown(index), position) {
                Ok(open) => {
                    self.length = open.length(&file.path);
                    if self.length.is_some_and(|length| length < position.offset) && !self.reading.params.watch {
                        return Err(NodeError::user(format!(
                            "`{}` is shorter than what was read of it before: it has been changed since, so the run \
                             cannot go on. Bring the file back, or start over",
                            self.shown(index)
                        )));
                    }
                    self.current = Some((index, open));
                }
                Err(Fault::EndsEarly(_)) if self.reading.params.watch => self.close(index, size),
                Err(fault) => return Err(fault.into_error()),
            }
        }
    }

    fn snapshot(&mut self) -> Result<State, NodeError> {
        let state =
            SavedState { files: self.files.clone(), watermark: self.watermark.as_ref().map(WatermarkMaker::state) };
        serde_json::to_vec(&state)
            .map_err(|error| NodeError::internal("the position in the files cannot be written").with_source(error))
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let state: SavedState = serde_json::from_slice(state)
            .map_err(|error| NodeError::internal("the position in the files cannot be read").with_source(error))?;
        self.files = state.files;
        self.is_listed = true;
        if let (Some(watermark), Some(state)) = (&mut self.watermark, state.watermark) {
            watermark.restore(state);
        }
        Ok(())
    }

    fn status(&self) -> Option<String> {
        match &self.current {
            Some((index, _)) if self.files.len() == 1 => Some(format!("Reading {}", self.shown(*index))),
            Some((index, _)) => {
                let done = self.files.iter().filter(|file| file.is_done).count();
                Some(format!("Reading {}, {done} of {} files done", self.shown(*index), self.files.len()))
            }
            None if self.watching.is_some() => Some(format!("Watching, {} files read", self.files.len())),
            None => None,
        }
    }

    fn idle_timeout(&self) -> Option<Duration> {
        Some(self.reading.params.idle_timeout.duration())
    }

    fn progress(&self) -> Option<f64> {
        let all: u64 = self.sizes.iter().sum();
        if self.watching.is_some() || all == 0 {
            return None;
        }
        let done = self.files.iter().zip(&self.sizes).filter(|(file, _)| file.is_done);
        let done: u64 = done.map(|(_, size)| size).sum();
        let open = match &self.current {
            None => 0.0,
            // Of one file that is compressed it is not known how far it was read.
            Some(_) if self.length.is_none() && self.files.len() == 1 => return None,
            Some((index, _)) => {
                let share = self.length.filter(|length| *length > 0);
                let share = share.map_or(0.0, |length| self.files[*index].offset as f64 / length as f64);
                self.sizes.get(*index).map_or(0.0, |size| *size as f64 * share.min(1.0))
            }
        };
        Some(((done as f64 + open) / all as f64).min(1.0))
    }
}

fn size_of(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// The names of the columns that leave the node and come out of the file.
fn own_columns<'a>(schema: &'a SchemaRef, params: &'a Params) -> impl Iterator<Item = &'a str> {
    let names = schema.fields().iter().map(|field| field.name().as_str());
    names.filter(|name| !(params.add_position && [FILE_COLUMN, LINE_COLUMN].contains(name)))
}
