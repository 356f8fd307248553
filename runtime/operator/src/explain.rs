//! What is wrong with an expression, in words for the person who wrote it.
//!
//! DataFusion's errors are sentences for whoever writes queries against it, often with its own types and inner names.
//! The frequent ones are told anew here: what is wrong, where, and what to do. Others lose their framing and pass.

use arrow::datatypes::DataType;
use datafusion::common::{Column, DFSchema, DataFusionError, SchemaError};
use millrace_model::suggest;

use crate::expression::{ExpressionError, function_names, state};

/// The sentence for a failed evaluation, without DataFusion's own framing and without a stop at its end.
pub(crate) fn reason(error: &DataFusionError) -> String {
    plain(&error.find_root().to_string())
}

fn plain(text: &str) -> String {
    let mut text = text.split("\n\nbacktrace:").next().unwrap_or(text).trim();
    if let Some(message) = bad_regex(text) {
        return message;
    }
    const FRAMES: [&str; 15] = [
        "Error during planning: ",
        "Arrow error: ",
        "Schema error: ",
        "SQL error: ",
        "Execution error: ",
        "Internal error: ",
        "External error: ",
        "This feature is not implemented: ",
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
    capitalized(line)
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The error of the regex crate, which draws the pattern and points at it over several lines.
fn bad_regex(text: &str) -> Option<String> {
    const SHORT: &str = "Regular expression did not compile: ";
    if let Some((_, drawn)) = text.split_once("regex parse error:\n") {
        let pattern = drawn.lines().next().unwrap_or_default().trim();
        let why = drawn.lines().find_map(|line| line.strip_prefix("error: ")).unwrap_or("it cannot be read");
        // Arrow says so that case counts for nothing.
        let pattern = pattern.strip_prefix("(?i)").unwrap_or(pattern);
        return Some(format!("`{pattern}` is no regular expression: {}", why.trim_end_matches(')')));
    }
    let (_, pattern) = text.split_once(SHORT)?;
    Some(match pattern.starts_with("CompiledTooBig") {
        true => "The regular expression is too large: write a shorter one".to_owned(),
        false => format!("`{}` is no regular expression", pattern.trim()),
    })
}

/// What is wrong with an expression over columns of `df_schema`.
pub(crate) fn explain(error: &DataFusionError, df_schema: &DFSchema) -> ExpressionError {
    let root = error.find_root();
    if let DataFusionError::External(own) = root
        && let Some(own) = own.downcast_ref::<ExpressionError>()
    {
        return own.clone();
    }
    if let DataFusionError::SchemaError(schema_error, _) = root {
        match schema_error.as_ref() {
            SchemaError::FieldNotFound { field, .. } => return no_column(field, df_schema),
            SchemaError::AmbiguousReference { field } => return ambiguous(field),
            _ => {}
        }
    }
    let message = plain(&root.to_string());
    if let Some(name) = message.strip_prefix("Invalid function '").and_then(|rest| rest.split('\'').next()) {
        return no_function(name);
    }
    let told = no_field(&message, df_schema)
        .or_else(|| bad_argument(&message))
        .or_else(|| bad_pair(&message))
        .or_else(|| bad_syntax(&message))
        .or_else(|| bad_query(&message));
    match told {
        Some((code, message)) => ExpressionError::new(code, message),
        None => ExpressionError::new("bad_expression", format!("{message}.")),
    }
}

fn no_column(field: &Column, df_schema: &DFSchema) -> ExpressionError {
    const QUOTES: &str = " Texts are written in single quotes, as in 'ok'.";
    let name = field.name();
    let known = || df_schema.fields().iter().map(|field| field.name().as_str());
    let message = if name.is_empty() {
        format!("Two double quotes name no column.{QUOTES}")
    } else if !known().any(|known| known == name) {
        let hint = suggest::hint(name, known());
        let quotes = if hint.is_empty() { QUOTES } else { "" };
        format!("The input has no column `{name}`.{hint}{quotes}")
    } else if let Some(owner) = &field.relation {
        let message = format!(
            "There is no `{owner}` that `{name}` could be taken from. Column names that have a point stand in double \
             quotes."
        );
        return ExpressionError::new("unknown_column", message);
    } else {
        let message = format!("`{name}` is a column, which has no value at this place: write a number or a text.");
        return ExpressionError::new("bad_expression", message);
    };
    ExpressionError::new("unknown_column", message)
}

fn ambiguous(field: &Column) -> ExpressionError {
    let name = field.name();
    let message = format!("`{name}` is in more than one table: say which, as in `input.{name}`.");
    ExpressionError::new("bad_expression", message)
}

fn no_function(name: &str) -> ExpressionError {
    if state().window_functions().contains_key(name) {
        let message = format!("`{name}` looks at the rows around each row: write `{name}(…) OVER (ORDER BY …)`.");
        return ExpressionError::new("unknown_function", message);
    }
    let (scalar, aggregate) = function_names();
    let near = suggest::nearest(name, scalar.iter().chain(&aggregate).map(String::as_str));
    let hint = near.map(|near| format!(" Did you mean `{near}`?")).unwrap_or_default();
    ExpressionError::new("unknown_function", format!("There is no function `{name}`.{hint}"))
}

/// A code and a message.
type Told = Option<(&'static str, String)>;

fn no_field(message: &str, df_schema: &DFSchema) -> Told {
    if let Some(rest) = message.strip_prefix("Cannot access field at argument 1: type ") {
        let of = kind(rest.split(" is not ").next().unwrap_or(rest));
        return Some(("bad_expression", format!("Something is taken out of {of}, which has no parts.")));
    }
    let name = message.strip_prefix("Field ")?.strip_suffix(" not found in struct")?;
    let mut records = df_schema.fields().iter().filter_map(|field| match field.data_type() {
        DataType::Struct(members) => Some((field.name(), members)),
        _ => None,
    });
    let (record, others) = (records.next(), records.next());
    let said = match (record, others) {
        (Some((record, members)), None) => {
            let hint = suggest::hint(name, members.iter().map(|member| member.name().as_str()));
            format!("`{record}` has no `{name}`.{hint}")
        }
        _ => format!("The record has no `{name}`."),
    };
    Some(("unknown_column", said))
}

/// What a type of DataFusion or Arrow, or a family of them, is called in messages.
fn kind(name: &str) -> String {
    let begins = |starts: &[&str]| starts.iter().any(|start| name.starts_with(start));
    let known = if begins(&["String", "Utf8", "LargeUtf8"]) {
        "a text"
    } else if begins(&["Int8", "Int16", "Int32", "Int64", "UInt", "Integer"]) {
        "a whole number"
    } else if begins(&["Float", "Decimal", "Numeric"]) {
        "a number"
    } else if begins(&["Timestamp", "Date"]) {
        "a time"
    } else if begins(&["Duration", "Interval"]) {
        "a length of time"
    } else if begins(&["Boolean"]) {
        "true or false"
    } else if begins(&["Struct"]) {
        "a record"
    } else if begins(&["List", "LargeList", "FixedSizeList"]) {
        "a list"
    } else {
        return format!("`{name}`");
    };
    known.to_owned()
}

/// How a value becomes one of this kind.
fn cast_to(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "a number" => "CAST(x AS DOUBLE)",
        "a whole number" => "CAST(x AS BIGINT)",
        "a text" => "CAST(x AS VARCHAR)",
        "a time" => "CAST(x AS TIMESTAMP)",
        _ => return None,
    })
}

/// A function that does not take what it is given.
fn bad_argument(message: &str) -> Told {
    if let Some((_, inner)) = message.split_once(" user-defined coercion failed with: ") {
        return Some(("bad_expression", format!("{}.", plain(inner))));
    }
    if let Some(name) = message.strip_suffix(" does not support zero arguments") {
        return Some(("bad_expression", format!("`{}` needs an argument.", name.trim_matches('\'').to_lowercase())));
    }
    if let Some(rest) = message.strip_prefix("Argument ")
        && let Some((argument, _)) = rest.split_once(" to grouping function is not in grouping columns")
    {
        let argument = unqualified(argument);
        let said = format!("`grouping({argument})` asks for a column that the query does not group by.");
        return Some(("bad_expression", format!("{said} Add `{argument}` to GROUP BY.")));
    }
    if let Some(rest) = message.strip_prefix("Failed to coerce arguments to satisfy a call to '")
        && let Some((name, rest)) = rest.split_once("' function: coercion from ")
        && let Some((given, takes)) = rest.split_once(" to the signature ")
    {
        let given: Vec<String> = given.split(", ").map(kind).collect();
        let takes = ["Float64", "Int64", "Utf8", "Timestamp"].into_iter().find(|name| takes.contains(name)).map(kind);
        let advice = takes.and_then(|takes| Some(format!(": it takes {takes}, as `{}` gives", cast_to(&takes)?)));
        let said = format!("`{name}` cannot be computed of {}{}.", given.join(" and "), advice.unwrap_or_default());
        return Some(("bad_expression", said));
    }
    let (_, rest) = message.split_once("Function '")?;
    let (name, rest) = rest.split_once('\'')?;
    let mut takes: Vec<String> = Vec::new();
    let mut given = None;
    let mut miscounted = None;
    for part in rest.split("Error during planning: ") {
        let Some((_, part)) = part.split_once("requires ").or_else(|| part.split_once(" expects ")) else { continue };
        let Some((wanted, received)) = part.split_once(", but received ").or_else(|| part.split_once(" but received "))
        else {
            continue;
        };
        if let Some(count) = wanted.strip_suffix(" arguments") {
            let noun = if count == "1" { "argument" } else { "arguments" };
            let received = received.split(['.', ',']).next().unwrap_or(received);
            miscounted.get_or_insert_with(|| format!("`{name}` takes {count} {noun}, and is given {received}."));
            continue;
        }
        given.get_or_insert_with(|| kind(received));
        let wanted = kind(wanted);
        if !takes.contains(&wanted) {
            takes.push(wanted);
        }
    }
    if let Some(miscounted) = miscounted.filter(|_| takes.is_empty()) {
        return Some(("bad_expression", miscounted));
    }
    if takes.iter().any(|kind| kind == "a number") {
        takes.retain(|kind| kind != "a whole number");
    }
    let (given, last) = (given?, takes.pop()?);
    let cast = takes.first().unwrap_or(&last);
    let advice = cast_to(cast).map(|cast| format!(": turn it into one with CAST, as in `{cast}`")).unwrap_or_default();
    let takes = if takes.is_empty() { last } else { format!("{} or {last}", takes.join(", ")) };
    Some(("bad_expression", format!("`{name}` takes {takes}, and is given {given}{advice}.")))
}

/// Two sides of an operator that have no type in common.
fn bad_pair(message: &str) -> Told {
    let told = |left: &str, op: &str, right: &str| {
        let (left, right) = (capitalized(&kind(left)), kind(right));
        let advice = "turn one of them into the type of the other with CAST";
        Some(("bad_expression", format!("{left} and {right} do not go together with `{op}`: {advice}.")))
    };
    let operation = message
        .strip_prefix("Cannot coerce arithmetic expression ")
        .and_then(|rest| rest.strip_suffix(" to valid types"))
        .or_else(|| Some(message.strip_prefix("Cannot infer common argument type for ")?.split_once(" operation ")?.1));
    if let Some(operation) = operation {
        // Types with blanks in them, such as records, are left as they are.
        let words: Vec<&str> = operation.split(' ').collect();
        return match words.as_slice() {
            [left, op, right] => told(left, op, right),
            _ => None,
        };
    }
    let pair = message.strip_prefix("There isn't a common type to coerce ")?.strip_suffix(" expression")?;
    let (types, op) = pair.split_once(" in ")?;
    let (left, right) = types.split_once(" and ")?;
    told(left, op, right)
}

/// What the parser says.
fn bad_syntax(message: &str) -> Told {
    if message.contains("only supports a single SQL statement") {
        let said = "There are two statements here: write one SELECT, and nothing behind the semicolon.";
        return Some(("bad_expression", said.to_owned()));
    }
    let rest = message.strip_prefix("Expected: ")?;
    let (wanted, found) = rest.split_once(", found: ")?;
    let said = match found.split_once(" at Line: ") {
        Some((found, place)) => format!("found `{found}` at line {}", place.replace(", Column: ", ", column ")),
        None if found == "EOF" => "found the end".to_owned(),
        None => format!("found `{found}`"),
    };
    Some(("bad_expression", format!("Expected {wanted}, {said}.")))
}

/// What only whole queries can do wrong.
fn bad_query(message: &str) -> Told {
    if let Some((_, rest)) = message.split_once("require unique expression names but the expression \"") {
        let expression = rest.split("\" at position").next().unwrap_or(rest);
        let name = expression.rsplit_once(" AS ").map_or(expression, |(_, name)| name);
        let said = format!("Two columns of the result are called `{}`: name one of them with AS.", unqualified(name));
        return Some(("duplicate_column", said));
    }
    if let Some(name) = message.strip_prefix("Ambiguous reference to unqualified field ") {
        return Some(("bad_expression", ambiguous(&Column::new_unqualified(name)).to_string()));
    }
    if message.starts_with("Column in ")
        && let Some((_, rest)) = message.split_once("column \"")
    {
        let name = unqualified(rest.split("\" must appear").next().unwrap_or(rest));
        let said = format!("`{name}` is neither a group nor aggregated: add it to GROUP BY, or write for example");
        return Some(("bad_expression", format!("{said} `max({name})`.")));
    }
    if message.starts_with("HAVING clause references") {
        let said = "HAVING looks at groups, and there are none: write WHERE, or add GROUP BY.";
        return Some(("bad_expression", said.to_owned()));
    }
    if let Some(rest) = message.strip_prefix("Cannot create filter with non-boolean predicate '") {
        let (condition, data_type) = rest.rsplit_once("' returning ")?;
        let said = format!("The condition `{}` gives {}, not true or false", unqualified(condition), kind(data_type));
        return Some(("bad_expression", format!("{said}: compare it with something.")));
    }
    let changes = ["DDL not supported", "DML not supported", "Statement not supported"];
    changes.iter().any(|start| message.starts_with(start)).then(|| {
        let said =
            "A query here gives rows and changes nothing: leave out what makes or changes a table, such as INTO.";
        ("not_a_select", said.to_owned())
    })
}

/// A column without its table; anything longer as it is.
fn unqualified(text: &str) -> &str {
    match text.split_once('.') {
        Some((table, name)) if !format!("{table}{name}").contains(['(', ' ', '.']) => name.trim_matches('"'),
        _ => text,
    }
}
