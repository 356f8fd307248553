//! Whether a file can be written at a path, seen without writing anything.
//!
//! It is a look ahead of the run: what changes after it is told when the file is opened.

use std::fs::Metadata;
use std::path::Path;

use millrace_model::value::FilePath;

/// Looks at where a node is to write `path`, which starts at `base_dir`.
///
/// # Errors
/// Why nothing can be written there, and what to do.
pub(super) fn check(base_dir: &Path, path: &FilePath) -> Result<(), String> {
    if path.as_str().trim().is_empty() {
        return Ok(());
    }
    look_at(&base_dir.join(path.as_str())).map_err(|reason| format!("`{path}` cannot be written: {reason}."))
}

fn look_at(path: &Path) -> Result<(), String> {
    if path.is_dir() {
        return Err("it is a folder; name a file".to_owned());
    }
    // Folders that are missing are made, in the nearest one that is there.
    for folder in path.ancestors().skip(1) {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let Ok(metadata) = folder.metadata() else { continue };
        let shown = folder.display();
        if !metadata.is_dir() {
            return Err(format!("`{shown}` is a file and no folder; choose another path"));
        }
        if !may_write(folder, &metadata) {
            return Err(format!(
                "this user may not write in the folder `{shown}`; choose another, or change its rights"
            ));
        }
        return Ok(());
    }
    Ok(())
}

#[cfg(unix)]
fn may_write(folder: &Path, _: &Metadata) -> bool {
    use rustix::fs::{Access, access};
    access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

/// There the read-only mark of a folder says nothing about what is in it.
#[cfg(not(unix))]
fn may_write(_: &Path, _: &Metadata) -> bool {
    true
}
