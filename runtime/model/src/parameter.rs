//! Pipeline parameters: named values that a run may set, used in params as `${name}`.
//!
//! A param whose whole text is `${name}` takes the value with its type; inside a longer text the value is written in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::diagnostic::Diagnostic;
use crate::pipeline::{Params, Pipeline};
use crate::suggest;

/// A named value of a pipeline, set by `--set name=value` or in the designer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    pub default: Value,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub help: String,
    #[serde(rename = "type")]
    pub parameter_type: ParameterType,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParameterType {
    Text,
    Integer,
    Number,
    Boolean,
}

impl ParameterType {
    /// The value that `text` (from a command line) stands for.
    ///
    /// # Errors
    /// A sentence that says what was expected.
    pub fn parse(self, text: &str) -> Result<Value, String> {
        let value = match self {
            Self::Text => Some(Value::from(text)),
            Self::Integer => text.parse::<i64>().ok().map(Value::from),
            Self::Number => text.parse::<f64>().ok().filter(|n| n.is_finite()).map(Value::from),
            Self::Boolean => text.parse::<bool>().ok().map(Value::from),
        };
        value.ok_or_else(|| format!("`{text}` is not {}", self.article()))
    }

    fn article(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Boolean => "true or false",
        }
    }

    fn fits(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
        }
    }
}

impl Pipeline {
    /// The pipeline with every `${name}` in its params replaced by the given value or the parameter's default.
    ///
    /// # Errors
    /// Every unknown name and every value of the wrong type, not the first one only.
    pub fn with_parameters(&self, given: &BTreeMap<String, Value>) -> Result<Pipeline, Vec<Diagnostic>> {
        let mut problems = Vec::new();
        let known: Vec<&str> = self.parameters().keys().map(String::as_str).collect();
        for name in given.keys().filter(|name| !known.contains(&name.as_str())) {
            let hint = suggest::hint(name, known.iter().copied());
            problems.push(Diagnostic::error(
                "unknown_parameter",
                format!("This pipeline has no parameter `{name}`.{hint}"),
            ));
        }
        let mut values = BTreeMap::new();
        for (name, parameter) in self.parameters() {
            let value = given.get(name).unwrap_or(&parameter.default);
            if !parameter.parameter_type.fits(value) {
                problems.push(Diagnostic::error(
                    "parameter_type",
                    format!("Parameter `{name}` is {value}, which is not {}.", parameter.parameter_type.article()),
                ));
            }
            values.insert(name.as_str(), value);
        }

        let mut resolved = self.clone();
        for id in self.node_ids() {
            let params = &self.node(id).expect("the id was just listed").params;
            let mut replaced = Params::new();
            for (name, value) in params {
                let mut unknown = Vec::new();
                replaced.insert(name.clone(), substitute(value, &values, &mut unknown));
                problems.extend(unknown.into_iter().map(|parameter| {
                    let hint = suggest::hint(&parameter, known.iter().copied());
                    Diagnostic::error(
                        "unknown_parameter",
                        format!("`${{{parameter}}}` is not a parameter of this pipeline.{hint}"),
                    )
                    .at_node(id)
                    .at_param(name)
                }));
            }
            resolved.replace_params(id, replaced);
        }
        if problems.is_empty() { Ok(resolved) } else { Err(problems) }
    }
}

fn substitute(value: &Value, values: &BTreeMap<&str, &Value>, unknown: &mut Vec<String>) -> Value {
    match value {
        Value::String(text) => substitute_text(text, values, unknown),
        Value::Array(items) => items.iter().map(|item| substitute(item, values, unknown)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, field)| (name.clone(), substitute(field, values, unknown))).collect()
        }
        other => other.clone(),
    }
}

fn substitute_text(text: &str, values: &BTreeMap<&str, &Value>, unknown: &mut Vec<String>) -> Value {
    let mut written = String::new();
    let mut rest = text;
    while let Some((before, name, after)) = next_reference(rest) {
        let value = values.get(name).copied();
        if value.is_none() {
            unknown.push(name.to_owned());
        }
        if let (Some(value), true) = (value, before.is_empty() && after.is_empty() && written.is_empty()) {
            return value.clone();
        }
        written.push_str(before);
        match value {
            Some(Value::String(text)) => written.push_str(text),
            Some(value) => written.push_str(&value.to_string()),
            None => {}
        }
        rest = after;
    }
    written.push_str(rest);
    Value::String(written)
}

/// Splits at the first `${name}`: what stands before it, the name, what stands after.
fn next_reference(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    while let Some(found) = text[from..].find("${") {
        let start = from + found;
        let length = text[start + 2..].find('}')?;
        let name = &text[start + 2..start + 2 + length];
        if !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_') {
            return Some((&text[..start], name, &text[start + 3 + length..]));
        }
        from = start + 2;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn replaced(text: &str) -> Result<Value, Vec<String>> {
        let (rate, site) = (json!(5), json!("north"));
        let mut unknown = Vec::new();
        let value = substitute(&json!(text), &BTreeMap::from([("rate", &rate), ("site", &site)]), &mut unknown);
        if unknown.is_empty() { Ok(value) } else { Err(unknown) }
    }

    #[test]
    fn a_whole_reference_keeps_its_type_and_an_embedded_one_is_written_in() {
        assert_eq!(replaced("${rate}"), Ok(json!(5)));
        assert_eq!(replaced("out/${site}-${rate}.csv"), Ok(json!("out/north-5.csv")));
        assert_eq!(replaced("${rate}${rate}"), Ok(json!("55")));
    }

    #[test]
    fn what_is_not_a_reference_stays() {
        for text in ["", "$", "${", "${}", "$rate", "{rate}", "a ${b c} d"] {
            assert_eq!(replaced(text), Ok(json!(text)), "{text}");
        }
        assert_eq!(replaced("${nope}"), Err(vec!["nope".to_owned()]));
    }
}
