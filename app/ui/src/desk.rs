//! What a person has before them in a project: where they look, which panels are hidden, where runs are to halt.
//!
//! It is the person's and not the pipeline's: in no file and in no history. The host keeps it as a setting of each
//! project, so that it is there again after a restart. What cannot be read is as usual, and never an error.

use egui::pos2;
use millrace_model::{NodeId, Pipeline, Wire};
use millrace_protocol::ProjectId;
use serde_json::{Value, json};

use crate::canvas::View;
use crate::command::Side;
use crate::standing::{Mark, Marks};

/// The desk of one project.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Desk {
    /// What is seen of the canvas; `None`: all of it.
    pub view: Option<View>,
    pub shown: Shown,
    pub marks: Marks,
}

/// Which panels around the canvas are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    pub palette: bool,
    pub bottom: bool,
    pub inspector: bool,
}

impl Default for Shown {
    fn default() -> Self {
        Self { palette: true, bottom: true, inspector: true }
    }
}

impl Shown {
    pub fn panel(&mut self, side: Side) -> &mut bool {
        match side {
            Side::Palette => &mut self.palette,
            Side::Bottom => &mut self.bottom,
            Side::Inspector => &mut self.inspector,
        }
    }
}

impl Desk {
    /// The name of the setting that keeps the desk of a project.
    pub fn setting(project: ProjectId) -> String {
        format!("desk {project}")
    }

    pub fn to_value(&self) -> Value {
        let view = self
            .view
            .as_ref()
            .map(|view| json!({"level": view.level, "x": view.center.x, "y": view.center.y, "zoom": view.zoom}));
        let mark = |(wire, mark): (&Wire, &Mark)| json!({"wire": wire, "condition": mark.condition, "is_enabled": mark.is_enabled});
        let marks: Vec<Value> = self.marks.iter().map(mark).collect();
        let Shown { palette, bottom, inspector } = self.shown;
        json!({"view": view, "palette": palette, "bottom": bottom, "inspector": inspector, "breakpoints": marks})
    }

    /// Reads a setting; breakpoints on wires that are gone from the pipeline are passed over.
    pub fn from_value(value: &Value, pipeline: &Pipeline) -> Self {
        let is_shown = |name: &str| value[name].as_bool().unwrap_or(true);
        let marks = value["breakpoints"].as_array().into_iter().flatten().filter_map(|mark| {
            let wire: Wire = serde_json::from_value(mark["wire"].clone()).ok()?;
            let condition = mark["condition"].as_str().unwrap_or_default().to_owned();
            let mark = Mark { condition, is_enabled: mark["is_enabled"].as_bool().unwrap_or(true) };
            pipeline.has_wire(&wire).then_some((wire, mark))
        });
        Self {
            view: read_view(&value["view"]),
            shown: Shown { palette: is_shown("palette"), bottom: is_shown("bottom"), inspector: is_shown("inspector") },
            marks: marks.collect(),
        }
    }
}

fn read_view(value: &Value) -> Option<View> {
    let number = |name: &str| value[name].as_f64().map(|number| number as f32).filter(|number| number.is_finite());
    let level: Option<NodeId> = serde_json::from_value(value["level"].clone()).ok()?;
    let zoom = number("zoom").filter(|zoom| *zoom > 0.0)?;
    Some(View { level, center: pos2(number("x")?, number("y")?), zoom })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipeline() -> Pipeline {
        let text = r#"{"format": 1, "name": "T", "nodes": {"a": {"kind": "n.n"}, "b": {"kind": "n.n"}},
            "wires": [{"from": "a.rows", "to": "b.rows"}]}"#;
        Pipeline::parse(text).expect("a pipeline").0
    }

    fn wire(from: &str) -> Wire {
        Wire::new(from.parse().expect("an end"), "b.rows".parse().expect("an end"))
    }

    #[test]
    fn a_desk_is_read_as_it_was_written() {
        let desk = Desk {
            view: Some(View { level: Some("a".parse().expect("an id")), center: pos2(-3.25, 4e5), zoom: 0.02 }),
            shown: Shown { bottom: false, ..Shown::default() },
            marks: Marks::from([(wire("a.rows"), Mark { condition: "x > '\"'".to_owned(), is_enabled: false })]),
        };
        assert_eq!(Desk::from_value(&desk.to_value(), &pipeline()), desk);
        let at_the_top = Desk { view: desk.view.map(|view| View { level: None, ..view }), ..Desk::default() };
        assert_eq!(Desk::from_value(&at_the_top.to_value(), &pipeline()), at_the_top);
        assert_eq!(Desk::from_value(&Desk::default().to_value(), &pipeline()), Desk::default());
    }

    #[test]
    fn nonsense_is_as_usual_and_breakpoints_on_wires_that_are_gone_are_passed_over() {
        let read = |value: Value| Desk::from_value(&value, &pipeline());
        assert_eq!(read(json!("x")), Desk::default());
        assert_eq!(read(json!({"view": {"level": null, "x": 1, "y": 2, "zoom": 0}})).view, None);
        assert_eq!(read(json!({"view": {"level": "no id!", "x": 1, "y": 2, "zoom": 1}})).view, None);
        let gone = Desk { marks: Marks::from([(wire("a.late"), Mark::default())]), ..Desk::default() };
        assert!(read(gone.to_value()).marks.is_empty());
    }
}
