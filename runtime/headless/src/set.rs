//! `--set name=value`: texts from the command line as values of the pipeline's parameters.

use std::collections::BTreeMap;

use millrace_host::model::{Diagnostic, Pipeline};
use serde_json::Value;

/// One `--set`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    pub name: String,
    pub text: String,
}

/// The argument as clap reads it.
///
/// # Errors
/// When there is no `=` or no name before it.
pub fn parse(argument: &str) -> Result<Set, String> {
    match argument.split_once('=') {
        Some((name, text)) if !name.trim().is_empty() => {
            Ok(Set { name: name.trim().to_owned(), text: text.to_owned() })
        }
        _ => Err("write name=value, such as devices=500".to_owned()),
    }
}

/// The values by name, typed as the pipeline says, and every value that does not fit. A name that the pipeline does not
/// have is passed on: planning reports it with the nearest one.
pub fn values(pipeline: &Pipeline, sets: &[Set]) -> (BTreeMap<String, Value>, Vec<Diagnostic>) {
    let mut values = BTreeMap::new();
    let mut problems = Vec::new();
    for Set { name, text } in sets {
        let value = match pipeline.parameters().get(name) {
            None => Value::from(text.as_str()),
            Some(parameter) => match parameter.parameter_type.parse(text) {
                Ok(value) => value,
                Err(reason) => {
                    problems.push(Diagnostic::error("parameter_type", format!("--set {name}={text}: {reason}.")));
                    continue;
                }
            },
        };
        if values.insert(name.clone(), value).is_some() {
            let message = format!("--set {name}={text}: `{name}` is set twice. Leave one of the two out.");
            problems.push(Diagnostic::error("parameter_twice", message));
        }
    }
    (values, problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_hold_anything_and_a_name_must_be_there() {
        assert_eq!(parse("a=b=c"), Ok(Set { name: "a".to_owned(), text: "b=c".to_owned() }));
        assert_eq!(parse("a="), Ok(Set { name: "a".to_owned(), text: String::new() }));
        assert!(parse("a").is_err());
        assert!(parse("=b").is_err());
    }
}
