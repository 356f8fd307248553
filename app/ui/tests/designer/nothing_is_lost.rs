//! Nothing is lost: whatever is done in whatever order, undoing all of it gives the first file byte for byte, and
//! redoing all of it the last.
//!
//! `MILLRACE_SEQUENCES` says how many sequences are tried (300 without it). A new kind of edit is one more line in
//! [`GENERATORS`]; actions of the list take part by themselves.

use millrace_model::{
    Bookmark, Cells, Edit, Endpoint, Node, NodeId, Parameter, ParameterType, Pipeline, Position, difference,
};
use millrace_ui::actions::{Effect, Group, all};
use millrace_ui::command::{Goal, NestWish};
use serde_json::{Value, json};

use super::*;

/// A source of choices that is the same in every run of the test.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        // SplitMix64, Steele, Lea and Flood 2014.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.roll() % end.max(1) as u64) as usize
    }

    fn pick<T: Clone>(&mut self, items: &[T]) -> Option<T> {
        if items.is_empty() { None } else { Some(items[self.below(items.len())].clone()) }
    }

    fn node(&mut self, pipeline: &Pipeline) -> Option<NodeId> {
        let ids: Vec<NodeId> = pipeline.node_ids().cloned().collect();
        self.pick(&ids)
    }

    fn nodes(&mut self, pipeline: &Pipeline) -> Selection {
        let some: Vec<NodeId> = pipeline.node_ids().filter(|_| self.below(3) == 0).cloned().collect();
        Selection::nodes(some)
    }

    fn value(&mut self) -> Value {
        let options =
            [json!("temperature > 30"), json!(0.1), json!([1, {"b": null, "a": "ü"}]), json!(u64::MAX), json!(true)];
        self.pick(&options).expect("there are some")
    }
}

type Generator = fn(&mut Dice, &Pipeline) -> Option<Command>;

fn one(label: &str, edit: Edit, merge: Option<&str>) -> Option<Command> {
    Some(Command::Edit { label: label.to_owned(), edits: vec![edit], merge: merge.map(str::to_owned) })
}

