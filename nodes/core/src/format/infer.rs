//! Schemas from what the first records of a file look like.
//!
//! A column is what all its values are: whole numbers, else numbers, else true and false, else times, else text. Columns
//! keep the order in which they first appear.

use std::fmt;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Field, Schema};
use millrace_model::event_time::timestamp_type;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::TextDecoder;
use super::columns::{ColumnSpec, ColumnType, parse_bool, parse_time_us, schema_of, types_of};
use super::csv::{CsvDecoder, Dialect, column_names, first_record};

/// The records of a file's head that are looked at.
pub(crate) const MAX_RECORDS: usize = 1_000;

/// The type that all of `cells` have; nulls are not to be among them. Text when there is none.
pub(crate) fn cell_type<'a>(cells: impl Iterator<Item = &'a str> + Clone) -> ColumnType {
    if cells.clone().next().is_none() {
        return ColumnType::Text;
    }
    let all = |fits: fn(&str) -> bool| cells.clone().all(|cell| fits(cell.trim()));
    if all(is_integer) {
        ColumnType::Integer
    } else if all(is_number) {
        ColumnType::Number
    } else if all(|cell| parse_bool(cell).is_some()) {
        ColumnType::Boolean
    } else if all(is_time) {
        ColumnType::Timestamp
    } else {
        ColumnType::Text
    }
}

/// A number with a leading zero, such as `007`, is a name made of digits.
fn has_leading_zero(text: &str) -> bool {
    let digits = text.trim_start_matches(['-', '+']);
    digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit()
}

fn is_integer(text: &str) -> bool {
    !has_leading_zero(text) && text.parse::<i64>().is_ok()
}

fn is_number(text: &str) -> bool {
    // Words such as `inf` and `nan` count only where digits come first or the value is one of them alone.
    let starts_well = text.trim_start_matches(['-', '+', '.']).starts_with(|c: char| c.is_ascii_digit());
    !has_leading_zero(text)
        && text.parse::<f64>().is_ok()
        && (starts_well || matches!(text.to_ascii_lowercase().as_str(), "nan" | "inf" | "-inf"))
}

fn is_time(text: &str) -> bool {
    text.len() >= 10 && text.as_bytes()[4] == b'-' && parse_time_us(text).is_some()
}

/// The schema of CSV records that begin with `head`, by the first [`MAX_RECORDS`].
///
/// # Errors
/// What is wrong, as the rest of a sentence that begins with the file's name.
pub(crate) fn csv_schema(head: &[u8], is_end: bool, dialect: &Dialect) -> Result<Schema, String> {
    let Some(first) = first_record(head, is_end, dialect) else {
        return Err("is empty: there is no record to read the columns from".to_owned());
    };
    if first.cells.is_empty() {
        return Err("opens a quote in its first record and never closes it".to_owned());
    }
    let (names, rest) = if dialect.has_header {
        (column_names(&first.cells), &head[first.bytes..])
    } else {
        (column_names(&vec![String::new(); first.cells.len()]), head)
    };
    let as_text: Vec<ColumnSpec> =
        names.iter().map(|name| ColumnSpec { name: name.clone(), column_type: ColumnType::Text }).collect();
    let places = (0..names.len()).map(Some).collect();
    let schema = schema_of(&as_text);
    let types = types_of(&schema, &as_text);
    let decoded = CsvDecoder::new(Arc::new(schema), &types, places, names.len(), dialect.clone(), false)
        .and_then(|mut decoder| decoder.decode(rest, is_end, MAX_RECORDS, 1))
        .map_err(|error| format!("cannot be read as CSV: {error}"))?;
    let columns: Vec<ColumnSpec> = as_text
        .into_iter()
        .enumerate()
        .map(|(index, column)| {
            let column_type = decoded
                .batch
                .as_ref()
                .map_or(ColumnType::Text, |batch| cell_type(batch.column(index).as_string::<i32>().iter().flatten()));
            ColumnSpec { column_type, ..column }
        })
        .collect();
    Ok(schema_of(&columns))
}

/// The schema of lines of JSON; those that are no objects say nothing.
///
/// # Errors
/// When not one line is a JSON object with a member.
pub(crate) fn json_schema<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Schema, String> {
    let mut members: Vec<(String, Shape)> = Vec::new();
    for line in lines.filter(|line| !line.trim().is_empty()).take(MAX_RECORDS) {
        if let Ok(Shape::Object(found)) = serde_json::from_str(line) {
            merge_members(&mut members, found);
        }
    }
    let fields: Vec<Field> = members.iter().filter_map(|(name, shape)| field(name, shape)).collect();
    if fields.is_empty() {
        return Err("none of its first lines is a JSON object with members".to_owned());
    }
    Ok(Schema::new(fields))
}

fn field(name: &str, shape: &Shape) -> Option<Field> {
    Some(Field::new(name, shape.data_type()?, true))
}

