//! The faults of a pipeline that can be seen from its graph and its cards alone, without running any code of a node:
//! unknown kinds, params that are missing or misspelt, wires to ports that are not there, inputs left open, cycles.
//!
//! All of them are collected. What needs schemas and expressions is found by the engine's plan.

use serde_json::Value;

use crate::card::{Field, FieldKind, Form, Nesting, PortRole};
use crate::catalog::Catalog;
use crate::diagnostic::Diagnostic;
use crate::edit::Edit;
use crate::id::{Endpoint, NodeId, Wire};
use crate::pipeline::{Node, Pipeline};
use crate::suggest;
use crate::value::Interval;

/// Every structural fault of `pipeline`, nodes first, then wires.
pub fn check(pipeline: &Pipeline, catalog: &Catalog) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for node in pipeline.nodes().filter(|node| !pipeline.is_off(&node.id)) {
        check_home(pipeline, catalog, node, &mut problems);
        match catalog.card(&node.kind) {
            None => problems.push(
                Diagnostic::error(
                    "unknown_kind",
                    format!(
                        "This version of Millrace has no node `{}`.{}",
                        node.kind,
                        catalog.hint_for_kind(&node.kind)
                    ),
                )
                .at_node(&node.id)
                .at_param("kind"),
            ),
            Some(card) => {
                check_params(node, &card.form, &mut problems);
                check_ports(pipeline, catalog, node, &mut problems);
            }
        }
    }
    for wire in pipeline.wires() {
        check_wire(pipeline, catalog, &wire, &mut problems);
    }
    if let Err(cycle) = pipeline.topological_order() {
        let walk: Vec<&str> = cycle.iter().chain(cycle.first()).map(|id| id.as_str()).collect();
        let mut problem = Diagnostic::error(
            "cycle",
            format!("Rows cannot flow in a circle: {}. Remove one of these wires.", walk.join(" → ")),
        );
        problem.node = cycle.first().cloned();
        problems.push(problem);
    }
    if pipeline.nodes().all(|node| pipeline.is_off(&node.id) || catalog.nesting_of(node).is_some()) {
        problems.push(Diagnostic::error(
            "empty",
            "There is nothing to run yet. Add a node from the Ingest section and wire it to another.",
        ));
    }
    problems
}

fn check_params(node: &Node, form: &Form, problems: &mut Vec<Diagnostic>) {
    let mut faults = Vec::new();
    check_fields(node.params.iter(), form, "", &mut faults);
    problems.extend(faults.into_iter().map(|problem| {
        // An unknown param can be removed with one click.
        let is_unknown = problem.code == "unknown_param";
        let removal = problem.param.clone().filter(|path| is_unknown && !path.contains(['.', '[']));
        let problem = problem.at_node(&node.id);
        match removal {
            Some(name) => problem.with_fix(
                format!("Remove `{name}`"),
                vec![Edit::SetParam { id: node.id.clone(), name: name.clone(), value: None }],
            ),
            None => problem,
        }
    }));
}

fn check_fields<'a>(
    given: impl Iterator<Item = (&'a String, &'a Value)> + Clone,
    form: &Form,
    path: &str,
    problems: &mut Vec<Diagnostic>,
) {
    for (name, value) in given.clone() {
        let at = join(path, name);
        match form.field(name) {
            None => {
                let hint = suggest::hint(name, form.fields.iter().map(|field| field.name.as_str()));
                problems.push(
                    Diagnostic::error("unknown_param", format!("There is no param `{name}` here.{hint}")).at_param(at),
                );
            }
            Some(field) => check_value(value, &field.kind, &at, field, problems),
        }
    }
    for field in form.fields.iter().filter(|field| field.required) {
        let value = given.clone().find(|(name, _)| **name == field.name).map(|(_, value)| value);
        if value.is_none_or(|value| value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())) {
            problems.push(
                Diagnostic::error("missing_param", format!("`{}` is needed.", field.title))
                    .at_param(join(path, &field.name)),
            );
        }
    }
}

