//! Who may ask: programs of this machine, and in a browser only pages that came from this server.
//!
//! A browser lets any page open a WebSocket to any address, and a name that somebody else owns may be pointed at
//! 127.0.0.1 (DNS rebinding). So the `Host` must be a name of this machine, and an `Origin`, which browsers always send
//! with a WebSocket, must be the very server that is asked.

use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

pub(crate) async fn only_this_machine(request: Request, next: Next) -> Response {
    match refusal(request.headers()) {
        Some(reason) => (StatusCode::FORBIDDEN, reason).into_response(),
        None => next.run(request).await,
    }
}

/// Why a request with these headers is refused.
fn refusal(headers: &HeaderMap) -> Option<&'static str> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let Some(host) = host.filter(|host| is_this_machine(host)) else {
        return Some("Millrace answers only to localhost, 127.0.0.1 and [::1]. Open one of these addresses instead.\n");
    };
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let is_own = |origin: &str| {
        ["http://", "https://"].iter().any(|scheme| origin.strip_prefix(scheme).is_some_and(|rest| rest == host))
    };
    if origins.all(|origin| origin.to_str().is_ok_and(is_own)) {
        None
    } else {
        Some("Pages of other sites may not speak to Millrace.\n")
    }
}

/// Whether `host`, with or without a port, is a name of this machine.
fn is_this_machine(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        // The colons of an IPv6 address stand inside brackets.
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    };
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    port.is_none_or(is_port) && ["localhost", "127.0.0.1", "[::1]"].iter().any(|own| name.eq_ignore_ascii_case(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(host: &str, origins: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().expect("a header"));
        for origin in origins {
            headers.append(header::ORIGIN, origin.parse().expect("a header"));
        }
        refusal(&headers).is_some()
    }

    #[test]
    fn names_of_this_machine_pass_and_others_do_not() {
        for host in ["localhost", "localhost:7717", "LOCALHOST:7717", "127.0.0.1:7717", "[::1]:7717", "[::1]"] {
            assert!(!is_refused(host, &[]), "{host}");
        }
        for host in [
            "example.com",
            "localhost.example.com",
            "127.0.0.1.example.com:7717",
            "192.168.0.4:7717",
            "::1",
            "localhost:x",
            "",
            "example.com:localhost",
            "0.0.0.0:7717",
        ] {
            assert!(is_refused(host, &[]), "{host}");
        }
        assert!(refusal(&HeaderMap::new()).is_some(), "no host at all");
    }

    #[test]
    fn only_pages_of_this_very_server_pass() {
        assert!(!is_refused("localhost:7717", &["http://localhost:7717"]));
        assert!(!is_refused("[::1]:7717", &["http://[::1]:7717"]));
        for origin in [
            "http://example.com",
            "http://localhost:8080",
            "http://127.0.0.1:7717",
            "null",
            "file://",
            "http://localhost:7717.example.com",
            "ftp://localhost:7717",
        ] {
            assert!(is_refused("localhost:7717", &[origin]), "{origin}");
        }
        assert!(is_refused("localhost:7717", &["http://localhost:7717", "http://example.com"]), "one is too many");
    }
}
