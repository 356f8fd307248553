//! Disabled nodes that let their rows by.
//!
//! Where what comes in goes out (fewer rows, in another order, with more columns), a node that does not run is one that
//! changes nothing: its rows pass from its first input to its first output. Nodes whose rows are new ones, such as
//! windows, let nothing by, and what hangs on them alone does not run. Invariant: a bypass changes no row and no column.

use crate::card::{NodeCard, PortRole};
use crate::catalog::Catalog;
use crate::id::{Endpoint, NodeId, Wire};
use crate::pipeline::{Params, Pipeline};

/// The ports between which rows pass while a node does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bypass {
    pub input: String,
    pub output: String,
}

impl NodeCard {
    /// By which ports rows pass a disabled node with these params; none where nothing passes.
    pub fn bypass(&self, params: &Params) -> Option<Bypass> {
        if !self.can_bypass {
            return None;
        }
        let first = |ports: Vec<crate::card::Port>| ports.into_iter().find(|port| port.role == PortRole::Rows);
        Some(Bypass { input: first(self.input_ports(params))?.name, output: first(self.output_ports(params))?.name })
    }
}

impl Pipeline {
    /// By which ports rows pass the node: none where it runs, and where nothing passes.
    pub fn bypass_of(&self, id: &NodeId, catalog: &Catalog) -> Option<Bypass> {
        if !self.is_off(id) {
            return None;
        }
        let node = self.node(id)?;
        catalog.card(&node.kind)?.bypass(&node.params)
    }

    /// The wires by which rows come that leave a bypassed node here; none where this is no end of a bypass.
    pub(crate) fn wires_before_bypass(&self, end: &Endpoint, catalog: &Catalog) -> Option<Vec<Wire>> {
        let bypass = self.bypass_of(&end.node, catalog).filter(|bypass| bypass.output == end.port)?;
        let into = self.wires_into(&end.node).into_iter().filter(|wire| wire.to.port == bypass.input);
        Some(into.collect())
    }

    /// The wires by which rows go on that arrive here at a bypassed node; none where this is no end of a bypass.
    pub(crate) fn wires_behind_bypass(&self, end: &Endpoint, catalog: &Catalog) -> Option<Vec<Wire>> {
        let bypass = self.bypass_of(&end.node, catalog).filter(|bypass| bypass.input == end.port)?;
        let out_of = self.wires_out_of(&end.node).into_iter().filter(|wire| wire.from.port == bypass.output);
        Some(out_of.collect())
    }
}
