//! Runs pipelines: turns a graph into tasks on tokio, moves Arrow batches between them over bounded queues, carries
//! watermarks, counts everything, and ends a run in good order.
//!
//! Two steps: [`plan()`] works out ports, schemas and every fault without touching the outside world; [`start`] builds
//! the machines, opens them and lets them run until [`Run::finished`]. The engine knows no node kind: what it drives are
//! the traits of runtime/operator. It prints nothing.
//!
//! ```no_run
//! # async fn example(pipeline: millrace_model::Pipeline, registry: millrace_operator::Registry) {
//! use millrace_engine::{Probes, RunOptions, plan, start};
//! let plan = plan(&pipeline, &registry, &Probes::new());
//! assert!(plan.is_runnable(), "{:?}", plan.diagnostics);
//! let run = start(&plan, &registry, RunOptions::default()).await.expect("it starts");
//! println!("{:?}", run.finished().await.state);
//! # }
//! ```

mod aside;
mod chain;
mod channel;
mod checkpoint;
mod counters;
mod edit;
mod exchange;
mod fault;
mod feed;
mod files;
mod fit;
mod gate;
mod guard;
mod inject;
mod inputs;
mod layout;
mod memory;
mod nested;
mod newest;
mod options;
mod picture;
mod plan;
mod projection;
mod recorder;
mod replay;
mod resolve;
mod run;
mod simulation;
mod stand_in;
mod start;
mod supervise;
mod task;
mod world;

pub use checkpoint::{Checkpoint, Found, NodeFate, StateError, StateFolder};
pub use counters::cpu_use;
pub use gate::Halted;
pub use inject::InjectError;
pub use options::{RunOptions, StateOptions};
pub use plan::{Plan, PlannedNode, PlannedPort, Probes, plan, plan_again, probe};
pub use projection::with_columns_read;
pub use recorder::{Progress, Recorded, Recorder};
pub use replay::Replays;
pub use resolve::Answers;
pub use run::{Run, RunOutcome};
pub use simulation::Simulation;
pub use start::{RunError, start};
pub use world::World;
