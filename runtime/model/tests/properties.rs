//! Rules of the model that must hold for any pipeline and any sequence of edits.

use std::collections::BTreeMap;

use millrace_model::{
    Bookmark, Cells, Changes, Dashboard, Edit, Endpoint, Group, History, LayoutId, Node, NodeId, Note, Parameter,
    ParameterType, Pipeline, Position, Tile, Tint, Wire, difference,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn id(number: u8) -> NodeId {
    NodeId::new(format!("node_{number}")).expect("well-formed")
}

fn wire(from: u8, to: u8) -> Wire {
    Wire::new(Endpoint::new(id(from), "rows"), Endpoint::new(id(to), "rows"))
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e12..1e12f64).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,4}", inner, 0..4)
                .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

fn any_layout_edit() -> impl Strategy<Value = Edit> {
    let item = || "[a-c]".prop_map(|id| LayoutId::new(id).expect("well-formed"));
    let tint = || prop::sample::select(&Tint::ALL[..]);
    let place = || (any::<i16>(), any::<i16>()).prop_map(|(x, y)| Position { x: x.into(), y: y.into() });
    let extra = || prop::collection::btree_map("x[a-c]", Just("[1,  2]".to_owned()), 0..2);
    let nodes = prop::collection::btree_set((0..6u8).prop_map(id), 1..4);
    let tile = (0..14u32, 0..9u32, extra()).prop_map(|(x, y, extra)| Tile { cells: Cells { x, y, w: 4, h: 3 }, extra });
    let tiles = prop::collection::btree_map((0..6u8).prop_map(id), tile, 0..4);
    prop_oneof![
        (item(), prop::option::of((".{0,8}", tint(), nodes, extra()))).prop_map(|(id, group)| Edit::SetGroup {
            id,
            group: group.map(|(title, tint, nodes, extra)| Group { title, tint, nodes, extra }),
        }),
        (item(), prop::option::of((".{0,20}", tint(), place(), any::<u8>(), extra()))).prop_map(|(key, note)| {
            let note = note.map(|(text, tint, position, side, extra)| {
                let (width, height) = (u32::from(side), 80);
                let inside = (side % 3 == 0).then(|| id(side % 6));
                Note { text, tint, position, width, height, inside, extra }
            });
            Edit::SetNote { id: key, note }
        }),
        (item(), prop::option::of((".{0,8}", any::<bool>(), tiles, extra()))).prop_map(|(id, dashboard)| {
            let dashboard =
                dashboard.map(|(title, shares_time, tiles, extra)| Dashboard { title, shares_time, tiles, extra });
            Edit::SetDashboard { id, dashboard }
        }),
        (item(), prop::option::of((".{0,8}", place(), 10..250u32, extra()))).prop_map(|(key, view)| {
            Edit::SetBookmark {
                id: key,
                bookmark: view.map(|(title, center, zoom_percent, extra)| Bookmark {
                    title,
                    center,
                    zoom_percent,
                    inside: (zoom_percent % 3 == 0).then(|| id(0)),
                    extra,
                }),
            }
        }),
    ]
}

fn any_edit() -> impl Strategy<Value = Edit> {
    let node = 0..6u8;
    let position = || prop::option::of((any::<i16>(), any::<i16>()));
    let place = |at: Option<(i16, i16)>| at.map(|(x, y)| Position { x: x.into(), y: y.into() });
    prop_oneof![
        3 => any_layout_edit(),
        4 => (node.clone(), position(), 0..9u8).prop_map(move |(n, at, kind)| Edit::AddNode {
            node: Node {
                inside: (n % 3 == 0).then(|| id(n + 1)),
                ..Node::new(id(n), if kind == 0 { "process.union" } else { "process.filter" })
            },
            position: place(at),
        }),
        1 => node.clone().prop_map(|n| Edit::RemoveNode { id: id(n) }),
        4 => (node.clone(), node.clone()).prop_map(|(a, b)| Edit::AddWire { wire: wire(a, b) }),
        1 => (node.clone(), node.clone()).prop_map(|(a, b)| Edit::RemoveWire { wire: wire(a, b) }),
        3 => (node.clone(), "[a-c]", prop::option::of(any_value()))
            .prop_map(|(n, name, value)| Edit::SetParam { id: id(n), name, value }),
        1 => (node.clone(), prop::option::of(".{0,8}")).prop_map(|(n, title)| Edit::SetTitle { id: id(n), title }),
        1 => (node.clone(), any::<bool>()).prop_map(|(n, disabled)| Edit::SetDisabled { id: id(n), disabled }),
        3 => (node.clone(), prop::option::of(node.clone()))
            .prop_map(|(n, home)| Edit::SetInside { id: id(n), inside: home.map(id) }),
        2 => (node, position()).prop_map(move |(n, at)| Edit::Move { positions: BTreeMap::from([(id(n), place(at))]) }),
        1 => ".{0,8}".prop_map(|name| Edit::SetName { name }),
        1 => ("[a-c]", prop::option::of(any_value())).prop_map(|(name, default)| Edit::SetParameter {
            name,
            parameter: default.map(|default| Parameter {
                default,
                help: String::new(),
                parameter_type: ParameterType::Integer,
            }),
        }),
    ]
}

