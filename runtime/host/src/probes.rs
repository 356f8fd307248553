//! What the probes of nodes found, remembered until the files behind it change.
//!
//! A probe looks at the outside world (the head of a CSV file), so it runs on a blocking thread with a time limit. Its
//! answer holds for one kind, one set of params and one folder, as long as the files that the params name keep their
//! size and time; where they name no plain file (a glob, a folder, nothing), it holds for a short while.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::{Duration, Instant, SystemTime};

use millrace_engine::Probes;
use millrace_model::{Catalog, FieldKind, Form, Interval, NodeId, Params, Pipeline};
use millrace_operator::{NodeType, Probed, Registry};
use serde_json::Value;

/// A probe that takes longer is reported as failed; its answer is kept for the next time.
const TIME_LIMIT: Duration = Duration::from_secs(5);
/// How long an answer holds that no file's size and time stand for.
const UNSTAMPED_LIFETIME: Duration = Duration::from_secs(2);
/// Answers kept; the oldest go first.
const MAX_SLOTS: usize = 256;

type Answer = Result<Option<Probed>, String>;

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    kind: String,
    params: String,
    base_dir: PathBuf,
}

/// Size and time of every file that the params name; `None` when that does not tell everything.
type Stamp = Option<Vec<(PathBuf, u64, Option<SystemTime>)>>;

struct Found {
    stamp: Stamp,
    at: Instant,
    answer: Answer,
}

#[derive(Default)]
struct Slot {
    /// Locked while the probe runs, so that one thing is never probed twice at once.
    found: Mutex<Option<Found>>,
}

pub(crate) struct ProbeCache {
    time_limit: Duration,
    slots: Mutex<HashMap<Key, (Instant, Arc<Slot>)>>,
}

impl Default for ProbeCache {
    fn default() -> Self {
        Self::with_time_limit(TIME_LIMIT)
    }
}

impl ProbeCache {
    fn with_time_limit(time_limit: Duration) -> Self {
        Self { time_limit, slots: Mutex::default() }
    }

    /// What the probe of every enabled node says, all probed at once.
    pub(crate) async fn probe_all(
        &self,
        pipeline: &Pipeline,
        registry: &Registry,
        catalog: &Catalog,
        base_dir: &Path,
    ) -> Probes {
        let mut pending = Vec::new();
        for node in pipeline.nodes().filter(|node| !node.disabled) {
            let (Some(node_type), Some(card)) = (registry.node_type(&node.kind), catalog.card(&node.kind)) else {
                continue;
            };
            let slot = self.slot(Key {
                kind: node.kind.clone(),
                params: Value::from_iter(node.params.clone()).to_string(),
                base_dir: base_dir.to_owned(),
            });
            let paths = paths_in(&node.params, &card.form).into_iter().map(|path| base_dir.join(path)).collect();
            let (node_type, params, base_dir) = (Arc::clone(node_type), node.params.clone(), base_dir.to_owned());
            let time_limit = self.time_limit;
            let task = tokio::task::spawn_blocking(move || {
                slot.answer(paths, node_type.as_ref(), &params, &base_dir, time_limit)
            });
            pending.push((node.id.clone(), task));
        }
        let deadline = tokio::time::Instant::now() + self.time_limit;
        let mut probes: Probes = Probes::new();
        for (id, task) in pending {
            let answer: (NodeId, Answer) = match tokio::time::timeout_at(deadline, task).await {
                Ok(Ok(answer)) => (id, answer),
                Ok(Err(error)) => (id, Err(format!("Looking at what this node reads was cut off: {error}."))),
                Err(_) => (id, Err(too_slow(self.time_limit))),
            };
            probes.insert(answer.0, answer.1);
        }
        probes
    }

    fn slot(&self, key: Key) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MAX_SLOTS && !slots.contains_key(&key) {
            let oldest = slots.iter().min_by_key(|(_, (used, _))| *used).map(|(key, _)| key.clone());
            oldest.and_then(|oldest| slots.remove(&oldest));
        }
        let (used, slot) = slots.entry(key).or_insert_with(|| (Instant::now(), Arc::default()));
        *used = Instant::now();
        Arc::clone(slot)
    }
}

impl Slot {
    fn answer(
        &self,
        paths: Vec<PathBuf>,
        node_type: &dyn NodeType,
        params: &Params,
        base_dir: &Path,
        time_limit: Duration,
    ) -> Answer {
        let began = Instant::now();
        let mut found = loop {
            match self.found.try_lock() {
                Ok(found) => break found,
                Err(TryLockError::Poisoned(poisoned)) => break poisoned.into_inner(),
                // Somebody else is probing this very thing: wait for that answer, but not for ever.
                Err(TryLockError::WouldBlock) if began.elapsed() < time_limit => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(TryLockError::WouldBlock) => return Err(too_slow(time_limit)),
            }
        };
        let stamp = stamp_of(&paths);
        if let Some(known) = found.as_ref()
            && known.stamp == stamp
            && (stamp.is_some() || known.at.elapsed() < UNSTAMPED_LIFETIME)
        {
            return known.answer.clone();
        }
        let answer = node_type.probe(params, base_dir);
        *found = Some(Found { stamp, at: Instant::now(), answer: answer.clone() });
        answer
    }
}

