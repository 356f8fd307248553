//! What is measured: an operator, its params, its inputs, and the answer, worked out the slow way from the plain rows.

use std::collections::{BTreeMap, HashMap, HashSet};

use millrace_operator::harness::Harness;
use serde_json::{Value, json};

use crate::rows::{Row, SECOND, batches, rows};

/// The rows that leave, and the sum of one of their columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    pub rows: usize,
    pub sum: i64,
}

/// One bench.
pub struct Case {
    pub name: &'static str,
    pub kind: &'static str,
    pub params: Value,
    /// One stream for each input.
    pub inputs: Vec<Vec<Row>>,
    /// The column that is summed for the answer; empty: only the rows are counted.
    pub summed: &'static str,
    pub answer: Answer,
}

impl Case {
    /// The operator over the inputs' schemas, and the batches of each input.
    pub fn harness(&self) -> (Harness, Vec<Vec<arrow::array::RecordBatch>>) {
        let inputs: Vec<_> = self.inputs.iter().map(|rows| batches(rows)).collect();
        let schemas: Vec<_> = inputs.iter().map(|batches| batches[0].schema()).collect();
        let node = millrace_nodes::registry().node_type(self.kind).expect("the kind exists").clone();
        let harness = Harness::of(node, self.params.clone(), &schemas, ".".into())
            .unwrap_or_else(|problems| panic!("{}: {problems:#?}", self.name));
        (harness, inputs)
    }
}

fn answer(rows: impl IntoIterator<Item = i64>) -> Answer {
    rows.into_iter().fold(Answer { rows: 0, sum: 0 }, |all, value| Answer { rows: all.rows + 1, sum: all.sum + value })
}

/// Number of rows and sum of `value` of each group.
fn grouped<K: Ord>(rows: &[Row], mut keys: impl FnMut(&Row) -> Vec<K>) -> BTreeMap<K, Vec<i64>> {
    let mut groups: BTreeMap<K, Vec<i64>> = BTreeMap::new();
    for row in rows {
        for key in keys(row) {
            groups.entry(key).or_default().push(row.value);
        }
    }
    groups
}

fn totals<K: Ord>(groups: &BTreeMap<K, Vec<i64>>) -> Answer {
    answer(groups.values().map(|values| values.iter().sum()))
}

fn aggregates() -> Value {
    json!([
        {"name": "n", "expression": "count(*)"},
        {"name": "total", "expression": "sum(value)"},
        {"name": "mean", "expression": "avg(temperature)"},
        {"name": "highest", "expression": "max(temperature)"},
    ])
}

/// The benches, in the order in which they run.
pub fn cases() -> Vec<Case> {
    let mut cases = per_row();
    cases.extend(windows());
    cases.extend(joins());
    cases.extend(keyed());
    cases
}

fn per_row() -> Vec<Case> {
    let fleet = rows(1_000, 1);
    let values = |rows: &[Row]| answer(rows.iter().map(|row| row.value));
    let warm: Vec<Row> = fleet.iter().filter(|row| row.temperature > 20.0).cloned().collect();
    let warm = values(&warm);
    vec![
        Case {
            name: "filter",
            kind: "process.filter",
            params: json!({"condition": "temperature > 20"}),
            inputs: vec![fleet.clone()],
            summed: "value",
            answer: warm,
        },
        Case {
            name: "select",
            kind: "process.select",
            params: json!({
                "columns": [
                    {"name": "double", "expression": "value * 2 + 1"},
                    {"name": "fahrenheit", "expression": "temperature * 1.8 + 32"},
                ],
                "drop": ["line"],
            }),
            summed: "double",
            answer: answer(fleet.iter().map(|row| row.value * 2 + 1)),
            inputs: vec![fleet.clone()],
        },
        Case {
            name: "parse_text, regex",
            kind: "process.parse_text",
            params: json!({
                "column": "line",
                "method": {
                    "kind": "regex",
                    "pattern": r"^(?<at>\d+) (?<name>\w+) value=(?<reading>\d+)$",
                    "types": [{"name": "reading", "type": "integer"}],
                },
            }),
            summed: "reading",
            answer: values(&fleet),
            inputs: vec![fleet.clone()],
        },
        Case {
            name: "sql",
            kind: "process.sql",
            params: json!({"query": "SELECT ts, device, value * 3 AS triple FROM input WHERE temperature > 20"}),
            summed: "triple",
            answer: Answer { sum: warm.sum * 3, ..warm },
            inputs: vec![fleet],
        },
    ]
}

