//! `visualize.map`: positions on the earth.
//!
//! With a key the last position of each is held (`last_values`), without one the newest rows (`newest_rows`).

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Field, Float64Type, SchemaRef};
use millrace_model::view::{Look, MapView, Projection, ViewSpec};
use millrace_model::{ColumnRef, PortCard, RowTrait};
use millrace_operator::{
    BuildContext, CardText, Columns, InferContext, Machine, Node, NodeError, State, View, ViewSnapshot, Wanted,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{check_given, check_number, given, read, title};
use super::last_values::LastValues;
use super::newest_rows::NewestRows;

/// Keys beyond this many are not shown.
const MAX_KEYS: usize = 10_000;

/// How the round earth becomes flat.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProjectionParam {
    /// Degrees as they are.
    #[default]
    Equirectangular,
    /// True to shape, as web maps are; ends at 85 degrees.
    Mercator,
}

/// Shows positions on the earth, on a net of meridians and parallels: the last position of each key, or without a key the
/// newest rows. A column may give the colour. No map pictures are loaded: it works without a network.
///
/// Rows without a position, or with one that is not on the earth (latitude beyond 90 degrees, longitude beyond 180), are
/// left out. At most 10,000 keys are shown; the title then says so.
///
/// | in | key `truck` |
/// | --- | --- |
/// | truck 7 at 52.52, 13.40; then at 52.53, 13.41 | one dot, at 52.53, 13.41 |
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The column of degrees north.
    pub latitude: ColumnRef,
    /// The column of degrees east.
    pub longitude: ColumnRef,
    /// The column that names what moves; empty: each row is a dot of its own.
    #[serde(default)]
    pub key: Option<ColumnRef>,
    /// The column of numbers that gives the colour; empty: all have one.
    #[serde(default)]
    pub value: Option<ColumnRef>,
    /// How many rows are kept where there is no key.
    #[serde(default = "default_keep")]
    #[schemars(range(min = 1, max = 100_000))]
    pub keep: usize,
    /// How the round earth becomes flat.
    #[serde(default)]
    pub projection: ProjectionParam,
    /// Stands above the map; empty: the node's own title.
    #[serde(default)]
    #[schemars(extend("keeps_state" = true))]
    pub title: String,
}

fn default_keep() -> usize {
    2_000
}

/// The node kind.
pub struct MapNode;

impl Node for MapNode {
    type Params = Params;
    const KIND: &'static str = "visualize.map";

    fn card() -> CardText {
        CardText::new("Map", "Positions on the earth", "map-trifold")
            .input(PortCard::rows("Rows with positions.").needing(RowTrait::Number))
            .headline("key")
            .view()
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        if let Some(schema) = cx.input() {
            check_number(cx, "latitude", &params.latitude, &schema);
            check_number(cx, "longitude", &params.longitude, &schema);
            if let Some(value) = params.value.as_ref().filter(|value| !value.as_str().is_empty()) {
                check_number(cx, "value", value, &schema);
            }
            check_given(cx, "key", params.key.as_ref(), &schema);
        }
        Vec::new()
    }

    fn reads(params: &Params, _: &Wanted<'_>) -> Vec<Columns> {
        let place = [Some(&params.latitude), Some(&params.longitude)];
        vec![read(place.into_iter().chain([params.key.as_ref(), params.value.as_ref()]))]
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let input = cx.input();
        let number = |name: &str, is_nullable: bool| Field::new(name, DataType::Float64, is_nullable);
        let fields = vec![number("latitude", false), number("longitude", false), number("value", true)];
        let last = LastValues::new(params.key.as_ref(), input, fields, MAX_KEYS)?;
        Ok(Machine::View(Box::new(Positions {
            spec: MapView {
                title: title(params.title, cx),
                projection: match params.projection {
                    ProjectionParam::Equirectangular => Projection::Equirectangular,
                    ProjectionParam::Mercator => Projection::Mercator,
                },
                value_label: given(params.value.as_ref()).unwrap_or_default().to_owned(),
                num_rows: 0,
            },
            latitude: input.index_of(params.latitude.as_str())?,
            longitude: input.index_of(params.longitude.as_str())?,
            value: given(params.value.as_ref()).map(|column| input.index_of(column)).transpose()?,
            newest: NewestRows::new(last.schema().clone(), params.keep),
            last,
        })))
    }
}

struct Positions {
    spec: MapView,
    latitude: usize,
    longitude: usize,
    value: Option<usize>,
    /// In use where there is a key.
    last: LastValues,
    /// In use where there is none; it also counts the rows.
    newest: NewestRows,
}

