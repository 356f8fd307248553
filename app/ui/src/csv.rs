//! Rows as CSV (RFC 4180): header, comma, quotes where they are needed, moments as ISO 8601, null as nothing.

use arrow_array::RecordBatch;

use crate::data_table::Cells;

pub fn csv_of(batch: &RecordBatch) -> String {
    let schema = batch.schema_ref();
    let mut text = String::new();
    write_line(&mut text, schema.fields().iter().map(|field| field.name().clone()));
    let columns: Vec<Cells<'_>> = batch.columns().iter().map(|array| Cells::new(array.as_ref())).collect();
    for row in 0..batch.num_rows() {
        write_line(&mut text, columns.iter().map(|cells| cells.text(row)));
    }
    text
}

fn write_line(text: &mut String, cells: impl Iterator<Item = String>) {
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            text.push(',');
        }
        if cell.contains([',', '"', '\n', '\r']) {
            text.push('"');
            text.push_str(&cell.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(&cell);
        }
    }
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Float64Array, StringArray, TimestampMicrosecondArray};

    #[test]
    fn every_value_can_be_read_back() {
        let names: ArrayRef = Arc::new(StringArray::from(vec![Some("a,b"), None, Some("say \"hi\"\nthen go")]));
        let values: ArrayRef = Arc::new(Float64Array::from(vec![Some(0.1 + 0.2), Some(-1.0), None]));
        let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![0, 1, 1_000]).with_timezone("+00:00"));
        let batch = RecordBatch::try_from_iter([("name, full", names), ("value", values), ("ts", times)])
            .expect("the columns are as long");
        let expected = "\"name, full\",value,ts\r\n\
                        \"a,b\",0.30000000000000004,1970-01-01T00:00:00Z\r\n\
                        ,-1.0,1970-01-01T00:00:00.000001Z\r\n\
                        \"say \"\"hi\"\"\nthen go\",,1970-01-01T00:00:00.001Z\r\n";
        assert_eq!(csv_of(&batch), expected);
    }
}
