//! Prepares the Tauri program, and stands in for the designer's page where it was not built yet.

use std::fs;
use std::path::Path;

/// What the window shows when someone builds the program without `cargo xtask`.
const PLACEHOLDER: &str = "<!doctype html>\n<meta charset=\"utf-8\">\n<title>Millrace</title>\n\
    <body style=\"font: 16px sans-serif; margin: 4em\">\n\
    <p>The designer was not built. Run <code>cargo xtask run</code>, which builds everything.</p>\n";

fn main() {
    let dist = Path::new("ui-assets/dist");
    let page = dist.join("index.html");
    if !page.exists()
        && let Err(error) = fs::create_dir_all(dist).and_then(|()| fs::write(&page, PLACEHOLDER))
    {
        println!("cargo::error=cannot write {}: {error}", page.display());
        return;
    }
    // The page is embedded, so a new one makes a new program.
    println!("cargo::rerun-if-changed=ui-assets/dist");
    tauri_build::build();
}
