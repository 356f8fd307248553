//! Which files a path means: itself, what a pattern matches, or what lies in a folder; sorted by name.

use std::path::{Path, PathBuf};

use millrace_model::suggest;

use crate::format::FileFormat;

fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// The files that `path` means, seen from `base_dir`. Hidden files are left out, and in a folder those whose format is
/// not known.
///
/// # Errors
/// One sentence when there is nothing of that name, or the folder cannot be read.
pub(super) fn list(base_dir: &Path, path: &str, format: FileFormat) -> Result<Vec<PathBuf>, String> {
    let full = base_dir.join(path);
    let mut files: Vec<PathBuf> = if full.is_dir() {
        let entries =
            std::fs::read_dir(&full).map_err(|error| format!("The folder `{path}` cannot be read: {error}."))?;
        entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|file| file.is_file() && format.of(file).is_some())
            .collect()
    } else if full.exists() {
        return Ok(vec![full]);
    } else if is_pattern(path) {
        let pattern = if Path::new(path).is_absolute() {
            path.to_owned()
        } else {
            format!("{}/{path}", glob::Pattern::escape(&base_dir.to_string_lossy()))
        };
        glob::glob(&pattern)
            .map_err(|error| format!("`{path}` is not a pattern of file names: {error}."))?
            .filter_map(Result::ok)
            .filter(|file| file.is_file())
            .collect()
    } else {
        return Err(format!("There is no file `{path}`.{}", nearest(&full)));
    };
    let is_hidden = |file: &PathBuf| file.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
    files.retain(|file| !is_hidden(file));
    files.sort();
    Ok(files)
}

/// Names the nearest file of the same folder, or the first part of the path that is not there.
fn nearest(missing: &Path) -> String {
    let (Some(folder), Some(name)) = (missing.parent(), missing.file_name()) else { return String::new() };
    let Ok(entries) = std::fs::read_dir(folder) else {
        return format!(" The folder `{}` is not there either.", folder.display());
    };
    let names: Vec<String> =
        entries.take(10_000).filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    match suggest::nearest(&name.to_string_lossy(), names.iter().map(String::as_str)) {
        Some(found) => format!(" Did you mean `{found}`?"),
        None => String::new(),
    }
}

/// The folder to be watched for changes of what `path` means.
pub(super) fn folder_to_watch(base_dir: &Path, path: &str) -> PathBuf {
    let full = base_dir.join(path);
    if full.is_dir() {
        return full;
    }
    let mut folder = full.as_path();
    while let Some(parent) = folder.parent() {
        folder = parent;
        if !is_pattern(&folder.to_string_lossy()) && folder.is_dir() {
            break;
        }
    }
    folder.to_path_buf()
}
