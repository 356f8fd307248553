//! The host itself: what it is opened with, what it holds, and how it goes down.

use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use millrace_engine::RunOptions;
use millrace_operator::Registry;
use millrace_protocol::{Event, Failure, FailureCode};
use millrace_store::{Store, StoreError};
use tokio::sync::broadcast;

use crate::failure;
use crate::planner::Planner;
use crate::runs::Runs;
use crate::samples;

/// News that a slow subscriber may be behind before it misses some.
const EVENTS_KEPT: usize = 256;
/// How often the host looks whether another process has changed the database.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);
/// How long a run may drain when the program ends, before it is cut off.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// Where projects are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseLocation {
    File(PathBuf),
    /// Nothing is kept when the host goes.
    Memory,
}

/// What a host is opened with.
#[derive(Debug, Clone)]
pub struct HostOptions {
    pub database: DatabaseLocation,
    /// Whether requests may name files of this machine: true in the desktop program, false for a browser.
    pub is_local: bool,
    /// Where the relative paths of projects without a folder start.
    pub base_dir: PathBuf,
    /// Where the sample projects are put when the database is new; `None` leaves it empty.
    pub samples: Option<PathBuf>,
    /// Where the files of a sample are put once a project is begun from it, below `base_dir`; for a host that begins
    /// without projects.
    pub sample_files: Option<PathBuf>,
    /// How runs are carried out; their `base_dir` is that of the project.
    pub run: RunOptions,
}

impl HostOptions {
    /// A host for the person at this machine, with its projects in `database` and the samples beside it.
    pub fn desktop(database: PathBuf, base_dir: PathBuf) -> Self {
        let samples = database.parent().map(|folder| folder.join("samples"));
        let database = DatabaseLocation::File(database);
        Self { database, is_local: true, base_dir, samples, sample_files: None, run: RunOptions::default() }
    }

    /// A host that keeps nothing and has no projects at first.
    pub fn in_memory(base_dir: PathBuf) -> Self {
        let database = DatabaseLocation::Memory;
        Self { database, is_local: false, base_dir, samples: None, sample_files: None, run: RunOptions::default() }
    }

    /// A host for browsers: no projects at first, and every sample to begin one from. What a sample reads is put into
    /// the folder `samples` of `base_dir` when it is first used.
    pub fn served(database: DatabaseLocation, base_dir: PathBuf) -> Self {
        let sample_files = Some(base_dir.join("samples"));
        Self { database, sample_files, ..Self::in_memory(base_dir) }
    }
}

/// Why a host cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("opening the project database was cut off: {0}")]
    CutOff(#[from] tokio::task::JoinError),
}

/// Everything behind the protocol. One host serves any number of windows, tabs and clients at once.
pub struct Host {
    pub(crate) store: Arc<Store>,
    pub(crate) planner: Planner,
    pub(crate) runs: Runs,
    pub(crate) events: broadcast::Sender<Event>,
    pub(crate) options: HostOptions,
}

impl Host {
    /// Opens the database and, when it is new, puts the sample projects into it.
    ///
    /// # Errors
    /// When the database cannot be used; it is then as it was.
    pub async fn open(options: HostOptions) -> Result<Arc<Self>, HostError> {
        Self::open_with(options, crate::registry()).await
    }

    /// As [`Host::open`], with node kinds of one's own.
    ///
    /// # Errors
    /// When the database cannot be used; it is then as it was.
    pub async fn open_with(options: HostOptions, registry: Registry) -> Result<Arc<Self>, HostError> {
        let (database, samples) = (options.database.clone(), options.samples.clone());
        let store = tokio::task::spawn_blocking(move || -> Result<Store, StoreError> {
            let store = match &database {
                DatabaseLocation::File(path) => Store::open(path)?,
                DatabaseLocation::Memory => Store::in_memory()?,
            };
            if let Some(folder) = &samples {
                samples::import_once(&store, folder)?;
            }
            Ok(store)
        })
        .await??;
        let host = Arc::new(Self {
            store: Arc::new(store),
            planner: Planner::new(registry),
            runs: Runs::default(),
            events: broadcast::Sender::new(EVENTS_KEPT),
            options,
        });
        if matches!(host.options.database, DatabaseLocation::File(_)) {
            tokio::spawn(watch_database(Arc::downgrade(&host)));
        }
        Ok(host)
    }

    /// The news from now on. A subscriber that falls far behind misses the oldest, and is told that it did.
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Node kinds, cards and plans, for use without the protocol.
    pub fn planner(&self) -> &Planner {
        &self.planner
    }

    /// Stops every run gracefully, and cuts off those that do not end in time. The outcome of each is in the database
    /// when this returns.
    pub async fn shutdown(&self) {
        let live = self.runs.all();
        for run in &live {
            run.stop(false);
        }
        let all_over = async {
            for run in &live {
                run.over().await;
            }
        };
        if tokio::time::timeout(DRAIN_LIMIT, all_over).await.is_err() {
            for run in &live {
                run.stop(true);
            }
            for run in &live {
                // A machine that never gives its thread back cannot be waited for.
                let _ = tokio::time::timeout(Duration::from_secs(2), run.over()).await;
            }
        }
    }

    pub(crate) fn tell(&self, event: Event) {
        // Nobody listening is as good as everybody told.
        let _ = self.events.send(event);
    }

    /// Runs `work` with the store on a blocking thread.
    pub(crate) async fn with_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Failure> {
        let store = Arc::clone(&self.store);
        in_background(move || work(&store)).await?.map_err(failure::of_store)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        for run in self.runs.all() {
            run.stop(true);
        }
    }
}

/// Runs `work` on a blocking thread.
pub(crate) async fn in_background<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        let message = format!("The request was cut off: {error}. This is a defect of Millrace; please report it.");
        Failure::new(FailureCode::Internal, message)
    })
}

/// Tells of changes that another process (the command line beside the desktop) has made.
async fn watch_database(host: Weak<Host>) {
    let mut known = None;
    loop {
        tokio::time::sleep(LOOK_INTERVAL).await;
        let Some(host) = host.upgrade() else { return };
        // A database that cannot be read now is told by the next request that needs it.
        let Ok(version) = host.with_store(Store::data_version).await else { continue };
        if known.replace(version).is_some_and(|known| known != version) {
            host.tell(Event::ProjectsChanged);
        }
    }
}
