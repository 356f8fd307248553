//! The ways to parse a text: their params, the columns they give, and the parsers themselves.

use millrace_operator::InferContext;
use regex::{CaptureLocations, Regex};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::access_log::{self, LogFormat};
use super::columns::{ColumnSpec, Columns, Mismatch, ValueType};

/// How a text is parsed.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Method {
    /// A regular expression with named groups: each group is a column.
    Regex(RegexParams),
    /// The access log of a web server.
    AccessLog(AccessLogParams),
    /// Pairs such as `level=info took=12ms`.
    KeyValue(KeyValueParams),
    /// A JSON object.
    Json(JsonParams),
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegexParams {
    /// A regular expression with named groups, such as `^(?<level>\w+) (?<message>.*)$`. It may match anywhere in the
    /// text; with `^` and `$` it must match all of it.
    pub pattern: String,
    /// The types of groups that are not text.
    #[serde(default)]
    pub types: Vec<TypedName>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessLogParams {
    /// What the lines hold.
    #[serde(default)]
    pub format: LogFormat,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyValueParams {
    /// What stands between two pairs.
    #[serde(default = "space")]
    pub pair_separator: String,
    /// What stands between a key and its value.
    #[serde(default = "equals")]
    pub key_value_separator: String,
    /// The keys that become columns. Other keys, and words without a value, are passed over.
    pub keys: Vec<TypedName>,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JsonParams {
    /// The fields of the object that become columns. One that is missing is null.
    pub fields: Vec<JsonField>,
}

/// A column and its type.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TypedName {
    /// The name of the column.
    pub name: String,
    /// What its values are.
    #[serde(default, rename = "type")]
    pub value_type: ValueType,
}

/// A field of a JSON object.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JsonField {
    /// The name of the column.
    pub name: String,
    /// What its values are. A text takes any value, in its JSON form.
    #[serde(default, rename = "type")]
    pub value_type: ValueType,
    /// Where the value stands, when not under the column's name: keys with dots between them, such as `sensor.id`.
    #[serde(default)]
    pub path: String,
}

fn space() -> String {
    " ".to_owned()
}

fn equals() -> String {
    "=".to_owned()
}

/// A parser that is ready for lines.
pub enum Parser {
    Regex { regex: Regex, groups: Vec<usize>, locations: CaptureLocations },
    AccessLog(LogFormat),
    KeyValue { pair: String, separator: String, keys: Vec<String> },
    Json { paths: Vec<Vec<String>> },
}

impl Method {
    /// The parser and its columns; faults are reported in `cx`.
    pub fn plan(&self, cx: &mut InferContext<'_>) -> Option<(Parser, Vec<ColumnSpec>)> {
        match self {
            Method::Regex(params) => plan_regex(params, cx),
            Method::AccessLog(params) => Some((Parser::AccessLog(params.format), access_log::columns(params.format))),
            Method::KeyValue(params) => {
                for (name, text) in
                    [("pair_separator", &params.pair_separator), ("key_value_separator", &params.key_value_separator)]
                {
                    if text.is_empty() {
                        cx.error(format!("method.{name}"), "empty_separator", "Write at least one sign.");
                    }
                }
                if params.pair_separator == params.key_value_separator {
                    let message = "Pairs and values cannot have the same separator.";
                    cx.error("method.key_value_separator", "same_separator", message);
                }
                if params.keys.is_empty() {
                    cx.error("method.keys", "no_columns", "Name at least one key.");
                }
                let specs = typed(&params.keys);
                let keys = specs.iter().map(|spec| spec.name.clone()).collect();
                let (pair, separator) = (params.pair_separator.clone(), params.key_value_separator.clone());
                Some((Parser::KeyValue { pair, separator, keys }, specs))
            }
            Method::Json(params) => {
                if params.fields.is_empty() {
                    cx.error("method.fields", "no_columns", "Name at least one field.");
                }
                let path = |field: &JsonField| match field.path.as_str() {
                    "" => vec![field.name.clone()],
                    path => path.split('.').map(str::to_owned).collect(),
                };
                let specs = params.fields.iter().map(|field| ColumnSpec::new(&field.name, field.value_type)).collect();
                Some((Parser::Json { paths: params.fields.iter().map(path).collect() }, specs))
            }
        }
    }

    /// The param that names the column of this index, for messages.
    pub fn column_param(&self, index: usize) -> String {
        match self {
            Method::Regex(_) => "method.pattern".to_owned(),
            Method::AccessLog(_) => "method.format".to_owned(),
            Method::KeyValue(_) => format!("method.keys[{index}].name"),
            Method::Json(_) => format!("method.fields[{index}].name"),
        }
    }
}

fn typed(names: &[TypedName]) -> Vec<ColumnSpec> {
    names.iter().map(|typed| ColumnSpec::new(&typed.name, typed.value_type)).collect()
}

fn plan_regex(params: &RegexParams, cx: &mut InferContext<'_>) -> Option<(Parser, Vec<ColumnSpec>)> {
    let regex = match Regex::new(&params.pattern) {
        Ok(regex) => regex,
        Err(error) => {
            // The last line says what is wrong; those before draw an arrow into the pattern.
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default().trim().trim_start_matches("error: ").to_owned();
            cx.error("method.pattern", "bad_pattern", format!("The regular expression cannot be read: {reason}."));
            return None;
        }
    };
    let named: Vec<(usize, &str)> =
        regex.capture_names().enumerate().filter_map(|(index, name)| Some((index, name?))).collect();
    if named.is_empty() {
        let message = r"There is no named group: write one for each column, such as `(?<level>\w+)`.";
        cx.error("method.pattern", "no_columns", message);
        return None;
    }
    for (index, typed) in params.types.iter().enumerate() {
        if !named.iter().any(|(_, name)| *name == typed.name) {
            let hint = millrace_model::suggest::hint(&typed.name, named.iter().map(|(_, name)| *name));
            let message = format!("The pattern has no group `{}`.{hint}", typed.name);
            cx.error(format!("method.types[{index}].name"), "unknown_group", message);
        }
    }
    let value_type = |name: &str| {
        let typed = params.types.iter().find(|typed| typed.name == name);
        typed.map_or(ValueType::Text, |typed| typed.value_type)
    };
    let specs = named.iter().map(|(_, name)| ColumnSpec::new(name, value_type(name))).collect();
    let groups = named.iter().map(|(index, _)| *index).collect();
    let locations = regex.capture_locations();
    Some((Parser::Regex { regex, groups, locations }, specs))
}

impl Parser {
    /// Puts what `text` holds into `columns`.
    ///
    /// # Errors
    /// A text that does not match, or holds a value of another type; columns may then have got values already.
    pub fn parse(&mut self, text: &str, columns: &mut Columns) -> Result<(), Mismatch> {
        match self {
            Parser::AccessLog(format) => access_log::parse(*format, text, columns),
            Parser::Regex { regex, groups, locations } => {
                if regex.captures_read(locations, text).is_none() {
                    return Err("the text does not match the pattern".into());
                }
                for (column, group) in groups.iter().enumerate() {
                    match locations.get(*group) {
                        Some((start, end)) => columns.put(column, &text[start..end])?,
                        None => columns.put_null(column),
                    }
                }
                Ok(())
            }
            Parser::KeyValue { pair, separator, keys } => key_value(text, pair, separator, keys, columns),
            Parser::Json { paths } => json(text, paths, columns),
        }
    }
}

/// Values may stand in double quotes and then hold separators; a backslash takes the next sign's meaning away.
fn key_value(text: &str, pair: &str, separator: &str, keys: &[String], columns: &mut Columns) -> Result<(), Mismatch> {
    let mut values: Vec<Option<std::borrow::Cow<'_, str>>> = vec![None; keys.len()];
    let mut rest = text;
    while !rest.is_empty() {
        let pair_at = rest.find(pair).unwrap_or(rest.len());
        let Some(separator_at) = rest.find(separator).filter(|at| *at < pair_at) else {
            // A word without a value.
            rest = rest.get(pair_at + pair.len()..).unwrap_or_default();
            continue;
        };
        let key = rest[..separator_at].trim();
        let behind = &rest[separator_at + separator.len()..];
        let (value, after) = match behind.strip_prefix('"') {
            Some(quoted) => {
                let (value, after) =
                    unquote(quoted).ok_or_else(|| Mismatch(format!("the value of `{key}` has no closing quote")))?;
                (value.into(), after)
            }
            None => {
                let end = behind.find(pair).unwrap_or(behind.len());
                (behind[..end].trim().into(), &behind[end..])
            }
        };
        if let Some(index) = keys.iter().position(|name| name == key) {
            values[index] = Some(value);
        }
        rest = after.strip_prefix(pair).unwrap_or(after);
    }
    if values.iter().all(Option::is_none) {
        return Err("the text has none of the keys".into());
    }
    for (column, value) in values.iter().enumerate() {
        match value {
            Some(value) => columns.put(column, value)?,
            None => columns.put_null(column),
        }
    }
    Ok(())
}

/// The text up to the closing quote, and what follows it.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut signs = text.char_indices();
    while let Some((at, sign)) = signs.next() {
        match sign {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(signs.next()?.1),
            sign => value.push(sign),
        }
    }
    None
}

