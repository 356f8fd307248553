//! What must hold for every picture; `MILLRACE_KEEP_IMAGES=DIR` keeps them to be looked at.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::Schema;
use millrace_model::event_time::UTC;
use millrace_model::view::{LineChart, SingleValue, TableView, Threshold, ViewSpec};
use millrace_protocol::ImageFormat;

use super::{ImageError, render, theme};

const START_US: i64 = 1_385_935_200_000_000;
const MINUTE_US: i64 = 60_000_000;

struct Rgb {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

impl Rgb {
    fn at(&self, x: u32, y: u32) -> [u8; 3] {
        let start = (y * self.width + x) as usize * 3;
        self.pixels[start..start + 3].try_into().expect("three bytes a pixel")
    }
}

fn decoded(png: &[u8]) -> Rgb {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().expect("a PNG header");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a small picture")];
    let info = reader.next_frame(&mut pixels).expect("PNG data");
    assert_eq!(info.color_type, png::ColorType::Rgb);
    Rgb { width: info.width, height: info.height, pixels }
}

fn png_of(name: &str, spec: &ViewSpec, data: &RecordBatch, (width, height): (u32, u32)) -> Rgb {
    let bytes = render(spec, data, ImageFormat::Png, width, height).expect("a picture");
    if let Some(folder) = std::env::var_os("MILLRACE_KEEP_IMAGES") {
        let svg = render(spec, data, ImageFormat::Svg, width, height).expect("a picture");
        let path = std::path::Path::new(&folder).join(name);
        std::fs::write(path.with_extension("png"), &bytes).expect("the folder can be written");
        std::fs::write(path.with_extension("svg"), svg).expect("the folder can be written");
    }
    decoded(&bytes)
}

fn svg_of(spec: &ViewSpec, data: &RecordBatch) -> String {
    String::from_utf8(render(spec, data, ImageFormat::Svg, 960, 480).expect("a picture")).expect("SVG is text")
}

fn line_chart() -> LineChart {
    LineChart {
        title: "Temperature by site".to_owned(),
        x_label: "time".to_owned(),
        y_label: "temperature in °C".to_owned(),
        x_is_time: true,
        thresholds: vec![Threshold { value: 30.0, label: "alarm above 30 °C".to_owned() }],
        num_points: 3_600,
    }
}

fn lines(series: &[(&str, Vec<Option<f64>>)]) -> RecordBatch {
    let names: Vec<&str> = series.iter().flat_map(|(name, y)| std::iter::repeat_n(*name, y.len())).collect();
    let x: Vec<i64> =
        series.iter().flat_map(|(_, y)| (0..y.len() as i64).map(|row| START_US + row * MINUTE_US)).collect();
    let y: Vec<Option<f64>> = series.iter().flat_map(|(_, y)| y.iter().copied()).collect();
    RecordBatch::try_from_iter([
        ("series", Arc::new(StringArray::from(names)) as ArrayRef),
        ("x", Arc::new(TimestampMicrosecondArray::from(x).with_timezone(UTC))),
        ("y", Arc::new(Float64Array::from(y))),
    ])
    .expect("three columns of one length")
}

/// A wave with some deterministic noise.
fn wave(rows: u64, phase: f64) -> Vec<Option<f64>> {
    let noise = |row: u64| (row.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / f64::from(1 << 24) - 0.5;
    (0..rows).map(|row| Some(20.0 + 4.0 * (row as f64 / 180.0 + phase).sin() + noise(row + 7))).collect()
}

fn is_like(pixel: [u8; 3], color: plotters::style::RGBColor) -> bool {
    pixel.iter().zip([color.0, color.1, color.2]).all(|(a, b)| a.abs_diff(b) < 60)
}

#[test]
fn a_spike_of_one_sample_is_seen_in_the_png() {
    let mut spiked = wave(1_200, 0.0);
    spiked[600] = Some(58.0);
    let spec = ViewSpec::LineChart(LineChart { thresholds: Vec::new(), ..line_chart() });
    let data = lines(&[("SITE-00", spiked), ("SITE-07", wave(1_200, 1.0)), ("SITE-14", wave(1_200, 2.1))]);
    let picture = png_of("spike", &spec, &data, (960, 480));
    assert_eq!((picture.width, picture.height), (960, 480));
    // The wave ends below 26 of some 60 degrees: the upper half of the plot holds nothing but the spike.
    let hits: Vec<u32> = (150..260)
        .flat_map(|y| (60..940).map(move |x| (x, y)))
        .filter(|(x, y)| is_like(picture.at(*x, *y), theme::series(0)))
        .map(|(x, _)| x)
        .collect();
    assert!(hits.len() > 60, "{} pixels of the spike", hits.len());
    assert!(hits.iter().all(|x| x.abs_diff(495) < 12), "the spike stands in the middle: {hits:?}");
    assert_eq!(picture.at(3, 3), [255, 255, 255]);
}

#[test]
fn an_svg_names_title_series_axes_and_thresholds() {
    let data = lines(&[("SITE-00", wave(300, 0.0)), ("<SITE & 07>", wave(300, 1.0))]);
    let svg = svg_of(&ViewSpec::LineChart(line_chart()), &data);
    for text in [
        "Temperature by site",
        "SITE-00",
        "&lt;SITE &amp; 07&gt;",
        "alarm above 30 °C",
        "temperature in °C",
        "time (UTC)",
        "3,600 points, 2 series",
        "width=\"960\" height=\"480\"",
    ] {
        assert!(svg.contains(text), "{text} in {}", &svg[..400]);
    }
}

#[test]
fn a_chart_of_many_series_few_points_and_gaps_is_drawn() {
    let many: Vec<(String, Vec<Option<f64>>)> =
        (0..40).map(|n| (format!("device-{n:05}"), wave(30, f64::from(n) / 6.0))).collect();
    let many: Vec<(&str, Vec<Option<f64>>)> = many.iter().map(|(name, y)| (name.as_str(), y.clone())).collect();
    png_of("many", &ViewSpec::LineChart(line_chart()), &lines(&many), (960, 480));
    let mut gaps = wave(600, 0.0);
    gaps[100..200].fill(None);
    gaps[300] = Some(f64::NAN);
    gaps[301] = Some(f64::INFINITY);
    let picture = png_of("gaps", &ViewSpec::LineChart(line_chart()), &lines(&[("", gaps)]), (720, 360));
    let colored = |from: u32, to: u32| {
        let inside = (from..to).flat_map(|x| (80..320).map(move |y| (x, y)));
        inside.filter(|(x, y)| is_like(picture.at(*x, *y), theme::series(0))).count()
    };
    assert!(colored(80, 140) > 50);
    assert_eq!(colored(175, 255), 0, "nothing is drawn where there are no values");
}

#[test]
fn a_chart_over_numbers_and_one_of_a_single_point_are_drawn() {
    let data = RecordBatch::try_from_iter([
        ("series", Arc::new(StringArray::from(vec!["a"; 50])) as ArrayRef),
        ("x", Arc::new(Float64Array::from_iter_values((0..50).map(|n| f64::from(n) * 1_000.0)))),
        ("y", Arc::new(Float64Array::from_iter_values((0..50).map(|n| f64::from(n * n) * 12_000.0)))),
    ])
    .expect("three columns");
    let spec = LineChart { x_is_time: false, x_label: "revolutions".to_owned(), thresholds: vec![], ..line_chart() };
    assert!(svg_of(&ViewSpec::LineChart(spec.clone()), &data).contains(">\nrevolutions\n"));
    png_of("numbers", &ViewSpec::LineChart(spec), &data, (640, 400));
    let one = lines(&[("only", vec![Some(1.0)])]);
    let picture = png_of("single_point", &ViewSpec::LineChart(line_chart()), &one, (640, 400));
    assert!((100..600).any(|x| (100..380).any(|y| is_like(picture.at(x, y), theme::series(0)))));
}

fn table() -> RecordBatch {
    let rows = 60_i64;
    RecordBatch::try_from_iter([
        (
            "ts",
            Arc::new(
                TimestampMicrosecondArray::from_iter_values((0..rows).map(|n| START_US + n * 412_000))
                    .with_timezone(UTC),
            ) as ArrayRef,
        ),
        ("device_id", Arc::new(StringArray::from_iter_values((0..rows).map(|n| format!("dev-{n:05}"))))),
        ("temperature", Arc::new(Float64Array::from_iter((0..rows).map(|n| (n % 9 != 0).then_some(n as f64 * 0.37))))),
        ("count", Arc::new(Int64Array::from_iter_values((0..rows).map(|n| n * n * 37)))),
        ("ok", Arc::new(BooleanArray::from_iter((0..rows).map(|n| Some(n % 7 != 0))))),
        (
            "note",
            Arc::new(StringArray::from_iter_values((0..rows).map(|n| "a rather long remark ".repeat(n as usize % 5)))),
        ),
    ])
    .expect("columns of one length")
}

#[test]
fn a_table_shows_its_newest_rows_first() {
    let spec = ViewSpec::Table(TableView { title: "Alarms".to_owned(), num_rows: 12_345 });
    png_of("table", &spec, &table(), (900, 420));
    png_of("table_narrow", &spec, &table(), (420, 260));
    let svg = svg_of(&spec, &table());
    let (newest, before) = (svg.find("dev-00059").expect("the newest row"), svg.find("dev-00058").expect("one before"));
    assert!(newest < before);
    assert!(svg.contains("of 12,345 rows") && svg.contains("2013-12-01 22:00:24.308"));
    assert!(!svg.contains("dev-00001"), "old rows have no place");
}

fn values(rows: usize) -> RecordBatch {
    RecordBatch::try_from_iter([
        ("label", Arc::new(StringArray::from_iter_values((0..rows).map(|n| format!("SITE-{n:02}")))) as ArrayRef),
        ("value", Arc::new(Float64Array::from_iter_values((0..rows).map(|n| 1_234.567 * (n + 1) as f64)))),
        (
            "time",
            Arc::new(
                TimestampMicrosecondArray::from_iter((0..rows).map(|n| (n != 1).then_some(START_US)))
                    .with_timezone(UTC),
            ),
        ),
    ])
    .expect("columns of one length")
}

#[test]
fn a_single_value_is_written_large_with_its_unit() {
    let spec =
        ViewSpec::SingleValue(SingleValue { title: "Readings".to_owned(), unit: "rows/s".to_owned(), decimals: 1 });
    let svg = svg_of(&spec, &values(1));
    for text in ["1,234.6", "rows/s", "SITE-00", "2013-12-01 22:00:00 UTC"] {
        assert!(svg.contains(text), "{text}");
    }
    png_of("value", &spec, &values(1), (480, 270));
    png_of("values", &spec, &values(7), (800, 420));
    png_of("values_many", &spec, &values(300), (800, 420));
    assert!(svg_of(&spec, &values(300)).contains("of 300 values"));
}

#[test]
fn a_view_without_rows_says_so() {
    let specs = [
        ViewSpec::LineChart(line_chart()),
        ViewSpec::Table(TableView { title: "Alarms".to_owned(), num_rows: 0 }),
        ViewSpec::SingleValue(SingleValue { title: "Readings".to_owned(), unit: String::new(), decimals: 0 }),
    ];
    for (number, spec) in specs.iter().enumerate() {
        let empty = RecordBatch::new_empty(Arc::new(Schema::empty()));
        let svg = svg_of(spec, &empty);
        assert!(svg.contains("No rows") && svg.contains(spec.title()), "{spec:?}");
        png_of(&format!("empty{number}"), spec, &empty, (480, 270));
    }
}

#[test]
fn the_same_rows_give_the_same_bytes() {
    let data = lines(&[("a", wave(500, 0.0)), ("b", wave(500, 1.0))]);
    for format in [ImageFormat::Png, ImageFormat::Svg] {
        let spec = ViewSpec::LineChart(line_chart());
        assert_eq!(render(&spec, &data, format, 320, 200), render(&spec, &data, format, 320, 200));
    }
}

#[test]
fn any_size_within_the_limits_is_drawn_and_others_are_refused() {
    let data = lines(&[("a", wave(500, 0.0)), ("b", wave(500, 1.0))]);
    let spec = ViewSpec::LineChart(line_chart());
    for (width, height) in [(64, 64), (64, 900), (900, 64), (4096, 64)] {
        for spec in [
            spec.clone(),
            ViewSpec::Table(TableView { title: "A title that is far too long for this".to_owned(), num_rows: 3 }),
        ] {
            assert!(render(&spec, &data, ImageFormat::Png, width, height).is_ok(), "{width} × {height}");
        }
        let value = ViewSpec::SingleValue(SingleValue { title: "t".to_owned(), unit: "unit".to_owned(), decimals: 9 });
        assert!(render(&value, &values(30), ImageFormat::Png, width, height).is_ok(), "{width} × {height}");
    }
    assert_eq!(render(&spec, &data, ImageFormat::Svg, 10, 100), Err(ImageError::Size { width: 10, height: 100 }));
    let wrong =
        RecordBatch::try_from_iter([("z", Arc::new(Int64Array::from(vec![1])) as ArrayRef)]).expect("one column");
    assert!(matches!(render(&spec, &wrong, ImageFormat::Svg, 100, 100), Err(ImageError::Data { .. })));
}
