//! The plan: every fault at once, none of them twice, and what takes part.

use millrace_engine::{Answers, Probes, RunError, RunOptions, plan, plan_again, start};
use millrace_model::Edit;
use millrace_operator::Partitioning;
use serde_json::json;

use crate::nodes::{registry, schema};
use crate::support::{id, pipeline, planned, wire};

#[test]
fn all_faults_are_found_at_once_and_those_behind_them_are_not() {
    let faulty = pipeline(
        &[
            ("count", "ingest.count", json!({"rowz": 5})),
            ("good", "ingest.count", json!({"rows": 5})),
            ("sieve", "process.sieve", json!({"column": "nn"})),
            ("behind", "process.sieve", json!({"column": "whatever"})),
            ("mystery", "process.mystery", json!({})),
            ("behind_mystery", "process.sieve", json!({"column": "whatever"})),
            ("sink", "store.collect", json!({"record": "r"})),
            ("sink_2", "store.collect", json!({"record": "r"})),
            ("sink_3", "store.collect", json!({})),
        ],
        &[
            ("good", "sieve"),
            ("sieve", "behind"),
            ("behind", "sink"),
            ("count", "mystery"),
            ("mystery", "behind_mystery"),
            ("behind_mystery", "sink_2"),
            ("good", "sink_3"),
        ],
    );
    let plan = plan(&faulty, &registry(), &Probes::new());
    assert!(!plan.is_runnable());
    let mut found: Vec<(&str, &str, Option<&str>)> = plan
        .diagnostics
        .iter()
        .map(|problem| (problem.node.as_ref().unwrap().as_str(), problem.code.as_str(), problem.param.as_deref()))
        .collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("count", "unknown_param", Some("rowz")),
            ("mystery", "unknown_kind", Some("kind")),
            ("sieve", "unknown_column", Some("column")),
            ("sink_3", "missing_param", Some("record")),
        ]
    );
    assert_eq!(plan.nodes[&id("sieve")].inputs[0].schema, Some(schema()));
    assert_eq!(plan.nodes[&id("behind")].inputs[0].schema, None);
}

#[test]
fn wires_that_bring_other_columns_are_told_apart_from_those_that_bring_them_in_another_order() {
    let joined = |columns: &[&str]| {
        pipeline(
            &[
                ("a", "ingest.count", json!({"rows": 5})),
                ("b", "ingest.count", json!({"rows": 5})),
                ("swap", "process.swap", json!({"columns": columns})),
                ("both", "process.both", json!({})),
                ("sink", "store.collect", json!({"record": "r"})),
            ],
            &[("a", "both"), ("b", "swap"), ("swap", "both"), ("both", "sink")],
        )
    };
    let good = planned(&joined(&["key", "time", "n"]));
    assert_eq!(good.nodes[&id("both")].inputs[0].schema, Some(schema()));
    let bad = plan(&joined(&["key", "time"]), &registry(), &Probes::new());
    let problem = bad.diagnostics.iter().find(|problem| problem.code == "schemas_differ").unwrap();
    assert_eq!(problem.wire, Some(wire("swap", "both")));
    assert!(problem.message.contains("“The swap”") && problem.message.contains("no column `n`"), "{problem:?}");
    assert_eq!(bad.diagnostics.len(), 1);
}

#[test]
fn disabled_nodes_and_what_hangs_on_them_alone_are_left_out() {
    let mut drawn = pipeline(
        &[
            ("a", "ingest.count", json!({"rows": 5})),
            ("b", "ingest.count", json!({"rows": 5})),
            ("sieve", "process.sieve", json!({"column": "not there, but nobody asks"})),
            ("both", "process.both", json!({})),
            ("sink", "store.collect", json!({"record": "r"})),
            ("alone", "store.collect", json!({"record": "r"})),
        ],
        &[("a", "both"), ("b", "sieve"), ("sieve", "both"), ("both", "sink"), ("sieve.rejected", "alone")],
    );
    drawn.apply(&[Edit::SetDisabled { id: id("b"), disabled: true }]).unwrap();
    let plan = planned(&drawn);
    assert_eq!(plan.order.len(), 3);
    for (node, takes_part) in [("a", true), ("b", false), ("sieve", false), ("both", true), ("alone", false)] {
        assert_eq!(plan.nodes[&id(node)].takes_part, takes_part, "{node}");
    }
    assert_eq!(plan.wires, [wire("a", "both"), wire("both", "sink")]);
}

#[test]
fn a_pipeline_whose_sources_are_all_disabled_has_nothing_to_run() {
    let mut drawn = pipeline(
        &[("a", "ingest.count", json!({})), ("sink", "store.collect", json!({"record": "r"}))],
        &[("a", "sink")],
    );
    drawn.apply(&[Edit::SetDisabled { id: id("a"), disabled: true }]).unwrap();
    let plan = plan(&drawn, &registry(), &Probes::new());
    assert!(!plan.is_runnable());
    assert_eq!(plan.diagnostics[0].code, "empty");
}

