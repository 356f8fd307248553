//! The desktop program: a window around the designer, and the host behind it in the same process.
//!
//! It owns what only a desktop has — the window, native file dialogs, one instance per project database, the way a
//! window closes. Everything about pipelines is answered by millrace_host. No node, run or project is known here.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]
#![allow(clippy::print_stderr, reason = "what goes wrong before there is a window is said on the terminal")]

mod arguments;
mod closing;
mod dialogs;
mod ipc;
mod startup;
mod window;

use std::process::ExitCode;

use arguments::Arguments;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let arguments = match Arguments::read() {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("{error:#}");
            return ExitCode::from(2);
        }
    };
    tracing_subscriber::fmt().with_env_filter(log_filter()).with_writer(std::io::stderr).init();
    match startup::run(arguments) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("Millrace cannot start: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Warnings and errors, or what `RUST_LOG` asks for.
fn log_filter() -> EnvFilter {
    EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"))
}
