//! Where Millrace keeps what belongs to a person.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

/// The project database that desktop and command line share: `millrace/millrace.db` in the person's data folder.
///
/// # Errors
/// When the system does not say where the person's home is.
pub fn default_database() -> Result<PathBuf, NoHome> {
    let folder = data_folder(env::consts::OS, |name| env::var_os(name), env::home_dir()).ok_or(NoHome)?;
    Ok(folder.join("millrace").join("millrace.db"))
}

/// The system names no home folder for this person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no home folder to keep the project database in: set HOME or XDG_DATA_HOME, or name a database")]
pub struct NoHome;

fn data_folder(os: &str, variable: impl Fn(&str) -> Option<OsString>, home: Option<PathBuf>) -> Option<PathBuf> {
    // The XDG rules say that a relative path is to be ignored.
    let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = home.filter(|path| path.is_absolute());
    match os {
        "windows" => absolute("APPDATA").or_else(|| Some(home?.join("AppData/Roaming"))),
        "macos" => absolute("XDG_DATA_HOME").or_else(|| Some(home?.join("Library/Application Support"))),
        _ => absolute("XDG_DATA_HOME").or_else(|| Some(home?.join(".local/share"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_folder_follows_the_rules_of_the_system() {
        let home = || Some(PathBuf::from("/home/me"));
        let xdg = |value: &'static str| move |name: &str| (name == "XDG_DATA_HOME").then(|| OsString::from(value));
        let none = |_: &str| None;
        assert_eq!(data_folder("linux", xdg("/data"), home()), Some("/data".into()));
        assert_eq!(data_folder("linux", xdg("relative"), home()), Some("/home/me/.local/share".into()));
        assert_eq!(data_folder("linux", none, home()), Some("/home/me/.local/share".into()));
        assert_eq!(data_folder("macos", none, home()), Some("/home/me/Library/Application Support".into()));
        assert_eq!(data_folder("linux", none, None), None);
    }
}
