//! The tables, one file each: its rows as types, and the calls of [`Store`](crate::Store) that read and write it.

pub(crate) mod captures;
pub(crate) mod projects;
pub(crate) mod revisions;
pub(crate) mod runs;
pub(crate) mod settings;
pub(crate) mod steps;

/// Numbers that the database holds as signed integers; they are never written negative.
pub(crate) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

pub(crate) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
