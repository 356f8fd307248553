use std::collections::HashSet;

use super::*;
use crate::testing::{drain, drain_in_two_runs, ready};
use arrow::array::AsArray;
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use millrace_operator::Crew;
use millrace_operator::harness::{Gathered, Harness, assert_node_contract};
use millrace_operator::output::Emitted;
use proptest::prelude::*;
use serde_json::{Value, json};

const PORTS: [&str; 3] = ["persons", "auctions", "bids"];

fn harness(params: Value) -> Harness {
    Harness::new::<Nexmark>(params, &[])
}

fn whole(all: &Gathered, port: &str, column: &str) -> Vec<i64> {
    let Some(batch) = all.port(port) else { return Vec::new() };
    batch.column_by_name(column).expect(column).as_primitive::<Int64Type>().values().to_vec()
}

fn times(all: &Gathered, port: &str) -> Vec<i64> {
    let Some(batch) = all.port(port) else { return Vec::new() };
    batch.column_by_name(DATE_TIME).expect(DATE_TIME).as_primitive::<TimestampMicrosecondType>().values().to_vec()
}

fn rows(all: &Gathered) -> [Option<RecordBatch>; 3] {
    PORTS.map(|port| all.port(port))
}

#[test]
fn the_contract_holds() {
    assert_node_contract::<Nexmark>(json!({ "events": 100 }), &[]);
}

#[test]
fn of_fifty_events_one_is_a_person_three_are_auctions_and_the_others_bids() {
    for (events, expected) in [(1, [1, 0, 0]), (4, [1, 3, 0]), (50, [1, 3, 46]), (10_025, [201, 603, 9_221])] {
        let all = drain(&harness(json!({ "events": events })), 1_000);
        assert_eq!(PORTS.map(|port| rows_at(&all, port)), expected, "{events} events");
    }
}

fn rows_at(all: &Gathered, port: &str) -> usize {
    all.port(port).map_or(0, |batch| batch.num_rows())
}

#[test]
fn time_advances_by_the_rate_and_the_watermark_is_the_time_of_the_next_event() {
    let all = drain(&harness(json!({ "events": 1_000, "rate": 100 })), 50);
    let (persons, bids) = (times(&all, "persons"), times(&all, "bids"));
    assert!(persons.windows(2).all(|pair| pair[1] - pair[0] == 500_000));
    assert_eq!(bids[0] - persons[0], 40_000);
    assert_eq!(all.watermarks.last(), Some(&(persons[0] + 10_000_000)));
}

/// The time of each row, with the watermark that it meets.
fn met(params: Value, batch_size: usize) -> Vec<(i64, Option<i64>)> {
    let mut source = harness(params).source();
    let mut out = Output::default();
    let (mut watermark_us, mut met) = (None, Vec::new());
    loop {
        let mut cx = SourceContext { output: &mut out, batch_size, crew: Crew::Inline };
        let event = ready(source.next(&mut cx)).expect("it goes on");
        for emitted in out.take() {
            match emitted {
                Emitted::Watermark(us) => watermark_us = watermark_us.max(Some(us)),
                Emitted::Batch(_, batch) => {
                    let times = batch.column_by_name(DATE_TIME).expect(DATE_TIME);
                    let times = times.as_primitive::<TimestampMicrosecondType>().values();
                    met.extend(times.iter().map(|time_us| (*time_us, watermark_us)));
                }
            }
        }
        if event == SourceEvent::End {
            met.sort_unstable();
            return met;
        }
    }
}

fn num_late(met: &[(i64, Option<i64>)]) -> usize {
    met.iter().filter(|(time_us, watermark_us)| Some(*time_us) < *watermark_us).count()
}

#[test]
fn shuffled_events_are_late_only_where_their_disorder_goes_beyond_its_bound() {
    // 100 events in a group at 100 a second: an event is at most a second behind another.
    let params =
        |lag: Value| json!({"events": 5_000, "rate": 100, "out_of_order_group": 100, "max_out_of_orderness": lag});
    for lag in [json!(null), json!("1 s")] {
        assert_eq!(num_late(&met(params(lag.clone()), 700)), 0, "{lag}");
    }
    let late = met(params(json!("200 ms")), 700);
    assert!(num_late(&late) > 1_000, "{}", num_late(&late));
    for batch_size in [1, 64, 8_192] {
        assert_eq!(num_late(&met(params(json!("200 ms")), batch_size)), num_late(&late), "batches of {batch_size}");
    }
}