impl View for Positions {
    fn on_batch(&mut self, batch: RecordBatch) -> Result<(), NodeError> {
        let number = |column: usize| cast(batch.column(column), &DataType::Float64);
        let (latitude, longitude) = (number(self.latitude)?, number(self.longitude)?);
        let value = match self.value {
            Some(column) => number(column)?,
            None => arrow::array::new_null_array(&DataType::Float64, batch.num_rows()),
        };
        let within = |degrees: &ArrayRef, limit: f64| -> Vec<bool> {
            let is_on_earth = |degrees: Option<f64>| degrees.is_some_and(|degrees| degrees.abs() <= limit);
            degrees.as_primitive::<Float64Type>().iter().map(is_on_earth).collect()
        };
        let is_placed = within(&latitude, 90.0).into_iter().zip(within(&longitude, 180.0)).map(|(a, b)| Some(a && b));
        let is_placed = BooleanArray::from_iter(is_placed);
        let here = filter_record_batch(&batch, &is_placed)?;
        let only = |column: &ArrayRef| arrow::compute::filter(column, &is_placed);
        let values = vec![only(&latitude)?, only(&longitude)?, only(&value)?];
        self.spec.num_rows += here.num_rows() as u64;
        if self.last.has_key() {
            self.last.take(&here, values)
        } else {
            self.newest.take(self.last.rows_of(&here, values)?)
        }
    }

    fn picture(&mut self, _look: &Look) -> Result<ViewSnapshot, NodeError> {
        let data = if self.last.has_key() { self.last.rows().clone() } else { self.newest.rows()? };
        let spec = MapView { title: self.last.titled(&self.spec.title), ..self.spec.clone() };
        Ok(ViewSnapshot { spec: ViewSpec::Map(spec), data })
    }

    fn snapshot(&mut self) -> Result<State, NodeError> {
        let mut state = self.spec.num_rows.to_le_bytes().to_vec();
        state.extend(if self.last.has_key() { self.last.save()? } else { self.newest.save()? });
        Ok(state)
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), NodeError> {
        let (num_rows, rows) =
            state.split_first_chunk().ok_or_else(|| NodeError::internal("the count of rows cannot be read"))?;
        self.spec.num_rows = u64::from_le_bytes(*num_rows);
        if self.last.has_key() { self.last.load(rows) } else { self.newest.load(rows) }
    }

    fn state_bytes(&self) -> usize {
        self.last.bytes() + self.newest.bytes()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use arrow::array::{Float64Array, StringArray};
    use arrow::datatypes::Schema;
    use millrace_operator::harness::{Harness, assert_node_contract, rows_as_json};
    use serde_json::{Value, json};

    fn schema() -> SchemaRef {
        let number = |name: &str| Field::new(name, DataType::Float64, true);
        Arc::new(Schema::new(vec![
            Field::new("truck", DataType::Utf8, true),
            number("lat"),
            number("lon"),
            number("v"),
        ]))
    }

    fn rows(rows: &[(&str, Option<f64>, f64)]) -> RecordBatch {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0))),
            Arc::new(rows.iter().map(|row| row.1).collect::<Float64Array>()),
            Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.2))),
            Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.2 * 2.0))),
        ];
        RecordBatch::try_new(schema(), columns).expect("four columns")
    }

    fn shown(params: Value) -> (u64, Vec<Value>) {
        let harness = Harness::new::<MapNode>(params, &[schema()]);
        let mut view = harness.view();
        view.on_batch(RecordBatch::new_empty(schema())).expect("no rows");
        view.on_batch(rows(&[("a", Some(52.5), 13.4), ("b", Some(-33.9), 151.2), ("c", None, 1.0)])).expect("rows");
        let state = view.snapshot().expect("a snapshot");
        let mut view = harness.view();
        view.restore(&state).expect("a restore");
        view.on_batch(rows(&[("a", Some(52.6), 13.5), ("d", Some(90.5), 0.0), ("d", Some(0.0), 180.5)])).expect("rows");
        let picture = view.picture(&Look::WHOLE).expect("a picture");
        let rows = rows_as_json(&picture.data);
        let rows = rows.iter().map(|row| json!([row["label"], row["latitude"], row["longitude"], row["value"]]));
        (picture.spec.received().expect("rows are counted").0, rows.collect())
    }

    #[test]
    fn the_contract_holds() {
        assert_node_contract::<MapNode>(json!({ "latitude": "lat", "longitude": "lon" }), &[schema()]);
        let keyed = json!({ "latitude": "lat", "longitude": "lon", "key": "truck", "value": "v" });
        assert_node_contract::<MapNode>(keyed, &[schema()]);
    }

    #[test]
    fn each_key_has_its_last_position_and_what_is_not_on_the_earth_has_none() {
        let params = json!({ "latitude": "lat", "longitude": "lon", "key": "truck", "value": "v" });
        let expected = vec![json!(["a", 52.6, 13.5, 27.0]), json!(["b", -33.9, 151.2, 302.4])];
        assert_eq!(shown(params), (3, expected));
    }

    #[test]
    fn without_a_key_the_newest_rows_are_kept() {
        let params = json!({ "latitude": "lat", "longitude": "lon", "keep": 2 });
        assert_eq!(shown(params), (3, vec![json!(["", -33.9, 151.2, null]), json!(["", 52.6, 13.5, null])]));
    }
}
