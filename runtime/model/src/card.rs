//! What the designer, the CLI and the checks know of a node kind, as data: title, help, ports, the form of its params.
//!
//! Cards are made from the node types (runtime/operator turns a param struct's JSON schema into a [`Form`]) and travel
//! over the protocol, so that no code outside nodes/ is written for any one kind.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::pipeline::Params;
use crate::row_trait::RowTrait;

/// The palette section of a node kind; the part of the kind before the dot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    Ingest,
    Process,
    Analyze,
    Visualize,
    Store,
}

impl Section {
    pub const ALL: [Section; 5] =
        [Section::Ingest, Section::Process, Section::Analyze, Section::Visualize, Section::Store];

    pub fn title(self) -> &'static str {
        match self {
            Section::Ingest => "Ingest",
            Section::Process => "Process",
            Section::Analyze => "Analyze",
            Section::Visualize => "Visualize",
            Section::Store => "Store",
        }
    }

    /// The section that a kind names before its dot, if it names one.
    pub fn of_kind(kind: &str) -> Option<Section> {
        let prefix = kind.split_once('.')?.0;
        Section::ALL.into_iter().find(|section| section.title().eq_ignore_ascii_case(prefix))
    }
}

/// A node kind as a person meets it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeCard {
    /// `section.snake_case`.
    pub kind: String,
    pub section: Section,
    /// Sentence case, such as `Tumbling window`.
    pub title: String,
    /// One short line for the palette.
    pub summary: String,
    /// The help page: Markdown.
    pub help: String,
    /// Name of a Phosphor icon, such as `wave-sine`.
    pub icon: String,
    pub form: Form,
    pub inputs: Vec<PortCard>,
    pub outputs: Vec<PortCard>,
    /// The param that says in one glance what this node does, shown under its title on the canvas.
    pub headline: Option<String>,
    /// Where rows come from when the node has no input: only such nodes start a pipeline.
    pub is_source: bool,
    /// Whether a run can be watched in this node: it has a view.
    pub has_view: bool,
    /// The part that such a node plays in nested pipelines; none for one that works on rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nesting: Option<Nesting>,
    /// Whether what comes in goes out, fewer rows, in another order or with other columns, so that a disabled node can
    /// let its rows by.
    #[serde(default)]
    pub can_bypass: bool,
}

/// What makes up a nested pipeline, besides the nodes in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nesting {
    /// The nested pipeline itself, which is a node outside and holds others.
    Pipeline,
    /// A port by which rows come in: an input outside, and inside a node that gives the rows.
    Input,
    /// A port by which rows leave: inside a node that takes the rows, and outside an output.
    Output,
}

impl NodeCard {
    /// The output ports that a node of this kind with these params has.
    pub fn output_ports(&self, params: &Params) -> Vec<Port> {
        expand(&self.outputs, params)
    }

    /// The input ports that a node of this kind with these params has.
    pub fn input_ports(&self, params: &Params) -> Vec<Port> {
        expand(&self.inputs, params)
    }

    /// The card of an input port by its name.
    pub fn input(&self, port: &str) -> Option<&PortCard> {
        self.inputs.iter().find(|input| input.repeated_by.is_some() || input.name == port)
    }

    /// The inputs and outputs that are drawn at such a node: a port of a nested pipeline has its other side outside.
    pub fn drawn_ports(&self, params: &Params) -> (Vec<Port>, Vec<Port>) {
        let (mut inputs, mut outputs) = (self.input_ports(params), self.output_ports(params));
        match self.nesting {
            Some(Nesting::Input) => inputs.clear(),
            Some(Nesting::Output) => outputs.clear(),
            Some(Nesting::Pipeline) | None => {}
        }
        (inputs, outputs)
    }
}

fn expand(cards: &[PortCard], params: &Params) -> Vec<Port> {
    let mut ports: Vec<Port> = Vec::new();
    for card in cards.iter().filter(|card| card.only_where.as_ref().is_none_or(|only| only.holds(params))) {
        let port = |name: &str| Port {
            name: name.to_owned(),
            title: None,
            role: card.role,
            takes_many_wires: card.takes_many_wires,
            is_timeless: card.is_timeless,
            help: card.help.clone(),
        };
        match &card.repeated_by {
            None => ports.push(port(&card.name)),
            Some(repeat) => {
                let items = params.get(&repeat.param).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                let names = items.iter().filter_map(|item| item.get(&repeat.field).and_then(Value::as_str));
                for name in names.filter(|name| !name.is_empty()) {
                    if ports.iter().all(|port| port.name != name) {
                        ports.push(port(name));
                    }
                }
            }
        }
    }
    ports
}

/// A port of a card: fixed, or one for each item of a list param.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PortCard {
    pub name: String,
    pub role: PortRole,
    pub help: String,
    /// An input that takes any number of wires, all with one schema.
    pub takes_many_wires: bool,
    /// One port for each item of this list param, named by a field of the item.
    pub repeated_by: Option<Repeat>,
    /// The port is there only with this choice.
    #[serde(default)]
    pub only_where: Option<OnlyWhere>,
    /// An input whose rows have no part in the node's event time: its watermarks hold nothing back.
    #[serde(default)]
    pub is_timeless: bool,
    /// What the rows have that the node is made for.
    #[serde(default)]
    pub asks_for: Vec<RowTrait>,
    /// What the rows must have, or the node cannot take them.
    #[serde(default)]
    pub needs: Vec<Need>,
    /// An output's rows may have this where those that came in did not: what the node is put into a wire for.
    #[serde(default)]
    pub gives: Vec<RowTrait>,
}

/// What the rows at an input must have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    pub has: RowTrait,
    /// The param that stands in for it where it is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless: Option<String>,
}

