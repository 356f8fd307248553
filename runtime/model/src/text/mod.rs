//! The pipeline file: one canonical text form.
//!
//! Writing sorts everything (nodes by id, wires by their ends, params by name), so that the same pipeline is always the
//! same bytes, and puts `layout` last, so that moving a node never touches a line of logic. Fields that this build does
//! not know are kept as they were written. [`Pipeline::parse`] also returns a [`SourceMap`], which gives the line of
//! every node, param and wire for messages.

mod layout;

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::diagnostic::Diagnostic;
use crate::id::{Endpoint, LayoutId, NodeId, Wire};
use crate::layout::{Group, Note};
use crate::pipeline::{Node, Params, Pipeline, Position};
use crate::suggest;

/// The format version that this build writes.
pub const FORMAT: u64 = 1;

/// Fields that this build does not know: name and text, as they were written.
pub type Extra = BTreeMap<String, String>;

/// Where a pipeline file is wrong: 1-based line and column, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct TextError {
    pub line: usize,
    pub message: String,
}

/// The line of each node, param and wire of a parsed file; 1-based.
#[derive(Debug, Clone, Default)]
pub struct SourceMap {
    nodes: BTreeMap<NodeId, usize>,
    params: BTreeMap<(NodeId, String), usize>,
    wires: BTreeMap<Wire, usize>,
}

impl SourceMap {
    /// Writes into `diagnostic` the line that it speaks of.
    #[must_use]
    pub fn locate(&self, mut diagnostic: Diagnostic) -> Diagnostic {
        let by_wire = diagnostic.wire.as_ref().and_then(|wire| self.wires.get(wire));
        let by_param = diagnostic.node.as_ref().zip(diagnostic.param.as_ref()).and_then(|(node, path)| {
            let top = path.split(['.', '[']).next().unwrap_or(path);
            self.params.get(&(node.clone(), top.to_owned()))
        });
        let by_node = diagnostic.node.as_ref().and_then(|node| self.nodes.get(node));
        diagnostic.line = by_wire.or(by_param).or(by_node).copied().or(diagnostic.line);
        diagnostic
    }
}

impl Pipeline {
    /// Reads a pipeline file. Unknown kinds and fields are kept; wires may be wrong in every way but form, since that
    /// is for [`check`](crate::check) to say.
    ///
    /// # Errors
    /// The first place where the text is not JSON, not a pipeline, or of a newer format.
    pub fn parse(text: &str) -> Result<(Pipeline, SourceMap), TextError> {
        let reader = Reader::new(text);
        let mut fields: BTreeMap<String, &RawValue> = serde_json::from_str(text).map_err(|error| TextError {
            line: error.line().max(1),
            message: format!(
                "this is not a pipeline file: {}. A pipeline file is a JSON object with `format`, `name`, `nodes` and `wires`.",
                plain(&error)
            ),
        })?;

        let format: u64 = reader.take_required(&mut fields, "format")?;
        if format != FORMAT {
            return Err(TextError {
                line: 1,
                message: format!(
                    "this file has format {format}, and this version of Millrace reads format {FORMAT}. Open it with a newer Millrace."
                ),
            });
        }
        let mut pipeline = Pipeline::new(reader.take_required::<String>(&mut fields, "name")?);
        let mut map = SourceMap::default();
        if let Some(raw) = fields.remove("parameters") {
            let value = reader.exact_value(raw, "parameters")?;
            pipeline.parameters = serde_json::from_value(value).map_err(|error| TextError {
                line: reader.line_of(raw),
                message: format!("`parameters` cannot be read: {error}"),
            })?;
        }

        let nodes: BTreeMap<String, &RawValue> = reader.take_raw(&mut fields, "nodes")?.unwrap_or_default();
        for (id, raw) in nodes {
            let line = reader.line_of(raw);
            let id = NodeId::new(id).map_err(|error| TextError { line, message: error.to_string() })?;
            let node = reader.node(id.clone(), raw, &mut map)?;
            map.nodes.insert(id, line);
            pipeline.insert_node(node);
        }
        if let Some(id) = pipeline.node_ids().find(|id| pipeline.holds_itself(id)) {
            return Err(TextError {
                line: map.nodes[id],
                message: format!("node `{id}` is inside itself; change `inside` so that it does not lead in a circle"),
            });
        }

        let wires: Vec<&RawValue> = reader.take_raw(&mut fields, "wires")?.unwrap_or_default();
        let mut dangling = Vec::new();
        for raw in wires {
            let wire: Wire = reader.value(raw, "wire")?;
            let line = reader.line_of(raw);
            if map.wires.insert(wire.clone(), line).is_some() {
                return Err(TextError { line, message: format!("the wire {wire} stands twice; remove one") });
            }
            if !pipeline.insert_wire(&wire) {
                dangling.push((wire, line));
            }
        }
        if let Some((wire, line)) = dangling.into_iter().next() {
            let missing = if pipeline.node(&wire.from.node).is_none() { &wire.from.node } else { &wire.to.node };
            let hint = suggest::hint(missing.as_str(), pipeline.node_ids().map(NodeId::as_str));
            return Err(TextError {
                line,
                message: format!("the wire {wire} names the node `{missing}`, which is not in this file.{hint}"),
            });
        }

        if let Some(mut layout) = reader.take_raw::<BTreeMap<String, &RawValue>>(&mut fields, "layout")? {
            let positions: BTreeMap<NodeId, Position> = reader.take(&mut layout, "nodes")?.unwrap_or_default();
            pipeline.positions = positions.into_iter().filter(|(id, _)| pipeline.node(id).is_some()).collect();
            layout::take(&mut layout, &mut pipeline);
            pipeline.layout_extra = keep(layout);
        }
        pipeline.extra = keep(fields);
        Ok((pipeline, map))
    }

