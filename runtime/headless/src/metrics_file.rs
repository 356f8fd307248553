//! `--metrics`: everything that was counted in a run as a JSON file, written whole.

use std::path::Path;

use millrace_host::engine;
use millrace_host::file::write_whole;
use millrace_host::model::run::RunMetrics;
use serde::Serialize;

use crate::exit::Stop;

/// The content of the file: the run's own metrics, and what the process used for them.
#[derive(Debug, Serialize)]
struct MetricsFile<'a> {
    millrace: &'static str,
    pipeline: &'a str,
    #[serde(flatten)]
    run: &'a RunMetrics,
    source_rows: u64,
    source_rows_per_second: f64,
    process: ProcessUse,
}

/// What the whole process has used up to now; null where the system does not tell.
#[derive(Debug, Serialize)]
struct ProcessUse {
    cpu_seconds: Option<f64>,
    peak_memory_bytes: Option<u64>,
}

/// Whether a file could be written there: found out before the run, not after it.
///
/// # Errors
/// When the folder is not there, or the path is a folder's.
pub fn check_place(path: &Path) -> Result<(), Stop> {
    if path.is_dir() {
        return Err(Stop::invalid(format!("--metrics {}: this is a folder; name a file.", path.display())));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        let message = format!(
            "--metrics {}: there is no folder {}; make it first or choose another.",
            path.display(),
            folder.display()
        );
        return Err(Stop::invalid(message));
    }
    Ok(())
}

/// Writes the metrics of a run that is over.
///
/// # Errors
/// When the file cannot be written.
pub fn write(path: &Path, pipeline: &str, run: &RunMetrics) -> Result<(), Stop> {
    let seconds = run.elapsed_ms as f64 / 1_000.0;
    let source_rows = run.num_source_rows();
    let content = MetricsFile {
        millrace: millrace_host::VERSION,
        pipeline,
        run,
        source_rows,
        source_rows_per_second: if seconds > 0.0 { (source_rows as f64 / seconds).round() } else { 0.0 },
        process: ProcessUse {
            cpu_seconds: engine::cpu_use().map(|cpu| cpu.used_ms as f64 / 1_000.0),
            peak_memory_bytes: peak_memory_bytes(),
        },
    };
    let failed = |error: &dyn std::fmt::Display| {
        Stop::failed(format!("--metrics {}: the file cannot be written: {error}.", path.display()))
    };
    let mut text = serde_json::to_string_pretty(&content).map_err(|error| failed(&error))?;
    text.push('\n');
    write_whole(path, text.as_bytes()).map_err(|error| failed(&error))
}

/// The largest resident memory so far: `VmHWM` of `/proc/self/status`.
fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_system_tells_what_the_process_used() {
        assert!(engine::cpu_use().is_some_and(|cpu| cpu.used_ms < 100_000_000));
        assert!(peak_memory_bytes().is_some_and(|bytes| bytes > 1 << 20));
    }
}
