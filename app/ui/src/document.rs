//! The open project: its pipeline, its history, and how much of it the host has.

use millrace_model::{Edit, EditError, History, NodeId, Pipeline, Step, TextError};
use millrace_protocol::{Draft, Project, ProjectId};
use serde_json::Value;

/// A project that is open in the designer. [`Document::perform`], undo and redo are the only ways to change it.
#[derive(Debug, Clone)]
pub struct Document {
    project: ProjectId,
    folder: Option<String>,
    pipeline: Pipeline,
    history: History,
    /// Grows with each change; tells what a check or a save was about.
    generation: u64,
    saved: Saved,
    save_state: SaveState,
}

/// What the host is known to hold.
#[derive(Debug, Clone)]
struct Saved {
    version: u64,
    generation: u64,
    steps: Vec<Step>,
}

/// Whether the person's work is safe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SaveState {
    Saved,
    /// Changed, or on its way to the host.
    Saving,
    /// The last try failed, and why; it is tried again.
    NotSaved(String),
}

impl SaveState {
    pub fn word(&self) -> &'static str {
        match self {
            Self::Saved => "Saved",
            Self::Saving => "Saving…",
            Self::NotSaved(_) => "Not saved",
        }
    }
}

impl Document {
    /// # Errors
    /// When the project's text is not a pipeline of this format.
    pub fn open(project: Project) -> Result<Self, TextError> {
        let (pipeline, _) = Pipeline::parse(&project.text)?;
        Ok(Self {
            project: project.id,
            folder: project.folder,
            pipeline,
            saved: Saved { version: project.version, generation: 0, steps: project.steps.clone() },
            history: History::from_parts(project.steps, project.cursor),
            generation: 0,
            save_state: SaveState::Saved,
        })
    }

    pub fn project(&self) -> ProjectId {
        self.project
    }

    /// Where relative paths start on the host's machine.
    pub fn folder(&self) -> Option<&str> {
        self.folder.as_deref()
    }

    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    pub fn name(&self) -> &str {
        self.pipeline.name()
    }

    pub fn history(&self) -> &History {
        &self.history
    }

    pub fn generation(&self) -> u64 {
        self.generation
    }

    pub fn version(&self) -> u64 {
        self.saved.version
    }

    pub fn save_state(&self) -> &SaveState {
        &self.save_state
    }

    /// Whether the host lacks something.
    pub fn is_dirty(&self) -> bool {
        self.generation != self.saved.generation
    }

    /// # Errors
    /// As [`Pipeline::apply`]; nothing is changed then.
    pub fn perform(
        &mut self,
        label: impl Into<String>,
        edits: Vec<Edit>,
        merge: Option<String>,
    ) -> Result<(), EditError> {
        if edits.is_empty() {
            return Ok(());
        }
        self.history.perform(&mut self.pipeline, label, edits, merge)?;
        self.changed();
        Ok(())
    }

    /// Ends a burst of like edits.
    pub fn end_burst(&mut self) {
        self.history.end_burst();
    }

    /// # Errors
    /// When the history does not fit the pipeline.
    pub fn undo(&mut self) -> Result<Option<String>, EditError> {
        let label = self.history.undo(&mut self.pipeline)?;
        if label.is_some() {
            self.changed();
        }
        Ok(label)
    }

    /// # Errors
    /// When the history does not fit the pipeline.
    pub fn redo(&mut self) -> Result<Option<String>, EditError> {
        let label = self.history.redo(&mut self.pipeline)?;
        if label.is_some() {
            self.changed();
        }
        Ok(label)
    }

    fn changed(&mut self) {
        self.generation += 1;
        if self.save_state == SaveState::Saved {
            self.save_state = SaveState::Saving;
        }
    }

    /// The present state as the host is to keep it, and what it will then hold.
    pub fn draft(&self) -> (Draft, PendingSave) {
        let steps = self.history.steps();
        let keep_steps = self.saved.steps.iter().zip(steps).take_while(|(old, new)| old == new).count();
        let draft = Draft {
            project: self.project,
            version: self.saved.version,
            text: self.pipeline.to_text(),
            keep_steps,
            new_steps: steps[keep_steps..].to_vec(),
            cursor: self.history.cursor(),
        };
        (draft, PendingSave { generation: self.generation, steps: steps.to_vec() })
    }

    /// The host holds what `pending` says, as `version`.
    pub fn saved(&mut self, pending: PendingSave, version: u64) {
        self.saved = Saved { version, generation: pending.generation, steps: pending.steps };
        self.save_state = if self.is_dirty() { SaveState::Saving } else { SaveState::Saved };
    }

    pub fn save_failed(&mut self, why: impl Into<String>) {
        self.save_state = SaveState::NotSaved(why.into());
    }

    /// The host holds another version, with the steps of `project`; what is here is to be saved over it.
    pub fn rebase(&mut self, project: &Project) {
        self.saved.version = project.version;
        self.saved.steps.clone_from(&project.steps);
    }
}

/// A save that is on its way.
#[derive(Debug, Clone)]
pub struct PendingSave {
    generation: u64,
    steps: Vec<Step>,
}

