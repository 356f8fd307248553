use super::*;
use crate::testing::{drain, drain_in_two_runs, ready};
use arrow::array::AsArray;
use arrow::datatypes::{Float64Type, TimestampMicrosecondType};
use millrace_operator::harness::{Gathered, Harness, assert_node_contract};
use serde_json::{Value, json};

fn harness(params: Value) -> Harness {
    let mut all = json!({ "pace": "as_fast_as_possible" });
    all.as_object_mut().expect("an object").extend(params.as_object().expect("an object").clone());
    Harness::new::<SimulateDevices>(all, &[])
}

fn troubled() -> Harness {
    harness(json!({
        "devices": 7, "limit": 2_000, "dropout": 0.1, "duplicates": 0.1, "seed": 9,
        "disorder": { "share": 0.2, "max_delay": "10 s" },
        "faults": [
            { "kind": "stuck", "devices": 0.5, "from": "10 s", "for": "20 s" },
            { "kind": "silence", "from": "1 min", "for": "5 s", "every": "30 s" },
            { "kind": "spike", "sensor": "temperature", "from": "5 s", "size": 100 },
        ],
    }))
}

fn numbers(all: &Gathered, column: &str) -> Vec<f64> {
    let batch = all.port("rows").expect("rows");
    batch.column_by_name(column).expect(column).as_primitive::<Float64Type>().values().to_vec()
}

fn times(all: &Gathered) -> Vec<i64> {
    let batch = all.port("rows").expect("rows");
    batch.column(0).as_primitive::<TimestampMicrosecondType>().values().to_vec()
}

#[test]
fn the_contract_holds() {
    assert_node_contract::<SimulateDevices>(json!({ "devices": 3, "limit": 10 }), &[]);
}

#[test]
fn the_defaults_give_a_fleet_that_looks_like_one() {
    let all = drain(&harness(json!({ "limit": 1_000 })), 128);
    let batch = all.port("rows").expect("rows");
    assert_eq!(batch.num_rows(), 1_000);
    let first = &all.json("rows")[0];
    assert_eq!(
        (&first["time"], &first["device"], &first["site"]),
        (&json!("2026-01-01T00:00:00Z"), &json!("dev-00000"), &json!("site-1"))
    );
    assert_eq!(all.json("rows")[11]["time"], "2026-01-01T00:00:01.100Z");
    let temperatures = numbers(&all, "temperature");
    assert!(temperatures.iter().all(|t| (13.0..=27.0).contains(t)));
    assert!(temperatures.windows(2).any(|pair| pair[0] != pair[1]));
    assert!(numbers(&all, "humidity").iter().all(|h| (0.0..=100.0).contains(h)));
    assert_eq!(all.watermarks.last(), Some(&(times(&all)[999] - 5_000_000)));
}

#[test]
fn the_same_seed_gives_the_same_rows_whatever_the_batch_size_and_through_a_restart() {
    let all = drain(&troubled(), 8_192).json("rows");
    assert!(all.len() > 1_000);
    for batch_size in [1, 3, 32] {
        assert_eq!(drain(&troubled(), batch_size).json("rows"), all, "batches of {batch_size}");
    }
    for first_rows in [1, 100, 777] {
        assert_eq!(drain_in_two_runs(&troubled(), 10, first_rows).json("rows"), all, "restart after {first_rows}");
    }
    let other = drain(&harness(json!({ "devices": 7, "limit": 100, "seed": 10 })), 10).json("rows");
    assert_ne!(other, drain(&harness(json!({ "devices": 7, "limit": 100, "seed": 11 })), 10).json("rows"));
}

#[test]
fn rate_and_duration_say_how_many_rows_there_are() {
    let all = drain(&harness(json!({ "devices": 10, "rate": 50, "duration": "1 min" })), 100);
    assert_eq!(all.rows_at("rows"), 3_000);
    let gaps: Vec<i64> = times(&all).windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| *gap == 20_000), "the devices are spread evenly");
    assert_eq!(drain(&harness(json!({ "devices": 3, "duration": "1 s", "limit": 2 })), 100).rows_at("rows"), 2);
}

#[test]
fn shares_of_lost_and_doubled_rows_are_as_ordered() {
    let lost = drain(&harness(json!({ "limit": 20_000, "dropout": 0.25 })), 1_000).rows_at("rows");
    assert!((14_700..15_300).contains(&lost), "{lost}");
    let doubled = drain(&harness(json!({ "limit": 20_000, "duplicates": 0.25 })), 1_000).rows_at("rows");
    assert!((24_700..25_300).contains(&doubled), "{doubled}");
    assert!(drain(&harness(json!({ "limit": 5_000, "dropout": 1 })), 10).port("rows").is_none());
}

#[test]
fn late_rows_come_within_the_longest_delay_and_none_is_missing() {
    let all = drain(&harness(json!({ "limit": 5_000, "disorder": { "share": 0.3, "max_delay": "3 s" } })), 100);
    let arrived = times(&all);
    let mut newest = i64::MIN;
    let mut num_late = 0;
    for time in &arrived {
        assert!(*time >= newest.saturating_sub(3_000_000), "no row is later than the longest delay");
        num_late += usize::from(*time < newest);
        newest = newest.max(*time);
    }
    assert!(num_late > 1_000, "{num_late}");
    let mut sorted = arrived;
    sorted.sort_unstable();
    assert_eq!(sorted, times(&drain(&harness(json!({ "limit": 5_000 })), 100)));
}

