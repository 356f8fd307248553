//! From a pipeline to a plan: parameters put in, nodes probed, ports and faults worked out.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use millrace_engine::{Answers, Plan, Probes};
use millrace_model::check::check;
use millrace_model::mending::mend_names;
use millrace_model::{Catalog, Diagnostic, Pipeline};
use millrace_operator::Registry;
use serde_json::Value;

use crate::probes::ProbeCache;

/// Plans pipelines and remembers what probes found and nodes said, so that planning after each keystroke is cheap.
pub struct Planner {
    registry: Registry,
    catalog: Catalog,
    probes: ProbeCache,
    answers: Arc<Answers>,
}

impl Planner {
    pub fn new(registry: Registry) -> Self {
        let catalog = registry.catalog();
        Self { registry, catalog, probes: ProbeCache::default(), answers: Arc::default() }
    }

    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The plan of `pipeline` with the given values of its parameters. Relative paths start at `base_dir`. Where a
    /// value does not fit, the plan says so and cannot run.
    pub async fn plan(&self, pipeline: &Pipeline, given: &BTreeMap<String, Value>, base_dir: &Path) -> Plan {
        let mut plan = match pipeline.with_parameters(given) {
            Ok(resolved) => {
                let probes = self.probes.probe_all(&resolved, &self.registry, &self.catalog, base_dir).await;
                self.plan_in_background(resolved, probes).await
            }
            Err(mut problems) => {
                // What the nodes would say of params that still hold `${…}` is no news; only the shape counts.
                problems.extend(check(pipeline, &self.catalog));
                let plan = self.plan_in_background(pipeline.clone(), Probes::new()).await;
                Plan { diagnostics: problems, ..plan }
            }
        };
        // A fix changes what is written, with its `${…}`, not what the parameters made of it.
        mend_names(pipeline, &mut plan.diagnostics);
        plan
    }

    /// Compiling expressions takes a while, so it stays off the async workers.
    async fn plan_in_background(&self, pipeline: Pipeline, probes: Probes) -> Plan {
        let (registry, answers) = (self.registry.clone(), self.answers.clone());
        let plan = move || millrace_engine::plan_again(&pipeline, &registry, &probes, &answers);
        let planned = tokio::task::spawn_blocking(plan).await;
        planned.unwrap_or_else(|error| {
            let message = format!("Planning was cut off: {error}. This is a defect of Millrace; please report it.");
            Plan { diagnostics: vec![Diagnostic::error("internal", message)], ..Plan::default() }
        })
    }
}
