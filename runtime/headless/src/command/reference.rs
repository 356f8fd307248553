//! The node reference: every kind with its help, params and ports as Markdown, made from the cards alone.
//!
//! docs/NODES.md is this text; a test compares the two, so that the reference cannot fall behind.

use std::fmt::Write;

use millrace_host::model::card::{FieldKind, Form, PortCard};
use millrace_host::model::{Catalog, NodeCard, Section};
use serde_json::Value;

/// The whole reference.
pub fn of_catalog(catalog: &Catalog) -> String {
    let mut text = String::from(
        "# Nodes\n\nEvery node of Millrace with its params and ports. This page is made by `millrace nodes --markdown`; \
         change the documentation in the node's file under `nodes/`, not here.\n",
    );
    for section in Section::ALL {
        let mut cards = catalog.section(section).peekable();
        if cards.peek().is_some() {
            let _ = write!(text, "\n## {}\n\n", section.title());
            for card in catalog.section(section) {
                let _ = writeln!(text, "- [{}](#{}): {}", card.title, anchor(card), lower_first(&card.summary));
            }
        }
        for card in cards {
            text.push('\n');
            text.push_str(&of_node(card));
        }
    }
    text
}

/// One node.
pub fn of_node(card: &NodeCard) -> String {
    let mut text = format!("### {} (`{}`)\n\n{}.\n", card.title, card.kind, card.summary.trim_end_matches('.'));
    if !card.help.trim().is_empty() {
        let _ = write!(text, "\n{}\n", card.help.trim());
    }
    if !card.form.fields.is_empty() {
        text.push_str("\n**Params**\n\n| name | type | default | what it does |\n| --- | --- | --- | --- |\n");
        write_fields(&mut text, &card.form, "");
    }
    for (heading, ports) in [("Inputs", &card.inputs), ("Outputs", &card.outputs)] {
        if !ports.is_empty() {
            let _ = write!(text, "\n**{heading}**\n\n");
            for port in ports {
                let _ = writeln!(text, "- {}", of_port(port));
            }
        }
    }
    text
}

/// The anchor that renderers make of the node's heading.
fn anchor(card: &NodeCard) -> String {
    let heading = format!("{} ({})", card.title, card.kind).to_lowercase();
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn write_fields(text: &mut String, form: &Form, path: &str) {
    for field in &form.fields {
        let name = format!("{path}{}", field.name);
        let default = match (&field.default, field.required) {
            (_, true) => "required".to_owned(),
            (None | Some(Value::Null), false) => "none".to_owned(),
            (Some(value), false) => format!("`{value}`"),
        };
        write_row(text, &name, &type_of(&field.kind), &default, &field.help);
        write_inside(text, &field.kind, &name);
    }
}

/// The rows of what a param holds inside.
fn write_inside(text: &mut String, kind: &FieldKind, name: &str) {
    match kind {
        FieldKind::Group { form } => write_fields(text, form, &format!("{name}.")),
        FieldKind::List { item } => write_inside(text, item, &format!("{name}[]")),
        FieldKind::Variant { tag, variants } => {
            for variant in variants {
                write_row(text, &format!("{name}.{tag}"), &format!("`{}`", variant.value), "", &variant.help);
                write_fields(text, &variant.form, &format!("{name}."));
            }
        }
        FieldKind::Choice { options } => {
            for option in options.iter().filter(|option| !option.help.trim().is_empty()) {
                write_row(text, "", &format!("`{}`", option.value), "", &option.help);
            }
        }
        _ => {}
    }
}

fn write_row(text: &mut String, name: &str, type_words: &str, default: &str, help: &str) {
    let name = if name.is_empty() { String::new() } else { format!("`{name}`") };
    let _ = writeln!(text, "| {name} | {type_words} | {} | {} |", cell(default), cell(help));
}

/// Text that stays inside its cell of a table.
fn cell(text: &str) -> String {
    text.trim().replace("\r\n", "\n").replace("\n\n", "<br>").replace('\n', " ").replace('|', "\\|")
}

fn type_of(kind: &FieldKind) -> String {
    match kind {
        FieldKind::Text { .. } => "text".to_owned(),
        FieldKind::Secret => "secret text".to_owned(),
        FieldKind::Integer { min, max } => numbers("whole number", *min, *max),
        FieldKind::Number { min, max } => numbers("number", *min, *max),
        FieldKind::Boolean => "true or false".to_owned(),
        FieldKind::Duration => "length of time, such as `10 s`".to_owned(),
        FieldKind::Expression { aggregate: false } => "SQL expression".to_owned(),
        FieldKind::Expression { aggregate: true } => "SQL expression with aggregates".to_owned(),
        FieldKind::Column => "column".to_owned(),
        FieldKind::Path => "path".to_owned(),
        FieldKind::Choice { options } => {
            options.iter().map(|option| format!("`{}`", option.value)).collect::<Vec<_>>().join(", ")
        }
        FieldKind::List { item } => format!("list of: {}", type_of(item)),
        FieldKind::Group { .. } => "group".to_owned(),
        FieldKind::Variant { tag, .. } => format!("group, by `{tag}`"),
        FieldKind::Json => "JSON".to_owned(),
    }
}

fn numbers(noun: &str, min: Option<f64>, max: Option<f64>) -> String {
    match (min, max) {
        (Some(min), Some(max)) => format!("{noun} from {min} to {max}"),
        (Some(min), None) => format!("{noun} of at least {min}"),
        (None, Some(max)) => format!("{noun} of at most {max}"),
        (None, None) => noun.to_owned(),
    }
}

fn of_port(port: &PortCard) -> String {
    let name = match &port.repeated_by {
        None => format!("`{}`", port.name),
        Some(repeat) => format!("one for each of `{}`, named by its `{}`", repeat.param, repeat.field),
    };
    let many = if port.takes_many_wires { " Takes any number of wires." } else { "" };
    let only = port.only_where.as_ref();
    let only = only.map(|only| format!(" Only where `{}.{}` is `{}`.", only.param, only.field, only.value));
    format!("{name}: {}{many}{}", port.help.trim().replace('\n', " "), only.unwrap_or_default())
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    let (first, second) = (letters.next(), letters.clone().next());
    // An abbreviation stays as it is.
    if second.is_some_and(char::is_uppercase) {
        return text.to_owned();
    }
    first.into_iter().flat_map(char::to_lowercase).chain(letters).collect()
}
