//! What DataFusion says of expressions and queries, in words for the person who wrote them.
//!
//! Its errors are texts with frames around them; what is known of their forms is taken apart here, and nowhere else. A
//! form that is not known is passed on as it is, without the frames.

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, DataFusionError, SchemaError};
use millrace_model::suggest;

use crate::expression::{ExpressionError, function_names};

/// The sentence for a failed evaluation, without DataFusion's own framing.
pub(crate) fn reason(error: &DataFusionError) -> String {
    plain(&error.find_root().to_string())
}

/// What is wrong with an expression.
pub(crate) fn explain(error: &DataFusionError, df_schema: &DFSchema) -> ExpressionError {
    let root = error.find_root();
    if let DataFusionError::SchemaError(schema_error, _) = root
        && let SchemaError::FieldNotFound { field, .. } = schema_error.as_ref()
    {
        let name = field.name();
        let names = || df_schema.fields().iter().map(|field| field.name().as_str());
        if let Some(table) = field.relation.as_ref().filter(|_| names().any(|known| known == name)) {
            let message = format!("There is no table `{}` here: write `{name}`.", table.table());
            return ExpressionError::new("unknown_table", message);
        }
        let hint = suggest::hint(name, names());
        let quotes = if hint.is_empty() { " Texts are written in single quotes, as in 'ok'." } else { "" };
        return ExpressionError::new("unknown_column", format!("The input has no column `{name}`.{hint}{quotes}"));
    }
    let message = plain(&root.to_string());
    if let Some(name) = between(&message, "Invalid function '", "'") {
        let (scalar, aggregate) = function_names();
        let near = suggest::nearest(name, scalar.iter().chain(&aggregate).map(String::as_str));
        let hint = near.map(|near| format!(" Did you mean `{near}`?")).unwrap_or_default();
        return ExpressionError::new("unknown_function", format!("There is no function `{name}`.{hint}"));
    }
    if let Some(name) = between(&message, "Field ", " not found in struct") {
        let hint = suggest::hint(name, struct_fields(df_schema).iter().map(String::as_str));
        return ExpressionError::new("unknown_column", format!("There is no field `{name}`.{hint}"));
    }
    if message.starts_with("Projections require unique expression names")
        && let Some(named) = between(&message, "expression \"", "\"")
    {
        let name = named.rsplit('.').next().unwrap_or(named);
        let message = format!("The query gives two columns called `{name}`: name one of them with AS.");
        return ExpressionError::new("duplicate_column", message);
    }
    ExpressionError::new("bad_expression", format!("{message}."))
}

/// The names of what is inside of columns.
fn struct_fields(df_schema: &DFSchema) -> Vec<String> {
    let inside = |data_type: &DataType| match data_type {
        DataType::Struct(fields) => fields.iter().map(|field| field.name().clone()).collect(),
        _ => Vec::new(),
    };
    df_schema.fields().iter().flat_map(|field| inside(field.data_type())).collect()
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(inner, _)| inner)
}

