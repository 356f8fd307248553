//! Run-time failures of nodes: whose fault it is, and whether trying again can help.

use std::fmt;

/// Whose doing a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Params or data: the person can mend it.
    User,
    /// A file, a disk, a network, another system.
    External,
    /// Millrace itself: a defect.
    Internal,
}

/// Whether the same thing may succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    Never,
    WithBackoff,
}

/// Why a node cannot go on. The engine adds which node it was.
#[derive(Debug)]
pub struct NodeError {
    pub origin: Origin,
    pub retry: Retry,
    /// What happened, where (file, position) and what to do.
    pub message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl NodeError {
    pub fn user(message: impl Into<String>) -> Self {
        Self { origin: Origin::User, retry: Retry::Never, message: message.into(), source: None }
    }

    pub fn external(message: impl Into<String>) -> Self {
        Self { origin: Origin::External, retry: Retry::Never, message: message.into(), source: None }
    }

    pub fn internal(message: impl Into<String>) -> Self {
        Self { origin: Origin::Internal, retry: Retry::Never, message: message.into(), source: None }
    }

    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    #[must_use]
    pub fn retry(mut self) -> Self {
        self.retry = Retry::WithBackoff;
        self
    }
}

impl fmt::Display for NodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for NodeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<arrow::error::ArrowError> for NodeError {
    fn from(error: arrow::error::ArrowError) -> Self {
        NodeError::internal("an Arrow computation failed").with_source(error)
    }
}
