//! The queries of Nexmark that `projects/bench` has, with what they must give.
//!
//! A trial is a small number of seeded events: the generator writes them to files, a query's pipeline writes its rows, and
//! `answers` computes from the files alone, slowly and by the text of the query, which rows those must be. Tests run
//! trials in their own process, benches with the program that they measure.

mod answers;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::repository;
pub use answers::micros;
use answers::{Events, Rows};

/// A query: its pipeline is `projects/bench/nexmark_NAME.millrace.json`.
pub struct Query {
    pub name: &'static str,
    /// The columns of its answer.
    columns: &'static [&'static str],
    answer: fn(&Events) -> Rows,
}

const BID_COLUMNS: &[&str] = &["auction", "bidder", "price", "channel", "url", "date_time", "extra"];

pub const QUERIES: [Query; 11] = [
    Query { name: "q0", columns: BID_COLUMNS, answer: answers::q0 },
    Query { name: "q1", columns: BID_COLUMNS, answer: answers::q1 },
    Query { name: "q2", columns: &["auction", "price"], answer: answers::q2 },
    Query { name: "q3", columns: &["name", "city", "state", "id"], answer: answers::q3 },
    Query { name: "q4", columns: &["window_start", "category", "mean"], answer: answers::q4 },
    Query { name: "q5", columns: &["window_start", "auction", "n"], answer: answers::q5 },
    Query { name: "q6", columns: &["seller", "expires", "mean"], answer: answers::q6 },
    Query { name: "q7", columns: &["window_start", "price"], answer: answers::q7 },
    Query { name: "q8", columns: &["window_start", "id", "name"], answer: answers::q8 },
    Query { name: "q11", columns: &["window_start", "window_end", "bidder", "n"], answer: answers::q11 },
    Query { name: "q12", columns: &["window_start", "bidder", "n"], answer: answers::q12 },
];

/// # Panics
/// When there is no such query.
pub fn query(name: &str) -> &'static Query {
    QUERIES.iter().find(|query| query.name == name).unwrap_or_else(|| panic!("no query {name}"))
}

impl Query {
    pub fn pipeline(&self) -> PathBuf {
        repository().join(format!("projects/bench/nexmark_{}.millrace.json", self.name))
    }
}

/// Which events, and in which order.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    pub events: u64,
    /// Events a second.
    pub rate: u64,
    pub out_of_order_group: u32,
    pub max_out_of_orderness: Option<&'static str>,
}

impl Setting {
    /// 40 s of 500 events each, in order: several windows, sessions that end, auctions that are open for up to 7 s.
    pub const ORDERED: Self = Self { events: 20_000, rate: 500, out_of_order_group: 1, max_out_of_orderness: None };

    fn params(self) -> Value {
        json!({
            "events": self.events,
            "rate": self.rate,
            "out_of_order_group": self.out_of_order_group,
            "max_out_of_orderness": self.max_out_of_orderness,
        })
    }
}

/// Small runs in a folder, held against the slow way.
pub struct Trial {
    folder: PathBuf,
    events: Events,
}

impl Trial {
    /// Has the generator write its events. `run` carries out a pipeline file.
    ///
    /// # Panics
    /// When the files cannot be written or read.
    pub fn new(folder: &Path, setting: Setting, run: impl FnOnce(&Path)) -> Self {
        let ports = ["persons", "auctions", "bids"];
        let mut nodes = json!({ "events": { "kind": "ingest.nexmark", "params": setting.params() } });
        let mut wires = Vec::new();
        for port in ports {
            let path = folder.join(format!("{port}.ndjson"));
            nodes[port] = json!({ "kind": "store.file", "params": { "path": path } });
            wires.push(json!({ "from": format!("events.{port}"), "to": format!("{port}.rows") }));
        }
        let pipeline = json!({ "format": 1, "name": "Events", "nodes": nodes, "wires": wires });
        run(&write_pipeline(folder, "events", &pipeline));
        let [persons, auctions, bids] = ports.map(|port| read_rows(&folder.join(format!("{port}.ndjson"))));
        Self { folder: folder.to_owned(), events: Events { persons, auctions, bids } }
    }

    pub fn num_bids(&self) -> usize {
        self.events.bids.len()
    }

    /// The rows that a query's pipeline gives for these events, in the order of `setting`, sorted.
    ///
    /// # Panics
    /// When the files cannot be written or read.
    pub fn found(&self, query: &Query, setting: Setting, run: impl FnOnce(&Path)) -> Vec<String> {
        let text = fs::read_to_string(query.pipeline()).expect("the pipeline is there");
        let mut pipeline: Value = serde_json::from_str(&text).expect("a pipeline is JSON");
        let out = self.folder.join(format!("{}.ndjson", query.name));
        pipeline["nodes"]["events"]["params"] = setting.params();
        pipeline["nodes"]["store"] = json!({ "kind": "store.file", "params": { "path": out } });
        run(&write_pipeline(&self.folder, query.name, &pipeline));
        let mut lines: Vec<String> = read_rows(&out).iter().map(|row| line(row, query.columns)).collect();
        lines.sort_unstable();
        lines
    }

    /// The rows that a query must give, sorted.
    pub fn expected(&self, query: &Query) -> Vec<String> {
        let mut lines: Vec<String> = (query.answer)(&self.events).iter().map(|row| line(row, query.columns)).collect();
        lines.sort_unstable();
        lines
    }

    /// # Panics
    /// When the query's pipeline gives anything but its answer.
    pub fn check(&self, query: &Query, setting: Setting, what: &str, run: impl FnOnce(&Path)) {
        let (found, expected) = (self.found(query, setting, run), self.expected(query));
        assert!(!expected.is_empty(), "{} {what}: the trial shows something", query.name);
        let differs = found.iter().zip(&expected).find(|(found, expected)| found != expected);
        assert!(
            found == expected,
            "{} {what}: {} rows for {}; first difference: {differs:#?}",
            query.name,
            found.len(),
            expected.len()
        );
    }
}

fn write_pipeline(folder: &Path, name: &str, pipeline: &Value) -> PathBuf {
    let path = folder.join(format!("{name}.millrace.json"));
    fs::write(&path, format!("{pipeline:#}\n")).expect("the folder can be written");
    path
}

fn read_rows(path: &Path) -> Rows {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).expect("a row is JSON")).collect()
}

/// A row in a form that can be compared: times in microseconds, numbers to four places (serde_json may read another last
/// bit than was written).
fn line(row: &Value, columns: &[&str]) -> String {
    let cells = columns.iter().map(|column| {
        let cell = row.get(column).unwrap_or_else(|| panic!("{column} is a column: {row}"));
        match cell {
            Value::String(text) => micros(text).map_or_else(|| text.clone(), |us| format!("{:.4}", us as f64)),
            Value::Number(number) => number.as_f64().map(|number| format!("{number:.4}")).unwrap_or_default(),
            other => other.to_string(),
        }
    });
    cells.collect::<Vec<_>>().join(" | ")
}
