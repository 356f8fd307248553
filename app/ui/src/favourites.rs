//! The node kinds that the person marked with a star: they stand on top of the palette.
//!
//! They are the person's, not a pipeline's: kept as a setting of the host, never in the history. A kind that this build
//! does not know stays in the list and is not shown.

use serde_json::Value;

/// The starred kinds, the oldest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FavouriteKinds(Vec<String>);

impl FavouriteKinds {
    pub fn contains(&self, kind: &str) -> bool {
        self.0.iter().any(|known| known == kind)
    }

    /// Marks the kind, or takes its mark away.
    pub fn toggle(&mut self, kind: &str) {
        let num_before = self.0.len();
        self.0.retain(|known| known != kind);
        if self.0.len() == num_before {
            self.0.push(kind.to_owned());
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    pub fn to_value(&self) -> Value {
        self.0.clone().into()
    }

    /// Reads a setting; what is no kind is passed over.
    pub fn from_value(value: &Value) -> Self {
        Self(kinds_in(value).collect())
    }
}

/// The kinds that a setting lists.
pub(crate) fn kinds_in(value: &Value) -> impl Iterator<Item = String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_kind_is_marked_once_keeps_its_place_and_survives_a_restart() {
        let mut favourites = FavouriteKinds::default();
        for kind in ["process.sql", "process.filter", "ingest.file", "process.filter"] {
            favourites.toggle(kind);
        }
        assert_eq!(favourites.iter().collect::<Vec<_>>(), ["process.sql", "ingest.file"]);
        assert!(favourites.contains("ingest.file") && !favourites.contains("process.filter"));
        assert_eq!(FavouriteKinds::from_value(&favourites.to_value()), favourites);
        assert_eq!(FavouriteKinds::from_value(&json!([3, "process.sql"])).to_value(), json!(["process.sql"]));
    }
}
