//! Wires that a person may draw: the edits, or why not and what would help.
//!
//! A wire is refused where the rows at the output surely lack what the input needs. That is read off the cards of the
//! two nodes and off the last check; rows of which nothing is known fit everywhere. A node that gives what is lacking is
//! offered to stand between. What a run makes of a wire is for the check to say, not for this.

use std::cmp::Reverse;

use millrace_model::{Catalog, Edit, Endpoint, NodeCard, NodeId, Params, Pipeline, PortRole, Position, RowTrait, Wire};
use millrace_protocol::Checked;

use super::{add_node, ports, wire_at_input};
use crate::command::{Goal, Joint};

/// How many nodes are offered to stand in a wire.
const MOST_CONVERTERS: usize = 3;

/// What rows have, where the last check is of the pipeline as it is drawn.
#[derive(Debug, Clone, Copy, Default)]
pub struct KnownRows<'a>(Option<&'a Checked>);

impl<'a> KnownRows<'a> {
    pub fn of(checked: &'a Checked) -> Self {
        Self(Some(checked))
    }

    /// What the rows have that leave by an output.
    fn at(self, from: &Endpoint) -> Option<&'a [RowTrait]> {
        let ports = self.0?.nodes.get(&from.node)?;
        let port = ports.outputs.iter().find(|port| port.name == from.port)?;
        port.columns.is_some().then_some(&port.has)
    }
}

/// Why a wire cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Nothing would help; a sentence for the person.
    Impossible(String),
    Unfit(Misfit),
}

/// The rows do not fit where they are to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    pub lacks: RowTrait,
    /// A sentence for the person.
    pub reason: String,
    /// The kinds of the nodes that give rows what they lack, the best first.
    pub converters: Vec<String>,
}

impl Refusal {
    pub fn reason(&self) -> &str {
        match self {
            Self::Impossible(reason) | Self::Unfit(Misfit { reason, .. }) => reason,
        }
    }

    fn impossible(reason: &str) -> Self {
        Self::Impossible(reason.to_owned())
    }
}

/// The edits that draw a wire; a wire that stands at a one-wire input is replaced.
///
/// # Errors
/// Why the wire cannot be.
pub fn wire(
    pipeline: &Pipeline,
    catalog: &Catalog,
    rows: KnownRows<'_>,
    from: &Endpoint,
    to: &Endpoint,
) -> Result<Vec<Edit>, Refusal> {
    let new = Wire::new(from.clone(), to.clone());
    if from.node == to.node {
        return Err(Refusal::impossible("A node cannot feed itself."));
    }
    if pipeline.has_wire(&new) {
        return Err(Refusal::impossible("These two ports are wired already."));
    }
    let Some(node) = pipeline.node(&to.node) else {
        return Err(Refusal::Impossible(format!("The node `{}` is gone.", to.node)));
    };
    if pipeline.reaches(&to.node, &from.node) {
        return Err(Refusal::impossible("This would close a circle, and rows cannot flow in a circle."));
    }
    if let Some(card) = catalog.card(&node.kind) {
        let taker = Taker { card, port: &to.port, params: &node.params, title: catalog.title_of(node) };
        taker.judge(catalog, rows, from).map_err(Refusal::Unfit)?;
    }
    let (inputs, _) = catalog.ports_of(pipeline, node);
    let takes_many = inputs.iter().find(|input| input.name == to.port).is_none_or(|input| input.takes_many_wires);
    let replaced = pipeline.wires_into(&to.node).into_iter().filter(|wire| !takes_many && wire.to.port == to.port);
    let mut edits: Vec<Edit> = replaced.map(|wire| Edit::RemoveWire { wire }).collect();
    edits.push(Edit::AddWire { wire: new });
    Ok(edits)
}

/// Whether the rows at an output fit the first input of a new node of this card.
///
/// # Errors
/// Why not.
pub fn feed_new(catalog: &Catalog, rows: KnownRows<'_>, from: &Endpoint, card: &NodeCard) -> Result<(), Misfit> {
    let params = Params::new();
    let Some(input) = ports(card, true).into_iter().next() else { return Ok(()) };
    Taker { card, port: &input.name, params: &params, title: &card.title }.judge(catalog, rows, from)
}

/// The input that rows are to go to.
struct Taker<'a> {
    card: &'a NodeCard,
    port: &'a str,
    params: &'a Params,
    title: &'a str,
}

