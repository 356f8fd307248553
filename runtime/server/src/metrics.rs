//! The counters of runs in Prometheus' text form.

use std::fmt::Write;

use millrace_host::RunningPipeline;
use millrace_host::model::run::NodeMetrics;

type Counter = (&'static str, &'static str, &'static str, fn(&NodeMetrics) -> Option<f64>);

/// Name, type, help, value.
const OF_NODES: &[Counter] = &[
    ("rows_in_total", "counter", "Rows that reached the node.", |node| Some(node.rows_in as f64)),
    ("rows_out_total", "counter", "Rows that left by every port but late and rejected.", |node| {
        Some(node.rows_out as f64)
    }),
    ("rows_late_total", "counter", "Rows that came too late.", |node| Some(node.rows_late as f64)),
    ("rows_rejected_total", "counter", "Records that could not be read or computed.", |node| {
        Some(node.rows_rejected as f64)
    }),
    ("rows_dropped_total", "counter", "Rows that the node is there to leave out.", |node| {
        Some(node.rows_dropped as f64)
    }),
    ("busy_seconds_total", "counter", "Time spent in the node's own code.", |node| Some(node.busy_us as f64 / 1e6)),
    ("state_bytes", "gauge", "Bytes that the node holds between batches.", |node| Some(node.state_bytes as f64)),
    ("watermark_seconds", "gauge", "Smallest event time that may still come, since the epoch.", |node| {
        node.watermark_us.filter(|us| *us != i64::MAX).map(|us| us as f64 / 1e6)
    }),
];

/// One page of all runs. A family is written once, with the samples of every run under it, as the form wants it.
pub(crate) fn exposition(runs: &[RunningPipeline]) -> String {
    let mut page = Page::default();
    page.family("millrace_runs", "gauge", "Runs that go on.");
    page.sample("millrace_runs", "", runs.len() as f64);
    page.family("millrace_run_elapsed_seconds", "gauge", "Time since the run started.");
    for run in runs {
        page.sample("millrace_run_elapsed_seconds", &labels_of(run), run.metrics.elapsed_ms as f64 / 1_000.0);
    }
    for (name, kind, help, value) in OF_NODES {
        let name = format!("millrace_node_{name}");
        page.family(&name, kind, help);
        for run in runs {
            for (id, node) in &run.metrics.nodes {
                if let Some(value) = value(node) {
                    page.sample(&name, &format!("{},node=\"{id}\"", labels_of(run)), value);
                }
            }
        }
    }
    for (name, kind, help) in [
        ("millrace_wire_rows_total", "counter", "Rows that went over the wire."),
        ("millrace_wire_fill_ratio", "gauge", "How full the wire's queue is, 0 to 1."),
    ] {
        page.family(name, kind, help);
        for run in runs {
            for wire in &run.metrics.wires {
                let ends = format!("from=\"{}\",to=\"{}\"", escaped(&wire.wire.from), escaped(&wire.wire.to));
                let value = if kind == "counter" { wire.rows as f64 } else { f64::from(wire.fill) };
                page.sample(name, &format!("{},{ends}", labels_of(run)), value);
            }
        }
    }
    page.family("millrace_memory_bytes", "gauge", "Resident memory of the whole process.");
    let memory = runs.iter().map(|run| run.metrics.memory_bytes).max().filter(|bytes| *bytes > 0);
    if let Some(bytes) = memory {
        page.sample("millrace_memory_bytes", "", bytes as f64);
    }
    page.family("millrace_cpu_seconds_total", "counter", "CPU time of the whole process.");
    if let Some(used_ms) = runs.iter().filter_map(|run| run.metrics.cpu).map(|cpu| cpu.used_ms).max() {
        page.sample("millrace_cpu_seconds_total", "", used_ms as f64 / 1_000.0);
    }
    page.0
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a text cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &str, value: f64) {
        let _ = match labels {
            "" => writeln!(self.0, "{name} {value}"),
            labels => writeln!(self.0, "{name}{{{labels}}} {value}"),
        };
    }
}

fn labels_of(run: &RunningPipeline) -> String {
    format!("run=\"{}\",project=\"{}\",pipeline=\"{}\"", run.run, run.project, escaped(&run.name))
}

fn escaped(text: &impl ToString) -> String {
    text.to_string().replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_host::model::run::{CpuUse, RunMetrics, RunState, WireMetrics};
    use millrace_host::model::{NodeId, Wire};

    fn run(run: u64, name: &str) -> RunningPipeline {
        let node =
            NodeMetrics { rows_in: 12, busy_us: 1_500_000, watermark_us: Some(2_500_000), ..NodeMetrics::default() };
        let wire = Wire::new("a.rows".parse().expect("a port"), "b.rows".parse().expect("a port"));
        RunningPipeline {
            run,
            project: 7,
            name: name.to_owned(),
            metrics: RunMetrics {
                state: RunState::Running,
                elapsed_ms: 2_000,
                failure: None,
                nodes: [(NodeId::new("filter").expect("an id"), node)].into(),
                wires: vec![WireMetrics { wire, rows: 12, batches: 1, rows_injected: 0, fill: 0.5 }],
                memory_bytes: 1_024,
                cpu: Some(CpuUse { used_ms: 2_500, waited_ms: 0 }),
                checkpoint: None,
                standstill: None,
            },
        }
    }

    #[test]
    fn each_family_stands_once_with_the_samples_of_all_runs() {
        let page = exposition(&[run(1, "One"), run(2, "T\"w\\o")]);
        for line in [
            "millrace_runs 2",
            "millrace_run_elapsed_seconds{run=\"1\",project=\"7\",pipeline=\"One\"} 2",
            "millrace_node_rows_in_total{run=\"2\",project=\"7\",pipeline=\"T\\\"w\\\\o\",node=\"filter\"} 12",
            "millrace_node_busy_seconds_total{run=\"1\",project=\"7\",pipeline=\"One\",node=\"filter\"} 1.5",
            "millrace_node_watermark_seconds{run=\"1\",project=\"7\",pipeline=\"One\",node=\"filter\"} 2.5",
            "millrace_wire_fill_ratio{run=\"1\",project=\"7\",pipeline=\"One\",from=\"a.rows\",to=\"b.rows\"} 0.5",
            "millrace_memory_bytes 1024",
            "millrace_cpu_seconds_total 2.5",
        ] {
            assert_eq!(page.lines().filter(|found| *found == line).count(), 1, "{line}\n{page}");
        }
        let mut families: Vec<_> = page.lines().filter(|line| line.starts_with("# TYPE")).collect();
        let num_families = families.len();
        families.sort_unstable();
        families.dedup();
        assert_eq!(families.len(), num_families);
    }

    #[test]
    fn without_runs_the_page_says_so() {
        assert!(exposition(&[]).contains("\nmillrace_runs 0\n"));
    }
}
