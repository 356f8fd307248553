//! Data for the person or the next program, on stdout.

use std::io::{ErrorKind, Write};

use crate::exit::Stop;

/// Writes `text`. A reader that has gone away, such as `head`, has what it wanted: no error.
///
/// # Errors
/// When stdout cannot be written for another reason, such as a full disk.
pub fn print(text: &str) -> Result<(), Stop> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Stop::failed(format!("The output cannot be written: {error}.")))
        }
        _ => Ok(()),
    }
}

/// `value` as indented JSON and a newline.
pub fn json(value: &impl serde::Serialize) -> Result<(), Stop> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Stop::failed(format!("The output cannot be made: {error}.")))?;
    print(&format!("{text}\n"))
}
