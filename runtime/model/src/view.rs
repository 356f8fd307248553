//! The chart model: what a `visualize.*` node shows, apart from how it is drawn.
//!
//! A view is a [`ViewSpec`] and one Arrow batch. The designer draws it with egui, the host with plotters as SVG and
//! PNG; neither knows the node kind. Each variant says the columns of its batch. Who looks says with a [`Look`] which
//! part is seen on how many pixels, so that a view with millions of points answers with what a screen can show. Fields
//! that hold values of a column of the node's rows say so in their metadata ([`crate::filter`]).

use arrow_schema::{DataType, Schema};
use serde::{Deserialize, Serialize};

use crate::event_time::event_time_column;

/// How the rows of a view's batch are to be read and drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "view", rename_all = "snake_case")]
pub enum ViewSpec {
    /// Columns: `series` (Utf8), `x` (Timestamp or Float64), `y` (Float64), sorted by series, then x; `key` (Utf8) where
    /// the series' names are made of a key and a column.
    /// Within a series the points may be thinned, with the extremes kept.
    Xy(XyChart),
    /// Columns: `label` (Utf8), `series` (Utf8), `value` (Float64), in the order in which they are to stand.
    Bar(BarChart),
    /// Columns: `from`, `to`, `count` (all Float64), sorted, bins without values among others included.
    Histogram(Histogram),
    /// Columns: `x_from`, `x_to` (Timestamp or Float64), `row` (Utf8) or else `y_from`, `y_to` (Float64), `value`
    /// (Float64); cells without rows are left out.
    Heatmap(Heatmap),
    /// One row per key: `label` (Utf8), `value` (Float64), `time` (Timestamp, may be null).
    Gauge(Gauge),
    /// One row per key: `label` (Utf8), `value` (any), `time` (Timestamp, may be null).
    SingleValue(SingleValue),
    /// Any columns, newest row last.
    Table(TableView),
    /// Columns: `time` (Timestamp, may be null), `level` (Utf8, may be null), `text` (Utf8), newest row last.
    Log(LogView),
    /// Columns: `label` (Utf8), `latitude`, `longitude` (degrees), `value` (Float64, may be null), `time`.
    Map(MapView),
}

impl ViewSpec {
    /// The fields of the picture that say from when to when a row is, where a row of it is of some time. Points of an
    /// [`XyChart`] are not chosen by it: they are looked at with a [`Look`].
    pub fn time_fields(&self, picture: &Schema) -> Option<(usize, usize)> {
        let is_time = |place: &usize| matches!(picture.field(*place).data_type(), DataType::Timestamp(..));
        self.x_fields(picture).filter(|(from, to)| is_time(from) && is_time(to))
    }

    /// The same of times or numbers: from where to where a row is on the axis along which a person moves about.
    pub fn x_fields(&self, picture: &Schema) -> Option<(usize, usize)> {
        let place = |name: &str| picture.index_of(name).ok();
        let is_time = |place: &usize| matches!(picture.field(*place).data_type(), DataType::Timestamp(..));
        Some(match self {
            ViewSpec::Histogram(_) => (place("from")?, place("to")?),
            ViewSpec::Heatmap(_) => (place("x_from")?, place("x_to")?),
            ViewSpec::Log(_) | ViewSpec::Map(_) => (place("time")?, place("time")?),
            ViewSpec::Table(_) => {
                let event_time = event_time_column(picture).and_then(|name| picture.index_of(name).ok());
                let time = event_time.or_else(|| (0..picture.fields().len()).find(|place| is_time(place)))?;
                (time, time)
            }
            _ => return None,
        })
    }
}

/// How the points of an [`XyChart`] are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    Line,
    /// A line and the space between it and zero.
    Area,
    /// A dot for each point.
    Dot,
}

