//! Fixes that write the meant name instead of a misspelt one.

use serde_json::Value;

use crate::diagnostic::{Diagnostic, Fix};
use crate::edit::Edit;
use crate::pipeline::{Node, Pipeline};
use crate::suggest;

/// The change that sets the name which the problem asks for ("Did you mean …?"), if it is in the node's params.
fn name_fix(node: &Node, problem: &Diagnostic) -> Option<Fix> {
    let (misspelt, meant) = suggest::read(&problem.message)?;
    let path = problem.param.as_deref()?;
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (name, rest) = path.split_at(end);
    let value = node.params.get(name)?;
    let set = |name: &str, value| Edit::SetParam { id: node.id.clone(), name: name.to_owned(), value };
    let edits = if problem.code == "unknown_param" {
        // The name of the param itself. One inside a group is left to the person.
        let is_free = rest.is_empty() && name == misspelt && !node.params.contains_key(meant);
        is_free.then(|| vec![set(name, None), set(meant, Some(value.clone()))])?
    } else {
        let mut value = value.clone();
        let text = value.pointer_mut(&pointer(rest))?;
        // Of a choice, the words name the field last; the value itself is what was misspelt.
        let misspelt = if problem.code == "param_choice" { &text.as_str()?.to_owned() } else { misspelt };
        let is_sql = matches!(text, Value::String(text) if text != misspelt);
        *text = Value::String(replaced(text.as_str()?, misspelt, meant, is_sql)?);
        vec![set(name, Some(value))]
    };
    Some(Fix { label: format!("Use `{meant}`"), edits })
}

/// `columns[0].expression` without its first name, as a JSON pointer: `/0/expression`.
fn pointer(path: &str) -> String {
    path.replace(['.', '['], "/").replace(']', "")
}

/// The text with each word `from` written as `to`; nothing where there is none outside of quoted texts.
fn replaced(text: &str, from: &str, to: &str, is_sql: bool) -> Option<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let is_plain = to.chars().all(is_word) && !to.starts_with(|c: char| c.is_numeric());
    let to = if is_sql && !is_plain { format!("\"{}\"", to.replace('"', "\"\"")) } else { to.to_owned() };
    let mut result = String::new();
    let (mut rest, mut in_text, mut is_found) = (text, false, false);
    let mut before = ' ';
    while let Some(next) = rest.chars().next() {
        let follows = rest.strip_prefix(from).filter(|after| !after.starts_with(is_word));
        if let Some(after) = follows.filter(|_| !in_text && !is_word(before)) {
            let is_quoted = before == '"' && after.starts_with('"');
            result.push_str(if is_quoted { to.trim_matches('"') } else { &to });
            is_found = true;
            before = from.chars().next_back().unwrap_or(' ');
            rest = after;
            continue;
        }
        in_text ^= is_sql && next == '\'';
        result.push(next);
        before = next;
        rest = &rest[next.len_utf8()..];
    }
    is_found.then_some(result)
}

/// Gives the problems whose misspelt name stands in the pipeline the fix that writes the meant one.
pub fn mend_names(pipeline: &Pipeline, problems: &mut [Diagnostic]) {
    for problem in problems {
        let fix = problem.node.as_ref().and_then(|id| name_fix(pipeline.node(id)?, problem));
        problem.fix = fix.or(problem.fix.take());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use serde_json::json;

    fn fixed(
        params: Value,
        param: &str,
        code: &str,
        message: &str,
    ) -> Option<(String, BTreeMap<String, Option<Value>>)> {
        let params = params.as_object().expect("an object").clone();
        let mut node = Node::new("a".parse().expect("an id"), "process.filter");
        node.params = params.into_iter().collect();
        let fix = name_fix(&node, &Diagnostic::error(code, message).at_node(&node.id).at_param(param))?;
        let edits = fix.edits.into_iter().map(|edit| match edit {
            Edit::SetParam { name, value, .. } => (name, value),
            other => panic!("no param is set by {other:?}"),
        });
        Some((fix.label, edits.collect()))
    }

    const TEMPERATURE: &str = "The input has no column `temprature`. Did you mean `temperature`?";

    #[test]
    fn the_meant_name_is_written_wherever_the_misspelt_one_is_a_word() {
        let params =
            json!({ "condition": "temprature > 4 AND 'temprature' <> note AND my_temprature < \"temprature\"" });
        let (label, edits) = fixed(params, "condition", "unknown_column", TEMPERATURE).expect("a fix");
        assert_eq!(label, "Use `temperature`");
        let mended = "temperature > 4 AND 'temprature' <> note AND my_temprature < \"temperature\"";
        assert_eq!(edits["condition"], Some(json!(mended)));
    }

    #[test]
    fn a_name_deep_in_a_list_is_mended_and_its_neighbours_stay() {
        let params = json!({ "columns": [{ "name": "a", "expression": "1" }, { "name": "b", "expression": "abs(temprature)" }] });
        let (_, edits) = fixed(params, "columns[1].expression", "unknown_column", TEMPERATURE).expect("a fix");
        let mended = json!([{ "name": "a", "expression": "1" }, { "name": "b", "expression": "abs(temperature)" }]);
        assert_eq!(edits["columns"], Some(mended));
        let (_, edits) =
            fixed(json!({ "keys": ["site", "temprature"] }), "keys[1]", "unknown_column", TEMPERATURE).expect("a fix");
        assert_eq!(edits["keys"], Some(json!(["site", "temperature"])));
    }

    #[test]
    fn a_name_that_is_no_plain_word_is_quoted_in_sql_only() {
        let message = "The input has no column `Temp`. Did you mean `Temp C`?";
        let (_, edits) =
            fixed(json!({ "condition": "Temp > 4" }), "condition", "unknown_column", message).expect("a fix");
        assert_eq!(edits["condition"], Some(json!("\"Temp C\" > 4")));
        let (_, edits) = fixed(json!({ "keys": ["Temp"] }), "keys[0]", "unknown_column", message).expect("a fix");
        assert_eq!(edits["keys"], Some(json!(["Temp C"])));
    }

    #[test]
    fn a_misspelt_param_keeps_its_value_under_the_right_name() {
        let message = "There is no param `kondition` here. Did you mean `condition`?";
        let (_, edits) = fixed(json!({ "kondition": "n > 1" }), "kondition", "unknown_param", message).expect("a fix");
        assert_eq!((&edits["kondition"], &edits["condition"]), (&None, &Some(json!("n > 1"))));
        let both = json!({ "kondition": "n > 1", "condition": "n > 2" });
        assert_eq!(fixed(both, "kondition", "unknown_param", message), None, "nothing is written over");
    }

    #[test]
    fn of_a_choice_the_whole_value_is_written_anew() {
        let message = "`recject` is not a choice of `On error`. Did you mean `reject`?";
        let (_, edits) = fixed(json!({ "on_error": "recject" }), "on_error", "param_choice", message).expect("a fix");
        assert_eq!(edits["on_error"], Some(json!("reject")));
    }

    #[test]
    fn what_is_not_there_is_not_mended() {
        assert_eq!(fixed(json!({ "condition": "n > 1" }), "condition", "unknown_column", TEMPERATURE), None);
        assert_eq!(fixed(json!({}), "condition", "unknown_column", TEMPERATURE), None);
        assert_eq!(fixed(json!({ "condition": 4 }), "condition", "unknown_column", TEMPERATURE), None);
    }
}
