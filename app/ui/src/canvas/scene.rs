//! The pipeline as shapes: where each node, port and wire stands on the canvas.
//!
//! Built anew only when the pipeline changes; drawing reads it. All places are in canvas points.

use std::collections::BTreeMap;

use egui::{Pos2, Rect, Vec2, vec2};
use millrace_model::{Bypass, Catalog, Endpoint, Nesting, Node, NodeId, Pipeline, Port, PortRole, Section, Wire};
use serde_json::Value;

use super::bundle::Bundles;
use super::camera::to_pos;
use super::cells::Cells;
use super::course::Course;
use super::layout;
use super::routes::{Lanes, Way};
use crate::format;

const NODE_WIDTH: f32 = 176.0;
const VIEW_WIDTH: f32 = 224.0;
/// Title and headline.
pub const HEADER_HEIGHT: f32 = 52.0;
pub const FOOTER_HEIGHT: f32 = 24.0;
const VIEW_HEIGHT: f32 = 120.0;
const PORT_STEP: f32 = 20.0;
/// The ports of a nested pipeline stand in lines of their own, with their names.
const NESTED_WIDTH: f32 = 216.0;
const NESTED_PORT_STEP: f32 = 22.0;
const BORDER_HEIGHT: f32 = 36.0;

/// Everything that is drawn.
#[derive(Debug, Default)]
pub struct Scene {
    pub nodes: Vec<SceneNode>,
    /// Sorted.
    pub wires: Vec<SceneWire>,
    pub bundles: Bundles,
    index: BTreeMap<NodeId, usize>,
    node_cells: Cells,
    wire_cells: Cells,
}

#[derive(Debug)]
pub struct SceneNode {
    pub id: NodeId,
    pub rect: Rect,
    /// What the person calls it.
    pub title: String,
    pub kind_title: String,
    pub headline: String,
    pub icon: String,
    pub section: Option<Section>,
    pub inputs: Vec<ScenePort>,
    pub outputs: Vec<ScenePort>,
    pub has_view: bool,
    pub is_disabled: bool,
    /// By which ports its rows pass while it does not run.
    pub bypass: Option<Bypass>,
    pub is_source: bool,
    pub shape: Shape,
}

/// What a node looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    Card,
    /// A nested pipeline with the nodes that work in it, at any depth.
    Nested {
        inside: Vec<NodeId>,
    },
    /// A port of the nested pipeline that is open.
    Border,
}

#[derive(Debug)]
pub struct ScenePort {
    pub port: Port,
    /// From the node's top left corner.
    pub offset: Vec2,
}

#[derive(Debug)]
pub struct SceneWire {
    pub wire: Wire,
    pub from_node: usize,
    pub to_node: usize,
    /// From the corners of the two nodes.
    pub from_offset: Vec2,
    pub to_offset: Vec2,
    pub role: PortRole,
    /// Among the wires between the same two nodes, see [`Course::forward`].
    rank: f32,
    /// Its own way, alone.
    pub course: Course,
}

impl Scene {
    /// The scene of one level: the inside of a nested pipeline, or (`None`) the top.
    pub fn new(pipeline: &Pipeline, catalog: &Catalog, level: Option<&NodeId>) -> Self {
        let mut nodes: Vec<SceneNode> =
            pipeline.nodes_at(level).map(|node| SceneNode::new(pipeline, catalog, node)).collect();
        let index: BTreeMap<NodeId, usize> =
            nodes.iter().enumerate().map(|(index, node)| (node.id.clone(), index)).collect();
        let mut wires: Vec<SceneWire> = pipeline
            .wires()
            .into_iter()
            .filter_map(|wire| {
                let (from_node, to_node) = (*index.get(&wire.from.node)?, *index.get(&wire.to.node)?);
                let (from, to) = (&nodes[from_node], &nodes[to_node]);
                let output = from.outputs.iter().find(|output| output.port.name == wire.from.port);
                let input = to.inputs.iter().find(|input| input.port.name == wire.to.port);
                Some(SceneWire {
                    from_offset: output.map_or_else(|| from.right_middle(), |output| output.offset),
                    to_offset: input.map_or_else(|| to.left_middle(), |input| input.offset),
                    role: output.map_or(PortRole::Rows, |output| output.port.role),
                    from_node,
                    to_node,
                    wire,
                    rank: 0.0,
                    course: Course::direct(Pos2::ZERO, Pos2::ZERO),
                })
            })
            .collect();
        let fixed: Vec<Option<Pos2>> = nodes.iter().map(|node| pipeline.position(&node.id).map(to_pos)).collect();
        let sizes: Vec<Vec2> = nodes.iter().map(|node| node.rect.size()).collect();
        let edges: Vec<(usize, usize)> = wires.iter().map(|wire| (wire.from_node, wire.to_node)).collect();
        for (node, place) in nodes.iter_mut().zip(layout::places(&fixed, &sizes, &edges)) {
            node.rect = Rect::from_min_size(place, node.rect.size());
        }
        let node_cells = Cells::new(&nodes.iter().map(|node| node.rect).collect::<Vec<_>>());
        rank_parallels(&mut wires);
        let mut lanes = Lanes::default();
        for wire in &mut wires {
            let way = wire.way(&nodes, Vec2::ZERO, Vec2::ZERO);
            wire.course = course_of(&way, wire.rank, &mut lanes, &nodes, &node_cells);
        }
        let courses: Vec<Course> = wires.iter().map(|wire| wire.course).collect();
        let bundles = Bundles::new(&courses);
        // A wire may be drawn alone, in its bundle, or in between.
        let bounds = courses.iter().enumerate().map(|(index, course)| {
            let shared = bundles.of_wire(index).map_or(Rect::NOTHING, |(_, shared)| shared.bounds());
            course.bounds().union(shared)
        });
        let wire_cells = Cells::new(&bounds.collect::<Vec<_>>());
        Self { nodes, wires, bundles, index, node_cells, wire_cells }
    }

