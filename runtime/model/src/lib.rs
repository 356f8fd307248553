//! What a pipeline *is*: nodes, wires, params, layout, the cards that describe node kinds, the edits that change a
//! pipeline and the diagnostics that say what is wrong with it.
//!
//! No I/O, no async, and it compiles to wasm: the designer and the engine share these very types, so nothing is
//! mirrored. `petgraph` indices never leave this crate; the outside speaks of [`NodeId`] and [`Wire`].

pub mod bypass;
pub mod card;
pub mod catalog;
pub mod changes;
pub mod check;
pub mod dashboard;
pub mod diagnostic;
pub mod difference;
pub mod edit;
pub mod event_time;
pub mod filter;
pub mod flat;
pub mod history;
pub mod id;
pub mod layout;
pub mod mending;
pub mod nesting;
pub mod parameter;
pub mod pipeline;
pub mod pyramid;
pub mod row_trait;
pub mod run;
pub mod suggest;
pub mod text;
pub mod value;
pub mod view;

pub use bypass::Bypass;
pub use card::{Field, FieldKind, Form, Need, Nesting, NodeCard, Port, PortCard, PortRole, Section};
pub use catalog::Catalog;
pub use changes::{Changes, NodeChange, Setting, SettingChange, Tally};
pub use dashboard::{Cells, Dashboard, Tile};
pub use diagnostic::{Diagnostic, Fix, Severity};
pub use difference::difference;
pub use edit::{Edit, EditError};
pub use filter::Filters;
pub use history::{History, Step};
pub use id::{Endpoint, LayoutId, NodeId, Wire};
pub use layout::{Bookmark, Group, Note, Tint};
pub use parameter::{Parameter, ParameterType};
pub use pipeline::{Node, Params, Pipeline, Position};
pub use row_trait::RowTrait;
pub use text::{SourceMap, TextError};
pub use value::{ColumnRef, Expression, Interval, Secret};