impl Taker<'_> {
    fn judge(&self, catalog: &Catalog, rows: KnownRows<'_>, from: &Endpoint) -> Result<(), Misfit> {
        let Some((has, input)) = rows.at(from).zip(self.card.input(self.port)) else { return Ok(()) };
        let Some(lacks) = input.lack(has, self.params) else { return Ok(()) };
        let reason = format!("{} cannot take these rows: they have {}.", self.title, lacks.lack());
        Err(Misfit { lacks, reason, converters: converters(catalog, has, lacks) })
    }
}

/// The kinds of nodes that take rows with these traits and give them what they lack, the best first.
fn converters(catalog: &Catalog, has: &[RowTrait], lacks: RowTrait) -> Vec<String> {
    let gives = |card: &NodeCard| card.outputs.iter().any(|port| port.gives.contains(&lacks));
    let fitting = catalog.cards().filter(|card| gives(card)).filter_map(|card| {
        let input = card.inputs.first().filter(|input| input.lack(has, &Params::new()).is_none())?;
        let num_met = input.asks_for.iter().filter(|asked| has.contains(asked)).count();
        Some((input.asks_for.len() - num_met, Reverse(num_met), card))
    });
    let mut fitting: Vec<_> = fitting.collect();
    fitting.sort_by_key(|(num_unmet, num_met, _)| (*num_unmet, *num_met));
    fitting.into_iter().take(MOST_CONVERTERS).map(|(_, _, card)| card.kind.clone()).collect()
}

/// The edits that lead the rows at an output through a new node of this card at `position`, and the new node's id. Where
/// the goal is itself a new node, it is added beside.
pub fn convert(
    pipeline: &Pipeline,
    catalog: &Catalog,
    card: &NodeCard,
    from: &Endpoint,
    goal: &Goal,
    position: Position,
) -> Option<(NodeId, Vec<Edit>)> {
    let level = pipeline.home_of(&from.node);
    let mut grown = pipeline.clone();
    let (to, mut edits) = match goal {
        Goal::Input(to) => (to.clone(), Vec::new()),
        Goal::NewNode { kind, at } => {
            let goal = catalog.card(kind)?;
            let (id, edits) = add_node(pipeline, catalog, goal, level, *at, None);
            (Endpoint::new(id, ports(goal, true).first()?.name.as_str()), edits)
        }
    };
    grown.apply(&edits).ok()?;
    let feed = Joint::Output(from.clone());
    let (id, added) = add_node(&grown, catalog, card, level, position, Some(&feed));
    edits.extend(added);
    let output = ports(card, false).into_iter().find(|port| port.role == PortRole::Rows)?;
    edits.extend(wire_at_input(&grown, catalog, &to).map(|wire| Edit::RemoveWire { wire }));
    edits.push(Edit::AddWire { wire: Wire::new(Endpoint::new(id.clone(), output.name.as_str()), to) });
    Some((id, edits))
}

/// A wire that could be drawn, or led through another node.
#[derive(Debug, Clone, PartialEq)]
pub struct PossibleWire {
    /// `rows → Hot · rows`.
    pub title: String,
    /// For the history.
    pub label: String,
    pub from: Endpoint,
    pub to: Endpoint,
    pub verdict: Result<Vec<Edit>, Misfit>,
}

/// The wires that may be drawn from the node's outputs to inputs of `others`, in the order of these; those that must be
/// led through another node come last.
pub fn wires_from(
    pipeline: &Pipeline,
    catalog: &Catalog,
    rows: KnownRows<'_>,
    id: &NodeId,
    others: &[NodeId],
) -> Vec<PossibleWire> {
    let Some(node) = pipeline.node(id) else { return Vec::new() };
    let (_, outputs) = catalog.ports_of(pipeline, node);
    let mut found = Vec::new();
    for other in others.iter().filter_map(|other| pipeline.node(other)) {
        let (inputs, _) = catalog.ports_of(pipeline, other);
        for output in &outputs {
            for input in &inputs {
                let from = Endpoint::new(id.clone(), output.name.as_str());
                let to = Endpoint::new(other.id.clone(), input.name.as_str());
                let verdict = match wire(pipeline, catalog, rows, &from, &to) {
                    Ok(edits) => Ok(edits),
                    Err(Refusal::Unfit(misfit)) => Err(misfit),
                    Err(Refusal::Impossible(_)) => continue,
                };
                let title = catalog.title_of(other);
                let first = verdict.as_ref().err().and_then(|misfit| catalog.card(misfit.converters.first()?));
                let through = first.map(|card| format!("{} → ", card.title)).unwrap_or_default();
                found.push(PossibleWire {
                    title: format!("{} → {through}{title} · {}", output.title(), input.title()),
                    label: format!("Wire {} to {title}", catalog.title_of(node)),
                    from,
                    to,
                    verdict,
                });
            }
        }
    }
    found.sort_by_key(|wire| wire.verdict.is_err());
    found
}

