//! What a person sees while a run goes on: one moving line on a terminal, else a plain line every few seconds.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use millrace_host::model::run::{RunMetrics, RunState};

use crate::report;
use crate::summary::{bytes, duration, rows};

/// `--progress`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ProgressMode {
    /// A moving line on a terminal, plain lines elsewhere
    #[default]
    Auto,
    /// A line every few seconds
    Plain,
    /// Nothing but the summary at the end
    None,
}

/// How often a moving line moves.
const MOVING: Duration = Duration::from_millis(200);
/// Between two plain lines.
const PLAIN: Duration = Duration::from_secs(5);

pub struct Progress {
    line: Line,
    /// Rows and time at the last look, for the present rate.
    before: (u64, Instant),
}

enum Line {
    Moving(ProgressBar),
    Plain,
    None,
}

impl Progress {
    pub fn new(mode: ProgressMode) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let line = match mode {
            ProgressMode::Auto if is_terminal => {
                let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
                let template = if report::is_colored() { "{spinner:.blue} {msg}" } else { "{spinner} {msg}" };
                if let Ok(style) = ProgressStyle::with_template(template) {
                    bar.set_style(style);
                }
                Line::Moving(bar)
            }
            ProgressMode::Auto | ProgressMode::Plain => Line::Plain,
            ProgressMode::None => Line::None,
        };
        Self { line, before: (0, Instant::now()) }
    }

    /// How long to wait between two calls of [`Progress::show`].
    pub fn interval(&self) -> Duration {
        match self.line {
            Line::Moving(_) => MOVING,
            Line::Plain | Line::None => PLAIN,
        }
    }

    pub fn show(&mut self, metrics: &RunMetrics) {
        let num_rows = metrics.num_source_rows();
        let since = self.before.1.elapsed().as_secs_f64();
        let rate = if since > 0.0 { num_rows.saturating_sub(self.before.0) as f64 / since } else { 0.0 };
        let mut text = format!(
            "{} · {} · {}/s",
            duration(Duration::from_millis(metrics.elapsed_ms)),
            rows(num_rows as f64),
            rows(rate),
        );
        if let Some(share) = metrics.progress() {
            text.insert_str(0, &format!("{:.0} % · ", 100.0 * share));
        }
        if metrics.memory_bytes > 0 {
            text.push_str(&format!(" · {}", bytes(metrics.memory_bytes)));
        }
        let rejected: u64 = metrics.nodes.values().map(|node| node.rows_rejected).sum();
        let late: u64 = metrics.nodes.values().map(|node| node.rows_late).sum();
        for (count, word) in [(rejected, "rejected"), (late, "late")] {
            if count > 0 {
                text.push_str(&format!(" · {count} {word}"));
            }
        }
        if metrics.state == RunState::Stopping {
            text.push_str(" · stopping");
        }
        match &self.line {
            Line::Moving(bar) => {
                bar.set_message(text);
                bar.tick();
            }
            Line::Plain => report::note(&text),
            Line::None => {}
        }
        // The moving line's rate is over a second, not over each fifth of one.
        if since >= 1.0 {
            self.before = (num_rows, Instant::now());
        }
    }

    /// Says something without tearing the moving line.
    pub fn say(&self, text: &str) {
        match &self.line {
            Line::Moving(bar) => bar.suspend(|| report::note(text)),
            Line::Plain | Line::None => report::note(text),
        }
    }

    /// Takes the moving line away.
    pub fn finish(&self) {
        if let Line::Moving(bar) = &self.line {
            bar.finish_and_clear();
        }
    }
}
