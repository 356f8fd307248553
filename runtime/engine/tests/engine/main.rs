//! The engine driven through its public API, with nodes made for these tests (see [`nodes`]).

#![allow(clippy::unwrap_used, reason = "these are tests, but not all of it stands in test functions")]

mod accounting;
mod capturing;
mod editing;
mod flow;
mod halting;
mod injecting;
mod memory;
mod nested;
mod nodes;
mod planning;
mod recovery;
mod simulated;
mod stopping;
mod support;
mod time;
mod watching;