/// Series of points over a time or a number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct XyChart {
    pub title: String,
    pub mark: Mark,
    pub x_label: String,
    pub y_label: String,
    /// Whether `x` is a time; else it is a number.
    pub x_is_time: bool,
    pub y_scale: Scale,
    /// Series that are measured on an axis of their own at the right side.
    pub right: Vec<String>,
    pub right_label: String,
    /// Levels and bands to compare with.
    pub thresholds: Vec<Threshold>,
    /// Points that were received; the batch may hold fewer.
    pub num_points: u64,
    /// The least and the greatest x of all points held, of which the batch may show a part: microseconds since the epoch
    /// where x is a time.
    pub x_held: Option<(f64, f64)>,
}

/// A level to compare with, or a band up to `to`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    pub value: f64,
    pub to: Option<f64>,
    pub label: String,
}

impl Threshold {
    /// The values that the axis must hold for this to be seen.
    pub fn values(&self) -> impl Iterator<Item = f64> {
        [Some(self.value), self.to].into_iter().flatten().filter(|value| value.is_finite())
    }
}

/// How values are laid out along an axis.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    #[default]
    Linear,
    /// By powers of ten; what is not above zero has no place.
    Log,
}

impl Scale {
    /// The place of a value along the axis; `None` where it has none.
    pub fn place(self, value: f64) -> Option<f64> {
        match self {
            Scale::Linear => Some(value).filter(|value| value.is_finite()),
            Scale::Log => Some(value).filter(|value| value.is_finite() && *value > 0.0).map(f64::log10),
        }
    }

    /// The value that stands at a place along the axis.
    pub fn value(self, place: f64) -> f64 {
        match self {
            Scale::Linear => place,
            Scale::Log => 10_f64.powf(place),
        }
    }
}

/// A bar for each label, or one for each label and series side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BarChart {
    pub title: String,
    pub value_label: String,
    pub thresholds: Vec<Threshold>,
}

/// How often values lie in which range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    pub title: String,
    pub x_label: String,
    pub num_values: u64,
}

/// A colour for each cell of x and y.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Heatmap {
    pub title: String,
    pub x_label: String,
    pub y_label: String,
    pub x_is_time: bool,
    /// Whether `row` names the rows; else `y_from` and `y_to` do.
    pub has_named_rows: bool,
    /// What the colour is, such as `rows` or `mean of temperature`.
    pub value_label: String,
}

/// Values on a dial from `min` to `max`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gauge {
    pub title: String,
    pub unit: String,
    /// Digits after the decimal point.
    pub decimals: u8,
    pub min: f64,
    pub max: f64,
    /// From which value on the dial is a warning, and an alarm.
    pub warning: Option<f64>,
    pub alarm: Option<f64>,
}

/// What a value on a [`Gauge`] means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    Normal,
    Warning,
    Alarm,
}

impl Zone {
    pub fn word(self) -> &'static str {
        match self {
            Zone::Normal => "normal",
            Zone::Warning => "warning",
            Zone::Alarm => "alarm",
        }
    }
}

impl Gauge {
    /// Where a value stands on the dial, 0 to 1.
    pub fn share(&self, value: f64) -> f64 {
        let share = (value - self.min) / (self.max - self.min);
        if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
    }

    /// The zone of a value. Where the alarm lies below the warning, low values are the bad ones.
    pub fn zone(&self, value: f64) -> Zone {
        let is_low_bad = matches!((self.warning, self.alarm), (Some(warning), Some(alarm)) if alarm < warning);
        let is_beyond =
            |limit: Option<f64>| limit.is_some_and(|limit| if is_low_bad { value <= limit } else { value >= limit });
        match () {
            () if is_beyond(self.alarm) => Zone::Alarm,
            () if is_beyond(self.warning) => Zone::Warning,
            () => Zone::Normal,
        }
    }