fn json(text: &str, paths: &[Vec<String>], columns: &mut Columns) -> Result<(), Mismatch> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| Mismatch(format!("the text is not JSON: {error}")))?;
    if !value.is_object() {
        return Err("the JSON is not an object".into());
    }
    for (column, path) in paths.iter().enumerate() {
        let found = path.iter().try_fold(&value, |value, key| value.get(key));
        match (found, columns.value_type(column)) {
            (None | Some(Value::Null), _) => columns.put_null(column),
            (Some(Value::String(text)), ValueType::Text | ValueType::Timestamp) => columns.put(column, text)?,
            (Some(Value::Number(number)), ValueType::Integer | ValueType::Number) => {
                match (number.as_i64(), columns.value_type(column)) {
                    (Some(integer), _) => columns.put_integer(column, integer)?,
                    (None, ValueType::Number) => columns.put_number(column, number.as_f64().unwrap_or(f64::NAN))?,
                    // `2.0` is whole too, but what JSON writes with a fraction is not an integer.
                    (None, _) => columns.put(column, &number.to_string())?,
                }
            }
            (Some(Value::Bool(truth)), ValueType::Boolean) => {
                columns.put(column, if *truth { "true" } else { "false" })?
            }
            (Some(other), ValueType::Text) => columns.put(column, &other.to_string())?,
            (Some(other), expected) => {
                let expected = format!("{expected:?}").to_lowercase();
                let path = path.join(".");
                return Err(Mismatch(format!("`{other}` at `{path}` is not of type {expected}")));
            }
        }
    }
    Ok(())
}
