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
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of the format that this build reads.
const FORMAT: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TestFile {
    format: u32,
    pub pipeline: PathBuf,
    /// Values of the pipeline's parameters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, Value>,
    /// The rows that leave by the ports of sources.
    #[serde(default)]
    pub sources: BTreeMap<Endpoint, Source>,
    /// The rows that are to pass at ports: at an output those that leave by it, at an input those that arrive.
    pub expected: BTreeMap<Endpoint, Expected>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    /// NDJSON, with lines such as `{"@watermark": "2026-01-01T00:00:00Z"}` where the source is to give watermarks.
    pub rows: PathBuf,
    /// Where the file has no watermarks: how far they stay behind the newest event time.
    #[serde(default = "default_max_out_of_orderness", skip_serializing_if = "is_default_max_out_of_orderness")]
    pub max_out_of_orderness: Interval,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expected {
    /// NDJSON.
    pub rows: PathBuf,
    /// Columns by which an expected row finds the one that came in its place; by default all that are no floats.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key: Vec<String>,
    /// Columns that are not compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
    /// The rows are to come in this order.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ordered: bool,
    /// Two floats are the same when they differ by no more than this, or by this share of the expected one.
    #[serde(default = "default_tolerance", skip_serializing_if = "is_default_tolerance")]
    pub tolerance: f64,
}

fn default_max_out_of_orderness() -> Interval {
    DEFAULT_MAX_OUT_OF_ORDERNESS
}

fn is_default_max_out_of_orderness(time: &Interval) -> bool {
    *time == DEFAULT_MAX_OUT_OF_ORDERNESS
}

/// Sums in another order differ by less.
fn default_tolerance() -> f64 {
    1e-9
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_default_tolerance(tolerance: &f64) -> bool {
    tolerance.to_bits() == default_tolerance().to_bits()
}

impl Source {
    pub fn new(rows: PathBuf) -> Self {
        Self { rows, max_out_of_orderness: default_max_out_of_orderness() }
    }
}

impl Expected {
    /// All columns count, their order does not.
    pub fn new(rows: PathBuf) -> Self {
        Self { rows, key: Vec::new(), ignore: Vec::new(), ordered: false, tolerance: default_tolerance() }
    }
}

impl TestFile {
    pub fn new(
        pipeline: PathBuf,
        parameters: BTreeMap<String, Value>,
        sources: BTreeMap<Endpoint, Source>,
        expected: BTreeMap<Endpoint, Expected>,
    ) -> Self {
        Self { format: FORMAT, pipeline, parameters, sources, expected }
    }

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