    /// The stretches of the dial (from and to as shares) and their zones, from `min` to `max`.
    pub fn zones(&self) -> Vec<(f64, f64, Zone)> {
        let mut ends: Vec<f64> = [self.warning, self.alarm].into_iter().flatten().map(|at| self.share(at)).collect();
        ends.extend([0.0, 1.0]);
        ends.sort_by(f64::total_cmp);
        ends.dedup();
        let value_at = |share: f64| self.min + share * (self.max - self.min);
        ends.windows(2).map(|pair| (pair[0], pair[1], self.zone(value_at(f64::midpoint(pair[0], pair[1]))))).collect()
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableView {
    pub title: String,
    /// Rows that were received; the batch holds the newest of them.
    pub num_rows: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SingleValue {
    pub title: String,
    pub unit: String,
    /// Digits after the decimal point.
    pub decimals: u8,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogView {
    pub title: String,
    /// Rows that were received; the batch holds the newest of them.
    pub num_rows: u64,
}

/// How bad a line of a log is, read from the word that its program wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    Error,
    Warning,
    Info,
    Detail,
}

impl LogLevel {
    /// Reads words such as `ERROR`, `warn` and `D`; an unknown one is [`LogLevel::Info`].
    pub fn of_word(word: &str) -> Self {
        match word.trim().to_ascii_lowercase().as_str() {
            "error" | "err" | "e" | "fatal" | "critical" | "crit" | "alert" | "emerg" | "alarm" => Self::Error,
            "warning" | "warn" | "w" => Self::Warning,
            "debug" | "trace" | "d" | "t" | "v" | "verbose" => Self::Detail,
            _ => Self::Info,
        }
    }
}

/// Positions on the earth, on a map of meridians and parallels without a picture below.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MapView {
    pub title: String,
    pub projection: Projection,
    /// What `value` is; empty when there is none.
    pub value_label: String,
    pub num_rows: u64,
}

/// How the round earth becomes flat.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Projection {
    /// Degrees as they are.
    #[default]
    Equirectangular,
    /// True to shape; the web's map projection (EPSG:3857), which ends at 85 degrees.
    Mercator,
}

impl Projection {
    /// The greatest latitude that has a place.
    pub const fn max_latitude(self) -> f64 {
        match self {
            Projection::Equirectangular => 90.0,
            Projection::Mercator => 85.05,
        }
    }

    /// The height on the map, in degrees of longitude, of a latitude in degrees.
    pub fn height(self, latitude: f64) -> f64 {
        let latitude = latitude.clamp(-self.max_latitude(), self.max_latitude());
        match self {
            Projection::Equirectangular => latitude,
            // y = ln tan(π/4 + φ/2); Snyder, Map Projections: A Working Manual, 1987, formula 7-1.
            Projection::Mercator => (std::f64::consts::FRAC_PI_4 + latitude.to_radians() / 2.0).tan().ln().to_degrees(),
        }
    }

    /// The latitude at a height on the map.
    pub fn latitude(self, height: f64) -> f64 {
        match self {
            Projection::Equirectangular => height,
            Projection::Mercator => 2.0 * height.to_radians().exp().atan().to_degrees() - 90.0,
        }
    }
}

/// The step of 1, 2 or 5 times a power of ten that cuts `span` into at most some `wanted` pieces; `None` for no span.
pub fn round_step(span: f64, wanted: usize) -> Option<f64> {
    let rough = span / wanted.max(1) as f64;
    if !rough.is_finite() || rough <= 0.0 {
        return None;
    }
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= rough * 0.999);
    Some(step.unwrap_or(power * 10.0))
}

/// The colour (red, green, blue) of a share from 0 to 1, from dark to bright and told apart without seeing colours:
/// five stops of viridis (Smith and van der Walt, 2015).
pub fn heat(share: f64) -> [u8; 3] {
    const STOPS: [[u8; 3]; 5] = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
    let place = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) * (STOPS.len() - 1) as f64 };
    let from = (place as usize).min(STOPS.len() - 2);
    let part = place - from as f64;
    std::array::from_fn(|channel| {
        let (a, b) = (f64::from(STOPS[from][channel]), f64::from(STOPS[from + 1][channel]));
        (a + (b - a) * part).round() as u8
    })
}

