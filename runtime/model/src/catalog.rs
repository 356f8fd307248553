//! All node kinds that this build knows, as cards.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::card::{Nesting, NodeCard, Port, PortRole, Section};
use crate::pipeline::{Node, Pipeline};
use crate::suggest;

/// The cards by kind.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Catalog {
    cards: BTreeMap<String, NodeCard>,
}

impl Catalog {
    pub fn new(cards: impl IntoIterator<Item = NodeCard>) -> Self {
        Self { cards: cards.into_iter().map(|card| (card.kind.clone(), card)).collect() }
    }

    pub fn card(&self, kind: &str) -> Option<&NodeCard> {
        self.cards.get(kind)
    }

    /// All cards, sorted by kind.
    pub fn cards(&self) -> impl Iterator<Item = &NodeCard> {
        self.cards.values()
    }

    pub fn section(&self, section: Section) -> impl Iterator<Item = &NodeCard> {
        self.cards.values().filter(move |card| card.section == section)
    }

    /// What the person calls this node: its own title, its card's, or its kind.
    pub fn title_of<'a>(&'a self, node: &'a Node) -> &'a str {
        node.title
            .as_deref()
            .or_else(|| self.card(&node.kind).map(|card| card.title.as_str()))
            .unwrap_or(node.kind.as_str())
    }

    /// The ports that are drawn at `node`, inputs then outputs: for a nested pipeline those of the boundary nodes in it,
    /// for an unknown kind those that its wires name.
    pub fn ports_of(&self, pipeline: &Pipeline, node: &Node) -> (Vec<Port>, Vec<Port>) {
        match self.card(&node.kind) {
            Some(card) if card.nesting == Some(Nesting::Pipeline) => self.nested_ports(pipeline, &node.id),
            Some(card) => card.drawn_ports(&node.params),
            None => {
                let port = |name: String| Port {
                    name,
                    title: None,
                    role: PortRole::Rows,
                    takes_many_wires: true,
                    is_timeless: false,
                    help: String::new(),
                };
                let mut inputs: Vec<String> =
                    pipeline.wires_into(&node.id).into_iter().map(|wire| wire.to.port).collect();
                let mut outputs: Vec<String> =
                    pipeline.wires_out_of(&node.id).into_iter().map(|wire| wire.from.port).collect();
                inputs.sort();
                inputs.dedup();
                outputs.sort();
                outputs.dedup();
                (inputs.into_iter().map(port).collect(), outputs.into_iter().map(port).collect())
            }
        }
    }

    /// `" Did you mean …?"` for a kind that is not known.
    pub fn hint_for_kind(&self, kind: &str) -> String {
        if let Some(same_noun) =
            self.cards.keys().find(|known| known.rsplit('.').next() == kind.rsplit('.').next() && *known != kind)
        {
            return format!(" Did you mean `{same_noun}`?");
        }
        suggest::hint(kind, self.cards.keys().map(String::as_str))
    }
}
