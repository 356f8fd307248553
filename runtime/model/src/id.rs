//! Names of things in a pipeline: nodes, ports, the wires between them, and what stands on the canvas beside them.
//!
//! A [`NodeId`] is chosen once, when the node is added, and stays through renaming, saving and undo. A [`Wire`] has no
//! id of its own: its two ends say which one it is, so two wires between the same ports cannot exist.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An id that is a short word: lower-case ASCII letters, digits and `_`, starting with a letter.
macro_rules! word_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// # Errors
            /// When `text` is empty, longer than 64 bytes, or has a character an id may not have.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                let well_formed = text.len() <= 64
                    && text.starts_with(|c: char| c.is_ascii_lowercase())
                    && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
                if well_formed { Ok(Self(text)) } else { Err(InvalidId { text }) }
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

word_id! {
    /// The stable id of a node: lower-case ASCII letters, digits and `_`, starting with a letter.
    NodeId
}

word_id! {
    /// The stable id of a group, a note, a bookmark or a dashboard, formed like a node's.
    LayoutId
}

impl LayoutId {
    /// `word_1`, `word_2`, …: the first that `is_taken` does not know.
    ///
    /// # Panics
    /// When `word` is not a well-formed id of at most 40 bytes.
    pub fn unused(word: &str, is_taken: impl Fn(&LayoutId) -> bool) -> Self {
        (1..=u64::MAX)
            .map(|n| Self::new(format!("{word}_{n}")).expect("a short lower-case word and a number form an id"))
            .find(|id| !is_taken(id))
            .expect("there are fewer items than numbers")
    }
}

/// A text that cannot name a node or an item of the layout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` cannot be a node id: use up to 64 lower-case letters, digits and underscores, starting with a letter"
)]
pub struct InvalidId {
    pub text: String,
}

/// One port of one node, written `node.port`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    pub node: NodeId,
    pub port: String,
}

impl Endpoint {
    pub fn new(node: NodeId, port: impl Into<String>) -> Self {
        Self { node, port: port.into() }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.node, self.port)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, InvalidEndpoint> {
        let invalid = || InvalidEndpoint { text: text.to_owned() };
        let (node, port) = text.split_once('.').ok_or_else(invalid)?;
        if port.is_empty() {
            return Err(invalid());
        }
        Ok(Self::new(NodeId::new(node).map_err(|_| invalid())?, port))
    }
}

impl Serialize for Endpoint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A text that does not name a port.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` does not name a port: write `node.port`, such as `devices.rows`")]
pub struct InvalidEndpoint {
    pub text: String,
}

/// A wire: rows flow from an output port to an input port.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Wire {
    pub from: Endpoint,
    pub to: Endpoint,
}

impl Wire {
    pub fn new(from: Endpoint, to: Endpoint) -> Self {
        Self { from, to }
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} → {}", self.from, self.to)
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