fn check_value(value: &Value, kind: &FieldKind, at: &str, field: &Field, problems: &mut Vec<Diagnostic>) {
    if is_reference(value) || (value.is_null() && !field.required) {
        return;
    }
    let mut wrong = |expected: String| {
        problems.push(
            Diagnostic::error("param_type", format!("`{}` is {value}, but should be {expected}.", field.title))
                .at_param(at),
        );
    };
    match kind {
        FieldKind::Text { .. }
        | FieldKind::Secret
        | FieldKind::Expression { .. }
        | FieldKind::Column
        | FieldKind::Path => {
            if !value.is_string() {
                wrong("a text".to_owned());
            }
        }
        FieldKind::Boolean => {
            if !value.is_boolean() {
                wrong("true or false".to_owned());
            }
        }
        FieldKind::Integer { min, max } | FieldKind::Number { min, max } => {
            let whole = matches!(kind, FieldKind::Integer { .. });
            let fits = if whole { value.is_i64() || value.is_u64() } else { value.is_number() };
            let number = value.as_f64();
            let inside = number.is_some_and(|n| min.is_none_or(|min| n >= min) && max.is_none_or(|max| n <= max));
            if !fits || !inside {
                let noun = if whole { "a whole number" } else { "a number" };
                wrong(match (min, max) {
                    (Some(min), Some(max)) => format!("{noun} from {min} to {max}"),
                    (Some(min), None) => format!("{noun} of at least {min}"),
                    (None, Some(max)) => format!("{noun} of at most {max}"),
                    (None, None) => noun.to_owned(),
                });
            }
        }
        FieldKind::Duration => match value.as_str().map(str::parse::<Interval>) {
            Some(Ok(_)) => {}
            Some(Err(_)) | None => wrong("a length of time such as `10 s` or `5 min`".to_owned()),
        },
        FieldKind::Choice { options } => {
            let known = || options.iter().map(|option| option.value.as_str());
            match value.as_str() {
                Some(text) if known().any(|option| option == text) => {}
                Some(text) => {
                    let hint = suggest::hint(text, known());
                    problems.push(
                        Diagnostic::error(
                            "param_choice",
                            format!("`{text}` is not a choice of `{}`.{hint}", field.title),
                        )
                        .at_param(at),
                    );
                }
                None => wrong(format!("one of {}", known().collect::<Vec<_>>().join(", "))),
            }
        }
        FieldKind::List { item } => match value.as_array() {
            None => wrong("a list".to_owned()),
            Some(items) => {
                for (number, value) in items.iter().enumerate() {
                    check_value(value, item, &format!("{at}[{number}]"), field, problems);
                }
                if items.is_empty() && field.required {
                    problems.push(
                        Diagnostic::error("missing_param", format!("`{}` needs at least one entry.", field.title))
                            .at_param(at),
                    );
                }
            }
        },
        FieldKind::Group { form } => match value.as_object() {
            None => wrong("a group of params".to_owned()),
            Some(fields) => check_fields(fields.iter(), form, at, problems),
        },
        FieldKind::Variant { tag, variants } => {
            let Some(fields) = value.as_object() else { return wrong(format!("a group with `{tag}`")) };
            let known = || variants.iter().map(|variant| variant.value.as_str());
            let chosen = fields.get(tag).and_then(Value::as_str);
            match variants.iter().find(|variant| Some(variant.value.as_str()) == chosen) {
                None => {
                    let hint = suggest::hint(chosen.unwrap_or_default(), known());
                    problems.push(
                        Diagnostic::error("param_choice", format!("`{tag}` does not name one of the choices.{hint}"))
                            .at_param(join(at, tag)),
                    );
                }
                Some(variant) => {
                    check_fields(fields.iter().filter(|(name, _)| *name != tag), &variant.form, at, problems);
                }
            }
        }
        FieldKind::Json => {}
    }
}

/// Whether the node lives where it can.
fn check_home(pipeline: &Pipeline, catalog: &Catalog, node: &Node, problems: &mut Vec<Diagnostic>) {
    let nesting = catalog.nesting_of(node);
    let move_to = |inside: Option<&NodeId>| vec![Edit::SetInside { id: node.id.clone(), inside: inside.cloned() }];
    let home = node.inside.as_ref().map(|home| (home, pipeline.node(home)));
    let problem = match home {
        Some((home, None)) => Diagnostic::error(
            "missing_home",
            format!("This node is inside `{home}`, which is not in this pipeline. It is shown at the top."),
        )
        .with_fix("Move it to the top", move_to(None)),
        Some((_, Some(home)))
            if catalog.card(&home.kind).is_some_and(|card| card.nesting != Some(Nesting::Pipeline)) =>
        {
            let title = catalog.title_of(home);
            Diagnostic::error(
                "not_nested",
                format!("This node is inside “{title}”, which is no nested pipeline. Move it out of there."),
            )
            .with_fix("Move it out", move_to(home.inside.as_ref()))
        }
        None if matches!(nesting, Some(Nesting::Input | Nesting::Output)) => Diagnostic::error(
            "no_border",
            "This is a port of a nested pipeline, and it is not inside of one. Move it there or remove it.",
        )
        .with_fix("Remove it", pipeline.removal_of([&node.id])),
        _ if nesting == Some(Nesting::Pipeline) && pipeline.inside(&node.id).next().is_none() => {
            Diagnostic::warning("empty_nested", "Nothing is in this nested pipeline. Open it and add nodes.")
        }
        _ => return,
    };
    problems.push(problem.at_node(&node.id));
}