/// One line a kind of command.
const GENERATORS: &[Generator] = &[
    |dice, pipeline| {
        let name = dice.pick(&["condition", "other"])?.to_owned();
        let value = if dice.below(4) == 0 { None } else { Some(dice.value()) };
        let merge = dice.pick(&[None, Some("typing")])?;
        one("Set", Edit::SetParam { id: dice.node(pipeline)?, name, value }, merge)
    },
    |dice, pipeline| {
        let title = dice.pick(&[None, Some("T".to_owned()), Some("\"quoted\"\n".to_owned())])?;
        one("Title", Edit::SetTitle { id: dice.node(pipeline)?, title }, dice.pick(&[None, Some("title")])?)
    },
    |dice, _| one("Name", Edit::SetName { name: format!("N{}", dice.below(5)) }, dice.pick(&[None, Some("name")])?),
    |dice, _| {
        let parameter =
            Parameter { default: json!(3), help: "Help".to_owned(), parameter_type: ParameterType::Integer };
        let parameter = if dice.below(3) == 0 { None } else { Some(parameter) };
        one("Parameter", Edit::SetParameter { name: format!("p{}", dice.below(3)), parameter }, None)
    },
    |dice, pipeline| {
        let (from, to) = (dice.node(pipeline)?, dice.node(pipeline)?);
        let ports = ["rows", "rejected"];
        let from = Endpoint::new(from, dice.pick(&ports)?);
        one("Wire", Edit::AddWire { wire: Wire::new(from, Endpoint::new(to, "rows")) }, None)
    },
    |dice, pipeline| one("Unwire", Edit::RemoveWire { wire: dice.pick(&pipeline.wires())? }, None),
    |dice, _| {
        let kinds = ["process.filter", "process.union", "visualize.line_chart", "ingest.simulate_devices"];
        let at = Position { x: dice.below(900) as i32 - 450, y: dice.below(600) as i32 };
        Some(Command::AddNode { kind: dice.pick(&kinds)?.to_owned(), at: Some(at), wire_from: None })
    },
    |dice, pipeline| {
        let (from, to) = (Endpoint::new(dice.node(pipeline)?, "rows"), Endpoint::new(dice.node(pipeline)?, "rows"));
        let new = Goal::NewNode { kind: "visualize.line_chart".to_owned(), at: Position { x: 400, y: 80 } };
        let goal = dice.pick(&[Goal::Input(to), new])?;
        Some(Command::Convert { kind: "process.parse_timestamp".to_owned(), from, goal })
    },
    |dice, pipeline| {
        let kind = dice.pick(&["process.filter", "process.union"])?.to_owned();
        Some(Command::ReplaceNode { kind, node: dice.node(pipeline)? })
    },
    |dice, pipeline| {
        let at = Position { x: dice.below(400) as i32, y: 80 };
        Some(Command::InsertNode { kind: "process.filter".to_owned(), wire: dice.pick(&pipeline.wires())?, at })
    },
    |dice, pipeline| {
        // What comes in from elsewhere: nodes with groups and notes, some of a kind that nobody knows.
        let mut there = pipeline.clone();
        let id: NodeId = "stranger".parse().ok()?;
        let mut node = Node::new(id.clone(), "process.unknown");
        node.extra.insert("charm".to_owned(), "[1,  2.50]".to_owned());
        let _ = there.apply(&[Edit::AddNode { node, position: None }]);
        let mut ids: Vec<NodeId> = dice.nodes(pipeline).nodes.into_iter().collect();
        ids.push(id);
        let mut fragment = there.fragment(&ids);
        fragment.notes.clone_from(pipeline.notes());
        Some(Command::Paste { text: serde_json::to_string(&fragment).ok()? })
    },
    |dice, pipeline| {
        let inside = if dice.below(3) == 0 { None } else { dice.node(pipeline) };
        one("Inside", Edit::SetInside { id: dice.node(pipeline)?, inside }, dice.pick(&[None, Some("inside")])?)
    },
    |dice, pipeline| {
        let all = Selection::nodes(pipeline.node_ids().filter(|_| dice.below(2) == 0).cloned());
        dice.pick(&[Command::Select(all), Command::Nest(NestWish::Nest), Command::Nest(NestWish::Unnest)])
    },
    |dice, pipeline| {
        let nested: Vec<NodeId> =
            pipeline.node_ids().filter(|id| pipeline.inside(id).next().is_some()).cloned().collect();
        Some(Command::Open(if dice.below(3) == 0 { None } else { dice.pick(&nested) }))
    },
    |dice, pipeline| Some(Command::Select(dice.nodes(pipeline))),
    |dice, pipeline| {
        let notes = pipeline.notes().keys().filter(|_| dice.below(2) == 0).cloned().collect();
        let mut selection = Selection { notes, ..Selection::default() };
        if let Some(id) = dice.pick(&pipeline.groups().keys().cloned().collect::<Vec<_>>()) {
            selection.nodes.clone_from(&pipeline.groups()[&id].nodes);
            selection.groups.insert(id);
        }
        Some(Command::Select(selection))
    },
    |dice, pipeline| {
        let known = dice.pick(&pipeline.bookmarks().iter().collect::<Vec<_>>());
        let new = ("view_9".parse().ok()?, Bookmark { title: "New".to_owned(), ..Bookmark::default() });
        let (id, bookmark) = known.map_or(new, |(id, bookmark)| (id.clone(), bookmark.clone()));
        let bookmark = Bookmark { title: format!("{}{}", bookmark.title, dice.below(9)), ..bookmark };
        let bookmark = if dice.below(4) == 0 { None } else { Some(bookmark) };
        one("Bookmark", Edit::SetBookmark { id, bookmark }, dice.pick(&[None, Some("bookmark")])?)
    },
    |dice, _| {
        let edits: Vec<_> = all().filter(|action| action.effect == Effect::Edit).collect();
        Some((dice.pick(&edits)?.command)())
    },
    |dice, _| {
        let edits: Vec<_> = all().filter(|action| action.effect == Effect::Edit).collect();
        Some((dice.pick(&edits)?.command)())
    },
    |dice, _| {
        let selects: Vec<_> = all().filter(|action| action.group == Group::Select).collect();
        Some((dice.pick(&selects)?.command)())
    },
    |dice, pipeline| {
        let id = dice.pick(&pipeline.dashboards().keys().cloned().collect::<Vec<_>>())?;
        let mut dashboard = pipeline.dashboards()[&id].clone();
        match (dice.below(3), dice.node(pipeline)?) {
            (0, node) => dashboard.add(node),
            (1, node) => dashboard.remove(&node),
            (_, node) => {
                let (x, y, w, h) = (dice.below(12) as u32, dice.below(9) as u32, 1 + dice.below(12) as u32, 3);
                dashboard.place(&node, Cells { x, y, w, h });
            }
        }
        let dashboard = if dice.below(9) == 0 { None } else { Some(dashboard) };
        one("Dashboard", Edit::SetDashboard { id, dashboard }, dice.pick(&[None, Some("dashboard")])?)
    },
    |dice, pipeline| {
        // As when a revision is restored.
        let then = dice.pick(&[START, EMPTY, FLEET])?;
        let edits = difference(pipeline, &Pipeline::parse(then).ok()?.0);
        Some(Command::Edit { label: "Restore".to_owned(), edits, merge: None })
    },
    |dice, _| dice.pick(&[Command::Undo, Command::Undo, Command::Redo, Command::EndBurst]),
];

