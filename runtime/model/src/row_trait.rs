//! What rows have, as far as an input port asks for it: what the designer offers first at the end of a wire, and which
//! wires it refuses.
//!
//! A port's card names the traits that its node is made for or cannot do without; the host says which of them the rows
//! at an output have. So nodes are ranked and wires judged by data alone. What runs is for `infer` to say.

use arrow_schema::{DataType, Schema};
use serde::{Deserialize, Serialize};

use crate::event_time::event_time_column;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowTrait {
    /// A column is the event time.
    EventTime,
    /// Nothing is the event time yet, and a column could become it.
    Untimed,
    /// A column can be drawn as numbers: it holds numbers, or true and false.
    Number,
    /// A column holds text.
    Text,
    /// There is text and neither a time nor a number: records that are still to be taken apart.
    RawText,
    /// A column holds lists or records.
    Nested,
}

impl RowTrait {
    pub const ALL: [RowTrait; 6] =
        [RowTrait::EventTime, RowTrait::Untimed, RowTrait::Number, RowTrait::Text, RowTrait::RawText, RowTrait::Nested];

    /// All traits of rows with this schema.
    pub fn of(schema: &Schema) -> Vec<RowTrait> {
        Self::ALL.into_iter().filter(|wanted| wanted.holds(schema)).collect()
    }

    fn holds(self, schema: &Schema) -> bool {
        let has =
            |is_it: fn(&DataType) -> bool| schema.fields().iter().any(|field| is_it(value_type(field.data_type())));
        match self {
            RowTrait::EventTime => event_time_column(schema).is_some(),
            RowTrait::Untimed => {
                event_time_column(schema).is_none() && has(|kind| is_text(kind) || is_time(kind) || kind.is_integer())
            }
            RowTrait::Number => has(is_number),
            RowTrait::Text => has(is_text),
            RowTrait::RawText => has(is_text) && !has(|kind| is_number(kind) || is_time(kind)),
            RowTrait::Nested => has(DataType::is_nested),
        }
    }

    /// What rows without this trait lack, for the person: `no event time`.
    pub fn lack(self) -> &'static str {
        match self {
            RowTrait::EventTime => "no event time",
            RowTrait::Untimed => "nothing that could become an event time",
            RowTrait::Number => "no numbers",
            RowTrait::Text => "no text",
            RowTrait::RawText => "no raw text",
            RowTrait::Nested => "no lists or records",
        }
    }
}

fn value_type(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, value) => value,
        other => other,
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn is_time(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(..))
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric() || matches!(data_type, DataType::Boolean | DataType::Null)
}

#[cfg(test)]
mod tests {
    use arrow_schema::Field;

    use super::*;
    use crate::event_time::{timestamp_type, with_event_time};

    fn traits_of(columns: &[(&str, DataType)], event_time: Option<&str>) -> Vec<RowTrait> {
        let fields: Vec<Field> = columns.iter().map(|(name, kind)| Field::new(*name, kind.clone(), true)).collect();
        RowTrait::of(&with_event_time(&Schema::new(fields), event_time))
    }

    #[test]
    fn readings_have_a_time_and_numbers_and_lines_are_raw_text() {
        let reading = [("time", timestamp_type()), ("device", DataType::Utf8), ("value", DataType::Float64)];
        assert_eq!(traits_of(&reading, Some("time")), [RowTrait::EventTime, RowTrait::Number, RowTrait::Text]);
        assert_eq!(traits_of(&reading, None), [RowTrait::Untimed, RowTrait::Number, RowTrait::Text]);
        let line = traits_of(&[("line", DataType::Utf8)], None);
        assert_eq!(line, [RowTrait::Untimed, RowTrait::Text, RowTrait::RawText]);
    }

    #[test]
    fn lists_and_records_are_nested_and_a_dictionary_is_what_it_holds() {
        let list = DataType::new_list(DataType::Int64, true);
        assert_eq!(traits_of(&[("tags", list)], None), [RowTrait::Nested]);
        let words = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        assert_eq!(traits_of(&[("word", words)], None), [RowTrait::Untimed, RowTrait::Text, RowTrait::RawText]);
    }

    #[test]
    fn true_and_false_can_be_drawn() {
        assert_eq!(traits_of(&[("is_open", DataType::Boolean)], None), [RowTrait::Number]);
    }
}
