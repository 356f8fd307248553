//! What a run has to say: the newest lines, and those that follow from its counters.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use millrace_model::NodeId;
use millrace_model::run::{NodeMetrics, RunFailure, RunMetrics, RunState};
use millrace_protocol::LogLine;

/// Lines kept; the oldest go first.
const MAX_LINES: usize = 1_000;

/// The lines of one run, numbered from 0.
#[derive(Debug, Default)]
pub(crate) struct RunLog {
    lines: VecDeque<LogLine>,
    next: u64,
    told: BTreeSet<(NodeId, Fact)>,
}

/// What is told of a node once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fact {
    SourceEnded,
    Rejected,
    Late,
}

impl RunLog {
    pub(crate) fn push(&mut self, at_ms: u64, node: Option<NodeId>, is_error: bool, message: String) {
        if self.lines.len() == MAX_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(LogLine { number: self.next, at_ms, node, is_error, message });
        self.next += 1;
    }

    /// The lines that are still kept, from number `from` on.
    pub(crate) fn from(&self, from: u64) -> Vec<LogLine> {
        self.lines.iter().filter(|line| line.number >= from).cloned().collect()
    }

    /// Writes down what the counters show for the first time, and how the run ended.
    pub(crate) fn observe(&mut self, metrics: &RunMetrics, titles: &BTreeMap<NodeId, String>) {
        for (id, node) in &metrics.nodes {
            let title = titles.get(id).map_or(id.as_str(), String::as_str);
            for (fact, message) in facts(node, title) {
                if self.told.insert((id.clone(), fact)) {
                    self.push(metrics.elapsed_ms, Some(id.clone()), false, message);
                }
            }
        }
        if metrics.state.is_over() {
            let seconds = metrics.elapsed_ms as f64 / 1_000.0;
            let rows = count(metrics.num_source_rows(), "row");
            match &metrics.failure {
                Some(RunFailure { node, message }) => {
                    self.push(metrics.elapsed_ms, node.clone(), true, message.clone());
                }
                None if metrics.state == RunState::Stopped => {
                    self.push(metrics.elapsed_ms, None, false, format!("Stopped after {seconds:.1} s and {rows}."));
                }
                None => self.push(metrics.elapsed_ms, None, false, format!("Done in {seconds:.1} s: {rows}.")),
            }
        }
    }
}

fn facts(node: &NodeMetrics, title: &str) -> Vec<(Fact, String)> {
    let mut facts = Vec::new();
    if node.is_source && node.is_finished {
        let rows = count(node.rows_out, "row");
        facts.push((Fact::SourceEnded, format!("“{title}” has come to its end: {rows}.")));
    }
    if node.rows_rejected > 0 {
        facts.push((Fact::Rejected, format!("“{title}” rejects records; see its `rejected` port.")));
    }
    if node.rows_late > 0 {
        facts.push((Fact::Late, format!("“{title}” gets rows that are too late; see its `late` port.")));
    }
    facts
}

/// `1 row`, `12,345 rows`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    let plural = if number == 1 { "" } else { "s" };
    format!("{text} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        let texts = [0, 1, 12, 123, 1_234, 1_234_567].map(|number| count(number, "row"));
        assert_eq!(texts, ["0 rows", "1 row", "12 rows", "123 rows", "1,234 rows", "1,234,567 rows"]);
    }

    #[test]
    fn the_newest_lines_are_kept_and_their_numbers_go_on() {
        let mut log = RunLog::default();
        for number in 0..1_500 {
            log.push(number, None, false, format!("line {number}"));
        }
        let all = log.from(0);
        assert_eq!((all.len(), all[0].number, all[0].message.as_str()), (1_000, 500, "line 500"));
        assert_eq!(log.from(1_499).iter().map(|line| line.number).collect::<Vec<_>>(), [1_499]);
        assert!(log.from(1_500).is_empty());
    }

    #[test]
    fn each_fact_is_told_once_and_the_end_last() {
        let id = NodeId::new("source").expect("an id");
        let node = NodeMetrics { is_source: true, is_finished: true, rows_out: 2_000, ..NodeMetrics::default() };
        let mut metrics = RunMetrics {
            state: RunState::Running,
            elapsed_ms: 1_500,
            failure: None,
            nodes: BTreeMap::from([(id.clone(), node)]),
            wires: Vec::new(),
            memory_bytes: 0,
            cpu: None,
            checkpoint: None,
            standstill: None,
        };
        let titles = BTreeMap::from([(id, "Devices".to_owned())]);
        let mut log = RunLog::default();
        log.observe(&metrics, &titles);
        log.observe(&metrics, &titles);
        metrics.state = RunState::Done;
        log.observe(&metrics, &titles);
        let messages: Vec<_> = log.from(0).into_iter().map(|line| line.message).collect();
        assert_eq!(messages, ["“Devices” has come to its end: 2,000 rows.", "Done in 1.5 s: 2,000 rows."]);
    }
}
