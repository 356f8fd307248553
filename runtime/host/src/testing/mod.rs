//! Pipeline tests: a pipeline, the rows that its sources give, and the rows that are to come out.
//!
//! A test is read and made ready whole ([`PipelineTest::prepare`]) before it runs, so that every fault of its files is
//! told at once. It runs in virtual time under one seed ([`PipelineTest::run`]), with the sources replaced by the rows of
//! the test and the sinks by some that write nothing; what passes is compared in [`diff`]. Invariant: a test never reads
//! from its pipeline's sources and writes nothing outside, but for [`PipelineTest::update`]. [`record`] makes a test of what
//! the sources really give.

pub mod diff;
mod file;
pub mod record;
pub(crate) mod rows;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use millrace_engine::{Plan, PlannedNode, PlannedPort, Replays, Run, RunOptions, Simulation, start};
use millrace_model::run::RunState;
use millrace_model::{Endpoint, NodeId, PortRole, Wire, suggest};
use millrace_operator::Registry;
use millrace_operator::output::Emitted;

use self::diff::{Comparison, Diff};
use self::file::TestFile;
use crate::pipeline_file;
use crate::planner::Planner;

/// What the names of test files end with.
pub const SUFFIX: &str = ".millrace-test.json";

/// Instances of each keyed node in a test: more than one, so that rows do part.
const PARALLELISM: usize = 2;
/// Small, so that a test of few rows has many batches, cut where the seed says.
const BATCH_SIZE: usize = 64;

/// A test that can run.
pub struct PipelineTest {
    plan: Plan,
    folder: PathBuf,
    replays: Replays,
    checks: Vec<Check>,
}

/// One place whose rows are held against those of a file.
struct Check {
    at: Endpoint,
    place: Place,
    schema: SchemaRef,
    path: PathBuf,
    /// `None` where the file is still to be written.
    expected: Option<RecordBatch>,
    comparison: Comparison,
}

/// Where the rows of a check are seen.
enum Place {
    /// On these wires together.
    Wires(Vec<Wire>),
    /// At a `late` or `rejected` port without wires.
    Unwired,
}

/// What came out at one place.
pub struct Checked {
    pub at: Endpoint,
    /// The file with the rows that are expected.
    pub path: PathBuf,
    pub rows: RecordBatch,
    /// What differs; `None` where there is nothing to compare with yet.
    pub diff: Option<Diff>,
}

impl PipelineTest {
    /// Reads the test file at `path` with everything it names, and plans the pipeline. With `is_update` the files of
    /// expected rows need not be there, nor be readable.
    ///
    /// # Errors
    /// Every fault that was found, each with its file.
    pub async fn prepare(path: &Path, planner: &Planner, is_update: bool) -> Result<Self, Vec<String>> {
        let test = TestFile::load(path).map_err(|fault| vec![fault])?;
        let beside = path.parent().unwrap_or(Path::new("")).to_owned();
        let file = pipeline_file::load(&beside.join(&test.pipeline))
            .map_err(|error| vec![format!("{}: pipeline: {error}.", path.display())])?;
        let plan = planner.plan(&file.pipeline, &test.parameters, &file.folder).await;
        if !plan.is_runnable() {
            let errors = plan.diagnostics.iter().filter(|problem| problem.is_error());
            return Err(errors.map(|problem| file.message(planner.catalog(), &file.locate(problem.clone()))).collect());
        }
        let mut faults = Vec::new();
        let replays = Replays::at_once(replays(&plan, &test, &beside, &mut faults));
        let mut checks = Vec::new();
        for (at, expected) in &test.expected {
            match check(&plan, (at, &file.pipeline.past_borders(at, planner.catalog())), expected, &beside, is_update) {
                Ok(check) => checks.push(check),
                Err(fault) => faults.push(format!("expected {at}: {fault}")),
            }
        }
        if faults.is_empty() {
            return Ok(Self { plan, folder: file.folder, replays, checks });
        }
        Err(faults.into_iter().map(|fault| format!("{}: {fault}", path.display())).collect())
    }

