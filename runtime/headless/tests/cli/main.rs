//! The `millrace` command as people and scripts meet it: exit codes, what goes to stdout and stderr, and which files are
//! there afterwards.

mod bad_input;
mod commands;
mod harness;
mod memory;
mod pipeline_tests;
mod projects;
mod runs;
mod state;
