//! The undo history of each project: step 0, 1, 2, … as JSON. Written only together with the draft that it leads to.

use millrace_model::Step;
use rusqlite::{Connection, params};

use crate::error::StoreError;
use crate::table::{signed, unsigned};

/// All steps of a project in order.
pub(crate) fn read(connection: &Connection, project: i64) -> Result<Vec<Step>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT step FROM steps WHERE project = ?1 ORDER BY number")?;
    let mut rows = statement.query([project])?;
    let mut steps = Vec::new();
    while let Some(row) = rows.next()? {
        let text: String = row.get(0)?;
        let step = serde_json::from_str(&text).map_err(|error| StoreError::Unreadable {
            what: format!("step {} of the history of project {project}", steps.len() + 1),
            reason: error.to_string(),
        })?;
        steps.push(step);
    }
    Ok(steps)
}

/// Forgets the steps from `keep` on and puts `new_steps` in their place; gives how many there are then.
pub(crate) fn replace_after(
    connection: &Connection,
    project: i64,
    keep: usize,
    new_steps: &[Step],
) -> Result<usize, StoreError> {
    let saved: i64 = connection
        .prepare_cached("SELECT count(*) FROM steps WHERE project = ?1")?
        .query_row([project], |row| row.get(0))?;
    let saved = unsigned(saved) as usize;
    if keep > saved {
        return Err(StoreError::HistoryGap { project, keep, saved });
    }
    connection
        .prepare_cached("DELETE FROM steps WHERE project = ?1 AND number >= ?2")?
        .execute(params![project, signed(keep as u64)])?;
    let mut insert = connection.prepare_cached("INSERT INTO steps (project, number, step) VALUES (?1, ?2, ?3)")?;
    for (number, step) in (keep..).zip(new_steps) {
        let text = serde_json::to_string(step).map_err(|error| StoreError::Unreadable {
            what: format!("the new step “{}”", step.label),
            reason: error.to_string(),
        })?;
        insert.execute(params![project, signed(number as u64), text])?;
    }
    Ok(keep + new_steps.len())
}