    /// The nodes whose places may touch `area`; what is being dragged counts where it came from.
    pub fn nodes_near(&self, area: Rect) -> Vec<usize> {
        self.node_cells.near(area)
    }

    /// As [`Scene::nodes_near`], of wires.
    pub fn wires_near(&self, area: Rect) -> Vec<usize> {
        self.wire_cells.near(area)
    }

    /// The course on which a wire is drawn when wires have drawn `together` so far (see [`super::bundle::togetherness`]), and
    /// the bundle that it then is in. What is dragged goes alone.
    pub fn drawn(&self, index: usize, shift: impl Fn(&NodeId) -> Vec2, together: f32) -> (Course, Option<usize>) {
        let wire = &self.wires[index];
        let [from, to] = [wire.from_node, wire.to_node].map(|node| shift(&self.nodes[node].id));
        if from != to {
            let way = wire.way(&self.nodes, from, to);
            return (course_of(&way, wire.rank, &mut Lanes::default(), &self.nodes, &self.node_cells), None);
        }
        if from != Vec2::ZERO {
            return (wire.course.map(|pos| pos + from), None);
        }
        match self.bundles.of_wire(index).filter(|_| together > 0.0) {
            Some((bundle, shared)) => (wire.course.blend(shared, together), Some(bundle)),
            None => (wire.course, None),
        }
    }

    pub fn wire_index(&self, wire: &Wire) -> Option<usize> {
        // They are sorted as the pipeline gives them.
        self.wires.binary_search_by(|item| item.wire.cmp(wire)).ok()
    }

    pub fn node(&self, id: &NodeId) -> Option<&SceneNode> {
        self.index.get(id).map(|index| &self.nodes[*index])
    }

    pub fn index_of(&self, id: &NodeId) -> Option<usize> {
        self.index.get(id).copied()
    }

    /// The rectangle around all nodes.
    pub fn bounds(&self) -> Option<Rect> {
        self.nodes.iter().map(|node| node.rect).reduce(Rect::union)
    }

    /// Where a node dropped around `pos` stands free: moved down until it covers no other.
    pub fn free_place(&self, pos: Pos2, size: Vec2) -> Pos2 {
        let mut rect = Rect::from_min_size(pos, size);
        while let Some(hit) = self.nodes.iter().find(|node| node.rect.expand(8.0).intersects(rect)) {
            rect = rect.translate(vec2(0.0, hit.rect.max.y + 24.0 - rect.min.y));
        }
        rect.min
    }
}

impl SceneNode {
    fn new(pipeline: &Pipeline, catalog: &Catalog, node: &Node) -> Self {
        let card = catalog.card(&node.kind);
        let (inputs, outputs) = catalog.ports_of(pipeline, node);
        let has_view = card.is_some_and(|card| card.has_view);
        let shape = Shape::of(pipeline, catalog, node);
        let most_ports = inputs.len().max(outputs.len());
        let port_y = |num_ports: usize, index: usize| match shape {
            Shape::Card => port_y(num_ports, index),
            Shape::Nested { .. } => HEADER_HEIGHT + NESTED_PORT_STEP * (index as f32 + 0.5),
            Shape::Border => BORDER_HEIGHT / 2.0,
        };
        let for_ports = port_y(most_ports, most_ports.saturating_sub(1)) + 16.0;
        let body = HEADER_HEIGHT.max(for_ports) + if has_view { VIEW_HEIGHT } else { 0.0 };
        let size = match shape {
            Shape::Card => vec2(if has_view { VIEW_WIDTH } else { NODE_WIDTH }, body + FOOTER_HEIGHT),
            Shape::Nested { .. } => vec2(NESTED_WIDTH, body + FOOTER_HEIGHT),
            Shape::Border => vec2(NODE_WIDTH, BORDER_HEIGHT),
        };
        let placed = |ports: Vec<Port>, x: f32| -> Vec<ScenePort> {
            let num_ports = ports.len();
            let offset = |index| vec2(x, port_y(num_ports, index));
            ports.into_iter().enumerate().map(|(index, port)| ScenePort { port, offset: offset(index) }).collect()
        };
        let headline = card
            .and_then(|card| card.headline.as_ref())
            .and_then(|name| node.params.get(name))
            .map_or_else(|| card.map_or_else(|| node.kind.clone(), |card| card.summary.clone()), one_line);
        let headline = match &shape {
            Shape::Nested { inside } if inside.is_empty() => "Nothing inside yet".to_owned(),
            Shape::Nested { inside } => format!("{} inside", format::counted(inside.len() as u64, "node")),
            Shape::Card | Shape::Border => headline,
        };
        Self {
            id: node.id.clone(),
            rect: Rect::from_min_size(Pos2::ZERO, size),
            title: catalog.title_of(node).to_owned(),
            kind_title: card.map_or_else(|| "Unknown".to_owned(), |card| card.title.clone()),
            headline,
            icon: card.map_or_else(|| "question".to_owned(), |card| card.icon.clone()),
            section: card.map(|card| card.section).or_else(|| Section::of_kind(&node.kind)),
            inputs: placed(inputs, 0.0),
            outputs: placed(outputs, size.x),
            has_view,
            is_disabled: pipeline.is_off(&node.id),
            bypass: pipeline.bypass_of(&node.id, catalog),
            is_source: card.is_some_and(|card| card.is_source),
            shape,
        }
    }