fn plain(text: &str) -> String {
    let mut text = text.split("\n\nbacktrace:").next().unwrap_or(text).trim();
    const FRAMES: [&str; 14] = [
        "Error during planning: ",
        "Internal error: ",
        "This feature is not implemented: ",
        "Arrow error: ",
        "Schema error: ",
        "SQL error: ",
        "Execution error: ",
        "Cast error: ",
        "Compute error: ",
        "Parser error: ",
        "Invalid argument error: ",
        "Arithmetic overflow: ",
        "ParserError(\"",
        "TokenizerError(\"",
    ];
    while let Some(rest) = FRAMES.iter().find_map(|frame| text.strip_prefix(frame)) {
        text = rest;
    }
    let text = text.strip_suffix("\")").unwrap_or(text);
    let line = text.lines().next().unwrap_or(text).trim().trim_end_matches('.');
    let said = pattern(text).or_else(|| arguments(line)).or_else(|| syntax(line));
    let line = said.as_deref().unwrap_or(line);
    let mut letters = line.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A regular expression that is none; what is wrong with it stands some lines further down.
fn pattern(text: &str) -> Option<String> {
    let said = text.lines().find_map(|line| line.trim().strip_prefix("error: "))?;
    text.contains("regex parse error").then(|| format!("the regular expression cannot be read: {said}"))
}

/// A function that was given what it does not take.
fn arguments(line: &str) -> Option<String> {
    if let Some(call) = between(line, "Failed to coerce arguments to satisfy a call to '", "' function: coercion from ")
    {
        let (given, taken) = line.split_once("coercion from ")?.1.split_once(" to the signature ")?;
        let taken = taken.split_once('(').map_or(taken, |(_, inner)| inner);
        let taken = taken.split(')').next().unwrap_or(taken);
        return Some(format!("`{call}` cannot be used with ({given}): it takes ({taken})"));
    }
    let name = between(line, "Function '", "' failed to match any signature")?;
    if let Some(counts) = between(line, "' expects ", ",") {
        return Some(format!("`{name}` takes {}", counts.replace("arguments but received", "argument, not")));
    }
    let given = between(line, "but received ", " (DataType")?;
    Some(format!("`{name}` cannot be used with a value of type {given}: cast it first, as in `CAST(x AS DOUBLE)`"))
}

/// A text that is no expression: what was expected, and what stands there.
fn syntax(line: &str) -> Option<String> {
    if line.contains("only supports a single SQL statement") {
        return Some("one query can be run, and here are several: leave one SELECT".to_owned());
    }
    let (expected, found) = line.strip_prefix("Expected: ")?.split_once(", found: ")?;
    let quoted =
        |word: &str| if word.chars().any(char::is_alphanumeric) { word.to_owned() } else { format!("`{word}`") };
    let expected = quoted(expected);
    match found.split_once(" at Line: ") {
        None if found == "EOF" => Some(format!("the text ends where {expected} is expected")),
        Some((found, place)) => {
            let place = place.replace(", Column: ", ", column ");
            Some(format!("at line {place}, `{found}` stands where {expected} is expected"))
        }
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::{Field, Schema, SchemaRef};

    use super::*;
    use crate::CompiledExpression;
    use crate::sql::SqlQuery;

    fn schema() -> SchemaRef {
        let inner = vec![Field::new("speed", DataType::Float64, true)];
        Arc::new(Schema::new(vec![
            Field::new("n", DataType::Int64, true),
            Field::new("text", DataType::Utf8, true),
            Field::new("previous", DataType::Struct(inner.into()), true),
        ]))
    }

    #[test]
    fn what_is_wrong_is_said_in_words_with_what_to_do() {
        let said = |text: &str| CompiledExpression::compile(text, &schema()).expect_err(text).to_string();
        assert_eq!(said("n > 1 AND"), "The text ends where an expression is expected.");
        assert_eq!(said("abs(n"), "The text ends where `)` is expected.");
        assert_eq!(said("n = = 1"), "At line 1, column 5, `=` stands where an expression is expected.");
        assert_eq!(said("input.n > 1"), "There is no table `input` here: write `n`.");
        assert_eq!(said("previous.sped > 1"), "There is no field `sped`. Did you mean `speed`?");
        assert_eq!(
            said("text ~ '('"),
            "This can be computed for no row: the regular expression cannot be read: unclosed group."
        );
        assert!(!said("noww() > 1").contains("`now`"), "what is refused is not offered");
    }

    #[test]
    fn a_query_that_cannot_be_run_is_told_in_words() {
        let said = |text: &str| match SqlQuery::compile(text, &[("input", schema())]) {
            Ok(_) => panic!("{text} can be run"),
            Err(error) => error.to_string(),
        };
        for (text, expected) in [
            ("INSERT INTO input VALUES (1)", "Write a SELECT: `INSERT` cannot be run here."),
            ("EXPLAIN SELECT n FROM input", "Write a SELECT: `EXPLAIN` cannot be run here."),
            ("SHOW TABLES", "Write a SELECT: `SHOW` cannot be run here."),
            ("SELECT 1; SELECT 2", "One query can be run, and here are several: leave one SELECT."),
            ("SELECT n, n FROM input", "The query gives two columns called `n`: name one of them with AS."),
            (
                "SELECT sum(text) FROM input",
                "`sum` cannot be used with a value of type String: cast it first, as in `CAST(x AS DOUBLE)`.",
            ),
            ("SELECT sum(n, n) FROM input", "`sum` takes 1 argument, not 2."),
            (
                "SELECT corr(text, n) FROM input",
                "`corr` cannot be used with (Utf8, Int64): it takes (Float64, Float64).",
            ),
            (
                "SELECT count(*) FROM input WHERE regexp_like(text, '[')",
                "This can be computed for no row: the regular expression cannot be read: unclosed character class.",
            ),
            ("SELECT n FORM input", "At line 1, column 15, `input` stands where end of statement is expected."),
        ] {
            assert_eq!(said(text), expected, "{text}");
        }
    }
}
