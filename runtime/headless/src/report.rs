//! Messages for the person, on stderr: errors, warnings and notes, coloured on a terminal only.
//!
//! The one place that writes to stderr beside the log and the progress bar. A stderr that nobody reads is no error.

use std::io::{IsTerminal, Write};

/// Whether stderr is a terminal that wants colours.
pub fn is_colored() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    std::io::stderr().is_terminal() && !is_set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

pub fn error(message: &str) {
    labelled("error", "1;31", message);
}

pub fn warning(message: &str) {
    labelled("warning", "1;33", message);
}

/// A line without a label.
pub fn note(message: &str) {
    line(message);
}

fn labelled(label: &str, color: &str, message: &str) {
    if is_colored() {
        line(&format!("\u{1b}[{color}m{label}:\u{1b}[0m {message}"));
    } else {
        line(&format!("{label}: {message}"));
    }
}

fn line(text: &str) {
    // With stderr gone there is nowhere to say so.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
