//! What the joins share: their params, the columns they give, and the rows of one side, found by key and time.
//!
//! A key with a null matches nothing, as in SQL. Rows are counted as dropped when they leave a side that keeps no
//! unmatched rows without ever having matched. Keys whose rows have all gone are forgotten in sweeps, which are so far
//! apart that each row is looked at a few times only.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use arrow::datatypes::{FieldRef, SchemaRef};
use millrace_model::ColumnRef;
use millrace_model::RowTrait;
use millrace_model::card::{PortCard, PortRole};
use millrace_operator::{CardText, InferContext, NodeError, Output, Partitioning};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::keys::{EncodedKeys, KeyEncoder, KeyMap, key_columns, table_bytes};
use super::lateness::Lateness;
use super::rows::RowStore;

/// Rows of a join leave in batches of about so many.
pub(crate) const BATCH_ROWS: usize = 8_192;

pub(crate) const LEFT: usize = 0;
pub(crate) const RIGHT: usize = 1;

/// Which rows leave that have no partner.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JoinKind {
    /// None: only rows with a partner.
    #[default]
    Inner,
    /// Those of the left, with nulls for the right.
    Left,
    /// Those of the right, with nulls for the left.
    Right,
    /// Those of both sides.
    Full,
}

impl JoinKind {
    /// Whether rows of this side leave without a partner.
    pub(crate) fn keeps(self, side: usize) -> bool {
        match self {
            JoinKind::Inner => false,
            JoinKind::Left => side == LEFT,
            JoinKind::Right => side == RIGHT,
            JoinKind::Full => true,
        }
    }
}

/// As [`JoinKind`], for joins that look something up for each row of the left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LookupKind {
    /// Rows without a partner are left out and counted.
    Inner,
    /// Rows without a partner leave with nulls.
    #[default]
    Left,
}

/// Two columns that must be equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyPair {
    /// The column of the left.
    pub left: ColumnRef,
    /// The column of the right. Empty: it has the same name.
    #[serde(default)]
    pub right: ColumnRef,
}

impl KeyPair {
    pub(crate) fn right(&self) -> &ColumnRef {
        if self.right.as_str().is_empty() { &self.left } else { &self.right }
    }
}

pub(crate) fn default_suffix() -> String {
    "_right".to_owned()
}

/// The card with the ports that joins of two streams have.
pub(crate) fn with_ports(card: CardText, rows: &str) -> CardText {
    let late = |side: &str| {
        let help = format!("Rows of the {side} that came too late, and those without a time.");
        PortCard::named(format!("{side}_late"), PortRole::Late, help)
    };
    let timed = |name: &str, help: &str| PortCard::named(name, PortRole::Rows, help).needing(RowTrait::EventTime);
    card.input(timed("left", "The rows whose columns come first."))
        .input(timed("right", "The rows that are joined to them."))
        .output(PortCard::rows(rows))
        .output(late("left"))
        .output(late("right"))
}

pub(crate) const ROWS: usize = 0;

/// The output port of the late rows of a side.
pub(crate) fn late_port(side: usize) -> usize {
    1 + side
}

pub(crate) fn partitioning(keys: &[KeyPair]) -> Partitioning {
    let left = keys.iter().map(|pair| pair.left.0.clone()).collect();
    let right = keys.iter().map(|pair| pair.right().0.clone()).collect();
    Partitioning::Keyed(vec![left, right])
}

/// The key columns of both sides; what is wrong with them is reported. Those of a pair must be of one type, so that
/// equal values are equal bytes and come to the same instance.
pub(crate) fn key_indices(
    keys: &[KeyPair],
    sides: [&SchemaRef; 2],
    cx: &mut InferContext<'_>,
) -> Option<[Vec<usize>; 2]> {
    let left: Vec<ColumnRef> = keys.iter().map(|pair| pair.left.clone()).collect();
    let right: Vec<ColumnRef> = keys.iter().map(|pair| pair.right().clone()).collect();
    let left = key_columns("keys", &left, sides[LEFT], cx);
    let right = key_columns("keys", &right, sides[RIGHT], cx);
    let (left, right) = (left?, right?);
    for (number, (l, r)) in left.iter().zip(&right).enumerate() {
        let (l, r) = (sides[LEFT].field(*l), sides[RIGHT].field(*r));
        if l.data_type() != r.data_type() {
            let message = format!(
                "`{}` is of type {} on the left and `{}` of type {} on the right: cast one of them in a Select node.",
                l.name(),
                l.data_type(),
                r.name(),
                r.data_type()
            );
            cx.error(format!("keys[{number}]"), "types_differ", message);
        }
    }
    Some([left, right])
}

