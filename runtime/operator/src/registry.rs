//! All node kinds of a build, by kind.

use std::collections::BTreeMap;
use std::sync::Arc;

use millrace_model::Catalog;

use crate::node::NodeType;

/// The node types by kind.
#[derive(Clone, Default)]
pub struct Registry {
    types: BTreeMap<&'static str, Arc<dyn NodeType>>,
}

impl Registry {
    /// # Panics
    /// When two node types have one kind: a defect of the build.
    pub fn new(types: impl IntoIterator<Item = Arc<dyn NodeType>>) -> Self {
        let mut by_kind = BTreeMap::new();
        for node_type in types {
            let kind = node_type.kind();
            assert!(by_kind.insert(kind, node_type).is_none(), "two node types are of kind {kind}");
        }
        Self { types: by_kind }
    }

    pub fn node_type(&self, kind: &str) -> Option<&Arc<dyn NodeType>> {
        self.types.get(kind)
    }

    pub fn node_types(&self) -> impl Iterator<Item = &Arc<dyn NodeType>> {
        self.types.values()
    }

    pub fn catalog(&self) -> Catalog {
        Catalog::new(self.types.values().map(|node_type| node_type.card()))
    }
}
