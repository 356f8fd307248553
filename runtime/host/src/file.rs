//! Files that are written whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes `bytes` to `path` by way of a file beside it that is renamed at the end: whoever reads `path` sees the old
/// content or the new, never a part. The permissions of a file that was there stay.
///
/// # Errors
/// When the folder does not exist or may not be written; `path` is then as it was.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => return Err(io::Error::new(io::ErrorKind::InvalidInput, "this is not the path of a file")),
    };
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "this is not the path of a file"))?;
    if !folder.is_dir() {
        let message = format!("the folder {} does not exist; make it first or choose another", folder.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, message));
    }
    if path.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "there is a folder of that name"));
    }
    let mut unfinished = Unfinished::create(folder, name)?;
    unfinished.file.write_all(bytes)?;
    if let Ok(metadata) = fs::metadata(path) {
        unfinished.file.set_permissions(metadata.permissions())?;
    }
    unfinished.file.sync_all()?;
    fs::rename(&unfinished.path, path)?;
    unfinished.is_renamed = true;
    Ok(())
}

/// A file that disappears unless it was renamed.
struct Unfinished {
    file: File,
    path: PathBuf,
    is_renamed: bool,
}

static NUMBER: AtomicU64 = AtomicU64::new(0);

impl Unfinished {
    fn create(folder: &Path, name: &std::ffi::OsStr) -> io::Result<Self> {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let mut own_name = std::ffi::OsString::from(".");
        own_name.push(name);
        own_name.push(format!(".{}-{number}.tmp", std::process::id()));
        let path = folder.join(own_name);
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        Ok(Self { file, path, is_renamed: false })
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.is_renamed {
            // What remains is a hidden file that nobody reads.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.txt");
        write_whole(&path, b"old").expect("written");
        write_whole(&path, b"new").expect("written");
        assert_eq!(fs::read(&path).expect("readable"), b"new");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }

    #[test]
    fn a_write_that_cannot_be_made_changes_nothing_and_says_why() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = write_whole(&folder.path().join("none/a.txt"), b"x").expect_err("no folder");
        assert!(error.to_string().contains("does not exist"), "{error}");
        fs::create_dir(folder.path().join("a.txt")).expect("made");
        assert!(write_whole(&folder.path().join("a.txt"), b"x").is_err());
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }
}