#[test]
fn a_probe_that_failed_is_a_fault_of_its_node() {
    let drawn = pipeline(
        &[("a", "ingest.count", json!({})), ("sink", "store.collect", json!({"record": "r"}))],
        &[("a", "sink")],
    );
    let probes = Probes::from([(id("a"), Err("There is no file `x.csv`.".to_owned()))]);
    let plan = plan(&drawn, &registry(), &probes);
    assert_eq!(plan.diagnostics.len(), 1);
    assert_eq!(plan.diagnostics[0].node, Some(id("a")));
    assert_eq!(plan.diagnostics[0].message, "There is no file `x.csv`.");
}

#[tokio::test]
async fn a_faulty_plan_does_not_start_and_says_why() {
    let drawn = pipeline(&[("a", "ingest.count", json!({"rowz": 1}))], &[]);
    let plan = plan(&drawn, &registry(), &Probes::new());
    match start(&plan, &registry(), RunOptions::default()).await {
        Err(RunError::NotRunnable { problems }) => {
            assert_eq!(problems.iter().map(|problem| problem.code.as_str()).collect::<Vec<_>>(), ["unknown_param"]);
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it started"),
    }
}

#[test]
fn keys_of_two_inputs_are_looked_for_at_their_own_and_must_be_of_one_type() {
    let meeting = |left: &[&str], right: &[&str]| {
        pipeline(
            &[
                ("a", "ingest.count", json!({"rows": 5})),
                ("b", "ingest.count", json!({"rows": 5})),
                ("other", "process.swap", json!({"columns": ["n", "time"]})),
                ("meet", "process.meet", json!({"left": left, "right": right})),
                ("sink", "store.collect", json!({"record": "r"})),
            ],
            &[("a", "meet.left"), ("b", "other"), ("other", "meet.right"), ("meet", "sink")],
        )
    };
    let good = planned(&meeting(&["key"], &["n"]));
    let keys = &good.nodes[&id("meet")].partitioning;
    assert_eq!((keys.keys_at(0), keys.keys_at(1)), (&["key".to_owned()][..], &["n".to_owned()][..]));
    assert_eq!(planned(&meeting(&[], &[])).nodes[&id("meet")].partitioning, Partitioning::Single);
    for (left, right, part) in [
        ("key", "key", "`key` is missing"),
        ("key", "time", "at `left` and `right` differ"),
        ("no", "n", "`no` is missing"),
    ] {
        let bad = plan(&meeting(&[left], &[right]), &registry(), &Probes::new());
        let faults: Vec<_> = bad.diagnostics.iter().filter(|problem| problem.is_error()).collect();
        assert_eq!(faults.len(), 1, "{faults:#?}");
        assert!(faults[0].message.contains(part), "{}", faults[0].message);
    }
}

/// Planning after each of many edits, with what nodes said before, gives what planning anew gives.
#[test]
fn a_plan_that_asks_only_what_has_changed_is_the_plan_made_anew() {
    let mut drawn = pipeline(
        &[
            ("count", "ingest.count", json!({"rows": 5})),
            ("sieve", "process.sieve", json!({"column": "n"})),
            ("again", "process.sieve", json!({"column": "n"})),
            ("swap", "process.swap", json!({"columns": ["key", "time", "n"]})),
            ("both", "process.both", json!({})),
            ("sink", "store.collect", json!({"record": "r"})),
        ],
        &[
            ("count", "sieve"),
            ("sieve", "again"),
            ("again", "both"),
            ("count", "swap"),
            ("swap", "both"),
            ("both", "sink"),
        ],
    );
    let set = |node: &str, name: &str, value| Edit::SetParam { id: id(node), name: name.to_owned(), value };
    let edits = [
        set("again", "column", Some(json!("nowhere"))),
        set("again", "column", Some(json!("n"))),
        set("swap", "columns", Some(json!(["n", "key"]))),
        set("count", "rows", Some(json!(7))),
        set("sieve", "column", None),
        Edit::RemoveWire { wire: wire("count", "sieve") },
        Edit::SetDisabled { id: id("swap"), disabled: true },
        set("sieve", "column", Some(json!("n"))),
        Edit::AddWire { wire: wire("count", "sieve") },
        Edit::RemoveNode { id: id("again") },
    ];
    let (registry, answers) = (registry(), Answers::default());
    let num_asked = |drawn: &_| {
        let before = answers.num_asked();
        let again = plan_again(drawn, &registry, &Probes::new(), &answers);
        assert_eq!(format!("{again:?}"), format!("{:?}", plan(drawn, &registry, &Probes::new())));
        answers.num_asked() - before
    };
    // The two sieves are asked as one: same kind, same params, same columns.
    let mut asked = vec![num_asked(&drawn)];
    for edit in edits {
        let edits = match &edit {
            Edit::RemoveNode { id } => drawn.removal_of([id]),
            _ => vec![edit],
        };
        drawn.apply(&edits).unwrap();
        asked.push(num_asked(&drawn));
    }
    // Those behind a fault are asked once; what comes back is known; what differs at an input keeps the first that came.
    assert_eq!(asked[..4], [5, 3, 0, 1], "{asked:?}");
    for _ in 0..10 {
        plan_again(&pipeline(&[], &[]), &registry, &Probes::new(), &answers);
    }
    assert!(answers.is_empty(), "what no plan needs any more is forgotten");
}
