//! Joins engine, nodes and store behind one door: [`Host::handle`] answers every [`Request`] of the protocol, and
//! [`Host::subscribe`] gives the news. Desktop, server and CLI call this very library, so they cannot differ.
//!
//! `handle` only hands on; each concern has its module (`projects`, `check`, `runs`, `settings`). What the command line
//! needs without a database ([`pipeline_file`], [`Planner`], [`image`], the engine itself) is public here too, because
//! nothing above this crate may import what is below it. Invariants: no call blocks a tokio worker (store, planning and
//! pictures run on blocking threads), and nobody who asks can slow a run.

mod capture;
mod check;
mod clock;
mod failure;
pub mod file;
mod filter;
mod handle;
mod host;
pub mod image;
mod inject;
mod live_run;
pub mod paths;
pub mod pipeline_file;
mod planner;
mod probes;
mod projects;
mod revisions;
mod run_log;
mod runs;
mod samples;
mod settings;
mod taps;
pub mod testing;

pub use check::checked;
pub use host::{DatabaseLocation, Host, HostError, HostOptions};
pub use planner::Planner;
pub use runs::RunningPipeline;

pub use arrow;
pub use millrace_engine as engine;
pub use millrace_model as model;
pub use millrace_operator as operator;
pub use millrace_protocol::{Event, Failure, FailureCode, Request, Response};
pub use millrace_store::StoreError;

/// Every node kind of this build.
pub fn registry() -> operator::Registry {
    millrace_nodes::registry()
}

/// Millrace's own version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
