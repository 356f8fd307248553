//! Keys as bytes: the values of some columns of a row in Arrow's row format, and tables by such keys.
//!
//! Values that compare equal encode equal, also zeros and NaNs of both signs, as in the engine's exchange. A null is a
//! value like any other; who wants null keys to match nothing asks [`EncodedKeys::is_null`].

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::row::{RowConverter, Rows, SortField};
use millrace_model::ColumnRef;
use millrace_operator::key::comparable;
use millrace_operator::{InferContext, NodeError};

use super::rows::RowStore;

/// A table by encoded key. Look up with `&[u8]`: only a key that is new is copied.
pub(crate) type KeyMap<V> = HashMap<Box<[u8]>, V, BuildHasherDefault<KeyHasher>>;

/// The columns called `names`; what is wrong with them is reported at `param`, such as `keys`.
pub(crate) fn key_columns(
    param: &str,
    names: &[ColumnRef],
    schema: &SchemaRef,
    cx: &mut InferContext<'_>,
) -> Option<Vec<usize>> {
    let mut columns = Vec::with_capacity(names.len());
    for (number, name) in names.iter().enumerate() {
        let param = format!("{param}[{number}]");
        let Some(column) = cx.column(&param, name.as_str(), schema) else { continue };
        if columns.contains(&column) {
            cx.error(param, "repeated_key", format!("The column `{name}` stands twice; remove one."));
            continue;
        }
        if is_key(&param, name.as_str(), schema.field(column).data_type(), cx) {
            columns.push(column);
        }
    }
    (columns.len() == names.len()).then_some(columns)
}

/// Whether values of this type can be told apart; if not, that is reported.
pub(crate) fn is_key(param: &str, name: &str, data_type: &DataType, cx: &mut InferContext<'_>) -> bool {
    let is_usable = RowConverter::supports_fields(&[SortField::new(data_type.clone())]);
    if !is_usable {
        let message = format!("Column `{name}` is of type {data_type}, whose values cannot be compared.");
        cx.error(param, "not_a_key", message);
    }
    is_usable
}

/// Turns the values of some columns into bytes.
pub(crate) struct KeyEncoder {
    columns: Vec<usize>,
    types: Vec<DataType>,
    converter: RowConverter,
}

/// The keys of the rows of one batch.
pub(crate) struct EncodedKeys {
    /// `None` where there are no key columns: all rows have the same, empty key.
    rows: Option<Rows>,
    nulls: Option<NullBuffer>,
}

impl EncodedKeys {
    pub(crate) fn get(&self, row: usize) -> &[u8] {
        self.rows.as_ref().map_or(&[], |rows| rows.row(row).data())
    }

    /// Whether one of the key's values is null.
    pub(crate) fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }
}

impl KeyEncoder {
    /// # Errors
    /// When a column has a type whose values cannot be compared.
    pub(crate) fn new(columns: Vec<usize>, schema: &SchemaRef) -> Result<Self, NodeError> {
        let types: Vec<DataType> = columns.iter().map(|column| schema.field(*column).data_type().clone()).collect();
        let fields = types.iter().cloned().map(SortField::new).collect();
        Ok(Self { columns, types, converter: RowConverter::new(fields)? })
    }

    /// # Errors
    /// When the batch is not of the schema that this was made for.
    pub(crate) fn encode(&self, batch: &RecordBatch) -> Result<EncodedKeys, NodeError> {
        let columns: Vec<ArrayRef> = self.columns.iter().map(|column| batch.column(*column).clone()).collect();
        self.encode_columns(&columns)
    }

    /// The keys of rows that are held.
    ///
    /// # Errors
    /// When a row has been given up already: a defect.
    pub(crate) fn encode_held(&self, rows: &RowStore, numbers: &[u64]) -> Result<EncodedKeys, NodeError> {
        let numbers: Vec<Option<u64>> = numbers.iter().copied().map(Some).collect();
        let columns = self.columns.iter().map(|column| rows.column(*column, &numbers));
        self.encode_columns(&columns.collect::<Result<Vec<_>, _>>()?)
    }