    /// Runs the test once in virtual time, where everything that is left to chance follows from `seed`.
    ///
    /// # Errors
    /// When the run fails: what happened, as one sentence.
    pub async fn run(self: &Arc<Self>, registry: &Registry, seed: u64) -> Result<Vec<Checked>, String> {
        let (test, registry) = (self.clone(), registry.clone());
        let ran = tokio::task::spawn_blocking(move || test.run_blocking(&registry, seed)).await;
        ran.unwrap_or_else(|_| {
            Err(format!("The run broke off with seed {seed}. This is a defect of Millrace; please report it."))
        })
    }

    fn run_blocking(&self, registry: &Registry, seed: u64) -> Result<Vec<Checked>, String> {
        let simulation = Simulation::new(seed);
        let options = RunOptions {
            parallelism: PARALLELISM,
            batch_size: BATCH_SIZE,
            // Every row counts, and tests are small.
            tap_rows: usize::MAX,
            unwired_keep: usize::MAX,
            base_dir: self.folder.clone(),
            world: simulation.world(),
            replays: self.replays.clone(),
            is_dry: true,
            ..RunOptions::default()
        };
        simulation.run(async {
            let run = start(&self.plan, registry, options).await.map_err(|error| error.to_string())?;
            // Nothing has moved yet: in a simulation no task goes on before this one waits.
            for check in &self.checks {
                if let Place::Wires(wires) = &check.place {
                    wires.iter().for_each(|wire| {
                        run.tap(wire);
                    });
                }
            }
            let outcome = run.finished().await;
            if outcome.state == RunState::Failed {
                return Err(outcome.failure.map_or_else(|| "The run failed.".to_owned(), |failure| failure.message));
            }
            self.checks.iter().map(|check| check.carry_out(&run)).collect()
        })
    }

    /// Writes what came out as what is expected from now on.
    ///
    /// # Errors
    /// When a file cannot be written: which one and why.
    pub fn update(checked: &[Checked]) -> Result<(), String> {
        checked.iter().try_for_each(|checked| rows::write(&checked.path, &checked.rows))
    }
}