/// The edit that sets the value at `path` (such as `outputs[0].path`) inside a node's params; `None` removes a param or
/// a field. Nothing when there is no such node, or the path does not lead anywhere.
pub fn param_edit(pipeline: &Pipeline, id: &NodeId, path: &str, value: Option<Value>) -> Option<Edit> {
    let mut keys = path.split(['.', '[']).map(|key| key.trim_end_matches(']'));
    let name = keys.next()?.to_owned();
    let rest: Vec<&str> = keys.collect();
    let node = pipeline.node(id)?;
    if rest.is_empty() {
        return Some(Edit::SetParam { id: id.clone(), name, value });
    }
    let mut whole = node.params.get(&name).cloned().unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    let (last, way) = rest.split_last()?;
    let mut place = &mut whole;
    for key in way {
        place = child(place, key)?;
    }
    match value {
        Some(value) => *child(place, last)? = value,
        None => match place {
            Value::Object(fields) => {
                fields.remove(*last);
            }
            Value::Array(items) => {
                let index: usize = last.parse().ok()?;
                if index >= items.len() {
                    return None;
                }
                items.remove(index);
            }
            _ => return None,
        },
    }
    Some(Edit::SetParam { id: id.clone(), name, value: Some(whole) })
}

fn child<'a>(value: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    match value {
        Value::Array(items) => items.get_mut(key.parse::<usize>().ok()?),
        Value::Object(fields) => Some(fields.entry(key).or_insert(Value::Null)),
        Value::Null => {
            *value = Value::Object(serde_json::Map::new());
            child(value, key)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_model::Node;
    use serde_json::json;

    fn document() -> Document {
        let text = r#"{"format": 1, "name": "T", "nodes": {"a": {"kind": "store.file"}}, "wires": []}"#;
        let project =
            Project { id: 1, version: 4, text: text.to_owned(), steps: Vec::new(), cursor: 0, folder: None, run: None };
        Document::open(project).expect("the text is a pipeline")
    }

    fn rename(document: &mut Document, name: &str, merge: Option<&str>) {
        let edits = vec![Edit::SetName { name: name.to_owned() }];
        document.perform("Rename", edits, merge.map(str::to_owned)).expect("a name can always be set");
    }

    #[test]
    fn a_draft_tells_only_what_the_history_gained() {
        let mut document = document();
        rename(&mut document, "U", None);
        let (draft, pending) = document.draft();
        assert_eq!((draft.version, draft.keep_steps, draft.new_steps.len(), draft.cursor), (4, 0, 1, 1));
        document.saved(pending, 5);
        assert_eq!(document.save_state(), &SaveState::Saved);
        rename(&mut document, "V", None);
        let (draft, _) = document.draft();
        assert_eq!((draft.version, draft.keep_steps, draft.new_steps.len(), draft.cursor), (5, 1, 1, 2));
    }

    #[test]
    fn a_step_that_grew_or_was_replaced_after_a_save_is_sent_again() {
        let mut document = document();
        rename(&mut document, "U", Some("typing"));
        let (_, pending) = document.draft();
        document.saved(pending, 5);
        rename(&mut document, "Un", Some("typing"));
        let (draft, _) = document.draft();
        assert_eq!((draft.keep_steps, draft.new_steps.len()), (0, 1), "the burst is one step, and it changed");
        let undone = document.undo();
        assert!(matches!(undone, Ok(Some(_))));
        rename(&mut document, "W", None);
        let (draft, _) = document.draft();
        assert_eq!((draft.keep_steps, draft.new_steps.len(), draft.cursor), (0, 1, 1));
    }

    #[test]
    fn an_edit_made_while_a_save_is_on_its_way_keeps_the_document_dirty() {
        let mut document = document();
        rename(&mut document, "U", None);
        let (_, pending) = document.draft();
        rename(&mut document, "V", None);
        document.saved(pending, 5);
        assert!(document.is_dirty());
        assert_eq!(document.save_state(), &SaveState::Saving);
    }

    #[test]
    fn a_param_is_set_inside_lists_and_groups() {
        let mut pipeline = Pipeline::new("T");
        let id: NodeId = "a".parse().expect("an id");
        let mut node = Node::new(id.clone(), "store.file");
        node.params.insert("outputs".to_owned(), json!([{"path": "old"}, {"path": "b"}]));
        pipeline.apply(&[Edit::AddNode { node, position: None }]).expect("the node is new");
        let set = |path: &str, value: Value| match param_edit(&pipeline, &id, path, Some(value)) {
            Some(Edit::SetParam { name, value: Some(value), .. }) => Some((name, value)),
            _ => None,
        };
        let expected = json!([{"path": "new"}, {"path": "b"}]);
        assert_eq!(set("outputs[0].path", json!("new")), Some(("outputs".to_owned(), expected)));
        assert_eq!(set("format.delimiter", json!(";")), Some(("format".to_owned(), json!({"delimiter": ";"}))));
        assert_eq!(set("path", json!("x")), Some(("path".to_owned(), json!("x"))));
        assert_eq!(set("outputs[7].path", json!("x")), None);
    }
}
