//! What must hold for every picture; `MILLRACE_KEEP_IMAGES=DIR` keeps them to be looked at.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::Schema;
use millrace_model::event_time::UTC;
use millrace_model::view::{
    BarChart, Gauge, Heatmap, Histogram, LogView, Look, MapView, Mark, Projection, Scale, SingleValue, TableView,
    Threshold, ViewSpec, XyChart,
};
use millrace_operator::ViewSnapshot;
use millrace_protocol::{ImageFormat, Seen};

use super::{ImageError, render, render_seen, theme};

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

fn line_chart() -> XyChart {
    XyChart {
        title: "Temperature by site".to_owned(),
        x_label: "time".to_owned(),
        y_label: "temperature in °C".to_owned(),
        mark: Mark::Line,
        x_is_time: true,
        y_scale: Scale::Linear,
        right: Vec::new(),
        right_label: String::new(),
        thresholds: vec![Threshold { value: 30.0, to: None, label: "alarm above 30 °C".to_owned() }],
        num_points: 3_600,
        x_held: None,
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
    let spec = ViewSpec::Xy(XyChart { thresholds: Vec::new(), ..line_chart() });
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
    let svg = svg_of(&ViewSpec::Xy(line_chart()), &data);
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
    png_of("many", &ViewSpec::Xy(line_chart()), &lines(&many), (960, 480));
    let mut gaps = wave(600, 0.0);
    gaps[100..200].fill(None);
    gaps[300] = Some(f64::NAN);
    gaps[301] = Some(f64::INFINITY);
    let picture = png_of("gaps", &ViewSpec::Xy(line_chart()), &lines(&[("", gaps)]), (720, 360));
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
    let spec = XyChart { x_is_time: false, x_label: "revolutions".to_owned(), thresholds: vec![], ..line_chart() };
    assert!(svg_of(&ViewSpec::Xy(spec.clone()), &data).contains(">\nrevolutions\n"));
    png_of("numbers", &ViewSpec::Xy(spec), &data, (640, 400));
    let one = lines(&[("only", vec![Some(1.0)])]);
    let picture = png_of("single_point", &ViewSpec::Xy(line_chart()), &one, (640, 400));
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
        ViewSpec::Xy(line_chart()),
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
        let spec = ViewSpec::Xy(line_chart());
        assert_eq!(render(&spec, &data, format, 320, 200), render(&spec, &data, format, 320, 200));
    }
}

#[test]
fn any_size_within_the_limits_is_drawn_and_others_are_refused() {
    let data = lines(&[("a", wave(500, 0.0)), ("b", wave(500, 1.0))]);
    let spec = ViewSpec::Xy(line_chart());
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

#[test]
fn areas_dots_bands_logarithms_and_a_second_axis_are_drawn() {
    let data = lines(&[("inlet", wave(400, 0.0)), ("outlet", wave(400, 1.4))]);
    let bands = vec![Threshold { value: 22.0, to: Some(24.0), label: "too warm".to_owned() }];
    let area = XyChart { mark: Mark::Area, thresholds: bands, ..line_chart() };
    png_of("area", &ViewSpec::Xy(area), &data, (960, 480));
    let dots = XyChart { mark: Mark::Dot, thresholds: Vec::new(), ..line_chart() };
    png_of("scatter", &ViewSpec::Xy(dots), &data, (960, 480));
    let wide = |phase: f64| wave(400, phase).into_iter().map(|y| y.map(|y| 10_f64.powf((y - 14.0) / 2.0))).collect();
    let chart = XyChart { thresholds: Vec::new(), y_scale: Scale::Log, ..line_chart() };
    let log = ViewSpec::Xy(chart);
    let values = lines(&[("a", wide(0.0)), ("b", wide(2.0))]);
    png_of("log_axis", &log, &values, (960, 480));
    for label in ["10", "1000", "100000"] {
        assert!(svg_of(&log, &values).contains(&format!(">\n{label}\n")), "{label}");
    }
    let pressure = wave(400, 2.0).into_iter().map(|y| y.map(|y| y * 50.0)).collect();
    let two = XyChart { right: vec!["pressure".to_owned()], right_label: "hPa".to_owned(), ..line_chart() };
    let data = lines(&[("pressure", pressure), ("temperature", wave(400, 0.0))]);
    png_of("second_axis", &ViewSpec::Xy(two.clone()), &data, (960, 480));
    let svg = svg_of(&ViewSpec::Xy(two), &data);
    assert!(svg.contains(">\nhPa\n") && svg.contains("1,000") && svg.contains(">\n20"), "both axes have their numbers");
}

#[test]
fn an_image_shows_what_the_person_sees() {
    let data = lines(&[("a", wave(600, 0.0)), ("b", wave(600, 1.0))]);
    let snapshot = ViewSnapshot { spec: ViewSpec::Xy(line_chart()), data };
    let minute = |minute: i64| (START_US + minute * MINUTE_US) as f64;
    let look = Some(Look { x: Some((minute(60), minute(90))), num_columns: 100 });
    let seen = Seen { look, y_scale: Some(Scale::Log), hidden: vec!["b".to_owned()], ..Seen::default() };
    let svg = render_seen(&snapshot, &seen, ImageFormat::Svg, 960, 480).expect("a picture");
    let svg = String::from_utf8(svg).expect("SVG is text");
    assert!(svg.contains(">\n23:05\n") && !svg.contains(">\n22:30\n") && !svg.contains(">\n00:00\n"));
    assert!(svg.contains(">\na\n") && !svg.contains(">\nb\n"), "a hidden series is not there");
}

fn bars(series: &[&str]) -> RecordBatch {
    let labels = ["Hamburg north", "Berlin", "Rotterdam", "Gdańsk", "Antwerp"];
    let of_label = |(n, label)| series.iter().map(move |series| (n, label, *series));
    let rows: Vec<(usize, &str, &str)> = labels.into_iter().enumerate().flat_map(of_label).collect();
    let value = |(n, _, series): &(usize, &str, &str)| 14.5 * (n + 1) as f64 - 20.0 + series.len() as f64;
    RecordBatch::try_from_iter([
        ("label", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.1))) as ArrayRef),
        ("series", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.2)))),
        ("value", Arc::new(Float64Array::from_iter_values(rows.iter().map(value)))),
    ])
    .expect("columns of one length")
}