impl Check {
    fn carry_out(&self, run: &Run) -> Result<Checked, String> {
        let batches: Vec<RecordBatch> = match &self.place {
            Place::Wires(wires) => wires.iter().filter_map(|wire| run.tapped(wire)).collect(),
            Place::Unwired => run.recent(&self.at.node, &self.at.port).into_iter().collect(),
        };
        let fault = |error: arrow::error::ArrowError| format!("{}: the rows cannot be compared: {error}.", self.at);
        let fitted = batches
            .iter()
            .map(|batch| {
                // What arrives by several wires may have its columns in several orders.
                let columns = self
                    .schema
                    .fields()
                    .iter()
                    .map(|field| Ok(batch.column(batch.schema_ref().index_of(field.name())?).clone()));
                RecordBatch::try_new(self.schema.clone(), columns.collect::<Result<_, arrow::error::ArrowError>>()?)
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(fault)?;
        let rows = concat_batches(&self.schema, &fitted).map_err(fault)?;
        let diff = match &self.expected {
            Some(expected) => Some(self.comparison.diff(expected, &rows).map_err(fault)?),
            None => None,
        };
        Ok(Checked { at: self.at.clone(), path: self.path.clone(), rows, diff })
    }
}

/// What the sources give; every source that takes part must have rows.
fn replays(plan: &Plan, test: &TestFile, beside: &Path, faults: &mut Vec<String>) -> BTreeMap<NodeId, Vec<Emitted>> {
    let mut given: BTreeMap<NodeId, Vec<(usize, Vec<Emitted>)>> = BTreeMap::new();
    for (at, source) in &test.sources {
        match replay(plan, at, source, beside) {
            Ok(replay) => given.entry(at.node.clone()).or_default().push(replay),
            Err(fault) => faults.push(format!("sources {at}: {fault}")),
        }
    }
    for node in plan.order.iter().map(|id| &plan.nodes[id]).filter(|node| node.is_source()) {
        if !test.sources.keys().any(|at| at.node == node.id) {
            faults.push(format!(
                "sources: “{}” has no rows in this test. Name a file of rows under `{}.{}`.",
                node.title,
                node.id,
                node.outputs.first().map_or("rows", |output| output.port.name.as_str())
            ));
        }
    }
    let in_order = |mut ports: Vec<(usize, Vec<Emitted>)>| {
        ports.sort_by_key(|(port, _)| *port);
        ports.into_iter().flat_map(|(_, emitted)| emitted).collect()
    };
    given.into_iter().map(|(node, ports)| (node, in_order(ports))).collect()
}

fn replay(plan: &Plan, at: &Endpoint, source: &file::Source, beside: &Path) -> Result<(usize, Vec<Emitted>), String> {
    let node = taking_part(plan, &at.node)?;
    if !node.is_source() {
        return Err(format!("“{}” is no source: only a node without inputs can be given rows.", node.title));
    }
    let (port, output) = port(&node.outputs, &at.port)
        .ok_or_else(|| no_such_port(node, &at.port, node.outputs.iter().map(|output| output.port.name.as_str())))?;
    let schema = known(output);
    let emitted = rows::read_source(&beside.join(&source.rows), &schema, port, source.max_out_of_orderness)?;
    Ok((port, emitted))
}

/// `at` is a port as the test names it, `inside` the port of a node that runs where its rows pass.
fn check(
    plan: &Plan,
    (at, inside): (&Endpoint, &Endpoint),
    expected: &file::Expected,
    beside: &Path,
    is_update: bool,
) -> Result<Check, String> {
    let node = taking_part(plan, &inside.node)?;
    let (place, schema) = place(plan, node, inside)?;
    let comparison = Comparison::new(&schema, expected)?;
    let path = beside.join(&expected.rows);
    if !is_update && !path.exists() {
        let path = path.display();
        return Err(format!("there is no file {path}. Write it, or let `millrace test --update` keep what comes out."));
    }
    let expected = if is_update { None } else { Some(rows::read(&path, &schema)?) };
    Ok(Check { at: at.clone(), place, schema, path, expected, comparison })
}

/// Where the rows at a port can be seen: at an output on one of its wires, at an input on all of them.
fn place(plan: &Plan, node: &PlannedNode, at: &Endpoint) -> Result<(Place, SchemaRef), String> {
    if let Some((_, output)) = port(&node.outputs, &at.port) {
        let wire = plan.wires.iter().find(|wire| wire.from == *at);
        return match wire {
            Some(wire) => Ok((Place::Wires(vec![wire.clone()]), known(output))),
            None if output.port.role == PortRole::Rows => {
                Err("no wire begins at this port, so no rows pass there. Wire it to a Discard node.".to_owned())
            }
            None => Ok((Place::Unwired, known(output))),
        };
    }
    let (_, input) = port(&node.inputs, &at.port).ok_or_else(|| {
        let names = node.outputs.iter().chain(&node.inputs).map(|known| known.port.name.as_str());
        no_such_port(node, &at.port, names)
    })?;
    let wires: Vec<Wire> = plan.wires.iter().filter(|wire| wire.to == *at).cloned().collect();
    if wires.is_empty() {
        return Err("no wire ends at this port, so no rows pass there.".to_owned());
    }
    Ok((Place::Wires(wires), known(input)))
}

fn taking_part<'a>(plan: &'a Plan, id: &NodeId) -> Result<&'a PlannedNode, String> {
    if plan.order.contains(id) {
        return Ok(&plan.nodes[id]);
    }
    if plan.nodes.contains_key(id) {
        return Err(format!(
            "the node `{id}` does not take part in the run: it is disabled, what feeds it is, or it is a nested \
             pipeline or a port of one, and the nodes inside run. Name one of these."
        ));
    }
    let hint = suggest::hint(id.as_str(), plan.order.iter().map(NodeId::as_str));
    Err(format!("the pipeline has no node `{id}`.{hint}"))
}

fn port<'a>(ports: &'a [PlannedPort], name: &str) -> Option<(usize, &'a PlannedPort)> {
    ports.iter().enumerate().find(|(_, planned)| planned.port.name == name)
}

fn no_such_port<'a>(node: &PlannedNode, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    format!("“{}” has no port `{name}`.{}", node.title, suggest::hint(name, known))
}

fn known(port: &PlannedPort) -> SchemaRef {
    port.schema.clone().expect("a runnable plan knows every schema")
}