    /// The canonical text of this pipeline, ending in a newline.
    pub fn to_text(&self) -> String {
        #[derive(Serialize)]
        struct WireText<'a> {
            from: &'a Endpoint,
            to: &'a Endpoint,
        }
        let wires = self.wires();
        let mut file = Members::default();
        file.push("format", &FORMAT);
        file.push("name", &self.name);
        if !self.parameters.is_empty() {
            file.push("parameters", &self.parameters);
        }
        let mut nodes = Members::default();
        for node in self.nodes() {
            let mut members = Members::default();
            if node.disabled {
                members.push("disabled", &true);
            }
            if let Some(home) = &node.inside {
                members.push("inside", home);
            }
            members.push("kind", &node.kind);
            if !node.params.is_empty() {
                members.push("params", &sorted_params(&node.params));
            }
            if let Some(title) = &node.title {
                members.push("title", title);
            }
            members.push_raw(&node.extra);
            nodes.0.push((node.id.as_str().to_owned(), members.into_text()));
        }
        file.0.push(("nodes".to_owned(), nodes.into_text()));
        let wires: Vec<WireText<'_>> = wires.iter().map(|w| WireText { from: &w.from, to: &w.to }).collect();
        file.push("wires", &wires);
        file.push_raw(&self.extra);
        let mut layout = Members::default();
        if !self.positions.is_empty() {
            layout.push("nodes", &self.positions);
        }
        layout::push(&mut layout, self);
        layout.push_raw(&self.layout_extra);
        if !layout.0.is_empty() {
            file.0.push(("layout".to_owned(), layout.into_text()));
        }
        let mut text = String::new();
        file.into_text().write(&mut text, 0);
        text.push('\n');
        text
    }
}

/// A fragment of a pipeline as text, for the clipboard: nodes with their positions, the wires among them, the groups
/// that lie wholly inside, and notes. What lives in a nested pipeline comes along with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fragment {
    pub millrace_fragment: u64,
    pub nodes: Vec<Node>,
    pub positions: BTreeMap<NodeId, Position>,
    pub wires: Vec<Wire>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<LayoutId, Group>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub notes: BTreeMap<LayoutId, Note>,
}

