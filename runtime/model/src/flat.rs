//! What runs of a drawn pipeline, and which of its wires carries what a drawn wire carries.
//!
//! Borders of nested pipelines and nodes that let their rows [by](crate::bypass) are only drawn: a run leads its wires
//! past them. Everything that follows a run wire by wire comes through here. Invariant: the rows on a drawn wire are those
//! on each of its carriers.

use std::collections::{BTreeMap, BTreeSet};

use crate::bypass::Bypass;
use crate::card::{Nesting, PortCard};
use crate::catalog::Catalog;
use crate::id::{Endpoint, NodeId, Wire};
use crate::pipeline::{Params, Pipeline};

/// A pipeline in which nothing is nested or bypassed any more.
#[derive(Debug, Clone, Default)]
pub struct Flat {
    /// Nodes keep their ids. A boundary node is one with an input and an output, which passes its rows on.
    pub pipeline: Pipeline,
    /// The disabled nodes that let their rows by. Each is a port of a nested pipeline here, which passes its rows on.
    pub bypassed: BTreeSet<NodeId>,
    /// The wires at other ports of these, by which nothing comes.
    pub dry: BTreeSet<Wire>,
    /// How a wire is drawn, where it is drawn otherwise.
    drawn: BTreeMap<Wire, Wire>,
}

impl Flat {
    /// The wire as a person has drawn it.
    pub fn drawn<'a>(&'a self, wire: &'a Wire) -> &'a Wire {
        self.drawn.get(wire).unwrap_or(wire)
    }
}

impl Pipeline {
    /// The same pipeline with nothing nested and nothing bypassed. What is disabled in it is what does not run here.
    pub fn flat(&self, catalog: &Catalog) -> Flat {
        let mut flat = Flat { pipeline: self.clone(), ..Flat::default() };
        let bypasses = self.stand_in(&mut flat, catalog);
        let nested: BTreeSet<&NodeId> = self
            .nodes()
            .filter(|node| catalog.nesting_of(node) == Some(Nesting::Pipeline))
            .map(|node| &node.id)
            .collect();
        if nested.is_empty() && bypasses.is_empty() {
            return flat;
        }
        // Both ports of a boundary node carry the rows; the one outside is not drawn.
        let hidden_port = |boundary: &NodeId, is_input: bool| {
            let card = catalog.card(&self.node(boundary)?.kind)?;
            let (wanted, ports) =
                if is_input { (Nesting::Input, &card.inputs) } else { (Nesting::Output, &card.outputs) };
            let port = ports.first().filter(|_| card.nesting == Some(wanted))?;
            Some(Endpoint::new(boundary.clone(), port.name.as_str()))
        };
        let through = |end: &Endpoint, is_input: bool| {
            if nested.contains(&end.node) {
                return hidden_port(self.boundary(end)?, is_input);
            }
            let Some((own, stand_in)) = bypasses.get(&end.node) else { return Some(end.clone()) };
            let (own, stand_in) =
                if is_input { (&own.input, &stand_in.input) } else { (&own.output, &stand_in.output) };
            (*own == end.port).then(|| Endpoint::new(end.node.clone(), stand_in.as_str()))
        };
        for wire in self.wires() {
            let (from, to) = (through(&wire.from, false), through(&wire.to, true));
            if from.as_ref() == Some(&wire.from) && to.as_ref() == Some(&wire.to) {
                continue;
            }
            flat.pipeline.take_wire(&wire);
            // A port that is not there is a fault that the check tells of.
            let Some(to) = to else { continue };
            let is_dry = from.is_none() && bypasses.contains_key(&wire.from.node);
            let Some(from) = from.or_else(|| is_dry.then(|| wire.from.clone())) else { continue };
            let straight = Wire::new(from, to);
            flat.pipeline.insert_wire(&straight);
            if is_dry {
                flat.dry.insert(straight.clone());
            }
            flat.drawn.insert(straight, wire);
        }
        for id in nested {
            flat.pipeline.take_node(id);
        }
        flat
    }

