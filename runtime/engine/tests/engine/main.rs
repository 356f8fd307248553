//! The engine driven through its public API, with nodes made for these tests (see [`nodes`]).

mod accounting;
mod flow;
mod nodes;
mod planning;
mod stopping;
mod support;
mod time;
mod watching;
