//! The time that a dashboard shows: all of it, the newest part, or from one moment to another.
//!
//! It is the reader's choice, as the filter is, and neither part of the pipeline nor of its history. Time is that of the
//! rows: “the last five minutes” end at the newest row that a chart holds, whatever the clock says, so that a replay
//! looks as the run did. Times are written in UTC.

use arrow_array::RecordBatch;
use arrow_array::temporal_conversions::timestamp_us_to_datetime;
use arrow_cast::parse::string_to_timestamp_nanos;
use egui::containers::menu::{MenuButton, MenuConfig};
use egui::{Align, Button, Id, Key, Label, PopupCloseBehavior, Sense, TextEdit, Ui, WidgetInfo, vec2};
use millrace_model::Dashboard;
use millrace_model::view::ViewSpec;
use millrace_protocol::within;

use super::{DashboardState, weak};
use crate::chart::{numbers, same_batch};
use crate::command::{Command, DashboardWish};
use crate::context::ViewContext;
use crate::icon::icon;
use crate::inspector::icon_button;
use crate::live::{Live, LiveView};
use crate::theme::space;

/// A part of the time. Moments are microseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeRange {
    /// So many seconds up to the newest row; it goes on with the rows.
    Last(u32),
    Between(i64, i64),
}

impl TimeRange {
    pub const QUICK: [TimeRange; 7] = [
        TimeRange::Last(60),
        TimeRange::Last(300),
        TimeRange::Last(900),
        TimeRange::Last(3_600),
        TimeRange::Last(21_600),
        TimeRange::Last(86_400),
        TimeRange::Last(604_800),
    ];

    /// From when to when, in microseconds, given the newest moment.
    pub fn around(self, newest_us: Option<i64>) -> Option<(i64, i64)> {
        match self {
            Self::Last(seconds) => newest_us.map(|newest_us| (newest_us - i64::from(seconds) * 1_000_000, newest_us)),
            Self::Between(from, to) => Some((from, to)),
        }
    }

    /// The part of the same length right before (`-1`) or behind (`1`). One that would lie behind the newest row ends
    /// there, and goes on with the rows where it lasts whole seconds.
    #[must_use]
    pub fn moved(self, by: i64, newest_us: Option<i64>) -> Option<Self> {
        let (from, to) = self.around(newest_us)?;
        let way = (to - from).checked_mul(by)?;
        let way = newest_us.map_or(way, |newest_us| way.min((newest_us - to).max(0)));
        let is_newest = by > 0 && newest_us == Some(to + way);
        let seconds = u32::try_from((to - from) / 1_000_000).ok().filter(|_| (to - from) % 1_000_000 == 0);
        match seconds.filter(|seconds| is_newest && *seconds > 0) {
            Some(seconds) => Some(Self::Last(seconds)),
            None => Some(Self::Between(from + way, to + way)),
        }
    }

    pub fn words(self) -> String {
        match self {
            Self::Last(60) => "Last minute".to_owned(),
            Self::Last(3_600) => "Last hour".to_owned(),
            Self::Last(seconds @ ..3_600) if seconds % 60 == 0 => format!("Last {} minutes", seconds / 60),
            Self::Last(seconds @ ..=86_400) if seconds % 3_600 == 0 => format!("Last {} hours", seconds / 3_600),
            Self::Last(seconds) if seconds % 86_400 == 0 => format!("Last {} days", seconds / 86_400),
            Self::Last(seconds) => format!("Last {seconds} seconds"),
            Self::Between(from, to) if day(from) == day(to) => {
                format!("{}, {} – {}", written(from, "%-d %b"), written(from, "%H:%M:%S"), written(to, "%H:%M:%S"))
            }
            Self::Between(from, to) => format!("{} – {}", written(from, "%-d %b %H:%M"), written(to, "%-d %b %H:%M")),
        }
    }
}

fn day(us: i64) -> i64 {
    us.div_euclid(86_400_000_000)
}

fn written(us: i64, pattern: &str) -> String {
    timestamp_us_to_datetime(us).map_or_else(String::new, |moment| moment.format(pattern).to_string())
}

/// A moment that somebody typed: date and time, or a time of the same day as `beside_us`.
fn read(text: &str, beside_us: i64) -> Option<i64> {
    let text = text.trim();
    let moment = |text: &str| string_to_timestamp_nanos(text).ok().map(|ns| ns.div_euclid(1_000));
    let on_that_day = || {
        let seconds = if text.matches(':').count() == 1 { ":00" } else { "" };
        moment(&format!("{} {text}{seconds}", written(beside_us, "%Y-%m-%d")))
    };
    moment(text).or_else(on_that_day)
}

/// The newest moment that a chart of the dashboard holds, in microseconds.
pub fn newest(live: &Live, dashboard: &Dashboard) -> Option<i64> {
    dashboard.tiles.keys().filter_map(|node| newest_in(live.views.get(node)?)).max()
}