    /// Puts a port of a nested pipeline, which passes its rows on, in the place of each node whose rows pass by, and gives
    /// their ports by node: its own, and those of what stands in. Disables the others that do not run.
    fn stand_in(&self, flat: &mut Flat, catalog: &Catalog) -> BTreeMap<NodeId, (Bypass, Bypass)> {
        let passing = catalog.kind_for(Nesting::Input).and_then(|kind| catalog.card(kind));
        let stand_in = passing.and_then(|card| {
            let name = |ports: &[PortCard]| Some(ports.first()?.name.clone());
            Some((&card.kind, Bypass { input: name(&card.inputs)?, output: name(&card.outputs)? }))
        });
        let mut bypasses = BTreeMap::new();
        for id in self.node_ids().filter(|id| self.is_off(id)) {
            let Some(node) = flat.pipeline.node_mut(id) else { continue };
            if let Some((own, (kind, ports))) = self.bypass_of(id, catalog).zip(stand_in.as_ref()) {
                node.title = Some(catalog.title_of(node).to_owned());
                (node.kind, node.params, node.disabled) = ((*kind).clone(), Params::new(), false);
                bypasses.insert(id.clone(), (own, ports.clone()));
            } else {
                // A port of a nested pipeline that is disabled passes on what passes the nodes in it.
                node.disabled |= catalog.nesting_of(node).is_none();
            }
        }
        flat.bypassed = bypasses.keys().cloned().collect();
        bypasses
    }

    /// The wires of a run that carry what a drawn wire carries: the same one, unless it ends or begins at a border.
    pub fn carriers(&self, wire: &Wire, catalog: &Catalog) -> Vec<Wire> {
        let from = self.origin(&wire.from, catalog);
        self.destinations(&wire.to, catalog).into_iter().map(|to| Wire::new(from.clone(), to)).collect()
    }

    /// The [`carriers`](Self::carriers) of each wire that ends or begins at a border; every other carries itself.
    pub fn carriers_at_borders(&self, catalog: &Catalog) -> BTreeMap<Wire, Vec<Wire>> {
        if self.insides.is_empty() && self.nodes().all(|node| !node.disabled) {
            return BTreeMap::new();
        }
        let wires = self.wires();
        let ends = || wires.iter().flat_map(|wire| [&wire.from, &wire.to]);
        let borders: BTreeSet<&NodeId> = ends().filter_map(|end| self.boundary(end)).collect();
        let is_border = |end: &Endpoint| {
            borders.contains(&end.node) || self.boundary(end).is_some() || self.bypass_of(&end.node, catalog).is_some()
        };
        let at_borders = wires.iter().filter(|wire| is_border(&wire.from) || is_border(&wire.to));
        at_borders.map(|wire| (wire.clone(), self.carriers(wire, catalog))).collect()
    }

    /// The output of a node that runs whose rows pass at this port of a nested pipeline or a bypassed node; any other
    /// port is its own.
    pub fn past_borders(&self, end: &Endpoint, catalog: &Catalog) -> Endpoint {
        let from = self.origin(end, catalog);
        let is_passed = self.boundary(end).is_some() || self.wires_behind_bypass(end, catalog).is_some();
        if from != *end || !is_passed {
            return from;
        }
        // An input: what its wire brings.
        let mut into = self.wires_into(&end.node).into_iter();
        into.find(|wire| wire.to == *end).map_or(from, |wire| self.origin(&wire.from, catalog))
    }

    /// Where the rows that leave here come from, past all borders and bypassed nodes.
    pub(crate) fn origin(&self, end: &Endpoint, catalog: &Catalog) -> Endpoint {
        let mut here = end.clone();
        // As many steps as there are nodes, or wires that lead in a circle would lead on for ever.
        for _ in 0..self.num_nodes() {
            let before = match self.boundary(&here) {
                Some(boundary) => self.wires_into(boundary).into_iter().next(),
                None => match self.wires_before_bypass(&here, catalog) {
                    Some(into) => into.into_iter().next(),
                    None => {
                        let mut outside = self.wires_at_boundary(&here.node).into_iter();
                        outside.find(|wire| wire.to.port == here.node.as_str())
                    }
                },
            };
            match before {
                Some(wire) => here = wire.from,
                None => break,
            }
        }
        here
    }

