//! Marks and labels of a time axis in UTC, as dense and as exact as the span asks for.
//!
//! Times are seconds since the epoch. Below a month the marks stand at multiples of a step from the epoch; from a month
//! on they stand at the first of months and years. The calendar rule is Howard Hinnant's `civil_from_days`.

use arrow_array::temporal_conversions::timestamp_us_to_datetime;
use egui_plot::GridMark;

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3_600.0;
const DAY: f64 = 86_400.0;
const MONTH: f64 = 30.0 * DAY;
const YEAR: f64 = 365.0 * DAY;

const STEPS: [f64; 33] = [
    0.001,
    0.002,
    0.005,
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.5,
    1.0,
    2.0,
    5.0,
    10.0,
    15.0,
    30.0,
    MINUTE,
    2.0 * MINUTE,
    5.0 * MINUTE,
    10.0 * MINUTE,
    15.0 * MINUTE,
    30.0 * MINUTE,
    HOUR,
    2.0 * HOUR,
    3.0 * HOUR,
    6.0 * HOUR,
    12.0 * HOUR,
    DAY,
    2.0 * DAY,
    5.0 * DAY,
    10.0 * DAY,
    MONTH,
    3.0 * MONTH,
    YEAR,
];

/// Marks from `from` to `to`, at least `min_step` apart.
pub fn marks((from, to): (f64, f64), min_step: f64) -> Vec<GridMark> {
    if !(from.is_finite() && to.is_finite() && from < to) {
        return Vec::new();
    }
    let step = STEPS.into_iter().find(|step| *step >= min_step).unwrap_or_else(|| years_of(min_step) * YEAR);
    if step >= MONTH {
        return month_marks(from, to, step);
    }
    let first = (from / step).ceil() as i64;
    let last = (to / step).floor() as i64;
    (first..=last.min(first + 1_000)).map(|index| GridMark { value: index as f64 * step, step_size: step }).collect()
}

/// The smallest of 1, 2, 5, 10, 20, … years that is no shorter than `seconds`.
fn years_of(seconds: f64) -> f64 {
    let years = seconds / YEAR;
    let power = 10f64.powf(years.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|digit| digit * power).find(|size| *size >= years).unwrap_or(years)
}

fn month_marks(from: f64, to: f64, step: f64) -> Vec<GridMark> {
    let months = if step >= YEAR { (step / YEAR).round() as i64 * 12 } else { (step / MONTH).round() as i64 };
    let (year, month) = year_and_month((from / DAY).floor() as i64);
    let first = (year * 12 + month - 1).div_euclid(months) * months;
    (0..1_000)
        .map(|index| first + index * months)
        .map(|month| first_of_month(month.div_euclid(12), month.rem_euclid(12) + 1) as f64 * DAY)
        .skip_while(|value| *value < from)
        .take_while(|value| *value <= to)
        .map(|value| GridMark { value, step_size: step })
        .collect()
}

/// Days from the epoch to the first of the month (1 to 12).
fn first_of_month(year: i64, month: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The year and the month (1 to 12) of a day counted from the epoch.
fn year_and_month(day: i64) -> (i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month)
}

/// The label of a mark: a clock time below a day, with the date at midnight; else a date, a month or a year.
pub fn label(mark: GridMark) -> String {
    let pattern = match mark.step_size {
        step if step < 1.0 => "%H:%M:%S%.3f",
        step if step < MINUTE => "%H:%M:%S",
        step if step < DAY && mark.value.rem_euclid(DAY) == 0.0 => "%-d %b",
        step if step < DAY => "%H:%M",
        step if step < MONTH => "%-d %b",
        step if step < YEAR => "%b %Y",
        _ => "%Y",
    };
    written(mark.value, pattern)
}

/// What the labels leave out: the day, where all that is seen lies on one; and always the zone.
pub fn caption(from: f64, to: f64) -> String {
    if (from / DAY).floor() == (to / DAY).floor() { written(from, "%-d %b %Y, UTC") } else { "UTC".to_owned() }
}

/// A moment to the millisecond.
pub fn moment(seconds: f64) -> String {
    written(seconds, "%-d %b %Y, %H:%M:%S%.3f UTC")
}

fn written(seconds: f64, pattern: &str) -> String {
    let moment = timestamp_us_to_datetime((seconds * 1e6).round() as i64);
    moment.map_or_else(String::new, |moment| moment.format(pattern).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-03-01 14:03:27 UTC.
    const NOON: f64 = 1_772_373_807.0;

    fn labels(from: f64, to: f64, min_step: f64) -> Vec<String> {
        marks((from, to), min_step).into_iter().map(label).collect()
    }

    #[test]
    fn labels_grow_coarser_with_the_span() {
        assert_eq!(labels(NOON, NOON + 0.01, 0.004), ["14:03:27.000", "14:03:27.005", "14:03:27.010"]);
        assert_eq!(labels(NOON, NOON + 35.0, 12.0), ["14:03:30", "14:03:45", "14:04:00"]);
        assert_eq!(labels(NOON, NOON + 1_500.0, 500.0), ["14:10", "14:20"]);
        assert_eq!(labels(NOON, NOON + 12.0 * HOUR, 5.0 * HOUR), ["18:00", "2 Mar"]);
        assert_eq!(labels(NOON, NOON + 3.0 * DAY, 0.8 * DAY), ["2 Mar", "3 Mar", "4 Mar"]);
        assert_eq!(labels(NOON, NOON + 100.0 * DAY, 20.0 * DAY), ["Apr 2026", "May 2026", "Jun 2026"]);
        assert_eq!(labels(NOON, NOON + 900.0 * DAY, 200.0 * DAY), ["2027", "2028"]);
        assert_eq!(labels(NOON, NOON + 30.0 * YEAR, 6.0 * YEAR), ["2030", "2040", "2050"]);
    }

    #[test]
    fn the_caption_names_the_day_only_where_there_is_one() {
        assert_eq!(caption(NOON, NOON + 60.0), "1 Mar 2026, UTC");
        assert_eq!(caption(NOON, NOON + DAY), "UTC");
    }

    #[test]
    fn months_and_days_agree_over_all_of_the_calendar() {
        for day in (-800_000..800_000).step_by(17) {
            let (year, month) = year_and_month(day);
            let first = first_of_month(year, month);
            let next = if month == 12 { first_of_month(year + 1, 1) } else { first_of_month(year, month + 1) };
            assert!(first <= day && day < next, "{day}: {year}-{month}");
        }
        assert_eq!(first_of_month(1970, 1), 0);
    }

    #[test]
    fn bounds_that_make_no_sense_have_no_marks() {
        assert!(marks((f64::NAN, 1.0), 1.0).is_empty());
        assert!(marks((2.0, 1.0), 1.0).is_empty());
        assert!(marks((f64::NEG_INFINITY, 1.0), 1.0).is_empty());
    }
}