fn newest_in(view: &LiveView) -> Option<i64> {
    let last_of = |field: usize| {
        let seconds = numbers(view.data.column(field)).ok()?;
        let newest = seconds.into_iter().filter(|second| second.is_finite()).fold(f64::NEG_INFINITY, f64::max);
        newest.is_finite().then_some((newest * 1e6).round() as i64)
    };
    match &view.spec {
        ViewSpec::Xy(chart) if chart.x_is_time => match chart.x_held {
            Some((_, newest_us)) => Some(newest_us as i64),
            None => last_of(view.data.schema_ref().index_of("x").ok()?),
        },
        spec => last_of(spec.time_fields(view.data.schema_ref())?.1),
    }
}

/// The rows of a view that lie within the time that is shown, where they are of some time. They are found once for each
/// picture and time.
pub(super) fn rows_within(ui: &Ui, chart: Id, view: &LiveView, range_us: (i64, i64)) -> Option<RecordBatch> {
    #[derive(Clone)]
    struct Kept {
        of: RecordBatch,
        range_us: (i64, i64),
        rows: Option<RecordBatch>,
    }
    let id = chart.with("within");
    let kept: Option<Kept> = ui.ctx().data(|data| data.get_temp(id));
    if let Some(kept) = kept.filter(|kept| kept.range_us == range_us && same_batch(&kept.of, &view.data)) {
        return kept.rows;
    }
    let is_of_time = view.spec.time_fields(view.data.schema_ref()).is_some();
    let rows = if is_of_time { within(&view.spec, &view.data, (range_us.0 as f64, range_us.1 as f64)) } else { None };
    let kept = Kept { of: view.data.clone(), range_us, rows: rows.clone() };
    ui.ctx().data_mut(|data| data.insert_temp(id, kept));
    rows
}

/// What a tile says where the time that is shown is not the one of its rows.
pub(super) fn note(view: &LiveView) -> Option<&'static str> {
    match &view.spec {
        ViewSpec::Xy(chart) if chart.x_is_time => None,
        ViewSpec::Gauge(_) | ViewSpec::SingleValue(_) => Some("newest value"),
        spec => spec.time_fields(view.data.schema_ref()).is_none().then_some("all of the time"),
    }
}

/// The time that is shown, to choose another and to go along it; from the right where the parent lays out so.
pub(super) fn picker_ui(
    ui: &mut Ui,
    cx: &mut ViewContext<'_>,
    state: &DashboardState,
    dashboard: &Dashboard,
    is_from_right: bool,
) {
    let Some(range) = state.time() else { return menu_ui(ui, cx, None, dashboard) };
    let steps = [("caret-left", "Earlier", -1), ("caret-right", "Later", 1)];
    let step = |ui: &mut Ui, cx: &mut ViewContext<'_>, (sign, title, by): (&str, &str, i64)| {
        if icon_button(ui, cx.theme, sign, title).clicked() {
            cx.commands.push(Command::Dashboard(DashboardWish::MoveTime(by)));
        }
    };
    let [first, last] = if is_from_right { [steps[1], steps[0]] } else { steps };
    step(ui, cx, first);
    menu_ui(ui, cx, Some(range), dashboard);
    step(ui, cx, last);
}

fn menu_ui(ui: &mut Ui, cx: &mut ViewContext<'_>, range: Option<TimeRange>, dashboard: &Dashboard) {
    let words = range.map_or_else(|| "All of the time".to_owned(), TimeRange::words);
    let button = Button::new(format!("{} {words} {}", icon("clock"), icon("caret-down")));
    let config = MenuConfig::new().close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    let (response, _) = MenuButton::from_button(button).config(config).ui(ui, |ui| {
        ui.set_min_width(220.0);
        let mut choose = |ui: &mut Ui, wanted: Option<TimeRange>| {
            let title = wanted.map_or_else(|| "All of the time".to_owned(), TimeRange::words);
            if ui.selectable_label(range == wanted, title).clicked() {
                let wish = wanted.map_or(DashboardWish::ResetTime, |range| DashboardWish::Time(Some(range)));
                cx.commands.push(Command::Dashboard(wish));
                ui.close();
            }
        };
        choose(ui, None);
        for quick in TimeRange::QUICK {
            choose(ui, Some(quick));
        }
        ui.separator();
        let newest_us = newest(cx.live, dashboard);
        typed_ui(ui, cx, range, newest_us);
    });
    let name = format!("Time: {words}");
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, &name));
    response.on_hover_text("The time that all charts show. It ends at the newest row, not at the time of the clock.");
}