/// The fields of the left, then those of the right, which get `suffix` where their name is taken; all may be null. The
/// names in `taken` come first in the output already.
pub(crate) fn joined_fields(
    sides: [&SchemaRef; 2],
    suffix: &str,
    taken: &[&str],
    cx: &mut InferContext<'_>,
) -> Vec<FieldRef> {
    let mut names: Vec<String> = taken.iter().map(|name| (*name).to_owned()).collect();
    let mut fields: Vec<FieldRef> = Vec::new();
    for (side, schema) in sides.into_iter().enumerate() {
        for field in schema.fields() {
            let mut name = field.name().clone();
            if side == RIGHT && (names.contains(&name) || sides[LEFT].index_of(&name).is_ok()) {
                name.push_str(suffix);
            }
            if names.contains(&name) {
                let message = format!("There would be two columns called `{name}`: choose another suffix.");
                cx.error("suffix", "duplicate_column", message);
            }
            names.push(name.clone());
            fields.push(Arc::new(field.as_ref().clone().with_name(name).with_nullable(true)));
        }
    }
    fields
}

/// A row of a side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) time_us: i64,
    pub(crate) number: u64,
    pub(crate) is_matched: bool,
}

/// The rows that a join holds of one side.
pub(crate) struct Side {
    pub(crate) lateness: Lateness,
    pub(crate) rows: RowStore,
    encoder: KeyEncoder,
    /// The rows of each key by time, those of one time as they came.
    index: KeyMap<Vec<Entry>>,
    num_entries: usize,
    num_after_sweep: usize,
    swept_at_us: Option<i64>,
}

/// What is done with a row that goes for good.
pub(crate) struct Gone {
    pub(crate) num_unmatched: usize,
}

impl Side {
    /// # Errors
    /// When the key columns have a type that cannot be compared.
    pub(crate) fn new(schema: &SchemaRef, keys: Vec<usize>, time: usize) -> Result<Self, NodeError> {
        Ok(Self {
            lateness: Lateness::new(time),
            rows: RowStore::new(schema.clone()),
            encoder: KeyEncoder::new(keys, schema)?,
            index: KeyMap::default(),
            num_entries: 0,
            num_after_sweep: 0,
            swept_at_us: None,
        })
    }

    pub(crate) fn keys_of(&self, batch: &RecordBatch) -> Result<EncodedKeys, NodeError> {
        self.encoder.encode(batch)
    }

    /// The rows of a key, by time.
    pub(crate) fn of_key(&self, key: &[u8]) -> &[Entry] {
        self.index.get(key).map(Vec::as_slice).unwrap_or_default()
    }

    pub(crate) fn of_key_mut(&mut self, key: &[u8]) -> &mut [Entry] {
        self.index.get_mut(key).map(Vec::as_mut_slice).unwrap_or_default()
    }

    /// Every key and its rows.
    pub(crate) fn by_key(&self) -> impl Iterator<Item = (&[u8], &[Entry])> {
        self.index.iter().map(|(key, entries)| (key.as_ref(), entries.as_slice()))
    }

    pub(crate) fn insert(&mut self, key: &[u8], entry: Entry) {
        self.num_entries += 1;
        let Some(entries) = self.index.get_mut(key) else {
            self.index.insert(key.into(), vec![entry]);
            return;
        };
        let place = match entries.last() {
            Some(last) if last.time_us > entry.time_us => {
                entries.partition_point(|known| known.time_us <= entry.time_us)
            }
            _ => entries.len(),
        };
        entries.insert(place, entry);
    }

    /// Whether it is time to look through all rows again: they have doubled in number, or event time has come on by
    /// `span_us`, the time that rows are held at least.
    pub(crate) fn is_sweep_due(&self, watermark_us: i64, span_us: i64) -> bool {
        const SECOND_US: i64 = 1_000_000;
        let next_us = |swept_us: i64| swept_us.saturating_add(span_us).saturating_add(SECOND_US);
        watermark_us == i64::MAX
            || self.num_entries >= 2 * self.num_after_sweep + 1_024
            || self.swept_at_us.is_none_or(|swept_us| watermark_us >= next_us(swept_us))
    }

