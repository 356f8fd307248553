//! Undo and redo: the steps that were made, each with the edits that undo it.
//!
//! A burst of like edits (typing into one field, dragging one node) makes one step: steps with the same `merge` key
//! join while no other step came between. The history is plain data and is saved with the project.

use serde::{Deserialize, Serialize};

use crate::edit::{Edit, EditError};
use crate::pipeline::Pipeline;

/// One undoable step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What the person did, in the words of the undo menu: `Add Filter`.
    pub label: String,
    pub forward: Vec<Edit>,
    pub backward: Vec<Edit>,
    /// Steps with the same key in a row are one; `None` never joins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge: Option<String>,
}

/// The steps of one project, `cursor` of them done and the rest undone.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    steps: Vec<Step>,
    cursor: usize,
}

impl History {
    /// A history read back from where it was saved; a cursor past the end is set to the end.
    pub fn from_parts(steps: Vec<Step>, cursor: usize) -> Self {
        let cursor = cursor.min(steps.len());
        Self { steps, cursor }
    }

    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// How many of the steps are done.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// Applies `edits` to `pipeline` as one step; an empty list does nothing.
    ///
    /// # Errors
    /// As [`Pipeline::apply`]; nothing is recorded then.
    pub fn perform(
        &mut self,
        pipeline: &mut Pipeline,
        label: impl Into<String>,
        edits: Vec<Edit>,
        merge: Option<String>,
    ) -> Result<(), EditError> {
        if edits.is_empty() {
            return Ok(());
        }
        let backward = pipeline.apply(&edits)?;
        self.steps.truncate(self.cursor);
        let step = Step { label: label.into(), forward: edits, backward, merge };
        match self.steps.last_mut() {
            Some(last) if step.merge.is_some() && last.merge == step.merge => last.join(step),
            _ => self.steps.push(step),
        }
        self.cursor = self.steps.len();
        Ok(())
    }

    /// Ends a burst: the next step stands for itself even when its merge key is the same.
    pub fn end_burst(&mut self) {
        if let Some(last) = self.steps.last_mut() {
            last.merge = None;
        }
    }

    pub fn undo_label(&self) -> Option<&str> {
        self.cursor.checked_sub(1).map(|last| self.steps[last].label.as_str())
    }

    pub fn redo_label(&self) -> Option<&str> {
        self.steps.get(self.cursor).map(|step| step.label.as_str())
    }

    /// Undoes the newest done step and says its label.
    ///
    /// # Errors
    /// When the pipeline is not the one that the step was made on.
    pub fn undo(&mut self, pipeline: &mut Pipeline) -> Result<Option<String>, EditError> {
        let Some(last) = self.cursor.checked_sub(1) else { return Ok(None) };
        pipeline.apply(&self.steps[last].backward)?;
        self.cursor = last;
        self.end_burst();
        Ok(Some(self.steps[last].label.clone()))
    }

    /// Does the oldest undone step again and says its label.
    ///
    /// # Errors
    /// When the pipeline is not the one that the step was undone on.
    pub fn redo(&mut self, pipeline: &mut Pipeline) -> Result<Option<String>, EditError> {
        let Some(step) = self.steps.get(self.cursor) else { return Ok(None) };
        pipeline.apply(&step.forward)?;
        self.cursor += 1;
        Ok(Some(step.label.clone()))
    }
}

impl Step {
    fn join(&mut self, next: Step) {
        // Setting the same thing again needs only the last value forward and the first value backward.
        let same_target = matches!((self.forward.as_slice(), next.forward.as_slice()), ([a], [b]) if a.same_target(b));
        if same_target {
            self.forward = next.forward;
        } else {
            self.forward.extend(next.forward);
            self.backward.splice(0..0, next.backward);
        }
    }
}

impl Edit {
    fn same_target(&self, other: &Edit) -> bool {
        match (self, other) {
            (Edit::SetParam { id: a, name: n, .. }, Edit::SetParam { id: b, name: m, .. }) => a == b && n == m,
            (Edit::SetTitle { id: a, .. }, Edit::SetTitle { id: b, .. })
            | (Edit::SetInside { id: a, .. }, Edit::SetInside { id: b, .. }) => a == b,
            (Edit::Move { positions: a }, Edit::Move { positions: b }) => a.keys().eq(b.keys()),
            (Edit::SetName { .. }, Edit::SetName { .. }) => true,
            (Edit::SetParameter { name: a, .. }, Edit::SetParameter { name: b, .. }) => a == b,
            (Edit::SetGroup { id: a, .. }, Edit::SetGroup { id: b, .. })
            | (Edit::SetNote { id: a, .. }, Edit::SetNote { id: b, .. })
            | (Edit::SetBookmark { id: a, .. }, Edit::SetBookmark { id: b, .. })
            | (Edit::SetDashboard { id: a, .. }, Edit::SetDashboard { id: b, .. }) => a == b,
            _ => false,
        }
    }
}
