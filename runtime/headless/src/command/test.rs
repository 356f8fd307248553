//! `millrace test`: pipeline tests, for people and for a build.
//!
//! Every test is read before the first one runs, and all faults of their files are told together. Which tests passed
//! and what differs in the others is the command's data and goes to stdout; the exit code is 1 when one failed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use millrace_host::Planner;
use millrace_host::testing::{Checked, PipelineTest, SUFFIX};

use crate::exit::{Exit, Stop};
use crate::output;

/// Rows that are shown of one place.
const MAX_ROWS_SHOWN: usize = 20;

#[derive(clap::Args)]
#[command(after_help = "\
A test is a file NAME.millrace-test.json that names a pipeline, the rows that its sources give and the rows that are
expected at some of its ports. Sources are not read and sinks write nothing; time is virtual. Paths inside of it start at
its folder:

  {
    \"format\": 1,
    \"pipeline\": \"fleet.millrace.json\",
    \"parameters\": {\"site\": \"north\"},
    \"sources\": {\"devices.rows\": {\"rows\": \"devices.ndjson\"}},
    \"expected\": {\"hourly.rows\": {\"rows\": \"hourly.ndjson\", \"key\": [\"device\"]}}
  }

Rows are one JSON object a line; a source's rows may have lines {\"@watermark\": \"2026-01-01T00:00:00Z\"} between them.
Beside its rows an expectation may have `key`, `ignore` (lists of columns), `ordered` (the order counts) and `tolerance`
(of floats); a source may have `max_out_of_orderness`.

Examples:
  millrace test fleet.millrace-test.json
  millrace test tests                                # every test in the folder and below
  millrace test fleet.millrace-test.json --update    # keep what comes out as what is expected")]
pub struct Args {
    /// Test files, or folders of them
    #[arg(value_name = "FILE", required = true)]
    paths: Vec<PathBuf>,
    /// Write what comes out as what is expected from now on
    #[arg(long)]
    update: bool,
    /// What all that is left to chance follows from: order of work, sizes of batches
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

/// # Errors
/// Every fault of the files before anything runs, or how many tests failed.
pub async fn test(args: Args) -> Result<Exit, Stop> {
    let planner = Planner::new(millrace_host::registry());
    let (mut tests, mut faults) = (Vec::new(), Vec::new());
    for path in files(&args.paths)? {
        match PipelineTest::prepare(&path, &planner, args.update).await {
            Ok(test) => tests.push((path, Arc::new(test))),
            Err(found) => faults.extend(found),
        }
    }
    if !faults.is_empty() {
        return Err(Stop { exit: Exit::Invalid, faults });
    }
    let mut num_failed = 0;
    for (path, test) in &tests {
        let place = path.display();
        match test.run(planner.registry(), args.seed).await {
            Err(reason) => {
                num_failed += 1;
                output::print(&format!("FAILED   {place}\n  {reason}\n"))?;
            }
            Ok(checked) if args.update => {
                PipelineTest::update(&checked).map_err(Stop::failed)?;
                output::print(&format!("updated  {place}\n"))?;
            }
            Ok(checked) => {
                let differences = differences(&checked);
                if differences.is_empty() {
                    let num_rows: usize = checked.iter().map(|checked| checked.rows.num_rows()).sum();
                    let rows = if num_rows == 1 { "row" } else { "rows" };
                    output::print(&format!("ok       {place} ({num_rows} {rows})\n"))?;
                } else {
                    num_failed += 1;
                    output::print(&format!("FAILED   {place}\n{differences}"))?;
                }
            }
        }
    }
    if num_failed == 0 {
        return Ok(Exit::Done);
    }
    let which = if tests.len() == 1 { "The test".to_owned() } else { format!("{num_failed} of {} tests", tests.len()) };
    Err(Stop::failed(format!("{which} failed with seed {}.", args.seed)))
}

/// What is not as it should be, as indented lines; empty when all is.
fn differences(checked: &[Checked]) -> String {
    let mut text = String::new();
    for checked in checked {
        let Some(diff) = checked.diff.as_ref().filter(|diff| !diff.is_empty()) else { continue };
        text.push_str(&format!("  {}: {}\n", checked.at, diff.summary()));
        diff.table(MAX_ROWS_SHOWN).iter().for_each(|line| text.push_str(&format!("    {line}\n")));
    }
    text
}

/// The test files that are named, those of folders sorted.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Stop> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let before = files.len();
        collect(path, &mut files).map_err(|error| Stop::invalid(format!("{}: {error}.", path.display())))?;
        if files.len() == before {
            let message = format!("{}: there is no test in this folder, no file *{SUFFIX}.", path.display());
            return Err(Stop::invalid(message));
        }
        files[before..].sort();
    }
    Ok(files)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // A link may lead back to a folder above.
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else if entry.file_name().to_string_lossy().ends_with(SUFFIX) {
            files.push(entry.path());
        }
    }
    Ok(())
}
