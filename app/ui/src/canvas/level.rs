//! Which nested pipeline is open on the canvas, how each was looked at last, and the views that were left by a jump.
//!
//! All of it is view state and never enters the history. What is open follows the pipeline: when a nested pipeline is
//! gone, the one around it is shown.

use std::collections::BTreeMap;

use egui::Pos2;
use millrace_model::{NodeId, Pipeline};

use super::CanvasState;
use super::gesture::Gesture;

/// What is seen of the canvas.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// The nested pipeline that is open; `None` at the top.
    pub level: Option<NodeId>,
    pub center: Pos2,
    pub zoom: f32,
}

/// The open nested pipeline with those around it, and where each level was looked at.
#[derive(Debug, Default)]
pub struct Levels {
    /// The outermost first.
    path: Vec<NodeId>,
    left: BTreeMap<Option<NodeId>, (Pos2, f32)>,
}

impl CanvasState {
    /// The nested pipeline that is open; `None` at the top.
    pub fn level(&self) -> Option<&NodeId> {
        self.levels.path.last()
    }

    /// The open nested pipeline and those around it, the outermost first.
    pub fn path(&self) -> &[NodeId] {
        &self.levels.path
    }

    /// Opens a nested pipeline, or goes to the top; going back leads here again.
    pub fn open(&mut self, pipeline: &Pipeline, level: Option<&NodeId>) {
        if self.level() != level {
            self.leave_view();
            self.enter(pipeline, level);
        }
    }

    /// Goes out of what is no longer there.
    pub fn follow(&mut self, pipeline: &Pipeline) {
        let deepest = self.levels.path.iter().rev().find(|id| pipeline.node(id).is_some()).cloned();
        self.enter(pipeline, deepest.as_ref());
    }

    /// Shows a view, of the top where its nested pipeline is gone.
    pub fn show(&mut self, pipeline: &Pipeline, view: &View) {
        self.enter(pipeline, pipeline.home(view.level.as_ref()));
        self.camera.center = view.center;
        self.zoom_by(view.zoom / self.camera.zoom);
        self.wants_fit = false;
    }

    pub fn view_now(&self) -> View {
        View { level: self.level().cloned(), center: self.camera.center, zoom: self.camera.zoom }
    }

    fn enter(&mut self, pipeline: &Pipeline, level: Option<&NodeId>) {
        let mut path: Vec<NodeId> = level.into_iter().cloned().collect();
        path.extend(level.into_iter().flat_map(|level| pipeline.around(level)).cloned());
        path.reverse();
        let before = self.level().cloned();
        self.levels.path = path;
        if before.as_ref() == level {
            return;
        }
        self.levels.left.insert(before, (self.camera.center, self.camera.zoom));
        match self.levels.left.get(&level.cloned()) {
            Some((center, zoom)) => (self.camera.center, self.camera.zoom) = (*center, *zoom),
            None => self.wants_fit = true,
        }
        self.gesture = Gesture::None;
        self.writing = None;
    }
}

/// The views before and after the present one, like those of a browser.
#[derive(Debug, Default)]
pub struct Journey {
    before: Vec<View>,
    after: Vec<View>,
}

impl Journey {
    /// Older views than these are forgotten.
    const MOST: usize = 50;

    /// The view `here` is about to be left by a jump.
    pub fn leave(&mut self, here: View) {
        if self.before.last() != Some(&here) {
            self.before.push(here);
            let num_old = self.before.len().saturating_sub(Self::MOST);
            self.before.drain(..num_old);
        }
        self.after.clear();
    }

    pub fn back(&mut self, here: View) -> Option<View> {
        travel(&mut self.before, &mut self.after, here)
    }

    pub fn forward(&mut self, here: View) -> Option<View> {
        travel(&mut self.after, &mut self.before, here)
    }

    /// Whether there is a view before, and one after.
    pub fn can_travel(&self) -> (bool, bool) {
        (!self.before.is_empty(), !self.after.is_empty())
    }
}

fn travel(from: &mut Vec<View>, to: &mut Vec<View>, here: View) -> Option<View> {
    let there = from.pop()?;
    to.push(here);
    Some(there)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_and_forward_lead_through_the_views_and_a_new_jump_ends_the_way_forward() {
        let at = |x: f32| View { level: None, center: Pos2::new(x, 0.0), zoom: 1.0 };
        let mut journey = Journey::default();
        journey.leave(at(0.0));
        journey.leave(at(100.0));
        assert_eq!(journey.back(at(200.0)), Some(at(100.0)));
        assert_eq!(journey.back(at(100.0)), Some(at(0.0)));
        assert_eq!((journey.back(at(0.0)), journey.can_travel()), (None, (false, true)));
        assert_eq!(journey.forward(at(0.0)), Some(at(100.0)));
        journey.leave(at(100.0));
        assert_eq!(journey.can_travel(), (true, false));
    }

    #[test]
    fn what_is_gone_is_left_for_what_was_around_it_and_each_level_keeps_its_view() {
        let text = r#"{"format": 1, "name": "T", "nodes": {"outer": {"kind": "n.n"},
            "inner": {"kind": "n.n", "inside": "outer"}}, "wires": []}"#;
        let (mut pipeline, _) = Pipeline::parse(text).expect("a pipeline");
        let id = |text: &str| -> NodeId { text.parse().expect("an id") };
        let mut state = CanvasState::default();
        state.camera.center.x = 7.0;
        state.open(&pipeline, Some(&id("inner")));
        assert_eq!(state.path(), [id("outer"), id("inner")]);
        assert!(state.wants_fit, "nobody has looked at it before");
        let edits = pipeline.removal_of([&id("inner")]);
        pipeline.apply(&edits).expect("it is there");
        state.follow(&pipeline);
        assert_eq!(state.level(), Some(&id("outer")));
        state.open(&pipeline, None);
        assert_eq!((state.level(), state.camera.center.x), (None, 7.0));
    }
}