fn check_ports(pipeline: &Pipeline, catalog: &Catalog, node: &Node, problems: &mut Vec<Diagnostic>) {
    let (inputs, outputs) = catalog.ports_of(pipeline, node);
    let wires = pipeline.wires_into(&node.id);
    for port in &inputs {
        let arriving = wires.iter().filter(|wire| wire.to.port == port.name).count();
        if arriving == 0 {
            problems.push(
                Diagnostic::error(
                    "open_input",
                    format!("The input `{}` is not wired: no rows can arrive.", port.title()),
                )
                .at_node(&node.id),
            );
        } else if arriving > 1 && !port.takes_many_wires {
            problems.push(
                Diagnostic::error(
                    "crowded_input",
                    format!(
                        "{arriving} wires end at `{}`, which takes one. Join them with a Union node first.",
                        port.title()
                    ),
                )
                .at_node(&node.id),
            );
        }
    }
    let leaving = pipeline.wires_out_of(&node.id);
    let has_rows_port = outputs.iter().any(|port| port.role == PortRole::Rows);
    if has_rows_port && leaving.is_empty() {
        problems.push(
            Diagnostic::warning("unused_output", "Nothing is wired to this node's output: its rows are dropped.")
                .at_node(&node.id),
        );
    }
}

fn check_wire(pipeline: &Pipeline, catalog: &Catalog, wire: &Wire, problems: &mut Vec<Diagnostic>) {
    let mut check_end = |end: &Endpoint, is_output: bool| {
        let Some(node) = pipeline.node(&end.node) else { return };
        if catalog.card(&node.kind).is_none() {
            return;
        }
        let (inputs, outputs) = catalog.ports_of(pipeline, node);
        let ports = if is_output { outputs } else { inputs };
        if ports.iter().any(|port| port.name == end.port) {
            return;
        }
        let side = if is_output { "output" } else { "input" };
        let hint = suggest::hint(&end.port, ports.iter().map(|port| port.name.as_str()));
        let what = if ports.is_empty() {
            format!("“{}” has no {side}.", catalog.title_of(node))
        } else {
            format!("“{}” has no {side} `{}`.{hint}", catalog.title_of(node), end.port)
        };
        let removal = Edit::RemoveWire { wire: wire.clone() };
        let (label, edits) = match suggest::read(&what) {
            Some((_, meant)) => {
                let end = Endpoint { node: end.node.clone(), port: meant.to_owned() };
                let (from, to) = if is_output { (end, wire.to.clone()) } else { (wire.from.clone(), end) };
                (format!("Use `{meant}`"), vec![removal, Edit::AddWire { wire: Wire::new(from, to) }])
            }
            None => ("Remove the wire".to_owned(), vec![removal]),
        };
        let problem = Diagnostic::error("no_such_port", what).at_node(&node.id).at_wire(wire);
        problems.push(problem.with_fix(label, edits));
    };
    check_end(&wire.from, true);
    check_end(&wire.to, false);
    if pipeline.home_of(&wire.from.node) != pipeline.home_of(&wire.to.node) {
        problems.push(
            Diagnostic::error(
                "crosses_border",
                "This wire crosses the border of a nested pipeline, which rows pass by its ports only. Remove the wire \
                 and add a port inside.",
            )
            .at_node(&wire.to.node)
            .at_wire(wire)
            .with_fix("Remove the wire", vec![Edit::RemoveWire { wire: wire.clone() }]),
        );
    }
}

/// `${name}`: what it becomes is known only when the run starts.
fn is_reference(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.contains("${"))
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