#[test]
fn faults_do_what_they_say_and_only_in_their_time() {
    let params = |faults: Value| {
        harness(json!({
            "devices": 1, "limit": 100, "faults": faults,
            "sensors": [{ "name": "t", "model": { "kind": "sine", "noise": 1 } }, { "name": "w", "model": { "kind": "random_walk" } }],
        }))
    };
    let well = drain(&params(json!([])), 100);
    let (sine, walk) = (numbers(&well, "t"), numbers(&well, "w"));
    let fault = |kind: &str| json!([{ "kind": kind, "sensor": "t", "from": "20 s", "for": "10 s", "every": "40 s", "size": 7 }]);
    let is_in = |second: usize| (20..30).contains(&second) || (60..70).contains(&second);

    let offset = numbers(&drain(&params(fault("offset")), 100), "t");
    for second in 0..100 {
        let expected = if is_in(second) { 7.0 } else { 0.0 };
        assert!((offset[second] - sine[second] - expected).abs() < 0.011, "second {second}");
    }
    let spiked: Vec<usize> = numbers(&drain(&params(fault("spike")), 100), "t")
        .iter()
        .zip(&sine)
        .enumerate()
        .filter(|(_, (with, without))| (*with - *without).abs() > 1.0)
        .map(|(second, _)| second)
        .collect();
    assert_eq!(spiked, [20, 60]);
    let stuck = numbers(&drain(&params(fault("stuck")), 100), "t");
    for (second, value) in stuck.iter().enumerate() {
        let shown = if is_in(second) { second - second % 10 } else { second };
        assert_eq!(*value, sine[shown], "second {second}");
    }
    let all = drain(&params(json!([{ "kind": "stuck", "from": "20 s", "for": "10 s" }])), 100);
    let stuck_walk = numbers(&all, "w");
    assert_eq!(stuck_walk[..20], walk[..20]);
    assert!(stuck_walk[20..30].iter().all(|value| *value == stuck_walk[19]), "a stuck walk stands still");
    assert_ne!(stuck_walk[30], stuck_walk[29]);
    assert_eq!(drain(&params(fault("silence")), 100).rows_at("rows"), 80);
    let some = drain(
        &harness(json!({ "devices": 1_000, "limit": 1_000, "faults": [{ "kind": "silence", "devices": 0.3 }] })),
        100,
    );
    assert!((650..750).contains(&some.rows_at("rows")), "{}", some.rows_at("rows"));
}

#[test]
fn every_model_gives_its_type_and_drift_adds_up() {
    let all = drain(
        &harness(json!({ "devices": 1, "interval": "1 h", "limit": 3, "sensors": [
            { "name": "c", "model": { "kind": "constant", "value": 1.5 }, "drift_per_hour": 0.25 },
            { "name": "n", "model": { "kind": "counter", "start": 5, "step": 10 } },
            { "name": "s", "model": { "kind": "status", "values": [{ "value": "on" }, { "value": "never", "weight": 0 }] } },
        ] })),
        10,
    );
    let rows: Vec<Value> = all.json("rows").iter().map(|row| json!([row["c"], row["n"], row["s"]])).collect();
    assert_eq!(rows, [json!([1.5, 5, "on"]), json!([1.75, 15, "on"]), json!([2.0, 25, "on"])]);
}

#[test]
fn in_real_time_rows_wait_for_their_time_and_start_now() {
    let harness = Harness::new::<SimulateDevices>(json!({ "devices": 1, "interval": "1 h" }), &[]);
    let before = millrace_operator::Clock::default().now_us();
    let mut source = harness.source();
    let all = ready(harness.drain(source.as_mut(), 10, usize::MAX)).expect("rows");
    // The first row is due at once, the next in an hour: the source idles.
    assert_eq!(all.rows_at("rows"), 1);
    assert!(times(&all)[0] >= before && times(&all)[0] <= millrace_operator::Clock::default().now_us());
}

#[test]
fn impossible_params_are_diagnostics() {
    for (params, param) in [
        (json!({ "devices": 0 }), "devices"),
        (json!({ "rate": 0 }), "rate"),
        (json!({ "interval": "0 s" }), "interval"),
        (json!({ "start_time": "yesterday" }), "start_time"),
        (json!({ "dropout": 1.5 }), "dropout"),
        (json!({ "sensors": [{ "name": "time" }] }), "sensors[0].name"),
        (
            json!({ "sensors": [{ "name": "s", "model": { "kind": "status", "values": [] } }] }),
            "sensors[0].model.values",
        ),
        (
            json!({ "sensors": [{ "name": "s", "model": { "kind": "random_walk", "min": 3, "max": 2 } }] }),
            "sensors[0].model.max",
        ),
        (json!({ "faults": [{ "sensor": "temprature" }] }), "faults[0].sensor"),
    ] {
        let problems = Harness::try_new::<SimulateDevices>(params.clone(), &[]).err().unwrap_or_default();
        assert_eq!(problems.iter().map(|problem| problem.param.as_str()).collect::<Vec<_>>(), [param], "{params}");
    }
}