fn windows() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, devices) in [("tumbling_window, 50 keys", 50), ("tumbling_window, 100,000 keys", 100_000)] {
        let fleet = rows(devices, 2);
        cases.push(Case {
            name,
            kind: "analyze.tumbling_window",
            params: json!({"size": "10 s", "keys": ["device"], "aggregates": aggregates()}),
            summed: "total",
            answer: totals(&grouped(&fleet, |row| vec![(row.time / (10 * SECOND), row.device)])),
            inputs: vec![fleet],
        });
    }
    let fleet = rows(1_000, 3);
    for (name, slide) in [("hopping_window, 5 s each second", SECOND), ("hopping_window, 5 s each 100 ms", SECOND / 10)]
    {
        let panes = 5 * SECOND / slide;
        let windows = grouped(&fleet, |row| {
            let last = row.time / slide;
            (last - panes + 1..=last).map(|window| (window, row.device)).collect()
        });
        cases.push(Case {
            name,
            kind: "analyze.hopping_window",
            params: json!({
                "size": "5 s", "slide": format!("{} ms", slide / 1_000), "keys": ["device"],
                "aggregates": aggregates(),
            }),
            summed: "n",
            answer: answer(windows.values().map(|values| values.len() as i64)),
            inputs: vec![fleet.clone()],
        });
    }
    let gap = 2 * SECOND;
    let mut last: HashMap<usize, (i64, usize)> = HashMap::new();
    let sessions = grouped(&fleet, |row| {
        let (seen, session) = last.get(&row.device).copied().unwrap_or((i64::MIN / 2, 0));
        let session = if row.time - seen >= gap { session + 1 } else { session };
        last.insert(row.device, (row.time, session));
        vec![(row.device, session)]
    });
    cases.push(Case {
        name: "session_window",
        kind: "analyze.session_window",
        params: json!({"gap": "2 s", "keys": ["device"], "aggregates": aggregates()}),
        summed: "total",
        answer: totals(&sessions),
        inputs: vec![fleet.clone()],
    });
    let mut counts: HashMap<usize, usize> = HashMap::new();
    let lots = grouped(&fleet, |row| {
        let count = counts.entry(row.device).or_default();
        *count += 1;
        vec![(row.device, (*count - 1) / 10)]
    });
    cases.push(Case {
        name: "count_window",
        kind: "analyze.count_window",
        params: json!({"size": 10, "keys": ["device"], "aggregates": aggregates()}),
        summed: "total",
        answer: totals(&lots),
        inputs: vec![fleet.clone()],
    });
    let mut recent: HashMap<usize, Vec<(i64, i64)>> = HashMap::new();
    let rolling = fleet.iter().map(|row| {
        let recent = recent.entry(row.device).or_default();
        recent.push((row.time, row.value));
        recent.retain(|(time, _)| *time >= row.time - 10 * SECOND);
        recent.iter().map(|(_, value)| value).sum()
    });
    cases.push(Case {
        name: "rolling_window",
        kind: "analyze.rolling_window",
        params: json!({"interval": "10 s", "keys": ["device"], "aggregates": aggregates()}),
        summed: "total",
        answer: answer(rolling),
        inputs: vec![fleet],
    });
    cases
}