const START: &str = r#"{
  "format": 1,
  "name": "Start",
  "nodes": {
    "chart": {"kind": "visualize.line_chart", "later": {"b": 1.50}},
    "devices": {"kind": "ingest.simulate_devices", "title": "Devices"},
    "hot": {"kind": "process.filter", "params": {"condition": "temperature > 30"}},
    "inner": {"inside": "nested", "kind": "process.filter", "later": [1,  2]},
    "lost": {"inside": "nowhere", "kind": "process.filter"},
    "nested": {"kind": "process.nested_pipeline", "title": "Nested"},
    "nested_in": {"inside": "nested", "kind": "process.nested_input"},
    "warp": {"kind": "process.warp_drive", "params": {"factor": 9.5}}
  },
  "wires": [{"from": "devices.rows", "to": "hot.rows"}, {"from": "hot.rows", "to": "chart.rows"},
    {"from": "devices.rows", "to": "nested.nested_in"}, {"from": "nested_in.rows", "to": "inner.rows"}],
  "signature": {"by" : "millrace 9"},
  "layout": {
    "nodes": {"devices": {"x": 0, "y": 0}},
    "groups": {"g": {"nodes": ["hot", "chart"], "tint": "green", "title": "G", "shape": "round"}},
    "notes": {"n": {"height": 99, "position": {"x": 0, "y": 240}, "text": "N", "tint": "blue", "width": 99, "font": [ 1 ]},
      "m": {"height": 99, "inside": "nested", "position": {"x": 0, "y": 0}, "text": "M", "tint": "red", "width": 99}},
    "dashboards": {"d": {"shares_time": true, "tiles": {"chart": {"h": 4, "w": 9, "x": 2, "y": 0, "pin": [ 1 ]}}, "title": "D", "font": { }}},
    "frames": [ {"title":"A  B"} ]
  }
}"#;

#[test]
#[expect(clippy::disallowed_methods, reason = "the tester says how long to try; no setting of the product")]
fn undoing_all_gives_the_first_file_and_redoing_all_the_last() {
    let num_sequences: u64 = std::env::var("MILLRACE_SEQUENCES").ok().and_then(|text| text.parse().ok()).unwrap_or(300);
    let mut bench = Bench::open(START);
    let first = bench.text();
    let mut num_steps = 0;
    for seed in 0..num_sequences {
        let mut dice = Dice(seed);
        for _ in 0..3 {
            for _ in 0..=dice.below(9) {
                let generator = GENERATORS[dice.below(GENERATORS.len())];
                if let Some(command) = generator(&mut dice, bench.pipeline()) {
                    bench.harness.state_mut().ask(command);
                }
            }
            bench.harness.step();
        }
        // What an open field of a note or a group would do in the next frame is done.
        bench.harness.step();
        let last = bench.text();
        let done = bench.steps().len();
        num_steps += done;
        bench.harness.state_mut().ask(Command::Undo);
        for _ in 1..done {
            bench.harness.state_mut().ask(Command::Undo);
        }
        bench.harness.step();
        assert_eq!(bench.text(), first, "undone, seed {seed}");
        for _ in 0..done {
            bench.harness.state_mut().ask(Command::Redo);
        }
        bench.harness.step();
        assert_eq!(bench.text(), last, "redone, seed {seed}");
        for _ in 0..done {
            bench.harness.state_mut().ask(Command::Undo);
        }
        bench.harness.step();
    }
    println!("{num_sequences} sequences, {num_steps} steps");
    assert!(num_steps as u64 > num_sequences * 3, "the sequences do something: {num_steps} steps");
}
