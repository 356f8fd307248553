//! `millrace serve`: the designer in the browser, served from this machine to this machine.

use std::net::SocketAddr;
use std::path::PathBuf;

use millrace_host::{DatabaseLocation, Host, HostOptions, pipeline_file};
use millrace_server::{ServeError, Server};
use tokio::sync::oneshot;

use super::project::location;
use crate::exit::{Exit, Stop};
use crate::interrupt::Interrupts;
use crate::prepare::{file_message, sentence, unreadable};
use crate::{output, report};

#[derive(clap::Args)]
#[command(after_help = "\
Only programs on this machine can connect. The address is printed on stdout when the designer is ready.

Examples:
  millrace serve
  millrace serve fleet.millrace.json
  millrace serve --bind 127.0.0.1:0 --database projects.db")]
pub struct Args {
    /// Pipeline files to open as projects
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Address and port; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7717")]
    bind: SocketAddr,
    /// Keep projects in this database [default: in memory, gone when the command ends]
    #[arg(long, value_name = "FILE")]
    database: Option<PathBuf>,
}

/// # Errors
/// When a file is no pipeline, the database cannot be used, or the address is taken.
pub async fn serve(args: Args) -> Result<Exit, Stop> {
    let mut faults = Vec::new();
    for file in &args.files {
        if let Err(error) = pipeline_file::load(file) {
            faults.push(file_message(file, &unreadable(error)));
        }
    }
    if !faults.is_empty() {
        return Err(Stop { exit: Exit::Invalid, faults });
    }

    if !args.bind.ip().is_loopback() {
        return Err(failed(ServeError::NotLoopback { address: args.bind }));
    }
    let base_dir =
        std::env::current_dir().map_err(|error| Stop::failed(format!("There is no current folder: {error}.")))?;
    let database = match args.database {
        Some(path) => DatabaseLocation::File(location(Some(path))?),
        None => DatabaseLocation::Memory,
    };
    let host = Host::open(HostOptions::served(database, base_dir))
        .await
        .map_err(|error| Stop::failed(sentence(&error.to_string())))?;
    for file in args.files.iter().rev() {
        host.import_file(file).await.map_err(|failure| Stop::failed(failure.message))?;
    }
    let mut interrupts =
        Interrupts::new().map_err(|error| Stop::failed(format!("Interrupts cannot be received: {error}.")))?;
    let server = Server::bind(host.clone(), args.bind).await.map_err(failed)?;
    output::print(&format!("http://{}\n", server.address()))?;
    let (close, closed) = oneshot::channel::<()>();
    let mut serving = tokio::spawn(server.serve(async move {
        // Told or forgotten, both mean the end.
        let _ = closed.await;
    }));
    tokio::select! {
        ended = &mut serving => {
            return match ended {
                Ok(Ok(())) => Ok(Exit::Done),
                Ok(Err(error)) => Err(failed(error)),
                Err(error) => Err(Stop::failed(format!("The server was cut off: {error}."))),
            };
        }
        () = interrupts.next() => {}
    }
    report::note("Stopping: what is under way is being finished. Interrupt again to end at once.");
    drop(close);
    tokio::select! {
        () = host.shutdown() => {}
        () = interrupts.next() => {}
    }
    Ok(Exit::Interrupted)
}

fn failed(error: ServeError) -> Stop {
    let message = sentence(&error.to_string());
    match error {
        ServeError::NotLoopback { .. } => Stop::invalid(message),
        ServeError::Bind { .. } | ServeError::Failed { .. } => Stop::failed(message),
    }
}