fn any_pipeline() -> impl Strategy<Value = Pipeline> {
    prop::collection::vec(any_edit(), 0..60).prop_map(|edits| {
        let mut pipeline = Pipeline::new("Any");
        for edit in edits {
            let _ = pipeline.apply(&[edit]);
        }
        pipeline
    })
}

proptest! {
    #[test]
    fn the_file_text_round_trips_byte_for_byte(pipeline in any_pipeline()) {
        let text = pipeline.to_text();
        let (read, _) = Pipeline::parse(&text).expect("what was written can be read");
        prop_assert_eq!(&read, &pipeline);
        prop_assert_eq!(read.to_text(), text);
    }

    #[test]
    fn an_edit_that_fails_changes_nothing(pipeline in any_pipeline(), edits in prop::collection::vec(any_edit(), 1..6)) {
        let mut changed = pipeline.clone();
        if changed.apply(&edits).is_err() {
            prop_assert_eq!(changed.to_text(), pipeline.to_text());
        }
    }

    #[test]
    fn undo_all_gives_the_first_text_and_redo_all_the_last(
        pipeline in any_pipeline(),
        steps in prop::collection::vec((prop::collection::vec(any_edit(), 1..4), prop::option::of("[ab]")), 0..40),
    ) {
        let first = pipeline.to_text();
        let mut pipeline = pipeline;
        let mut history = History::default();
        for (edits, merge) in steps {
            let _ = history.perform(&mut pipeline, "Step", edits, merge);
        }
        let last = pipeline.to_text();
        while history.undo(&mut pipeline).expect("a step can be undone").is_some() {}
        prop_assert_eq!(pipeline.to_text(), first);
        while history.redo(&mut pipeline).expect("a step can be redone").is_some() {}
        prop_assert_eq!(pipeline.to_text(), last);
    }

    #[test]
    fn the_difference_leads_from_one_pipeline_to_the_other_and_back(from in any_pipeline(), to in any_pipeline()) {
        let edits = difference(&from, &to);
        let mut changed = from.clone();
        let undo = changed.apply(&edits).expect("each edit can be made after those before it");
        prop_assert_eq!(changed.to_text(), to.to_text());
        changed.apply(&undo).expect("the inverse fits");
        prop_assert_eq!(changed.to_text(), from.to_text());
        prop_assert_eq!(edits.is_empty(), from == to);
        prop_assert_eq!(Changes::between(&from, &to).is_empty(), from == to);
    }

    #[test]
    fn the_difference_touches_nothing_that_is_equal(pipeline in any_pipeline(), edits in prop::collection::vec(any_edit(), 0..4)) {
        prop_assert_eq!(difference(&pipeline, &pipeline), []);
        let mut other = pipeline.clone();
        for edit in edits {
            let _ = other.apply(&[edit]);
        }
        for edit in difference(&pipeline, &other) {
            let is_equal = |id: &NodeId| pipeline.node(id).is_some() && pipeline.node(id) == other.node(id);
            let needless = match &edit {
                Edit::AddNode { node, .. } => is_equal(&node.id),
                Edit::RemoveNode { id } | Edit::SetTitle { id, .. } | Edit::SetDisabled { id, .. } => is_equal(id),
                Edit::SetParam { id, name, value } => pipeline.node(id).is_some_and(|it| it.params.get(name) == value.as_ref()),
                Edit::Move { positions } => positions.keys().any(|id| pipeline.position(id) == other.position(id)),
                Edit::AddWire { wire } | Edit::RemoveWire { wire } => {
                    let stays = |id| pipeline.node(id).zip(other.node(id)).is_some_and(|(old, new)| old.kind == new.kind);
                    pipeline.has_wire(wire) == other.has_wire(wire) && stays(&wire.from.node) && stays(&wire.to.node)
                }
                _ => false,
            };
            prop_assert!(!needless, "{:?}", edit);
        }
    }

    #[test]
    fn no_sequence_of_edits_makes_a_cycle(pipeline in any_pipeline()) {
        prop_assert!(pipeline.topological_order().is_ok());
    }
}