fn joins() -> Vec<Case> {
    let (left, right) = (rows(10_000, 4), rows(10_000, 5));
    let mut by_device: HashMap<usize, Vec<&Row>> = HashMap::new();
    for row in &right {
        by_device.entry(row.device).or_default().push(row);
    }
    let partners = |fits: &dyn Fn(i64, i64) -> bool| {
        answer(left.iter().flat_map(|row| {
            let right = by_device.get(&row.device).into_iter().flatten();
            right.filter(move |other| fits(row.time, other.time)).map(|other| other.value)
        }))
    };
    let newest = left.iter().map(|row| {
        let right = by_device.get(&row.device).into_iter().flatten();
        right.take_while(|other| other.time <= row.time).last().map_or(0, |other| other.value)
    });
    let inputs = vec![left.clone(), right.clone()];
    vec![
        Case {
            name: "window_join",
            kind: "process.window_join",
            params: json!({"keys": [{"left": "device"}], "size": "10 s", "kind": "inner"}),
            summed: "value_right",
            answer: partners(&|left, right| left / (10 * SECOND) == right / (10 * SECOND)),
            inputs: inputs.clone(),
        },
        Case {
            name: "interval_join",
            kind: "process.interval_join",
            params: json!({"keys": [{"left": "device"}], "before": "2 s", "after": "5 s", "kind": "inner"}),
            summed: "value_right",
            answer: partners(&|left, right| (left - 2 * SECOND..=left + 5 * SECOND).contains(&right)),
            inputs: inputs.clone(),
        },
        Case {
            name: "as_of_join",
            kind: "process.as_of_join",
            params: json!({"keys": [{"left": "device"}], "tolerance": "1000 s", "kind": "left"}),
            summed: "value_right",
            answer: answer(newest),
            inputs,
        },
    ]
}

fn keyed() -> Vec<Case> {
    let fleet = rows(1_000, 6);
    let mut seen = HashSet::new();
    let first = answer(fleet.iter().filter(|row| seen.insert((row.device, row.value))).map(|row| row.value));
    let mut last = HashMap::new();
    let changed =
        answer(fleet.iter().filter(|row| last.insert(row.device, row.value) != Some(row.value)).map(|row| row.value));
    let quiet = rows(50_000, 7);
    vec![
        Case {
            name: "deduplicate",
            kind: "process.deduplicate",
            params: json!({"keys": ["device", "value"]}),
            summed: "value",
            answer: first,
            inputs: vec![fleet.clone()],
        },
        Case {
            name: "changes",
            kind: "process.changes",
            params: json!({"watch": ["value"], "keys": ["device"]}),
            summed: "value",
            answer: changed,
            inputs: vec![fleet.clone()],
        },
        Case {
            name: "sort",
            kind: "process.sort",
            params: json!({}),
            summed: "value",
            answer: answer(fleet.iter().map(|row| row.value)),
            inputs: vec![reversed_by_second(&fleet)],
        },
        Case {
            name: "pattern",
            kind: "analyze.pattern",
            params: json!({
                "steps": [
                    {"name": "low", "condition": "value < 10"},
                    {"name": "high", "condition": "value > 90", "contiguity": "strict"},
                ],
                "within": "60 s", "keys": ["device"],
                "measures": [{"name": "reached", "expression": "last_value(value)"}],
            }),
            summed: "reached",
            answer: jumps(&fleet, 60 * SECOND),
            inputs: vec![fleet],
        },
        Case {
            name: "silence, 50,000 keys",
            kind: "analyze.silence",
            params: json!({"timeout": "10 s", "keys": ["device"]}),
            summed: "",
            answer: silences(&quiet, 10 * SECOND),
            inputs: vec![quiet],
        },
    ]
}

/// The rows of each second in reverse.
fn reversed_by_second(rows: &[Row]) -> Vec<Row> {
    rows.chunk_by(|one, other| one.time / SECOND == other.time / SECOND)
        .flat_map(|second| second.iter().rev())
        .cloned()
        .collect()
}

/// A row below 10 that is directly followed, on the same device and in time, by one above 90.
fn jumps(rows: &[Row], within: i64) -> Answer {
    let mut before: HashMap<usize, &Row> = HashMap::new();
    answer(rows.iter().filter_map(|row| {
        let first = before.insert(row.device, row)?;
        (first.value < 10 && row.value > 90 && row.time - first.time <= within).then_some(row.value)
    }))
}

/// A change for each gap that was too long and one for its end; at the end of the input all are silent.
fn silences(rows: &[Row], timeout: i64) -> Answer {
    let mut last: HashMap<usize, i64> = HashMap::new();
    let mut changes = 0;
    for row in rows {
        if last.insert(row.device, row.time).is_some_and(|seen| row.time - seen >= timeout) {
            changes += 2;
        }
    }
    Answer { rows: changes + last.len(), sum: 0 }
}