impl Pipeline {
    /// The nodes `ids` with all that lives in them, their positions, the wires among them, the groups of nothing but
    /// them and the notes in them.
    pub fn fragment(&self, ids: &[NodeId]) -> Fragment {
        let ids = self.with_insides(ids);
        let chosen: BTreeSet<&NodeId> = ids.iter().collect();
        let in_nested = |note: &&Note| note.inside.as_ref().is_some_and(|home| chosen.contains(home));
        Fragment {
            millrace_fragment: FORMAT,
            nodes: ids.iter().filter_map(|id| self.node(id)).cloned().collect(),
            positions: ids.iter().filter_map(|id| Some((id.clone(), self.position(id)?))).collect(),
            wires: self
                .wires()
                .into_iter()
                .filter(|wire| chosen.contains(&wire.from.node) && chosen.contains(&wire.to.node))
                .collect(),
            groups: self
                .groups
                .iter()
                .filter(|(_, group)| group.nodes.iter().all(|node| chosen.contains(node)))
                .map(|(id, group)| (id.clone(), group.clone()))
                .collect(),
            notes: self
                .notes
                .iter()
                .filter(|(_, note)| in_nested(note))
                .map(|(id, note)| (id.clone(), note.clone()))
                .collect(),
        }
    }
}

fn keep(fields: BTreeMap<String, &RawValue>) -> Extra {
    fields.into_iter().map(|(name, raw)| (name, raw.get().to_owned())).collect()
}

fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

struct Reader<'a> {
    text: &'a str,
    /// Where each line but the first begins, so that finding a line does not count through the file.
    line_starts: Vec<usize>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, line_starts: text.match_indices('\n').map(|(newline, _)| newline + 1).collect() }
    }

    /// The line at which `raw`, a part of the text, begins.
    fn line_of(&self, raw: &RawValue) -> usize {
        let offset = (raw.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize).min(self.text.len());
        1 + self.line_starts.partition_point(|start| *start <= offset)
    }

    fn value<T: Deserialize<'a>>(&self, raw: &'a RawValue, what: &str) -> Result<T, TextError> {
        serde_json::from_str(raw.get()).map_err(|error| TextError {
            line: self.line_of(raw) + error.line().saturating_sub(1),
            message: format!("`{what}` cannot be read: {}", plain(&error)),
        })
    }

    /// A JSON value whose numbers are those of the text to the last bit: `serde_json` rounds fractions only nearly,
    /// and makes an inexact fraction of a whole number that is too large.
    fn exact_value(&self, raw: &'a RawValue, what: &str) -> Result<Value, TextError> {
        let text = raw.get();
        match text.as_bytes().first() {
            Some(b'{') => {
                let fields: BTreeMap<String, &RawValue> = self.value(raw, what)?;
                fields.into_iter().map(|(name, raw)| Ok((name, self.exact_value(raw, what)?))).collect()
            }
            Some(b'[') => {
                let items: Vec<&RawValue> = self.value(raw, what)?;
                items.into_iter().map(|raw| self.exact_value(raw, what)).collect()
            }
            Some(b'-' | b'0'..=b'9') => {
                let number = if text.contains(['.', 'e', 'E']) {
                    text.parse().ok().and_then(serde_json::Number::from_f64)
                } else {
                    text.parse().map(i64::into).or_else(|_| text.parse().map(u64::into)).ok()
                };
                number.map(Value::Number).ok_or_else(|| TextError {
                    line: self.line_of(raw),
                    message: format!("`{what}`: the number {text} is too large to be kept exactly; write it as a text"),
                })
            }
            _ => self.value(raw, what),
        }
    }

    fn take<T: DeserializeOwned>(
        &self,
        fields: &mut BTreeMap<String, &'a RawValue>,
        name: &str,
    ) -> Result<Option<T>, TextError> {
        fields.remove(name).map(|raw| self.value(raw, name)).transpose()
    }

    fn take_raw<T: Deserialize<'a>>(
        &self,
        fields: &mut BTreeMap<String, &'a RawValue>,
        name: &str,
    ) -> Result<Option<T>, TextError> {
        fields.remove(name).map(|raw| self.value(raw, name)).transpose()
    }

    fn take_required<T: DeserializeOwned>(
        &self,
        fields: &mut BTreeMap<String, &'a RawValue>,
        name: &str,
    ) -> Result<T, TextError> {
        self.take(fields, name)?.ok_or_else(|| TextError {
            line: 1,
            message: format!("this is not a pipeline file: the field `{name}` is missing"),
        })
    }

    fn node(&self, id: NodeId, raw: &'a RawValue, map: &mut SourceMap) -> Result<Node, TextError> {
        let line = self.line_of(raw);
        let in_node = |error: TextError| TextError { message: format!("node `{id}`: {}", error.message), ..error };
        let mut fields: BTreeMap<String, &RawValue> = self.value(raw, "node").map_err(in_node)?;
        let kind: Option<String> = self.take(&mut fields, "kind").map_err(in_node)?;
        let kind = kind.ok_or_else(|| TextError {
            line,
            message: format!("node `{id}` has no `kind`, such as `process.filter`"),
        })?;
        let mut node = Node::new(id.clone(), kind);
        node.title = self.take(&mut fields, "title").map_err(in_node)?;
        node.disabled = self.take(&mut fields, "disabled").map_err(in_node)?.unwrap_or(false);
        node.inside = self.take(&mut fields, "inside").map_err(in_node)?;
        let params: BTreeMap<String, &RawValue> =
            self.take_raw(&mut fields, "params").map_err(in_node)?.unwrap_or_default();
        let mut values = Params::new();
        for (name, raw) in params {
            map.params.insert((id.clone(), name.clone()), self.line_of(raw));
            values.insert(name.clone(), self.exact_value(raw, &name).map_err(in_node)?);
        }
        node.params = values;
        node.extra = keep(fields);
        Ok(node)
    }
}