proptest! {
    #[test]
    fn no_sequence_of_edits_puts_a_node_inside_of_itself(pipeline in any_pipeline()) {
        for id in pipeline.node_ids() {
            prop_assert!(pipeline.around(id).take(10).count() < 6, "{id}");
            for home in pipeline.around(id) {
                prop_assert!(pipeline.within(home).contains(id) && !pipeline.is_within(home, id));
            }
            let removed = pipeline.removal_of([id]);
            let mut without = pipeline.clone();
            let undo = without.apply(&removed).expect("a removal is complete");
            prop_assert!(without.nodes().all(|node| node.inside.as_ref() != Some(id)));
            without.apply(&undo).expect("and can be undone");
            prop_assert_eq!(without.to_text(), pipeline.to_text());
        }
    }
}

#[test]
fn unknown_kinds_and_newer_fields_keep_their_text() {
    let text = r#"{
  "format": 1,
  "name": "From the future",
  "nodes": {
    "warp": {
      "kind": "process.warp_drive",
      "params": {
        "factor": 9.5
      },
      "charm": {"b": 1.50, "a":[1e3,  2]}
    }
  },
  "wires": [],
  "signature": {"by" : "millrace 9", "n": 123456789012345678901234567890},
  "layout": {
    "nodes": {
      "warp": {
        "x": 10,
        "y": -20
      }
    },
    "groups": [ {"title":"A  B"} ]
  }
}
"#;
    let (pipeline, _) = Pipeline::parse(text).expect("it can be read");
    assert_eq!(pipeline.to_text(), text);
}

#[test]
fn a_layout_field_of_another_form_is_kept_and_not_written_over() {
    let text = r#"{
  "format": 1,
  "name": "From the future",
  "nodes": {},
  "wires": [],
  "layout": {
    "groups": [ {"title":"A  B"} ],
    "notes": {"n": {"text": "drawn", "strokes": [1,  2]}}
  }
}
"#;
    let (mut pipeline, _) = Pipeline::parse(text).expect("it can be read");
    let id = LayoutId::new("n").expect("well-formed");
    let error = pipeline.apply(&[Edit::SetNote { id: id.clone(), note: Some(Note::default()) }]);
    assert!(error.expect_err("it is newer").to_string().contains("update Millrace"));
    assert_eq!(pipeline.to_text(), text);
    let bookmark = Some(Bookmark::default());
    pipeline.apply(&[Edit::SetBookmark { id, bookmark }]).expect("the file has no bookmarks");
}

#[test]
fn removed_nodes_leave_their_groups_and_come_back_into_them() {
    let mut pipeline = Pipeline::new("Groups");
    let group = |nodes: &[u8]| Group { nodes: nodes.iter().copied().map(id).collect(), ..Group::default() };
    let name = |text: &str| LayoutId::new(text).expect("well-formed");
    let mut edits: Vec<Edit> =
        (0..3).map(|n| Edit::AddNode { node: Node::new(id(n), "process.filter"), position: None }).collect();
    edits.push(Edit::SetGroup { id: name("pair"), group: Some(group(&[0, 1])) });
    edits.push(Edit::SetGroup { id: name("single"), group: Some(group(&[1])) });
    pipeline.apply(&edits).expect("the nodes are new");
    let before = pipeline.to_text();
    assert!(pipeline.apply(&[Edit::RemoveNode { id: id(1) }]).is_err(), "it is still grouped");
    let undo = pipeline.apply(&pipeline.removal_of([&id(1)])).expect("the removal is complete");
    assert_eq!(pipeline.groups().len(), 1);
    assert_eq!(pipeline.groups()[&name("pair")], group(&[0]));
    pipeline.apply(&undo).expect("the inverse fits");
    assert_eq!(pipeline.to_text(), before);
}