    /// Where rows that arrive here go, past all borders and bypassed nodes.
    fn destinations(&self, end: &Endpoint, catalog: &Catalog) -> BTreeSet<Endpoint> {
        let mut found = BTreeSet::new();
        let mut seen = BTreeSet::from([end.clone()]);
        let mut open = vec![end.clone()];
        while let Some(here) = open.pop() {
            let behind = match self.boundary(&here) {
                Some(boundary) => self.wires_out_of(boundary),
                None => self.wires_behind_bypass(&here, catalog).unwrap_or_else(|| {
                    let mut outside = self.wires_at_boundary(&here.node);
                    outside.retain(|wire| wire.from.port == here.node.as_str());
                    outside
                }),
            };
            if behind.is_empty() {
                found.insert(here);
            }
            open.extend(behind.into_iter().map(|wire| wire.to).filter(|to| seen.insert(to.clone())));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::{Form, NodeCard, PortRole, Section};

    /// What nesting is tested on, with the filter's own ports.
    fn nested() -> String {
        let text = crate::nesting::tests::TEXT.replace(r#""to": "hot.rows""#, r#""to": "hot.in""#);
        text.replace(r#""from": "hot.rows""#, r#""from": "hot.kept""#)
    }

    /// One wire after the other: `devices` → `hot` → `sum` → `chart`, and what `hot` rejects goes to `alarms`.
    const CHAIN: &str = r#"{"format": 1, "name": "T", "nodes": {
        "devices": {"kind": "ingest.file"}, "hot": {"kind": "process.filter"}, "sum": {"kind": "analyze.window"},
        "chart": {"kind": "store.file"}, "alarms": {"kind": "store.file"}},
        "wires": [
        {"from": "devices.rows", "to": "hot.in"}, {"from": "hot.kept", "to": "sum.rows"},
        {"from": "hot.rejected", "to": "alarms.rows"}, {"from": "sum.rows", "to": "chart.rows"}]}"#;

    fn catalog() -> Catalog {
        let card = |kind: &str, inputs: &[PortCard], outputs: &[PortCard]| NodeCard {
            kind: kind.to_owned(),
            section: Section::of_kind(kind).expect("a section"),
            title: kind.to_owned(),
            summary: String::new(),
            help: String::new(),
            icon: String::new(),
            form: Form::default(),
            inputs: inputs.to_vec(),
            outputs: outputs.to_vec(),
            headline: None,
            is_source: inputs.is_empty(),
            has_view: false,
            nesting: None,
            can_bypass: false,
        };
        let rows = || PortCard::rows("");
        let named = |name: &str| PortCard::named(name, PortRole::Rows, "");
        let port = |kind: &str, nesting| NodeCard { nesting: Some(nesting), ..card(kind, &[rows()], &[rows()]) };
        Catalog::new([
            card("ingest.file", &[], &[rows()]),
            card("store.file", &[rows()], &[]),
            card("analyze.window", &[rows()], &[rows()]),
            NodeCard {
                can_bypass: true,
                ..card("process.filter", &[named("in")], &[PortCard::rejected(), named("kept")])
            },
            NodeCard { nesting: Some(Nesting::Pipeline), ..card("process.nested_pipeline", &[], &[]) },
            port("process.nested_input", Nesting::Input),
            port("process.nested_output", Nesting::Output),
        ])
    }

    fn pipeline(text: &str) -> Pipeline {
        Pipeline::parse(text).expect("a pipeline").0
    }

    fn wire(from: &str, to: &str) -> Wire {
        Wire::new(from.parse().expect("an end"), to.parse().expect("an end"))
    }

    fn disabled(text: &str, kind: &str) -> Pipeline {
        pipeline(&text.replace(&format!(r#"{{"kind": "{kind}""#), &format!(r#"{{"disabled": true, "kind": "{kind}""#)))
    }

    #[test]
    fn the_wires_at_a_bypassed_node_are_carried_by_the_one_that_leads_past_it() {
        let pipeline = disabled(CHAIN, "process.filter");
        let past = vec![wire("devices.rows", "sum.rows")];
        let at_borders = pipeline.carriers_at_borders(&catalog());
        assert_eq!(at_borders[&wire("devices.rows", "hot.in")], past);
        assert_eq!(at_borders[&wire("hot.kept", "sum.rows")], past);
        assert_eq!(at_borders.len(), 3, "{at_borders:?}");
        assert_eq!(pipeline.past_borders(&"hot.kept".parse().expect("an end"), &catalog()).to_string(), "devices.rows");
        assert_eq!(pipeline.past_borders(&"hot.in".parse().expect("an end"), &catalog()).to_string(), "devices.rows");
    }

    #[test]
    fn nothing_comes_by_the_other_ports_of_a_bypassed_node() {
        let flat = disabled(CHAIN, "process.filter").flat(&catalog());
        assert_eq!(flat.bypassed.iter().map(NodeId::as_str).collect::<Vec<_>>(), ["hot"]);
        assert_eq!(flat.dry, BTreeSet::from([wire("hot.rejected", "alarms.rows")]));
        let hot = flat.pipeline.node(&"hot".parse().expect("an id")).expect("it stands there");
        assert_eq!((hot.kind.as_str(), hot.disabled), ("process.nested_input", false));
        assert_eq!(*flat.drawn(&wire("hot.rows", "sum.rows")), wire("hot.kept", "sum.rows"));
    }

    #[test]
    fn a_node_whose_rows_are_new_ones_lets_nothing_by() {
        let pipeline = disabled(CHAIN, "analyze.window");
        let flat = pipeline.flat(&catalog());
        assert!(flat.bypassed.is_empty() && flat.dry.is_empty());
        assert!(flat.pipeline.node(&"sum".parse().expect("an id")).is_some_and(|node| node.disabled));
        assert!(pipeline.carriers_at_borders(&catalog()).is_empty());
    }

    #[test]
    fn a_disabled_nested_pipeline_lets_by_what_its_nodes_let_by() {
        let pipeline = disabled(&nested(), "process.nested_pipeline");
        let flat = pipeline.flat(&catalog());
        assert!(flat.pipeline.nodes().all(|node| !node.disabled), "all of it passes rows on");
        let past = vec![wire("devices.rows", "alarms.rows"), wire("devices.rows", "chart.rows")];
        assert_eq!(pipeline.carriers(&wire("devices.rows", "outer.outer_in"), &catalog()), past);
        assert_eq!(pipeline.carriers(&wire("outer.outer_out", "chart.rows"), &catalog()), past[1..]);
    }

    #[test]
    fn a_drawn_wire_is_carried_by_the_wires_past_all_borders() {
        let (pipeline, catalog) = (pipeline(&nested()), catalog());
        let inward = vec![wire("devices.rows", "hot.in")];
        for (from, to) in
            [("devices.rows", "outer.outer_in"), ("outer_in.rows", "inner.inner_in"), ("inner_in.rows", "hot.in")]
        {
            assert_eq!(pipeline.carriers(&wire(from, to), &catalog), inward, "{from} → {to}");
        }
        let outward = vec![wire("hot.kept", "alarms.rows"), wire("hot.kept", "chart.rows")];
        assert_eq!(pipeline.carriers(&wire("hot.kept", "inner_out.rows"), &catalog), outward);
        assert_eq!(pipeline.carriers(&wire("outer.outer_out", "chart.rows"), &catalog), outward[1..]);
        let at_borders = pipeline.carriers_at_borders(&catalog);
        assert_eq!(at_borders.len(), 7, "all of them");
        assert!(at_borders.iter().all(|(wire, carriers)| *carriers == pipeline.carriers(wire, &catalog)));
    }

    #[test]
    fn wires_in_a_circle_end_the_search_for_carriers() {
        let text = nested().replace(
            r#"{"from": "devices.rows", "to": "outer.outer_in"}"#,
            r#"{"from": "outer.outer_out", "to": "outer.outer_in"}"#,
        );
        let (pipeline, _) = Pipeline::parse(&text).expect("a pipeline");
        assert!(!pipeline.carriers(&wire("hot.kept", "inner_out.rows"), &catalog()).is_empty());
    }
}
