//! The designer's files: built into a release, read from ui-assets/dist in a debug build.

use std::borrow::Cow;

use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../../ui-assets/dist"]
#[allow_missing = true]
struct Dist;

/// One file of the designer.
struct Asset {
    bytes: Cow<'static, [u8]>,
    media_type: String,
    /// Says whether the content is the same as last time.
    tag: String,
}

pub(crate) async fn serve(uri: Uri, headers: HeaderMap) -> Response {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|tag| tag.to_str().ok());
    respond(uri.path(), known, find)
}

fn find(name: &str) -> Option<Asset> {
    let file = Dist::get(name)?;
    let hash: String = file.metadata.sha256_hash().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let media_type = file.metadata.mimetype().to_owned();
    Some(Asset { bytes: file.data, media_type, tag: format!("\"{hash}\"") })
}

fn respond(path: &str, known_tag: Option<&str>, find: impl Fn(&str) -> Option<Asset>) -> Response {
    let name = match path.trim_start_matches('/') {
        "" => "index.html",
        name => name,
    };
    let Some(asset) = find(name) else {
        if find("index.html").is_none() {
            return (StatusCode::SERVICE_UNAVAILABLE, Html(NOT_BUILT)).into_response();
        }
        return (StatusCode::NOT_FOUND, format!("There is no {path} here.\n")).into_response();
    };
    let common = [
        (header::ETAG, asset.tag.clone()),
        // The browser asks each time, and is told with a few bytes that nothing is new.
        (header::CACHE_CONTROL, "no-cache".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::X_FRAME_OPTIONS, "DENY".to_owned()),
    ];
    if known_tag == Some(asset.tag.as_str()) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    (common, [(header::CONTENT_TYPE, asset.media_type)], asset.bytes.into_owned()).into_response()
}

const NOT_BUILT: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<title>Millrace</title>
<p>The designer is not in this build. Run <code>cargo xtask web</code>, then start Millrace again.</p>
</html>
";

#[cfg(test)]
mod tests {
    use super::*;

    fn two_files(name: &str) -> Option<Asset> {
        let (bytes, media_type): (&'static [u8], _) = match name {
            "index.html" => (b"<html>", "text/html"),
            "designer.wasm" => (b"\0asm", "application/wasm"),
            _ => return None,
        };
        Some(Asset { bytes: bytes.into(), media_type: media_type.to_owned(), tag: format!("\"{name}\"") })
    }

    fn header_of(response: &Response, name: header::HeaderName) -> &str {
        response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    #[test]
    fn the_root_is_the_page_and_a_file_has_its_own_type() {
        let page = respond("/", None, two_files);
        assert_eq!((page.status(), header_of(&page, header::CONTENT_TYPE)), (StatusCode::OK, "text/html"));
        let wasm = respond("/designer.wasm", None, two_files);
        assert_eq!((wasm.status(), header_of(&wasm, header::CONTENT_TYPE)), (StatusCode::OK, "application/wasm"));
        assert_eq!(respond("/nothing", None, two_files).status(), StatusCode::NOT_FOUND);
    }

    #[test]
    fn a_file_that_the_browser_has_is_not_sent_again() {
        let tag = header_of(&respond("/", None, two_files), header::ETAG).to_owned();
        assert_eq!(respond("/", Some(&tag), two_files).status(), StatusCode::NOT_MODIFIED);
        assert_eq!(respond("/", Some("\"old\""), two_files).status(), StatusCode::OK);
    }

    #[test]
    fn without_the_designer_the_page_says_what_to_do() {
        let response = respond("/", None, |_| None);
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(NOT_BUILT.contains("cargo xtask web"));
    }
}
