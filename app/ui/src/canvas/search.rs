//! Search on the canvas: nodes by title, kind and settings, with a jump from one hit to the next.

use egui::{Area, Frame, Key, Modifiers, Order, TextEdit, Ui, WidgetInfo, vec2};
use millrace_model::{Catalog, Node, NodeId, Pipeline};
use serde_json::Value;

use super::CanvasState;
use crate::command::Command;
use crate::context::ViewContext;
use crate::theme::space;
use crate::top_bar::icon_button;

const WIDTH: f32 = 320.0;

/// An open search.
#[derive(Debug, Default)]
pub struct Search {
    text: String,
    /// Which of the hits is shown.
    at: usize,
    is_new: bool,
}

impl Search {
    pub fn new() -> Self {
        Self { is_new: true, ..Self::default() }
    }
}

/// The nodes that hold every word of `search` in their title, kind, id or settings: best first, then along the canvas.
fn hits(pipeline: &Pipeline, catalog: &Catalog, search: &str) -> Vec<NodeId> {
    let words: Vec<String> = search.to_lowercase().split_whitespace().map(str::to_owned).collect();
    if words.is_empty() {
        return Vec::new();
    }
    let rank = |node: &Node| -> Option<usize> {
        let title = catalog.title_of(node).to_lowercase();
        let kind = catalog.card(&node.kind).map_or_else(String::new, |card| card.title.to_lowercase());
        let names = format!("{kind} {} {}", node.kind, node.id);
        let mut rank = 0;
        for word in &words {
            rank += if title.contains(word) {
                0
            } else if names.contains(word) {
                1
            } else if node.params.iter().any(|(name, value)| name.contains(word.as_str()) || holds(value, word)) {
                2
            } else {
                return None;
            };
        }
        Some(rank)
    };
    let mut hits: Vec<(usize, &Node)> = pipeline.nodes().filter_map(|node| Some((rank(node)?, node))).collect();
    let place = |node: &Node| pipeline.position(&node.id).map(|at| (at.x, at.y));
    hits.sort_by_key(|(rank, node)| (*rank, place(node), node.id.clone()));
    hits.into_iter().map(|(_, node)| node.id.clone()).collect()
}

/// A hit in a nested pipeline opens it.
fn jump_to(hit: &NodeId) -> Command {
    Command::JumpTo { node: hit.clone(), param: None }
}

fn holds(value: &Value, word: &str) -> bool {
    match value {
        Value::String(text) => text.to_lowercase().contains(word),
        Value::Array(items) => items.iter().any(|item| holds(item, word)),
        Value::Object(fields) => fields.iter().any(|(name, field)| name.contains(word) || holds(field, word)),
        Value::Null => false,
        other => other.to_string().contains(word),
    }
}

/// Draws the search bar over the canvas while it is open.
pub fn search_ui(ui: &Ui, cx: &mut ViewContext<'_>, state: &mut CanvasState) {
    let Some(mut search) = state.search.take() else { return };
    let theme = cx.theme;
    let viewport = state.camera.viewport;
    let pos = viewport.right_top() + vec2(-WIDTH - space::XL * 1.5, space::M);
    let mut hits = hits(cx.pipeline(), cx.catalog, &search.text);
    let (mut step, mut is_open) = (0_isize, true);
    Area::new(egui::Id::unique("canvas search")).order(Order::Middle).fixed_pos(pos).show(ui.ctx(), |ui| {
        Frame::popup(ui.style()).inner_margin(space::XS).show(ui, |ui| {
            ui.set_width(WIDTH);
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = space::XS;
                let (next, previous) = ui.input_mut(|input| {
                    let previous = input.consume_key(Modifiers::SHIFT, Key::Enter);
                    (input.consume_key(Modifiers::NONE, Key::Enter), previous)
                });
                step = isize::from(next) - isize::from(previous);
                let hint = egui::RichText::new("Title, kind or setting…").color(theme.text_weak);
                let field = TextEdit::singleline(&mut search.text)
                    .hint_text(hint)
                    .margin(vec2(8.0, 6.0))
                    .desired_width(WIDTH - 164.0);
                let response = ui.add(field);
                let text = search.text.clone();
                response.widget_info(|| WidgetInfo {
                    label: Some("Find on the canvas".to_owned()),
                    ..WidgetInfo::text_edit(true, text.as_str(), text.as_str(), "Title, kind or setting…")
                });
                if std::mem::take(&mut search.is_new) {
                    response.request_focus();
                }
                if response.changed() {
                    hits = self::hits(cx.document.pipeline(), cx.catalog, &search.text);
                    search.at = 0;
                    if let Some(first) = hits.first() {
                        cx.commands.push(jump_to(first));
                    }
                }
                let count = match (search.text.is_empty(), hits.len()) {
                    (true, _) => String::new(),
                    (false, 0) => "Nothing".to_owned(),
                    (false, many) => format!("{} of {many}", search.at.min(many - 1) + 1),
                };
                let count = egui::Label::new(egui::RichText::new(count).font(theme.small()).color(theme.text_weak));
                ui.add_sized(vec2(56.0, space::ROW), count);
                let can = !hits.is_empty();
                if icon_button(ui, theme, "caret-up", "Previous hit", can).clicked() {
                    step = -1;
                }
                if icon_button(ui, theme, "caret-down", "Next hit", can).clicked() {
                    step = 1;
                }
                let is_left = ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape));
                if icon_button(ui, theme, "x", "Close the search", true).clicked() || is_left {
                    is_open = false;
                }
            });
        });
    });
    if step != 0 && !hits.is_empty() {
        search.at = (search.at.min(hits.len() - 1) as isize + step).rem_euclid(hits.len() as isize) as usize;
        cx.commands.push(jump_to(&hits[search.at]));
    }
    if is_open {
        state.search = Some(search);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_looks_at_titles_first_then_at_kinds_and_settings() {
        let text = r#"{"format": 1, "name": "T", "nodes": {
            "a": {"kind": "process.filter", "params": {"condition": "Temperature > 30"}},
            "b": {"kind": "process.sort", "title": "By temperature"},
            "c": {"kind": "store.file", "params": {"outputs": [{"path": "temperature.csv"}]}},
            "d": {"kind": "process.filter"}}, "wires": []}"#;
        let (pipeline, _) = Pipeline::parse(text).expect("a pipeline");
        let found = |search: &str| -> Vec<String> {
            hits(&pipeline, &Catalog::default(), search).iter().map(ToString::to_string).collect()
        };
        assert_eq!(found("temperature"), ["b", "a", "c"]);
        assert_eq!(found("filter 30"), ["a"]);
        assert!(found("").is_empty() && found("pressure").is_empty());
    }
}
