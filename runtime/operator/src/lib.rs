//! What a node *does*: the traits that node kinds implement and the engine drives, and the pieces that nodes share
//! (expressions, aggregates, event time, rejected records, a harness for tests).
//!
//! A node kind is a [`Node`]: typed params, a card, a pure `infer`, and `build`, which makes one of four machines: a
//! [`Source`], an [`Operator`], a [`Sink`] or a [`View`]. Machines are plain `&mut self` state machines; every channel,
//! task and clock belongs to the engine. DataFusion is used behind the types of this crate and appears in none of them.

pub mod aggregate;
pub mod clock;
pub mod columns;
mod constant;
pub mod crew;
pub mod error;
mod explain;
pub mod expression;
mod field_order;
pub mod form;
pub mod harness;
pub mod infer;
pub mod json;
pub mod key;
pub mod machine;
pub mod node;
pub mod output;
pub mod registry;
pub mod rejected;
pub mod sql;
pub mod time;
pub mod watermark;

pub use clock::Clock;
pub use columns::{Columns, Wanted};
pub use crew::Crew;
pub use error::{NodeError, Origin, Retry};
pub use expression::{CompiledExpression, ExpressionError};
pub use infer::{InferContext, ParamProblem};
pub use machine::{
    Machine, Operator, Partitioning, Prepared, Sink, Source, SourceContext, SourceEvent, State, View, ViewSnapshot,
};
pub use node::{BuildContext, CardText, FileUse, Node, NodeType, Probed};
pub use output::Output;
pub use registry::Registry;