/// `serde_json`'s own maps may or may not be sorted, as other crates' features decide; the file always is.
fn sorted_params(params: &Params) -> BTreeMap<&String, Sorted> {
    params.iter().map(|(name, value)| (name, Sorted::from(value))).collect()
}

#[derive(Serialize)]
#[serde(untagged)]
enum Sorted {
    Leaf(Value),
    List(Vec<Sorted>),
    Map(BTreeMap<String, Sorted>),
}

impl From<&Value> for Sorted {
    fn from(value: &Value) -> Self {
        match value {
            Value::Array(items) => Sorted::List(items.iter().map(Sorted::from).collect()),
            Value::Object(fields) => {
                Sorted::Map(fields.iter().map(|(name, field)| (name.clone(), Sorted::from(field))).collect())
            }
            leaf => Sorted::Leaf(leaf.clone()),
        }
    }
}

/// Members of a JSON object in the order in which they are to be written.
#[derive(Default)]
struct Members(Vec<(String, Text)>);

enum Text {
    /// JSON text that is written as it is.
    Verbatim(String),
    Object(Vec<(String, Text)>),
    /// JSON text of a whole value, to be indented to where it stands.
    Value(String),
}

impl Members {
    fn push(&mut self, name: &str, value: &impl Serialize) {
        let text = serde_json::to_string_pretty(value).expect("model values have string keys and finite numbers");
        self.0.push((name.to_owned(), Text::Value(text)));
    }

    fn push_raw(&mut self, extra: &Extra) {
        self.0.extend(extra.iter().map(|(name, text)| (name.clone(), Text::Verbatim(text.clone()))));
    }

    fn into_text(self) -> Text {
        Text::Object(self.0)
    }
}

impl Text {
    fn write(&self, out: &mut String, depth: usize) {
        match self {
            Text::Verbatim(text) => out.push_str(text),
            Text::Value(text) => {
                for (number, line) in text.split('\n').enumerate() {
                    if number > 0 {
                        new_line(out, depth);
                    }
                    out.push_str(line);
                }
            }
            Text::Object(members) if members.is_empty() => out.push_str("{}"),
            Text::Object(members) => {
                out.push('{');
                for (number, (name, value)) in members.iter().enumerate() {
                    if number > 0 {
                        out.push(',');
                    }
                    new_line(out, depth + 1);
                    out.push_str(&Value::from(name.as_str()).to_string());
                    out.push_str(": ");
                    value.write(out, depth + 1);
                }
                new_line(out, depth);
                out.push('}');
            }
        }
    }
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}