/// What of a view is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// The x values that are seen, microseconds since the epoch where they are times; `None`: all.
    pub x: Option<(f64, f64)>,
    /// How many columns of pixels they have.
    pub num_columns: u32,
}

impl Look {
    /// All of it, at the width of a small panel.
    pub const WHOLE: Look = Look { x: None, num_columns: 500 };
    /// The widest screen.
    pub const MAX_COLUMNS: u32 = 16_384;
}

impl ViewSpec {
    pub fn title(&self) -> &str {
        match self {
            Self::Xy(chart) => &chart.title,
            Self::Bar(chart) => &chart.title,
            Self::Histogram(chart) => &chart.title,
            Self::Heatmap(chart) => &chart.title,
            Self::Gauge(gauge) => &gauge.title,
            Self::SingleValue(value) => &value.title,
            Self::Table(table) => &table.title,
            Self::Log(log) => &log.title,
            Self::Map(map) => &map.title,
        }
    }

    /// How many of what it has got, where that is more than is shown: 1,200 `point`s.
    pub fn received(&self) -> Option<(u64, &'static str)> {
        match self {
            Self::Xy(chart) => Some((chart.num_points, "point")),
            Self::Histogram(chart) => Some((chart.num_values, "value")),
            Self::Table(TableView { num_rows, .. }) | Self::Log(LogView { num_rows, .. }) => Some((*num_rows, "row")),
            Self::Map(map) => Some((map.num_rows, "row")),
            Self::Bar(_) | Self::Heatmap(_) | Self::Gauge(_) | Self::SingleValue(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gauge(warning: Option<f64>, alarm: Option<f64>) -> Gauge {
        Gauge { title: String::new(), unit: String::new(), decimals: 0, min: 0.0, max: 100.0, warning, alarm }
    }

    #[test]
    fn high_values_are_bad_unless_the_alarm_lies_below_the_warning() {
        let high = gauge(Some(70.0), Some(90.0));
        assert_eq!([10.0, 70.0, 95.0].map(|value| high.zone(value)), [Zone::Normal, Zone::Warning, Zone::Alarm]);
        let low = gauge(Some(30.0), Some(10.0));
        assert_eq!([5.0, 30.0, 95.0].map(|value| low.zone(value)), [Zone::Alarm, Zone::Warning, Zone::Normal]);
        assert_eq!(low.zones(), [(0.0, 0.1, Zone::Alarm), (0.1, 0.3, Zone::Warning), (0.3, 1.0, Zone::Normal)]);
        assert_eq!(gauge(None, None).zones(), [(0.0, 1.0, Zone::Normal)]);
        assert_eq!([high.share(-5.0), high.share(25.0), high.share(f64::NAN)], [0.0, 0.25, 0.0]);
    }

    #[test]
    fn a_projection_and_its_inverse_agree_and_the_poles_have_a_place() {
        for projection in [Projection::Equirectangular, Projection::Mercator] {
            for latitude in [-85.0, -33.3, 0.0, 52.5, 85.0] {
                assert!((projection.latitude(projection.height(latitude)) - latitude).abs() < 1e-9, "{latitude}");
            }
            assert!(projection.height(90.0).is_finite());
        }
        // The web map is a square: as high as it is wide.
        assert!((Projection::Mercator.height(85.051_128_78) - 180.0).abs() < 0.1);
    }

    #[test]
    fn a_logarithmic_axis_has_no_place_for_zero() {
        assert_eq!([Scale::Log.place(100.0), Scale::Log.place(0.0), Scale::Log.place(-1.0)], [Some(2.0), None, None]);
        assert_eq!(Scale::Log.value(2.0), 100.0);
        assert_eq!(Scale::Linear.place(f64::NAN), None);
    }

    #[test]
    fn words_of_programs_are_read_as_levels() {
        let words = ["ERROR", " warn", "debug", "notice", ""];
        use LogLevel::*;
        assert_eq!(words.map(LogLevel::of_word), [Error, Warning, Detail, Info, Info]);
    }
}