    /// Gives up the first rows of each key, as many as `num_gone` says.
    ///
    /// # Errors
    /// When rows cannot be copied: a defect.
    pub(crate) fn sweep(&mut self, watermark_us: i64, num_gone: impl Fn(&[Entry]) -> usize) -> Result<Gone, NodeError> {
        let mut num_unmatched = 0;
        let mut failed = None;
        let (rows, num_entries) = (&mut self.rows, &mut self.num_entries);
        self.index.retain(|_, entries| {
            let num_gone = num_gone(entries);
            *num_entries -= num_gone;
            for entry in entries.drain(..num_gone) {
                num_unmatched += usize::from(!entry.is_matched);
                if let Err(error) = rows.free(entry.number) {
                    failed.get_or_insert(error);
                }
            }
            !entries.is_empty()
        });
        self.index.shrink_to(self.index.len() * 2);
        self.num_after_sweep = self.num_entries;
        self.swept_at_us = Some(watermark_us);
        failed.map_or(Ok(Gone { num_unmatched }), Err)
    }

    /// The rows that are held, in the order of their arrival, and whether each has matched.
    ///
    /// # Errors
    /// When rows cannot be copied: a defect.
    pub(crate) fn save(&self) -> Result<[RecordBatch; 2], NodeError> {
        let (rows, numbers) = self.rows.all()?;
        let mut matched: Vec<u64> =
            self.index.values().flatten().filter(|entry| entry.is_matched).map(|entry| entry.number).collect();
        matched.sort_unstable();
        let flags: BooleanArray = numbers.iter().map(|number| Some(matched.binary_search(number).is_ok())).collect();
        let flags = RecordBatch::try_from_iter([("is_matched", Arc::new(flags) as ArrayRef)])?;
        Ok([rows, flags])
    }

    /// Takes back what [`Self::save`] gave; `each` is called for every row and told whether its key has a null, in which
    /// case it cannot be found by key.
    ///
    /// # Errors
    /// When these are no rows of this side.
    pub(crate) fn restore(
        &mut self,
        rows: RecordBatch,
        flags: &RecordBatch,
        mut each: impl FnMut(&Entry, bool),
    ) -> Result<(), NodeError> {
        let flags = flags.column(0).as_any().downcast_ref::<BooleanArray>().ok_or_else(super::saved::damaged)?;
        let times = self.lateness.times(&rows)?;
        let keys = self.keys_of(&rows)?;
        let num_rows = rows.num_rows();
        let first = self.rows.push(rows)?;
        for (row, number) in (0..num_rows).zip(first..) {
            let entry = Entry { time_us: times.value(row), number, is_matched: flags.value(row) };
            each(&entry, keys.is_null(row));
            if !keys.is_null(row) {
                self.insert(keys.get(row), entry);
            }
        }
        Ok(())
    }

    pub(crate) fn state_bytes(&self) -> usize {
        self.rows.bytes() + table_bytes(&self.index) + self.num_entries * size_of::<Entry>()
    }
}

/// Pairs of rows, one or the other of which may be missing, on their way out.
pub(crate) struct Pairs {
    schema: SchemaRef,
    sides: [Vec<Option<u64>>; 2],
}

impl Pairs {
    /// `schema` is that of the columns of both sides.
    pub(crate) fn new(schema: SchemaRef) -> Self {
        Self { schema, sides: [Vec::new(), Vec::new()] }
    }

    /// `number` is of `side`, `partner` of the other one.
    pub(crate) fn push(&mut self, side: usize, number: u64, partner: Option<u64>) {
        self.sides[side].push(Some(number));
        self.sides[1 - side].push(partner);
    }

    pub(crate) fn len(&self) -> usize {
        self.sides[LEFT].len()
    }

    /// Emits the pairs, behind the columns that `before` makes for so many rows.
    ///
    /// # Errors
    /// When a row has been given up already: a defect.
    pub(crate) fn emit(
        &mut self,
        sides: [&RowStore; 2],
        before: &[ArrayRef],
        out: &mut Output,
    ) -> Result<(), NodeError> {
        if self.len() > 0 {
            let mut columns = before.to_vec();
            for (rows, numbers) in sides.iter().zip(&self.sides) {
                columns.extend(rows.columns(numbers)?);
            }
            out.emit(ROWS, RecordBatch::try_new(self.schema.clone(), columns)?);
        }
        self.sides.iter_mut().for_each(Vec::clear);
        out.check()
    }
}