#[test]
fn prices_are_even_on_a_scale_of_logarithms_and_hot_ones_are_preferred() {
    let all = drain(&harness(json!({ "events": 100_000 })), 8_192);
    let prices = whole(&all, "bids", "price");
    let share = |holds: &dyn Fn(i64) -> bool, values: &[i64]| {
        values.iter().filter(|value| holds(**value)).count() as f64 / values.len() as f64
    };
    assert!(prices.iter().all(|price| (100..=100_000_000).contains(price)));
    for decade in 2..8 {
        let low = 10_i64.pow(decade);
        let found = share(&|price| (low..low * 10).contains(&price), &prices);
        assert!((found - 1.0 / 6.0).abs() < 0.01, "decade {decade}: {found}");
    }
    let hot = share(&|auction| auction % 100 == 0, &whole(&all, "bids", "auction"));
    assert!((hot - 0.505).abs() < 0.02, "{hot}");
    let hot = share(&|bidder| bidder % 100 == 1, &whole(&all, "bids", "bidder"));
    assert!((hot - 0.7525).abs() < 0.02, "{hot}");
    let cold = harness(json!({ "events": 100_000, "hot_auction_ratio": 1 }));
    let hot = share(&|auction| auction % 100 == 0, &whole(&drain(&cold, 8_192), "bids", "auction"));
    assert!(hot < 0.03, "{hot}");
}

/// The counts were computed by a program of its own, with whole numbers of any size.
#[test]
fn queries_have_the_answers_that_were_computed_elsewhere() {
    let all = drain(&harness(json!({ "events": 100_000 })), 8_192);
    let chosen = whole(&all, "bids", "auction").iter().filter(|auction| *auction % 123 == 0).count();
    let windows = times(&all, "bids").into_iter().map(|time| time / 10_000_000);
    let groups: HashSet<(i64, i64)> = windows.zip(whole(&all, "bids", "bidder")).collect();
    assert_eq!((chosen, groups.len()), (363, 1_911));
}

#[test]
fn impossible_params_are_diagnostics() {
    for (params, param) in [
        (json!({ "events": 0 }), "events"),
        (json!({ "rate": 0 }), "rate"),
        (json!({ "start_time": "yesterday" }), "start_time"),
        (json!({ "out_of_order_group": 953 }), "out_of_order_group"),
        (json!({ "hot_bidder_ratio": 0 }), "hot_bidder_ratio"),
        (json!({ "bid_extra": 10_001 }), "bid_extra"),
    ] {
        let problems = Harness::try_new::<Nexmark>(params.clone(), &[]).err().unwrap_or_default();
        assert_eq!(problems.iter().map(|problem| problem.param.as_str()).collect::<Vec<_>>(), [param], "{params}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn batches_and_restarts_do_not_show(
        seed: u64, events in 1_u64..600, group in 1_u32..120, size in 1_usize..70, first_rows in 1_usize..600,
        lag_ms in proptest::option::of(0_u64..20),
    ) {
        let lag = lag_ms.map(|ms| format!("{ms} ms"));
        let harness = harness(
            json!({ "events": events, "seed": seed, "out_of_order_group": group, "max_out_of_orderness": lag }),
        );
        let all = rows(&drain(&harness, 8_192));
        prop_assert_eq!(&rows(&drain(&harness, 1)), &all);
        prop_assert_eq!(&rows(&drain(&harness, size)), &all);
        prop_assert_eq!(&rows(&drain_in_two_runs(&harness, size, first_rows)), &all);
    }

    #[test]
    fn shuffling_neither_loses_nor_changes_events_and_bids_name_what_is_there(
        seed: u64, events in 1_u64..2_000, group in 1_u32..953,
    ) {
        let params = |group| json!({ "events": events, "seed": seed, "out_of_order_group": group });
        let (plain, shuffled) = (drain(&harness(params(1)), 512), drain(&harness(params(group)), 7));
        for port in PORTS {
            let sorted = |all: &Gathered| {
                let mut rows: Vec<String> = all.json(port).iter().map(Value::to_string).collect();
                rows.sort();
                rows
            };
            prop_assert_eq!(sorted(&plain), sorted(&shuffled));
        }
        let begun = |port: &str| whole(&plain, port, "id").into_iter().zip(times(&plain, port)).collect::<Vec<_>>();
        let (persons, auctions) = (begun("persons"), begun("auctions"));
        let is_there = |known: &[(i64, i64)], id: i64, time: i64| known.iter().any(|(k, t)| *k == id && *t <= time);
        let bids = times(&plain, "bids");
        for ((auction, bidder), time) in
            whole(&plain, "bids", "auction").iter().zip(whole(&plain, "bids", "bidder")).zip(bids)
        {
            prop_assert!(is_there(&auctions, *auction, time) && is_there(&persons, bidder, time));
        }
        for (seller, time) in whole(&plain, "auctions", "seller").iter().zip(times(&plain, "auctions")) {
            prop_assert!(is_there(&persons, *seller, time));
        }
        let ids: HashSet<i64> = auctions.iter().map(|(id, _)| *id).collect();
        prop_assert_eq!(ids.len(), auctions.len());
    }
}