#[test]
fn bars_stand_for_their_labels_and_series() {
    let spec = ViewSpec::Bar(BarChart {
        title: "Alarms by site".to_owned(),
        value_label: "alarms".to_owned(),
        thresholds: vec![Threshold { value: 40.0, to: Some(55.0), label: "many".to_owned() }],
    });
    png_of("bars", &spec, &bars(&["opened", "closed"]), (800, 460));
    let svg = svg_of(&spec, &bars(&["opened"]));
    for text in ["Hamburg north", "Gdańsk", "5 labels", "opened", "many", "58.5"] {
        assert!(svg.contains(text), "{text}");
    }
    let few = png_of("bars_small", &spec, &bars(&[""]), (300, 140));
    assert_eq!((few.width, few.height), (300, 140));
}

#[test]
fn the_highest_bar_of_a_histogram_stands_where_most_values_are() {
    let count = |n: i32| (-f64::from((n - 25) * (n - 25)) / 60.0).exp() * 900.0;
    let data = RecordBatch::try_from_iter([
        ("from", Arc::new(Float64Array::from_iter_values((0..40).map(|n| f64::from(n) * 0.5))) as ArrayRef),
        ("to", Arc::new(Float64Array::from_iter_values((0..40).map(|n| f64::from(n + 1) * 0.5)))),
        ("count", Arc::new(Float64Array::from_iter_values((0..40).map(count)))),
    ])
    .expect("columns of one length");
    let spec = Histogram { title: "Response times".to_owned(), x_label: "ms".to_owned(), num_values: 12_345 };
    let picture = png_of("histogram", &ViewSpec::Histogram(spec), &data, (800, 420));
    let height = |x: u32| (90..380).filter(|y| is_like(picture.at(x, *y), theme::series(0))).count();
    // Bins 25 and 5 lie at some 64 % and 14 % of the width.
    assert!(height(525) > 200 && height(160) < 20, "{} {}", height(525), height(160));
}

fn heat(has_named_rows: bool) -> (ViewSpec, RecordBatch) {
    let cells: Vec<(i64, i64)> =
        (0..48).flat_map(|x| (0..12).map(move |y| (x, y))).filter(|(x, y)| (x * y) % 7 != 3).collect();
    let times = |beyond: i64| {
        let times = cells.iter().map(|cell| START_US + (cell.0 + beyond) * MINUTE_US);
        Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone(UTC)) as ArrayRef
    };
    let edge = |beyond: i64| {
        Arc::new(Float64Array::from_iter_values(cells.iter().map(|cell| (cell.1 + beyond) as f64 * 5.0))) as ArrayRef
    };
    let names =
        Arc::new(StringArray::from_iter_values(cells.iter().map(|cell| format!("pump {:02}", cell.1)))) as ArrayRef;
    let value = |cell: &(i64, i64)| (cell.0 as f64 / 9.0).sin() * 20.0 + cell.1 as f64 * 3.0;
    let values = Arc::new(Float64Array::from_iter_values(cells.iter().map(value))) as ArrayRef;
    let mut columns = vec![("x_from", times(0)), ("x_to", times(1))];
    if has_named_rows {
        columns.push(("row", names));
    } else {
        columns.extend([("y_from", edge(0)), ("y_to", edge(1))]);
    }
    columns.push(("value", values));
    let spec = ViewSpec::Heatmap(Heatmap {
        title: "Temperature by pump".to_owned(),
        x_label: "time".to_owned(),
        y_label: if has_named_rows { "pump" } else { "depth" }.to_owned(),
        x_is_time: true,
        has_named_rows,
        value_label: "mean of temperature".to_owned(),
    });
    (spec, RecordBatch::try_from_iter(columns).expect("columns of one length"))
}

