//! The address of a page that shows one dashboard alone: `/?project=NAME&dashboard=ID`.
//!
//! Written here for the link that a person copies, and read here when a page is opened by one. Invariant: what was
//! written is read as it was, whatever the project is called.

use form_urlencoded::{Serializer, parse};

/// Which dashboard a page is to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DashboardAddress {
    /// The project's name; the one that is open first where none is named.
    pub project: Option<String>,
    pub dashboard: String,
}

impl DashboardAddress {
    /// Reads the query of a page's address, with its question mark or without; `None` where it asks for no dashboard.
    pub fn of_query(query: &str) -> Option<Self> {
        let query = query.strip_prefix('?').unwrap_or(query);
        let value = |name: &str| {
            parse(query.as_bytes())
                .find(|(key, value)| key == name && !value.is_empty())
                .map(|(_, value)| value.into_owned())
        };
        Some(Self { project: value("project"), dashboard: value("dashboard")? })
    }

    /// The whole address at a designer's `origin`, such as `http://127.0.0.1:7878`.
    pub fn at(&self, origin: &str) -> String {
        let mut query = Serializer::new(String::new());
        if let Some(project) = &self.project {
            query.append_pair("project", project);
        }
        query.append_pair("dashboard", &self.dashboard);
        format!("{origin}/?{}", query.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_it_was_written() {
        for project in [Some("Plant"), Some("Öl & Gas = 100 %? #1+2"), None] {
            let address = DashboardAddress { project: project.map(str::to_owned), dashboard: "dashboard_1".to_owned() };
            let text = address.at("http://plant:8080");
            let query = text.strip_prefix("http://plant:8080/").expect("it begins with the origin");
            assert_eq!(DashboardAddress::of_query(query), Some(address), "{text}");
            assert!(text.is_ascii() && !text.contains(' '), "{text}");
        }
        let typed = DashboardAddress::of_query("?project=Fleet%20health&dashboard=d");
        assert_eq!(typed.and_then(|address| address.project).as_deref(), Some("Fleet health"));
        assert_eq!(DashboardAddress::of_query("?project=Plant&dashboard="), None);
    }
}
