//! The end of a run in words: how much, how fast, and what did not go through.

use std::time::Duration;

use millrace_host::arrow::array::{Array, AsArray};
use millrace_host::engine::{Plan, Run, RunOutcome};
use millrace_host::model::run::RunState;
use millrace_host::model::{NodeId, PortRole};

/// The lines that end a run: one with the totals, then one for each node with rejected or late rows, wired or not.
pub fn lines(run: &Run, outcome: &RunOutcome, plan: &Plan) -> Vec<String> {
    let metrics = &outcome.metrics;
    let num_rows = metrics.num_source_rows();
    let seconds = metrics.elapsed_ms as f64 / 1_000.0;
    let verb = match outcome.state {
        RunState::Done => "Done in",
        RunState::Stopped => "Stopped after",
        _ => "Failed after",
    };
    let mut lines = vec![format!(
        "{verb} {}: {} from the sources, {}/s",
        duration(Duration::from_millis(metrics.elapsed_ms)),
        rows(num_rows as f64),
        rows(if seconds > 0.0 { num_rows as f64 / seconds } else { 0.0 }),
    )];
    for (id, node) in &metrics.nodes {
        for (count, word, role) in
            [(node.rows_rejected, "rejected", PortRole::Rejected), (node.rows_late, "late", PortRole::Late)]
        {
            if count == 0 {
                continue;
            }
            let title = plan.node(id).map_or(id.as_str(), |node| node.title.as_str());
            let ports = unwired_ports(plan, id, role);
            let end = match ports.is_empty() {
                true => String::new(),
                false => {
                    let example = ports.iter().find_map(|port| newest_reason(run, id, port));
                    format!(
                        " (`{}` is not wired: they were only counted){}",
                        ports.join("`, `"),
                        example.unwrap_or_default()
                    )
                }
            };
            lines.push(format!("  {title} ({id}): {} {word}{end}", rows(count as f64)));
        }
    }
    lines
}

fn unwired_ports(plan: &Plan, id: &NodeId, role: PortRole) -> Vec<String> {
    let outputs = plan.node(id).map(|node| node.outputs.as_slice()).unwrap_or_default();
    let is_wired = |port: &str| plan.wires.iter().any(|wire| wire.from.node == *id && wire.from.port == port);
    let ports = outputs.iter().map(|output| &output.port).filter(|port| port.role == role && !is_wired(&port.name));
    ports.map(|port| port.name.clone()).collect()
}

/// Why the newest record was rejected, and where it stood.
fn newest_reason(run: &Run, id: &NodeId, port: &str) -> Option<String> {
    let rows = run.recent(id, port)?;
    let last = rows.num_rows().checked_sub(1)?;
    let text = |name: &str| {
        let column = rows.column_by_name(name)?.as_string_opt::<i32>()?;
        column.is_valid(last).then(|| column.value(last).trim().to_owned()).filter(|text| !text.is_empty())
    };
    let position = text("position").map_or_else(String::new, |position| format!(" at {position}"));
    Some(format!("; the newest{position}: {}", text("reason")?))
}

/// `1 row`, `312 rows`, `124.6 k rows`, `5.0 M rows`.
pub fn rows(count: f64) -> String {
    let noun = if count == 1.0 { "row" } else { "rows" };
    let number = match count {
        n if n >= 1e9 => format!("{:.2} G", n / 1e9),
        n if n >= 1e6 => format!("{:.2} M", n / 1e6),
        n if n >= 1e4 => format!("{:.1} k", n / 1e3),
        n if n.fract() == 0.0 || n >= 100.0 => format!("{n:.0}"),
        n => format!("{n:.1}"),
    };
    format!("{number} {noun}")
}

/// `0.31 s`, `12.4 s`, `3 min 41 s`, `2 h 05 min`.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    let whole = duration.as_secs();
    match whole {
        0..10 => format!("{seconds:.2} s"),
        10..60 => format!("{seconds:.1} s"),
        60..3_600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3_600, whole % 3_600 / 60),
    }
}

/// `182 MB`.
pub fn bytes(count: u64) -> String {
    match count {
        n if n >= 1_000_000_000 => format!("{:.2} GB", n as f64 / 1e9),
        n => format!("{} MB", n / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_times_are_short_and_carry_their_unit() {
        assert_eq!(rows(1.0), "1 row");
        assert_eq!(rows(0.0), "0 rows");
        assert_eq!(rows(9_999.0), "9999 rows");
        assert_eq!(rows(124_600.0), "124.6 k rows");
        assert_eq!(rows(5_000_000.0), "5.00 M rows");
        assert_eq!(rows(12.34), "12.3 rows");
        assert_eq!(duration(Duration::from_millis(312)), "0.31 s");
        assert_eq!(duration(Duration::from_secs(221)), "3 min 41 s");
        assert_eq!(duration(Duration::from_secs(7_500)), "2 h 05 min");
        assert_eq!(bytes(182_400_000), "182 MB");
    }
}
