//! How a command ends: the exit codes that scripts rely on, and what to say before.

use std::process::ExitCode;

/// The exit codes of `millrace`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Done,
    RunFailed,
    /// Wrong usage or an invalid pipeline; nothing was written.
    Invalid,
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(match exit {
            Exit::Done => 0,
            Exit::RunFailed => 1,
            Exit::Invalid => 2,
            Exit::Interrupted => 130,
        })
    }
}

/// A command that cannot go on: one message for each fault.
#[derive(Debug)]
pub struct Stop {
    pub exit: Exit,
    pub faults: Vec<String>,
}

impl Stop {
    /// Wrong usage or input: nothing was or will be written.
    pub fn invalid(fault: impl Into<String>) -> Self {
        Self { exit: Exit::Invalid, faults: vec![fault.into()] }
    }

    /// Something went wrong on the way.
    pub fn failed(fault: impl Into<String>) -> Self {
        Self { exit: Exit::RunFailed, faults: vec![fault.into()] }
    }
}