/// The wire between two ports, whichever of them is the output.
///
/// # Errors
/// When both are outputs or both are inputs.
pub fn ends_of(a: &Joint, b: &Joint) -> Result<(Endpoint, Endpoint), Refusal> {
    match (a, b) {
        (Joint::Output(from), Joint::Input(to)) | (Joint::Input(to), Joint::Output(from)) => {
            Ok((from.clone(), to.clone()))
        }
        (Joint::Output(_), Joint::Output(_)) => {
            Err(Refusal::impossible("Both of these are outputs: a wire goes from an output to an input."))
        }
        (Joint::Input(_), Joint::Input(_)) => {
            Err(Refusal::impossible("Both of these are inputs: a wire goes from an output to an input."))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use millrace_model::{Form, PortCard, Section};
    use millrace_protocol::{NodePorts, PortSchema};

    use super::*;

    fn card(kind: &str, inputs: Vec<PortCard>, outputs: Vec<PortCard>) -> NodeCard {
        NodeCard {
            kind: kind.to_owned(),
            section: Section::of_kind(kind).expect("kinds start with a section"),
            title: kind.to_owned(),
            summary: String::new(),
            help: String::new(),
            icon: String::new(),
            form: Form::default(),
            is_source: inputs.is_empty(),
            inputs,
            outputs,
            headline: None,
            has_view: false,
            nesting: None,
            can_bypass: false,
        }
    }

    fn catalog() -> Catalog {
        let rows = || PortCard::rows("");
        let window = rows().needing_unless(RowTrait::EventTime, "time");
        let text = rows().needing(RowTrait::Text).asking_for(&[RowTrait::RawText]);
        let found = rows().giving(&[RowTrait::EventTime, RowTrait::Number]);
        let timed = rows().giving(&[RowTrait::EventTime]);
        Catalog::new([
            card("ingest.file", vec![], vec![rows(), PortCard::rejected()]),
            card("process.filter", vec![rows()], vec![rows()]),
            card("process.union", vec![rows().many_wires()], vec![rows()]),
            card("process.flatten", vec![rows().needing(RowTrait::Nested)], vec![rows().giving(&[RowTrait::Number])]),
            card("process.parse_text", vec![text], vec![found]),
            card("process.parse_timestamp", vec![rows().asking_for(&[RowTrait::Untimed])], vec![timed]),
            card("analyze.tumbling_window", vec![window], vec![PortCard::late(), rows()]),
        ])
    }

    fn end(text: &str) -> Endpoint {
        text.parse().expect("an end")
    }

    fn pipeline() -> Pipeline {
        let text = r#"{"format": 1, "name": "T", "nodes": {
            "a": {"kind": "ingest.file"}, "b": {"kind": "process.filter"}, "c": {"kind": "process.filter"},
            "f": {"kind": "process.flatten"}, "u": {"kind": "process.union"},
            "v": {"kind": "analyze.tumbling_window", "params": {"time": "ts"}},
            "w": {"kind": "analyze.tumbling_window"}},
            "wires": [{"from": "a.rows", "to": "b.rows"}, {"from": "b.rows", "to": "c.rows"},
                      {"from": "c.rows", "to": "u.rows"}, {"from": "c.rows", "to": "w.rows"}]}"#;
        Pipeline::parse(text).expect("the text is a pipeline").0
    }

    /// A check in which the rows at `a.rows` have these traits.
    fn checked(has: &[RowTrait]) -> Checked {
        let port = PortSchema {
            name: "rows".to_owned(),
            role: PortRole::Rows,
            columns: Some(Vec::new()),
            event_time: None,
            has: has.to_vec(),
        };
        let ports = NodePorts { inputs: Vec::new(), outputs: vec![port] };
        Checked { diagnostics: Vec::new(), nodes: BTreeMap::from([(end("a.rows").node, ports)]) }
    }

    fn drawn(rows: KnownRows<'_>, from: &str, to: &str) -> Result<Vec<Edit>, Refusal> {
        wire(&pipeline(), &catalog(), rows, &end(from), &end(to))
    }

    #[test]
    fn a_wire_replaces_the_one_at_a_single_input_and_joins_those_at_a_many_wire_input() {
        let replacing = drawn(KnownRows::default(), "a.rows", "c.rows").expect("it fits");
        assert_eq!(replacing.len(), 2);
        assert!(matches!(&replacing[0], Edit::RemoveWire { wire } if wire.from == end("b.rows")));
        let joining = drawn(KnownRows::default(), "a.rows", "u.rows").expect("it fits");
        assert_eq!(joining.len(), 1);
    }

    #[test]
    fn wires_that_cannot_be_are_refused_in_words() {
        for (from, to, word) in
            [("c.rows", "b.rows", "circle"), ("b.rows", "b.rows", "itself"), ("a.rows", "b.rows", "already")]
        {
            let refusal = drawn(KnownRows::default(), from, to).expect_err("it cannot be");
            assert!(refusal.reason().contains(word), "{refusal:?}");
        }
        assert!(ends_of(&Joint::Input(end("b.rows")), &Joint::Input(end("c.rows"))).is_err());
    }

    #[test]
    fn rows_are_refused_only_where_they_surely_lack_what_the_input_needs() {
        let checked = checked(&[RowTrait::Untimed, RowTrait::Number]);
        let rows = KnownRows::of(&checked);
        let Err(Refusal::Unfit(misfit)) = drawn(rows, "a.rows", "w.rows") else { panic!("it does not fit") };
        assert!(misfit.reason.contains("no event time"), "{misfit:?}");
        assert!(drawn(rows, "a.rows", "v.rows").is_ok(), "its param names another time");
        assert!(drawn(rows, "a.rejected", "w.rows").is_ok(), "nothing is known of these rows");
        assert!(drawn(KnownRows::default(), "a.rows", "w.rows").is_ok(), "nothing was checked");
        let timed = self::checked(&[RowTrait::EventTime]);
        assert!(drawn(KnownRows::of(&timed), "a.rows", "w.rows").is_ok());
    }

    #[test]
    fn what_helps_is_what_gives_the_lack_and_can_take_the_rows_the_best_first() {
        let helping = |has: &[RowTrait], to: &str| match drawn(KnownRows::of(&checked(has)), "a.rows", to) {
            Err(Refusal::Unfit(misfit)) => misfit.converters,
            other => panic!("it is refused: {other:?}"),
        };
        let columns = [RowTrait::Untimed, RowTrait::Number, RowTrait::Text];
        assert_eq!(helping(&columns, "w.rows"), ["process.parse_timestamp", "process.parse_text"]);
        let lines = [RowTrait::Untimed, RowTrait::Text, RowTrait::RawText];
        assert_eq!(helping(&lines, "w.rows"), ["process.parse_text", "process.parse_timestamp"]);
        assert_eq!(helping(&[RowTrait::Untimed], "w.rows"), ["process.parse_timestamp"], "there is no text to parse");
        assert_eq!(helping(&columns, "f.rows"), [""; 0], "nothing makes lists of numbers");
    }

    #[test]
    fn a_converter_stands_between_and_takes_the_place_of_the_old_wire() {
        let (mut pipeline, catalog) = (pipeline(), catalog());
        let card = catalog.card("process.parse_timestamp").expect("it is in the catalog");
        let (from, goal) = (end("a.rows"), Goal::Input(end("w.rows")));
        let (id, edits) =
            convert(&pipeline, &catalog, card, &from, &goal, Position::default()).expect("it can stand there");
        pipeline.apply(&edits).expect("the edits fit the pipeline");
        assert_eq!(pipeline.wires_into(&id)[0].from, from);
        let into: Vec<Endpoint> = pipeline.wires_into(&end("w.rows").node).into_iter().map(|wire| wire.from).collect();
        assert_eq!(into, [Endpoint::new(id, "rows")]);

        let goal = Goal::NewNode { kind: "analyze.tumbling_window".to_owned(), at: Position { x: 300, y: 0 } };
        let (id, edits) =
            convert(&pipeline, &catalog, card, &from, &goal, Position::default()).expect("it can stand there");
        pipeline.apply(&edits).expect("the edits fit the pipeline");
        let fed = &pipeline.wires_out_of(&id)[0].to.node;
        assert_eq!(pipeline.node(fed).expect("it was added").kind, "analyze.tumbling_window");
        assert_eq!(pipeline.position(fed), Some(Position { x: 300, y: 0 }));
    }
}