#[test]
fn removed_nodes_leave_their_dashboards_and_come_back_onto_them() {
    let mut pipeline = Pipeline::new("Dashboards");
    let name = LayoutId::new("d").expect("well-formed");
    let mut edits: Vec<Edit> =
        (0..2).map(|n| Edit::AddNode { node: Node::new(id(n), "visualize.table"), position: None }).collect();
    let dashboard = Dashboard::of("Plant", (0..2).map(id));
    edits.push(Edit::SetDashboard { id: name.clone(), dashboard: Some(dashboard) });
    pipeline.apply(&edits).expect("the nodes are new");
    let before = pipeline.to_text();
    assert!(pipeline.apply(&[Edit::RemoveNode { id: id(1) }]).is_err(), "it is still on the dashboard");
    let undo = pipeline.apply(&pipeline.removal_of([&id(1)])).expect("the removal is complete");
    assert_eq!(pipeline.dashboards()[&name].tiles.keys().collect::<Vec<_>>(), [&id(0)]);
    pipeline.apply(&undo).expect("the inverse fits");
    assert_eq!(pipeline.to_text(), before);
}

#[test]
fn a_file_that_is_wrong_says_the_line() {
    let cases = [
        ("", 1, "not a pipeline"),
        ("{\n\"format\": 1,\n\"name\" \"x\"}", 3, "not a pipeline"),
        ("{\"format\": 7, \"name\": \"x\"}", 1, "newer Millrace"),
        ("{\"format\": 1}", 1, "`name` is missing"),
        ("{\"format\": 1, \"name\": \"x\",\n\"nodes\": {\n\"Bad Id\": {\"kind\": \"a.b\"}}}", 3, "cannot be a node id"),
        ("{\"format\": 1, \"name\": \"x\",\n\"nodes\": {\n\"a\": {}}}", 3, "no `kind`"),
        (
            "{\"format\": 1, \"name\": \"x\",\n\"nodes\": {\"a\": {\"kind\": \"b.c\",\n\"params\": {\"n\": [1,\n99999999999999999999]}}}}",
            4,
            "too large to be kept exactly",
        ),
        (
            "{\"format\": 1, \"name\": \"x\",\n\"nodes\": {\"filter\": {\"kind\": \"process.filter\"}},\n\"wires\": [\n{\"from\": \"filter.rows\",\n\"to\": \"filtr.rows\"}]}",
            4,
            "Did you mean `filter`?",
        ),
    ];
    for (text, line, part) in cases {
        let error = Pipeline::parse(text).expect_err(text);
        assert_eq!(error.line, line, "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn a_burst_of_typing_is_one_step_and_another_step_ends_it() {
    let mut pipeline = Pipeline::new("Typing");
    let mut history = History::default();
    let add = Edit::AddNode { node: Node::new(id(1), "process.filter"), position: None };
    history.perform(&mut pipeline, "Add", vec![add], None).expect("adds");
    let type_in = |history: &mut History, pipeline: &mut Pipeline, text: &str| {
        let edit = Edit::SetParam { id: id(1), name: "condition".to_owned(), value: Some(json!(text)) };
        history
            .perform(pipeline, "Set condition", vec![edit], Some("param:node_1:condition".to_owned()))
            .expect("sets");
    };
    for text in ["t", "te", "tem"] {
        type_in(&mut history, &mut pipeline, text);
    }
    assert_eq!(history.steps().len(), 2);
    history.undo(&mut pipeline).expect("undoes");
    assert!(pipeline.node(&id(1)).expect("is there").params.is_empty(), "one undo takes back the whole burst");
    history.redo(&mut pipeline).expect("redoes");
    type_in(&mut history, &mut pipeline, "temp");
    assert_eq!(history.steps().len(), 3, "typing after an undo and redo is a burst of its own");
}

#[test]
fn a_wire_that_closes_a_cycle_is_refused() {
    let mut pipeline = Pipeline::new("Circle");
    for number in 0..3 {
        pipeline
            .apply(&[Edit::AddNode { node: Node::new(id(number), "process.filter"), position: None }])
            .expect("adds");
    }
    pipeline.apply(&[Edit::AddWire { wire: wire(0, 1) }, Edit::AddWire { wire: wire(1, 2) }]).expect("wires");
    let before = pipeline.to_text();
    assert!(pipeline.apply(&[Edit::AddWire { wire: wire(2, 0) }]).is_err());
    assert!(pipeline.apply(&[Edit::AddWire { wire: wire(1, 1) }]).is_err());
    assert_eq!(pipeline.to_text(), before);
}
