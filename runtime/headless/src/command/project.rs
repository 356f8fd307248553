//! `millrace project`: the designer's project database from the command line, through the same host and requests.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use millrace_host::model::{Pipeline, suggest};
use millrace_host::{DatabaseLocation, Failure, Host, HostOptions, Request, Response};
use millrace_host::{paths, pipeline_file};
use millrace_protocol::{Project, ProjectId, ProjectSummary};
use serde_json::json;

use crate::exit::{Exit, Stop};
use crate::output;
use crate::prepare::{file_message, sentence, unreadable};

#[derive(clap::Args)]
#[command(after_help = "\
A project is named by its number or by its name.

Examples:
  millrace project list
  millrace project import fleet.millrace.json
  millrace project export \"Fleet health\" fleet.millrace.json
  millrace project show 3")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
    /// The project database [default: the one of the designer]
    #[arg(long, value_name = "FILE", global = true)]
    database: Option<PathBuf>,
}

#[derive(clap::Subcommand)]
enum Action {
    /// List all projects, the one changed last first
    List {
        /// Print the list as JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a project from each of these pipeline files
    Import {
        /// Pipeline files
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
    /// Write a project to a pipeline file
    Export {
        /// Number or name
        #[arg(value_name = "PROJECT")]
        project: String,
        /// The file to write; - is stdout
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Show what a project consists of
    Show {
        /// Number or name
        #[arg(value_name = "PROJECT")]
        project: String,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
}

/// # Errors
/// When the database cannot be used, or there is no such project or file.
pub async fn project(args: Args) -> Result<Exit, Stop> {
    match args.action {
        Action::Import { files } => import(args.database, &files).await?,
        Action::List { json } => {
            let host = existing(args.database).await?;
            list(&host, json).await?;
        }
        Action::Export { project, file } => {
            let host = existing(args.database).await?;
            export(&host, &project, &file).await?;
        }
        Action::Show { project, json } => {
            let host = existing(args.database).await?;
            show(&host, &project, json).await?;
        }
    }
    Ok(Exit::Done)
}

async fn list(host: &Host, as_json: bool) -> Result<(), Stop> {
    let projects = projects(host).await?;
    if as_json {
        let entry = |project: &ProjectSummary| {
            json!({
                "id": project.id,
                "name": project.name,
                "changed": time(project.changed_ms),
                "num_nodes": project.num_nodes,
            })
        };
        return output::json(&projects.iter().map(entry).collect::<Vec<_>>());
    }
    let width = projects.iter().map(|project| project.name.chars().count()).max().unwrap_or_default();
    let line = |project: &ProjectSummary| {
        let nodes = if project.num_nodes == 1 { "node" } else { "nodes" };
        let changed = time(project.changed_ms);
        format!("{:>4}  {:width$}  {changed}  {:>4} {nodes}\n", project.id, project.name, project.num_nodes)
    };
    output::print(&projects.iter().map(line).collect::<String>())
}

async fn import(database: Option<PathBuf>, files: &[PathBuf]) -> Result<(), Stop> {
    // All are read before the first is kept, so that a bad one leaves nothing behind.
    let mut faults = Vec::new();
    for file in files {
        if let Err(error) = pipeline_file::load(file) {
            faults.push(file_message(file, &unreadable(error)));
        }
    }
    if !faults.is_empty() {
        return Err(Stop { exit: Exit::Invalid, faults });
    }
    let host = open(&location(database)?).await?;
    for file in files {
        if let Response::Project(project) = host.import_file(&absolute(file)?).await.map_err(failed)? {
            let name = pipeline_of(&project)?.name().to_owned();
            output::print(&format!("{}: project {}, “{name}”\n", file.display(), project.id))?;
        }
    }
    Ok(())
}

async fn export(host: &Host, wanted: &str, file: &Path) -> Result<(), Stop> {
    let id = find(host, wanted).await?;
    if file == Path::new("-") {
        return output::print(&opened(host, id).await?.text);
    }
    let path = absolute(file)?;
    let path = path.to_str().ok_or_else(|| Stop::invalid(format!("{}: the name is not UTF-8.", file.display())))?;
    host.handle(Request::ExportFile { project: id, path: path.to_owned() }).await.map_err(failed)?;
    Ok(())
}

async fn show(host: &Host, wanted: &str, as_json: bool) -> Result<(), Stop> {
    let id = find(host, wanted).await?;
    let project = opened(host, id).await?;
    let pipeline = pipeline_of(&project)?;
    let revisions = match host.handle(Request::ListRevisions { project: id }).await.map_err(failed)? {
        Response::Revisions(revisions) => revisions,
        _ => Vec::new(),
    };
    let catalog = host.planner().catalog();
    if as_json {
        let nodes: Vec<_> = pipeline
            .nodes()
            .map(|node| json!({ "id": node.id, "title": catalog.title_of(node), "kind": node.kind }))
            .collect();
        let revisions: Vec<_> = revisions
            .iter()
            .map(|revision| json!({ "id": revision.id, "name": revision.name, "saved": time(revision.saved_ms) }))
            .collect();
        return output::json(&json!({
            "id": id,
            "name": pipeline.name(),
            "folder": project.folder,
            "nodes": nodes,
            "wires": pipeline.wires(),
            "parameters": pipeline.parameters(),
            "revisions": revisions,
        }));
    }
    let mut text = format!("{}\n", pipeline.name());
    if let Some(folder) = &project.folder {
        text.push_str(&format!("  folder: {folder}\n"));
    }
    text.push_str("\nNodes\n");
    for node in pipeline.nodes() {
        text.push_str(&format!("  {}: {} ({})\n", node.id, catalog.title_of(node), node.kind));
    }
    text.push_str("\nWires\n");
    for wire in pipeline.wires() {
        text.push_str(&format!("  {wire}\n"));
    }
    if !pipeline.parameters().is_empty() {
        text.push_str("\nParameters\n");
        for (name, parameter) in pipeline.parameters() {
            text.push_str(&format!("  {name} = {}  {}\n", parameter.default, parameter.help));
        }
    }
    if !revisions.is_empty() {
        text.push_str("\nRevisions\n");
        for revision in &revisions {
            let name = if revision.name.is_empty() { "(kept by itself)" } else { &revision.name };
            text.push_str(&format!("  {}  {name}\n", time(revision.saved_ms)));
        }
    }
    output::print(&text)
}

async fn projects(host: &Host) -> Result<Vec<ProjectSummary>, Stop> {
    match host.handle(Request::ListProjects).await.map_err(failed)? {
        Response::Projects(projects) => Ok(projects),
        other => Err(unexpected(&other)),
    }
}

async fn opened(host: &Host, project: ProjectId) -> Result<Project, Stop> {
    match host.handle(Request::OpenProject { project }).await.map_err(failed)? {
        Response::Project(project) => Ok(*project),
        other => Err(unexpected(&other)),
    }
}

/// The project that is meant by a number or a name.
async fn find(host: &Host, wanted: &str) -> Result<ProjectId, Stop> {
    let projects = projects(host).await?;
    if let Some(project) = wanted.parse().ok().and_then(|id: ProjectId| projects.iter().find(|one| one.id == id)) {
        return Ok(project.id);
    }
    let named: Vec<ProjectId> =
        projects.iter().filter(|project| project.name == wanted).map(|project| project.id).collect();
    match named.as_slice() {
        [id] => Ok(*id),
        [] => {
            let hint = suggest::hint(wanted, projects.iter().map(|project| project.name.as_str()));
            Err(Stop::invalid(format!("There is no project `{wanted}`.{hint} `millrace project list` lists them all.")))
        }
        several => {
            let ids: Vec<String> = several.iter().map(ToString::to_string).collect();
            let message =
                format!("{} projects are called `{wanted}`. Say which by its number: {}.", ids.len(), ids.join(", "));
            Err(Stop::invalid(message))
        }
    }
}

/// The path of the database: the given one, or the one that the designer uses.
pub fn location(given: Option<PathBuf>) -> Result<PathBuf, Stop> {
    match given {
        Some(path) => absolute(&path),
        None => paths::default_database().map_err(|error| Stop::failed(sentence(&error.to_string()))),
    }
}

async fn existing(given: Option<PathBuf>) -> Result<Arc<Host>, Stop> {
    let path = location(given)?;
    if !path.exists() {
        let message = format!(
            "There is no project database at {}. `millrace project import FILE` makes one; --database names another.",
            path.display()
        );
        return Err(Stop::invalid(message));
    }
    open(&path).await
}

async fn open(path: &Path) -> Result<Arc<Host>, Stop> {
    let base_dir =
        std::env::current_dir().map_err(|error| Stop::failed(format!("There is no current folder: {error}.")))?;
    let database = DatabaseLocation::File(path.to_owned());
    let options = HostOptions { database, is_local: true, ..HostOptions::in_memory(base_dir) };
    Host::open(options).await.map_err(|error| Stop::failed(sentence(&error.to_string())))
}

fn pipeline_of(project: &Project) -> Result<Pipeline, Stop> {
    let parsed = Pipeline::parse(&project.text);
    let (pipeline, _) = parsed.map_err(|error| Stop::failed(format!("Project {} is damaged: {error}.", project.id)))?;
    Ok(pipeline)
}

fn absolute(path: &Path) -> Result<PathBuf, Stop> {
    std::path::absolute(path).map_err(|error| Stop::invalid(format!("{}: {error}.", path.display())))
}

/// A time as people read it, in UTC.
fn time(since_epoch_ms: i64) -> String {
    Timestamp::from_millisecond(since_epoch_ms).map_or_else(
        |_| since_epoch_ms.to_string(),
        |time| time.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC").to_string(),
    )
}

fn failed(failure: Failure) -> Stop {
    Stop::failed(failure.message)
}

fn unexpected(response: &Response) -> Stop {
    Stop::failed(format!("The host gave an unexpected answer, which is a defect of Millrace: {response:?}"))
}
