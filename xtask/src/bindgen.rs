//! Turns the compiled designer into what a browser loads: `millrace_web.js` and `millrace_web_bg.wasm`.
//!
//! The library form of the wasm-bindgen tool, so nobody installs it. Cargo.lock holds it at exactly the version of the
//! wasm-bindgen that the designer links, because the two must agree. Called by `cargo xtask web` only.

use std::path::Path;

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, out_dir] = arguments.as_slice() else {
        bail!("usage: bindgen INPUT.wasm OUTPUT_FOLDER");
    };
    Bindgen::new()
        .input_path(Path::new(input))
        .web(true)?
        .typescript(false)
        .omit_default_module_path(false)
        .generate(out_dir)
        .with_context(|| format!("cannot make the browser's files from {input}"))
}