/// What a JSON value looks like.
#[derive(Debug, Clone, PartialEq)]
enum Shape {
    Null,
    Boolean,
    Integer,
    Number,
    Time,
    Text,
    List(Box<Shape>),
    Object(Vec<(String, Shape)>),
}

impl Shape {
    fn merge(self, other: Shape) -> Shape {
        match (self, other) {
            (Shape::Null, shape) | (shape, Shape::Null) => shape,
            (Shape::Integer, Shape::Number) | (Shape::Number, Shape::Integer) => Shape::Number,
            (Shape::List(mine), Shape::List(theirs)) => Shape::List(Box::new(mine.merge(*theirs))),
            (Shape::Object(mut mine), Shape::Object(theirs)) => {
                merge_members(&mut mine, theirs);
                Shape::Object(mine)
            }
            (mine, theirs) if mine == theirs => mine,
            _ => Shape::Text,
        }
    }

    /// None for an object without members, of which no column can be made.
    fn data_type(&self) -> Option<DataType> {
        Some(match self {
            Shape::Null | Shape::Text => DataType::Utf8,
            Shape::Boolean => DataType::Boolean,
            Shape::Integer => DataType::Int64,
            Shape::Number => DataType::Float64,
            Shape::Time => timestamp_type(),
            Shape::List(item) => DataType::List(Arc::new(Field::new_list_field(item.data_type()?, true))),
            Shape::Object(members) => {
                let fields: Vec<Field> = members.iter().filter_map(|(name, shape)| field(name, shape)).collect();
                if fields.is_empty() {
                    return None;
                }
                DataType::Struct(fields.into())
            }
        })
    }
}

fn merge_members(mine: &mut Vec<(String, Shape)>, theirs: Vec<(String, Shape)>) {
    for (name, shape) in theirs {
        match mine.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = std::mem::replace(known, Shape::Null).merge(shape),
            None => mine.push((name, shape)),
        }
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor)
    }
}

struct ShapeVisitor;

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape::Boolean)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::Integer)
    }

    fn visit_u64<E>(self, value: u64) -> Result<Shape, E> {
        Ok(if i64::try_from(value).is_ok() { Shape::Integer } else { Shape::Number })
    }

    fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::Number)
    }

    fn visit_str<E>(self, text: &str) -> Result<Shape, E> {
        Ok(if is_time(text) { Shape::Time } else { Shape::Text })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Shape, A::Error> {
        let mut shape = Shape::Null;
        while let Some(item) = items.next_element::<Shape>()? {
            shape = shape.merge(item);
        }
        Ok(Shape::List(Box::new(shape)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        let mut members: Vec<(String, Shape)> = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if members.iter().any(|(known, _)| *known == name) {
                map.next_value::<IgnoredAny>()?;
            } else {
                members.push((name, map.next_value()?));
            }
        }
        Ok(Shape::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_what_all_its_cells_are() {
        let type_of = |cells: &[&str]| cell_type(cells.iter().copied());
        assert_eq!(type_of(&["1", " -2 "]), ColumnType::Integer);
        assert_eq!(type_of(&["1", "2.5", "1e3", "NaN"]), ColumnType::Number);
        assert_eq!(type_of(&["True", "false"]), ColumnType::Boolean);
        assert_eq!(
            type_of(&["2013-12-02 21:15:00", "2013-12-02T21:15:00.5+02:00", "2013-12-02"]),
            ColumnType::Timestamp
        );
        assert_eq!(type_of(&["007", "8"]), ColumnType::Text);
        assert_eq!(type_of(&["1", "x"]), ColumnType::Text);
        assert_eq!(type_of(&[]), ColumnType::Text);
        assert_eq!(type_of(&["99999999999999999999"]), ColumnType::Number);
    }

    #[test]
    fn json_columns_keep_their_order_and_widen() {
        let lines = [
            "{\"z\": 1, \"a\": \"2024-01-01T00:00:00Z\", \"n\": {\"k\": [1, 2.5]}, \"e\": {}}",
            "garbage",
            "{\"z\": 1.5, \"late\": null, \"n\": {\"m\": true}}",
            "{\"a\": \"2024-01-02\", \"mixed\": 1}",
            "{\"mixed\": \"x\"}",
        ];
        let schema = json_schema(lines.into_iter()).expect("a schema");
        let names: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["z", "a", "n", "late", "mixed"]);
        assert_eq!(schema.field(0).data_type(), &DataType::Float64);
        assert_eq!(schema.field(1).data_type(), &timestamp_type());
        assert!(matches!(schema.field(2).data_type(), DataType::Struct(fields) if fields.len() == 2));
        assert_eq!(schema.field(4).data_type(), &DataType::Utf8);
        assert!(json_schema(["[]", "7"].into_iter()).is_err());
    }
}