impl Need {
    /// Whether a node with these params can take rows that have this.
    pub fn is_met(&self, has: &[RowTrait], params: &Params) -> bool {
        let is_set = |value: &Value| !value.is_null() && value.as_str() != Some("");
        let stands_in = self.unless.as_ref().and_then(|name| params.get(name));
        has.contains(&self.has) || stands_in.is_some_and(is_set)
    }
}

/// Which choice of a param makes a port: one of several groups, by the value of the field that tells them apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OnlyWhere {
    pub param: String,
    pub field: String,
    pub value: String,
}

impl OnlyWhere {
    fn holds(&self, params: &Params) -> bool {
        params.get(&self.param).and_then(|group| group.get(&self.field)).and_then(Value::as_str) == Some(&self.value)
    }
}

/// Which list param makes ports, and which field of its items names them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Repeat {
    pub param: String,
    pub field: String,
}

impl PortCard {
    pub fn rows(help: impl Into<String>) -> Self {
        Self::named("rows", PortRole::Rows, help)
    }

    pub fn late() -> Self {
        Self::named("late", PortRole::Late, "Rows whose windows had all closed, and rows without a time.")
    }

    pub fn rejected() -> Self {
        Self::named(
            "rejected",
            PortRole::Rejected,
            "What could not be read or computed: raw text, reason, position and time.",
        )
    }

    pub fn named(name: impl Into<String>, role: PortRole, help: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            role,
            help: help.into(),
            takes_many_wires: false,
            repeated_by: None,
            only_where: None,
            is_timeless: false,
            asks_for: Vec::new(),
            needs: Vec::new(),
            gives: Vec::new(),
        }
    }

    /// What the node is made for, and can do without.
    #[must_use]
    pub fn asking_for(mut self, traits: &[RowTrait]) -> Self {
        self.asks_for.extend(traits);
        self
    }

    /// What the node is made for, and cannot do without.
    #[must_use]
    pub fn needing(mut self, has: RowTrait) -> Self {
        self.needs.push(Need { has, unless: None });
        self.asking_for(&[has])
    }

    /// The same, but where `param` is set the node takes other rows too.
    #[must_use]
    pub fn needing_unless(mut self, has: RowTrait, param: &str) -> Self {
        self.needs.push(Need { has, unless: Some(param.to_owned()) });
        self.asking_for(&[has])
    }

    #[must_use]
    pub fn giving(mut self, traits: &[RowTrait]) -> Self {
        self.gives = traits.to_vec();
        self
    }

    /// The first thing that rows with these traits lack for a node with these params.
    pub fn lack(&self, has: &[RowTrait], params: &Params) -> Option<RowTrait> {
        self.needs.iter().find(|need| !need.is_met(has, params)).map(|need| need.has)
    }

    #[must_use]
    pub fn many_wires(mut self) -> Self {
        self.takes_many_wires = true;
        self
    }

    #[must_use]
    pub fn timeless(mut self) -> Self {
        self.is_timeless = true;
        self
    }

    #[must_use]
    pub fn only_where(mut self, param: &str, field: &str, value: &str) -> Self {
        self.only_where = Some(OnlyWhere { param: param.into(), field: field.into(), value: value.into() });
        self
    }

    #[must_use]
    pub fn repeated_by(mut self, param: impl Into<String>, field: impl Into<String>) -> Self {
        self.repeated_by = Some(Repeat { param: param.into(), field: field.into() });
        self
    }
}

/// A port of one node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Port {
    /// What wires call it.
    pub name: String,
    /// What people call it, where that is something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    pub role: PortRole,
    pub takes_many_wires: bool,
    /// An input whose watermarks hold nothing back.
    #[serde(default)]
    pub is_timeless: bool,
    pub help: String,
}

impl Port {
    /// What people call it.
    pub fn title(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.name)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortRole {
    /// The rows themselves.
    Rows,
    /// Rows that came too late or without a time.
    Late,
    /// Records that could not be read or computed.
    Rejected,
}

/// The form of a node's params.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Form {
    pub fields: Vec<Field>,
}

impl Form {
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// One param: its name in the file, its words for people, and what it may be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    pub name: String,
    /// Sentence case, made from the name.
    pub title: String,
    /// Markdown.
    pub help: String,
    pub required: bool,
    pub default: Option<Value>,
    pub kind: FieldKind,
    /// Whether the node's state still fits when this param changes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keeps_state: bool,
}

/// What a param may be, and so which widget edits it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "field", rename_all = "snake_case")]
pub enum FieldKind {
    Text {
        multiline: bool,
    },
    Secret,
    Integer {
        min: Option<f64>,
        max: Option<f64>,
    },
    Number {
        min: Option<f64>,
        max: Option<f64>,
    },
    Boolean,
    Duration,
    /// A SQL expression over the input's columns; with aggregates where `aggregate`.
    Expression {
        aggregate: bool,
    },
    Column,
    Path,
    Choice {
        options: Vec<ChoiceOption>,
    },
    List {
        item: Box<FieldKind>,
    },
    Group {
        form: Form,
    },
    /// One of several groups, told apart by the value of the field `tag`.
    Variant {
        tag: String,
        variants: Vec<Variant>,
    },
    /// Anything else: edited as JSON text.
    Json,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChoiceOption {
    pub value: String,
    pub title: String,
    pub help: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    pub value: String,
    pub title: String,
    pub help: String,
    pub form: Form,
}

/// `max_out_of_orderness` → `Max out of orderness`.
pub fn title_of(name: &str) -> String {
    let spaced = name.replace('_', " ");
    let mut letters = spaced.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