fn too_slow(time_limit: Duration) -> String {
    let limit = Interval::from(time_limit);
    format!("Looking at what this node reads takes longer than {limit}. Check that its disk or network answers.")
}

fn stamp_of(paths: &[PathBuf]) -> Stamp {
    let stamped = paths.iter().map(|path| {
        let metadata = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
        Some((path.clone(), metadata.len(), metadata.modified().ok()))
    });
    stamped.collect::<Option<Vec<_>>>().filter(|stamps| !stamps.is_empty())
}

/// The texts that stand where the form has a path.
fn paths_in(params: &Params, form: &Form) -> Vec<String> {
    let mut paths = Vec::new();
    for field in &form.fields {
        if let Some(value) = params.get(&field.name) {
            collect_paths(value, &field.kind, &mut paths);
        }
    }
    paths
}

fn collect_paths(value: &Value, kind: &FieldKind, paths: &mut Vec<String>) {
    let mut collect_form = |form: &Form| {
        for field in &form.fields {
            if let Some(value) = value.get(&field.name) {
                collect_paths(value, &field.kind, paths);
            }
        }
    };
    match kind {
        FieldKind::Path => paths.extend(value.as_str().map(str::to_owned)),
        FieldKind::Group { form } => collect_form(form),
        FieldKind::Variant { tag, variants } => {
            let chosen = value.get(tag).and_then(Value::as_str);
            if let Some(variant) = variants.iter().find(|variant| Some(variant.value.as_str()) == chosen) {
                collect_form(&variant.form);
            }
        }
        FieldKind::List { item } => {
            for value in value.as_array().map(Vec::as_slice).unwrap_or_default() {
                collect_paths(value, item, paths);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
    use millrace_model::value::FilePath;
    use millrace_model::{Edit, Node as ModelNode, PortCard};
    use millrace_operator::node::erase;
    use millrace_operator::{BuildContext, CardText, InferContext, Machine, Node, NodeError};
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    use super::*;

    static NUM_PROBES: AtomicUsize = AtomicUsize::new(0);

    /// Reads a column name from a file.
    #[derive(Serialize, Deserialize, JsonSchema)]
    struct HeadParams {
        path: FilePath,
        #[serde(default)]
        pause_ms: u64,
    }

    struct Head;

    impl Node for Head {
        type Params = HeadParams;
        const KIND: &'static str = "ingest.head";

        fn card() -> CardText {
            CardText::new("Head", "Reads a column name from a file", "file").output(PortCard::rows("Rows."))
        }

        fn probe(params: &HeadParams, base_dir: &Path) -> Result<Option<Probed>, String> {
            NUM_PROBES.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(params.pause_ms));
            let text = std::fs::read_to_string(base_dir.join(&params.path.0)).map_err(|error| error.to_string())?;
            let schema = Arc::new(Schema::new(vec![Field::new(text.trim(), DataType::Utf8, true)]));
            Ok(Some(Probed { schema }))
        }

        fn infer(_: &HeadParams, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
            vec![cx.probed.map(|probed| probed.schema.clone())]
        }

        fn build(_: HeadParams, _: &BuildContext) -> Result<Machine, NodeError> {
            Err(NodeError::internal("never built"))
        }
    }

    fn pipeline(pause_ms: u64) -> Pipeline {
        let mut node = ModelNode::new(NodeId::new("head").expect("an id"), Head::KIND);
        node.params.insert("path".to_owned(), "head.txt".into());
        node.params.insert("pause_ms".to_owned(), pause_ms.into());
        let mut pipeline = Pipeline::new("Probed");
        pipeline.apply(&[Edit::AddNode { node, position: None }]).expect("added");
        pipeline
    }

    async fn column(cache: &ProbeCache, pipeline: &Pipeline, folder: &Path) -> Result<String, String> {
        let registry = Registry::new([erase::<Head>()]);
        let probes = cache.probe_all(pipeline, &registry, &registry.catalog(), folder).await;
        let (_, answer) = probes.into_iter().next().expect("one node");
        answer.map(|probed| probed.expect("it probes").schema.field(0).name().clone())
    }

    /// One test, because the counter is shared.
    #[tokio::test]
    async fn a_file_is_looked_at_again_only_when_it_has_changed_and_never_for_too_long() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("head.txt");
        let cache = ProbeCache::default();
        let quick = pipeline(0);
        assert!(column(&cache, &quick, folder.path()).await.is_err(), "there is no file yet");
        std::fs::write(&file, "first").expect("written");
        assert_eq!(column(&cache, &quick, folder.path()).await.as_deref(), Ok("first"), "the file came");
        let before = NUM_PROBES.load(Ordering::SeqCst);
        for _ in 0..5 {
            assert_eq!(column(&cache, &quick, folder.path()).await.as_deref(), Ok("first"));
        }
        assert_eq!(NUM_PROBES.load(Ordering::SeqCst), before, "nothing has changed");
        std::fs::write(&file, "second one").expect("written");
        assert_eq!(column(&cache, &quick, folder.path()).await.as_deref(), Ok("second one"));
        assert_eq!(NUM_PROBES.load(Ordering::SeqCst), before + 1);

        let impatient = ProbeCache::with_time_limit(Duration::from_millis(20));
        let error = column(&impatient, &pipeline(300), folder.path()).await.expect_err("too slow");
        assert!(error.contains("longer than 20 ms"), "{error}");
    }
}