    fn left_middle(&self) -> Vec2 {
        vec2(0.0, HEADER_HEIGHT / 2.0 + 10.0)
    }

    fn right_middle(&self) -> Vec2 {
        vec2(self.rect.width(), HEADER_HEIGHT / 2.0 + 10.0)
    }

    pub fn endpoint(&self, port: &ScenePort) -> Endpoint {
        Endpoint::new(self.id.clone(), port.port.name.clone())
    }
}

impl Shape {
    fn of(pipeline: &Pipeline, catalog: &Catalog, node: &Node) -> Self {
        // A node of an unknown kind that holds others can be opened as well.
        let holds_others = pipeline.inside(&node.id).next().is_some();
        match catalog.nesting_of(node) {
            Some(Nesting::Input | Nesting::Output) => Self::Border,
            None if !holds_others => Self::Card,
            Some(Nesting::Pipeline) | None => {
                let works = |id: &NodeId| pipeline.node(id).is_some_and(|node| catalog.nesting_of(node).is_none());
                Self::Nested { inside: pipeline.within(&node.id).into_iter().filter(works).collect() }
            }
        }
    }
}

/// How far below the node's top its `index`-th port of `num_ports` stands.
fn port_y(num_ports: usize, index: usize) -> f32 {
    let first = if num_ports > 1 { 26.0 } else { 36.0 };
    first + PORT_STEP * index as f32
}

impl SceneWire {
    /// Whether it carries rows, and these come from its source or by it.
    pub fn carries_rows(&self, nodes: &[SceneNode]) -> bool {
        let from = &nodes[self.from_node];
        let is_passed = from.bypass.as_ref().is_some_and(|bypass| bypass.output == self.wire.from.port);
        self.role == PortRole::Rows && (!from.is_disabled || is_passed || from.shape == Shape::Border)
    }

    /// Its ends and their nodes, given how far these are dragged from their places.
    fn way(&self, nodes: &[SceneNode], from_shift: Vec2, to_shift: Vec2) -> Way {
        let source = nodes[self.from_node].rect.translate(from_shift);
        let target = nodes[self.to_node].rect.translate(to_shift);
        Way { from: source.min + self.from_offset, to: target.min + self.to_offset, source, target }
    }
}

/// Numbers the wires between the same two nodes from the top, 0 for the middle one.
fn rank_parallels(wires: &mut [SceneWire]) {
    let mut parallels: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
    for (index, wire) in wires.iter().enumerate() {
        parallels.entry((wire.from_node, wire.to_node)).or_default().push(index);
    }
    for mut group in parallels.into_values().filter(|group| group.len() > 1) {
        let ends = |wire: &SceneWire| (wire.from_offset.y, wire.to_offset.y);
        group.sort_by(|a, b| {
            let (a, b) = (ends(&wires[*a]), ends(&wires[*b]));
            a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
        });
        let middle = (group.len() - 1) as f32 / 2.0;
        for (rank, index) in group.into_iter().enumerate() {
            wires[index].rank = rank as f32 - middle;
        }
    }
}

fn course_of(way: &Way, rank: f32, lanes: &mut Lanes, nodes: &[SceneNode], cells: &Cells) -> Course {
    if !way.is_backward() {
        return Course::forward(way.from, way.to, rank);
    }
    let obstacle = |area: Rect| cells.find(area, |index| nodes[index].rect.intersects(area));
    let lane = lanes.take(way, |area| obstacle(area).map(|index| nodes[index].rect));
    Course::around(way.from, way.to, lane)
}

/// A param value as one short line.
fn one_line(value: &Value) -> String {
    match value {
        Value::String(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        Value::Array(items) => items.iter().map(one_line).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => fields.values().next().map(one_line).unwrap_or_default(),
        other => other.to_string(),
    }
}
