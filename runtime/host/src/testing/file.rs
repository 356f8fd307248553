//! The file of a pipeline test, as people write it.
//!
//! ```json
//! {
//!   "format": 1,
//!   "pipeline": "fleet.millrace.json",
//!   "parameters": { "site": "north" },
//!   "sources": { "devices.rows": { "rows": "devices.ndjson" } },
//!   "expected": { "hourly.rows": { "rows": "hourly.ndjson", "key": ["device", "window_start"] } }
//! }
//! ```
//!
//! All paths start at the folder of this file. What it names is read elsewhere; here only its own shape is checked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use millrace_model::{Endpoint, Interval};
use millrace_operator::watermark::DEFAULT_MAX_OUT_OF_ORDERNESS;
use serde::Deserialize;
use serde_json::Value;

/// The version of the format that this build reads.
const FORMAT: u32 = 1;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TestFile {
    format: u32,
    pub pipeline: PathBuf,
    /// Values of the pipeline's parameters.
    #[serde(default)]
    pub parameters: BTreeMap<String, Value>,
    /// The rows that leave by the ports of sources.
    #[serde(default)]
    pub sources: BTreeMap<Endpoint, Source>,
    /// The rows that are to pass at ports: at an output those that leave by it, at an input those that arrive.
    pub expected: BTreeMap<Endpoint, Expected>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    /// NDJSON, with lines such as `{"@watermark": "2026-01-01T00:00:00Z"}` where the source is to give watermarks.
    pub rows: PathBuf,
    /// Where the file has no watermarks: how far they stay behind the newest event time.
    #[serde(default = "default_max_out_of_orderness")]
    pub max_out_of_orderness: Interval,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expected {
    /// NDJSON.
    pub rows: PathBuf,
    /// Columns by which an expected row finds the one that came in its place.
    #[serde(default)]
    pub key: Vec<String>,
    /// Columns that are not compared.
    #[serde(default)]
    pub ignore: Vec<String>,
    /// The rows are to come in this order.
    #[serde(default)]
    pub ordered: bool,
    /// Two floats are the same when they differ by no more than this, or by this share of the expected one.
    #[serde(default = "default_tolerance")]
    pub tolerance: f64,
}

fn default_max_out_of_orderness() -> Interval {
    DEFAULT_MAX_OUT_OF_ORDERNESS
}

/// Sums in another order differ by less.
fn default_tolerance() -> f64 {
    1e-9
}

impl TestFile {
    /// # Errors
    /// One message with the file, the line and what is wrong.
    pub fn load(path: &Path) -> Result<Self, String> {
        let place = path.display();
        let text =
            std::fs::read_to_string(path).map_err(|error| format!("{place}: the test cannot be read: {error}."))?;
        let test: Self = serde_json::from_str(&text).map_err(|error| {
            let whole = error.to_string();
            let reason = whole.split(" at line ").next().unwrap_or(&whole);
            format!("{place}:{}: this is not a pipeline test: {reason}.", error.line())
        })?;
        if test.format != FORMAT {
            let format = test.format;
            return Err(format!("{place}: format {format} is not known to this version, which reads {FORMAT}."));
        }
        if test.expected.is_empty() {
            return Err(format!("{place}: `expected` is empty, so nothing would be tested. Name a port and a file."));
        }
        for (at, expected) in &test.expected {
            if !(expected.tolerance >= 0.0 && expected.tolerance.is_finite()) {
                return Err(format!("{place}: expected {at}: the tolerance must be zero or more."));
            }
        }
        Ok(test)
    }
}
