//! What is wrong with a pipeline before it runs: a value that is collected, shown and jumped to, never thrown.

use serde::{Deserialize, Serialize};

use crate::edit::Edit;
use crate::id::{NodeId, Wire};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The pipeline cannot run.
    Error,
    /// It can, but probably not as meant.
    Warning,
}

/// One fault: where it is, what it is, and what to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Diagnostic {
    pub severity: Severity,
    /// Stable and searchable, such as `unknown_column`.
    pub code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    /// Path of the param inside the node, such as `aggregates[0].expression`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wire: Option<Wire>,
    /// 1-based line of the pipeline file, where the pipeline came from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// One or two sentences: what is wrong and what to do about it.
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
}

/// A change that would mend a fault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fix {
    pub label: String,
    pub edits: Vec<Edit>,
}

impl Diagnostic {
    pub fn error(code: &str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code: code.to_owned(),
            node: None,
            param: None,
            wire: None,
            line: None,
            message: message.into(),
            fix: None,
        }
    }

    pub fn warning(code: &str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    #[must_use]
    pub fn at_node(mut self, node: &NodeId) -> Self {
        self.node = Some(node.clone());
        self
    }

    #[must_use]
    pub fn at_param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    #[must_use]
    pub fn at_wire(mut self, wire: &Wire) -> Self {
        self.wire = Some(wire.clone());
        self
    }

    #[must_use]
    pub fn with_fix(mut self, label: impl Into<String>, edits: Vec<Edit>) -> Self {
        self.fix = Some(Fix { label: label.into(), edits });
        self
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}
