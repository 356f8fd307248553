//! `millrace validate`: every fault of a pipeline, for people on stderr or for programs as JSON on stdout.

use std::path::PathBuf;

use millrace_host::model::Diagnostic;
use serde::Serialize;

use crate::exit::{Exit, Stop};
use crate::prepare::{file_message, prepare};
use crate::set::{self, Set};
use crate::{output, report};

#[derive(clap::Args)]
#[command(after_help = "\
Nothing is run and nothing is written. The exit code is 0 when the pipeline can run, with or without warnings, and 2 when
it cannot.

Examples:
  millrace validate fleet.millrace.json
  millrace validate fleet.millrace.json --set devices=500 --json")]
pub struct Args {
    /// The pipeline file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Set a parameter of the pipeline; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = set::parse)]
    set: Vec<Set>,
    /// Print what was found as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Found<'a> {
    file: String,
    valid: bool,
    diagnostics: &'a [Diagnostic],
}

/// # Errors
/// Every fault of the pipeline, unless they are wanted as JSON.
pub async fn validate(args: Args) -> Result<Exit, Stop> {
    let found = |diagnostics: &[Diagnostic]| {
        let valid = !diagnostics.iter().any(Diagnostic::is_error);
        output::json(&Found { file: args.file.display().to_string(), valid, diagnostics })?;
        Ok(if valid { Exit::Done } else { Exit::Invalid })
    };
    let prepared = match prepare(&args.file, &args.set).await {
        Ok(prepared) if args.json => return found(&prepared.diagnostics),
        Ok(prepared) => prepared,
        Err(problem) if args.json => return found(&[problem]),
        Err(problem) => return Err(Stop::invalid(file_message(&args.file, &problem))),
    };
    prepared.warnings().for_each(|warning| report::warning(&warning));
    if prepared.has_errors() {
        return Err(prepared.refusal());
    }
    let num_nodes = prepared.plan.order.len();
    let nodes = if num_nodes == 1 { "node" } else { "nodes" };
    output::print(&format!("{}: ready to run, {num_nodes} {nodes}\n", args.file.display()))?;
    Ok(Exit::Done)
}