    /// As [`Self::encode`], with the key columns themselves.
    ///
    /// # Errors
    /// When the columns are not of the types that this was made for.
    pub(crate) fn encode_columns(&self, columns: &[ArrayRef]) -> Result<EncodedKeys, NodeError> {
        if columns.is_empty() {
            return Ok(EncodedKeys { rows: None, nulls: None });
        }
        let columns: Vec<ArrayRef> = columns.iter().map(comparable).collect();
        let nulls = NullBuffer::union_many(
            columns.iter().map(|column| column.logical_nulls()).collect::<Vec<_>>().iter().map(Option::as_ref),
        );
        Ok(EncodedKeys { rows: Some(self.converter.convert_columns(&columns)?), nulls })
    }

    /// The key columns that these bytes were made of, for a snapshot: the bytes themselves are Arrow's own affair and
    /// may differ in its next version.
    ///
    /// # Errors
    /// When the bytes were not made by this encoder.
    pub(crate) fn decode<'a>(&self, keys: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<ArrayRef>, NodeError> {
        if self.columns.is_empty() {
            return Ok(Vec::new());
        }
        let parser = self.converter.parser();
        let columns = self.converter.convert_rows(keys.into_iter().map(|key| parser.parse(key)))?;
        // The values of a dictionary come back as they are.
        let columns = columns.iter().zip(&self.types).map(|(column, data_type)| cast(column, data_type));
        Ok(columns.collect::<Result<_, _>>()?)
    }
}

/// A hash that is the same over versions and machines: FNV-1a, then the finish of MurmurHash3.
pub(crate) fn stable_hash(seed: u64, bytes: &[u8]) -> u64 {
    let start = mixed(0xcbf2_9ce4_8422_2325_u64 ^ seed);
    mixed(bytes.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)))
}

fn mixed(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

/// A quick hash of bytes, eight at a time. Only for tables in memory.
#[derive(Default)]
pub(crate) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn finish(&self) -> u64 {
        mixed(self.0)
    }
}

/// Bytes that a table holds, without what its values point at.
pub(crate) fn table_bytes<V>(table: &KeyMap<V>) -> usize {
    // Keys of one table are of much the same length: a few stand for all.
    let sampled = table.keys().take(16).map(|key| key.len()).sum::<usize>();
    let key_bytes = sampled.checked_div(table.len().min(16)).unwrap_or(0);
    table.capacity() * (size_of::<Box<[u8]>>() + size_of::<V>() + 1) + table.len() * key_bytes
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use arrow::array::{AsArray, Float64Array, StringArray};
    use arrow::datatypes::{Field, Schema};

    #[test]
    fn equal_values_are_equal_bytes_and_come_back() {
        let schema: SchemaRef = Arc::new(Schema::new(vec![
            Field::new("x", DataType::Float64, true),
            Field::new("s", DataType::Utf8, true),
        ]));
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Float64Array::from(vec![Some(0.0), Some(-0.0), None, Some(f64::NAN), Some(-f64::NAN)])),
            Arc::new(StringArray::from(vec!["a", "a", "a", "b", "b"])),
        ];
        let batch = RecordBatch::try_new(schema.clone(), columns).expect("columns fit");
        let encoder = KeyEncoder::new(vec![0, 1], &schema).expect("an encoder");
        let keys = encoder.encode(&batch).expect("encodes");
        assert_eq!((keys.get(0), keys.get(3)), (keys.get(1), keys.get(4)));
        assert_ne!(keys.get(0), keys.get(2));
        assert_eq!((0..5).map(|row| keys.is_null(row)).collect::<Vec<_>>(), [false, false, true, false, false]);
        let decoded = encoder.decode([keys.get(2), keys.get(0)]).expect("decodes");
        assert!(decoded[0].is_null(0) && decoded[0].is_valid(1));
        assert_eq!(decoded[1].as_string::<i32>().value(0), "a");
        let dictionary = cast(batch.column(1), &DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into()));
        let dictionary = dictionary.expect("a dictionary");
        let field = Field::new("s", dictionary.data_type().clone(), true);
        let encoder = KeyEncoder::new(vec![0], &Arc::new(Schema::new(vec![field]))).expect("an encoder");
        let keys = encoder.encode_columns(&[dictionary]).expect("encodes");
        let again = encoder.encode_columns(&encoder.decode([keys.get(4), keys.get(0)]).expect("decodes"));
        let again = again.expect("what was decoded can be encoded");
        assert_eq!((again.get(0), again.get(1)), (keys.get(4), keys.get(0)));
        assert_eq!(stable_hash(7, b"pump"), 843_763_441_334_272_135, "never changes");
    }
}