#[test]
fn a_heatmap_has_named_rows_or_numbers_and_says_what_its_colours_are() {
    for has_named_rows in [true, false] {
        let (spec, data) = heat(has_named_rows);
        png_of(if has_named_rows { "heatmap" } else { "heatmap_numbers" }, &spec, &data, (860, 460));
        let svg = svg_of(&spec, &data);
        assert!(svg.contains("mean of temperature"));
        assert_eq!(svg.contains("pump 07"), has_named_rows);
        assert_eq!(svg.contains(">\n40\n"), !has_named_rows);
    }
}

#[test]
fn a_gauge_says_value_zone_and_ends() {
    let gauge = Gauge {
        title: "Tank fill".to_owned(),
        unit: "%".to_owned(),
        decimals: 1,
        min: 0.0,
        max: 100.0,
        warning: Some(70.0),
        alarm: Some(90.0),
    };
    let data = |values: Vec<Option<f64>>| {
        let labels = (0..values.len()).map(|n| if values.len() == 1 { String::new() } else { format!("tank {n}") });
        RecordBatch::try_from_iter([
            ("label", Arc::new(StringArray::from_iter_values(labels)) as ArrayRef),
            ("value", Arc::new(Float64Array::from(values))),
        ])
        .expect("columns of one length")
    };
    let spec = ViewSpec::Gauge(gauge);
    let six = data(vec![Some(12.0), Some(74.5), Some(97.25), None, Some(140.0), Some(0.0)]);
    png_of("gauges", &spec, &six, (800, 480));
    png_of("gauge", &spec, &data(vec![Some(74.5)]), (360, 280));
    let svg = svg_of(&spec, &six);
    for text in ["tank 1", "74.5 %", "warning", "97.2 %", "alarm", ">\n100\n"] {
        assert!(svg.contains(text), "{text}");
    }
}

#[test]
fn a_log_shows_its_newest_lines_first() {
    let rows = 40_i64;
    let times =
        TimestampMicrosecondArray::from_iter_values((0..rows).map(|n| START_US + n * 812_000)).with_timezone(UTC);
    let levels = ["INFO", "WARN", "ERROR", "DEBUG"];
    let data = RecordBatch::try_from_iter([
        ("time", Arc::new(times) as ArrayRef),
        ("level", Arc::new(StringArray::from_iter_values((0..rows).map(|n| levels[n as usize % 4])))),
        (
            "text",
            Arc::new(StringArray::from_iter_values((0..rows).map(|n| format!("door {n} of hall <B> was opened")))),
        ),
    ])
    .expect("columns of one length");
    let spec = ViewSpec::Log(LogView { title: "Doors".to_owned(), num_rows: 4_000 });
    png_of("log", &spec, &data, (760, 360));
    let svg = svg_of(&spec, &data);
    assert!(svg.find("door 39 ").expect("the newest") < svg.find("door 38 ").expect("the one before"));
    assert!(svg.contains("of 4,000 lines") && svg.contains("ERROR"));
}

#[test]
fn a_map_places_positions_on_a_net_of_degrees() {
    let places =
        [("Berlin", 52.52, 13.40), ("Sydney", -33.87, 151.21), ("Lima", -12.05, -77.04), ("Oslo", 59.91, 10.75)];
    let column = |value: fn(&(&str, f64, f64)) -> f64| {
        Arc::new(Float64Array::from_iter_values(places.iter().map(value))) as ArrayRef
    };
    let data = RecordBatch::try_from_iter([
        ("label", Arc::new(StringArray::from_iter_values(places.iter().map(|place| place.0))) as ArrayRef),
        ("latitude", column(|place| place.1)),
        ("longitude", column(|place| place.2)),
        ("value", column(|place| place.1)),
    ])
    .expect("columns of one length");
    for projection in [Projection::Equirectangular, Projection::Mercator] {
        let spec = MapView { title: "Ships".to_owned(), projection, value_label: "speed".to_owned(), num_rows: 4 };
        let spec = ViewSpec::Map(spec);
        png_of(&format!("map_{projection:?}"), &spec, &data, (860, 460));
        let svg = svg_of(&spec, &data);
        for text in ["4 positions", "50° N", "50° W", "0°", "speed"] {
            assert!(svg.contains(text), "{text}");
        }
    }
    let one = data.slice(0, 1);
    png_of(
        "map_one",
        &ViewSpec::Map(MapView {
            title: "Ship".to_owned(),
            projection: Projection::Mercator,
            value_label: String::new(),
            num_rows: 1,
        }),
        &one,
        (480, 300),
    );
}
