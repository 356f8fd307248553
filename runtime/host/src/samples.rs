//! The sample projects: built in, and put into a new database once, so that the first window has something to run.

use std::io;
use std::path::Path;

use millrace_model::Pipeline;
use millrace_protocol::Sample;
use millrace_store::{NewProject, Store, StoreError};
use rust_embed::RustEmbed;
use serde_json::Value;

use crate::clock::now_ms;
use crate::file::write_whole;
use crate::projects::LAST_PROJECT;

/// The folder projects/ of the repository: pipelines beside `data/`.
#[derive(RustEmbed)]
#[folder = "../../projects"]
#[allow_missing = true]
struct Samples;

const PIPELINE_ENDING: &str = ".millrace.json";
const DATA_FOLDER: &str = "data/";
/// The one that is open when somebody starts Millrace for the first time.
const FIRST: &str = "fleet_health.millrace.json";
/// Each sample with what it shows, in the order of the gallery.
const SUMMARIES: [(&str, &str); 12] = [
    (FIRST, "A fleet of simulated devices: averages per minute, devices that fall silent, alarms to a file."),
    (
        "access_log.millrace.json",
        "A web server's log, parsed line by line: requests and errors a minute, errors to a file.",
    ),
    ("sensor_file.millrace.json", "A CSV file of a machine's sensors: cleaned, gaps filled, averages per hour."),
    (
        "anomaly_watch.millrace.json",
        "Pumps, each held against its own last 30 s: z-scores, odd readings to a file, three in a row as an alarm.",
    ),
    (
        "search_index.millrace.json",
        "Changes of a product table become documents and an index of their words, in SQLite files.",
    ),
    ("lambda.millrace.json", "Totals from the file of all readings and from what came since, joined into one view."),
    ("kappa.millrace.json", "One pipeline over an order log, which it replays from the beginning and then follows."),
    (
        "cleaning.millrace.json",
        "Fifteen raw readings made fit for use: times read, doubles out, sorted, odd ones apart, gaps filled.",
    ),
    ("joins.millrace.json", "Orders, payments and prices, joined by the newest price, within two minutes, by windows."),
    ("windows.millrace.json", "One small fleet under every kind of window, and who has fallen silent."),
    (
        "auctions.millrace.json",
        "Nexmark's auctions: the hottest ones, found in a nested pipeline; a sample of the bidders.",
    ),
    ("chart_gallery.millrace.json", "Every chart beside the others, fed by one simulated fleet."),
];
/// Set once the samples were put in, so that deleting them all does not bring them back.
const DONE: &str = "samples_imported";

/// Puts the samples into `store` and their files into `folder`, if the store has no projects and never had them.
///
/// # Errors
/// When the database cannot be written. A folder that cannot be written only leaves the samples without their files.
pub(crate) fn import_once(store: &Store, folder: &Path) -> Result<(), StoreError> {
    if store.setting(DONE)?.is_some() || !store.projects()?.is_empty() {
        return Ok(());
    }
    if let Err(error) = write_files(folder) {
        tracing::warn!(folder = %folder.display(), %error, "the files of the sample projects could not be written");
    }
    let project_folder = absolute(folder);
    for name in Samples::iter().filter(|name| is_pipeline(name)) {
        let Some(file) = Samples::get(&name) else { continue };
        let parsed = std::str::from_utf8(&file.data).ok().map(Pipeline::parse);
        let Some(Ok((pipeline, _))) = parsed else {
            tracing::warn!(%name, "a sample project cannot be read");
            continue;
        };
        let project = NewProject {
            name: pipeline.name().to_owned(),
            text: pipeline.to_text(),
            folder: Some(project_folder.clone()),
            num_nodes: pipeline.num_nodes(),
        };
        let id = store.create_project(&project, now_ms())?;
        if name == FIRST {
            store.set_setting(LAST_PROJECT, &id.into())?;
        }
    }
    store.set_setting(DONE, &Value::Bool(true))
}

/// The samples, to begin a project from. Those that read files are left out where no `folder` has their files.
pub(crate) fn list(folder: Option<&Path>) -> Vec<Sample> {
    let folder = folder.map(absolute);
    let text_of = |name: &str| String::from_utf8(Samples::get(name)?.data.into_owned()).ok();
    let samples = SUMMARIES.iter().filter_map(|(name, summary)| {
        Some(Sample { summary: (*summary).to_owned(), text: text_of(name)?, folder: folder.clone() })
    });
    samples.filter(|sample| folder.is_some() || !sample.text.contains(&format!("\"{DATA_FOLDER}"))).collect()
}

/// Whether a built-in file is a sample, and not one that serves a bench or a test.
fn is_pipeline(name: &str) -> bool {
    name.ends_with(PIPELINE_ENDING) && !name.contains('/')
}

/// The folder as projects name it.
pub(crate) fn absolute(folder: &Path) -> String {
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()).to_string_lossy().into_owned()
}

/// Puts the files that samples read into `folder`, which must lie below `base_dir` also once links are followed.
///
/// # Errors
/// When the folder leads elsewhere or cannot be written.
pub(crate) fn write_data_below(base_dir: &Path, folder: &Path) -> io::Result<()> {
    // The nearest ancestor that is there decides where a new folder would really stand.
    let data = folder.join(DATA_FOLDER);
    let there = data.ancestors().find(|path| path.symlink_metadata().is_ok());
    let real = there.unwrap_or(base_dir).canonicalize()?;
    if !real.starts_with(base_dir.canonicalize()?) {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "a link there leads out of the folder"));
    }
    write_files_that(folder, |name| name.starts_with(DATA_FOLDER))
}

/// Pipelines too, so that `millrace run` finds them there. What is there already may have been changed by the person.
fn write_files(folder: &Path) -> io::Result<()> {
    write_files_that(folder, |name| name.starts_with(DATA_FOLDER) || is_pipeline(name))
}

fn write_files_that(folder: &Path, is_wanted: impl Fn(&str) -> bool) -> io::Result<()> {
    for name in Samples::iter().filter(|name| is_wanted(name)) {
        let path = folder.join(&*name);
        if path.exists() {
            continue;
        }
        if let (Some(parent), Some(file)) = (path.parent(), Samples::get(&name)) {
            std::fs::create_dir_all(parent)?;
            write_whole(&path, &file.data)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_is_in_the_gallery_and_without_files_only_those_that_need_none() {
        let texts = |folder| -> Vec<String> { list(folder).into_iter().map(|sample| sample.text).collect() };
        let here = texts(Some(Path::new("here")));
        assert_eq!(here.len(), Samples::iter().filter(|name| is_pipeline(name)).count());
        let bare = texts(None);
        assert!(!bare.is_empty() && bare.iter().all(|text| !text.contains("data/")));
        assert!(bare.len() < here.len());
    }

    #[test]
    fn every_built_in_pipeline_can_be_read() {
        let names: Vec<_> = Samples::iter().filter(|name| is_pipeline(name)).collect();
        assert!(names.iter().any(|name| name == FIRST), "the first sample is there: {names:?}");
        for name in names {
            let file = Samples::get(&name).expect("listed");
            let text = std::str::from_utf8(&file.data).expect("UTF-8");
            let (pipeline, _) = Pipeline::parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(pipeline.to_text(), text, "{name} stands in its canonical form");
        }
    }
}
