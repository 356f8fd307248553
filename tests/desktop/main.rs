//! Millrace as a person meets it: the real desktop window under a virtual display, and the same designer in a real
//! browser. Mouse and keyboard are the only hands; what counts is what is then in the project database, in the files
//! that a run wrote, and on the screen.
//!
//! Nothing waits for a fixed time: every step polls for its outcome and gives up with a picture of the screen, kept in
//! the target folder under `tmp/desktop`. The programs under test are those that `cargo xtask test` has built.

mod browser;
mod by_name;
mod gallery;
mod look;
mod machine;
mod picture;
mod project;
mod screen;
mod window;
mod window_cost;
