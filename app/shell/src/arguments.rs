//! The command line of the desktop program.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Parser;

/// Draw a data pipeline, watch it run, ship it headless.
#[derive(Debug, Clone, Parser)]
#[command(name = "millrace-designer", version)]
struct Line {
    /// A pipeline file to import and open
    file: Option<PathBuf>,
    /// Where the project database is kept, instead of the person's data folder
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// What the program was asked to do, with all paths made absolute.
#[derive(Debug, Clone)]
pub struct Arguments {
    pub file: Option<PathBuf>,
    /// The folder of the project database and of the window's own state.
    pub data_dir: PathBuf,
    pub database: PathBuf,
    /// Whether `data_dir` was named on the command line.
    pub is_own_data_dir: bool,
    pub working_dir: PathBuf,
}

impl Arguments {
    /// # Errors
    /// When there is no home folder, or no working folder. A wrong command line ends the program with code 2.
    pub fn read() -> Result<Self> {
        let working_dir = std::env::current_dir().context("cannot find the working folder")?;
        let line = Line::parse();
        let database = match &line.data_dir {
            Some(folder) => working_dir.join(folder).join("millrace.db"),
            None => millrace_host::paths::default_database()?,
        };
        let data_dir = database.parent().context("the project database needs a folder")?.to_owned();
        std::fs::create_dir_all(&data_dir)
            .with_context(|| format!("cannot make the folder {} for the project database", data_dir.display()))?;
        Ok(Self {
            file: line.file.map(|file| working_dir.join(file)),
            data_dir,
            database,
            is_own_data_dir: line.data_dir.is_some(),
            working_dir,
        })
    }
}

/// The file that another start of the program asked for; `words` begin with the program's name.
pub fn file_of(words: &[String], working_dir: &str) -> Option<PathBuf> {
    let file = Line::try_parse_from(words).ok()?.file?;
    Some(Path::new(working_dir).join(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn the_file_of_a_second_start_is_found_from_where_it_was_started() {
        assert_eq!(file_of(&words("millrace a.json --data-dir x"), "/home/me"), Some("/home/me/a.json".into()));
        assert_eq!(file_of(&words("millrace /b.json"), "/home/me"), Some("/b.json".into()));
        assert_eq!(file_of(&words("millrace"), "/home/me"), None);
        assert_eq!(file_of(&words("millrace --no-such-option"), "/home/me"), None);
    }
}