/// Two fields for a time from one moment to another.
fn typed_ui(ui: &mut Ui, cx: &mut ViewContext<'_>, range: Option<TimeRange>, newest_us: Option<i64>) {
    let shown = range.and_then(|range| range.around(newest_us));
    let beside_us = shown.map(|(_, to)| to).or(newest_us).unwrap_or_default();
    let id = ui.scope_id().with(("typed time", shown));
    let as_shown = || {
        let written = |us: Option<i64>| us.map_or_else(String::new, |us| written(us, "%Y-%m-%d %H:%M:%S"));
        [written(shown.map(|(from, _)| from)), written(shown.map(|(_, to)| to))]
    };
    let mut typed: [String; 2] = ui.data(|data| data.get_temp(id)).unwrap_or_else(as_shown);
    let mut is_entered = false;
    for (text, name) in typed.iter_mut().zip(["From", "To"]) {
        ui.horizontal(|ui| {
            let (place, _) = ui.allocate_exact_size(vec2(36.0, space::ROW), Sense::hover());
            let label = ui.put(place, Label::new(weak(cx, name)).selectable(false).halign(Align::Min));
            let field = TextEdit::singleline(text).margin(vec2(8.0, 5.0)).desired_width(170.0);
            let field = ui.add(field.hint_text("2026-03-01 14:03:20"));
            is_entered |= field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
            field.labelled_by(label.id);
        });
    }
    let moments = [read(&typed[0], beside_us), read(&typed[1], beside_us)];
    let fault = match moments {
        [Some(from), Some(to)] if from < to => None,
        [Some(_), Some(_)] => Some("“To” must be later than “From”."),
        _ => Some("Write date and time in UTC, or a time of the newest day."),
    };
    let is_new = typed.iter().any(|text| !text.trim().is_empty());
    if let Some(fault) = fault.filter(|_| is_new) {
        ui.label(weak(cx, fault));
    }
    let button = ui.add_enabled(fault.is_none(), Button::new("Show this time"));
    if let ([Some(from), Some(to)], None, true) = (moments, fault, button.clicked() || is_entered) {
        cx.commands.push(Command::Dashboard(DashboardWish::Time(Some(TimeRange::Between(from, to)))));
        ui.data_mut(|data| data.remove::<[String; 2]>(id));
        ui.close();
    } else {
        ui.data_mut(|data| data.insert_temp(id, typed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-03-01 14:03:27 UTC.
    const NOON: i64 = 1_772_373_807_000_000;

    #[test]
    fn a_part_ends_at_the_newest_row_and_is_gone_along_by_its_length() {
        let last = TimeRange::Last(60);
        assert_eq!(last.around(Some(NOON)), Some((NOON - 60_000_000, NOON)));
        assert_eq!(last.around(None), None, "without rows there is no time");
        let before = last.moved(-1, Some(NOON)).expect("a part");
        assert_eq!(before, TimeRange::Between(NOON - 120_000_000, NOON - 60_000_000));
        assert_eq!(before.moved(1, Some(NOON)), Some(last), "the newest part follows the rows again");
        let nearly = TimeRange::Between(NOON - 70_000_000, NOON - 10_000_000);
        assert_eq!(nearly.moved(1, Some(NOON)), Some(last), "not into the future");
        let odd = TimeRange::Between(NOON - 1_500_000, NOON - 1_000_000);
        assert_eq!(odd.moved(1, Some(NOON)), Some(TimeRange::Between(NOON - 1_000_000, NOON - 500_000)));
        assert_eq!(odd.moved(5, Some(NOON)), Some(TimeRange::Between(NOON - 500_000, NOON)));
    }

    #[test]
    fn a_moment_is_read_with_its_date_or_on_the_day_that_is_seen() {
        assert_eq!(read("2026-03-01 14:03:27", 0), Some(NOON));
        assert_eq!(read(" 2026-03-01T14:03:27Z ", 0), Some(NOON));
        assert_eq!(read("14:03:27", NOON + 9_000_000), Some(NOON));
        assert_eq!(read("14:03", NOON), Some(NOON - 27_000_000));
        assert_eq!((read("", NOON), read("soon", NOON)), (None, None));
    }

    #[test]
    fn each_part_has_its_own_words() {
        let mut words: Vec<String> = TimeRange::QUICK.into_iter().map(TimeRange::words).collect();
        assert_eq!(
            (words[0].as_str(), words[4].as_str(), words[6].as_str()),
            ("Last minute", "Last 6 hours", "Last 7 days")
        );
        words.dedup();
        assert_eq!(words.len(), TimeRange::QUICK.len());
        assert_eq!(TimeRange::Between(NOON, NOON + 93_000_000).words(), "1 Mar, 14:03:27 – 14:05:00");
        assert_eq!(TimeRange::Between(NOON, NOON + 86_400_000_000).words(), "1 Mar 14:03 – 2 Mar 14:03");
    }
}
