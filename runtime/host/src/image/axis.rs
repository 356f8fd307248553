//! Where an axis has its ticks and what stands beside them: round numbers, or round times of the UTC calendar.
//!
//! Pure arithmetic, no drawing. Positions are in the data's own units (microseconds since the epoch for a time).

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// A place on an axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    pub at: f64,
    pub label: String,
    /// What is the same for a stretch of ticks, such as the day under hours; said at its first tick.
    pub context: Option<String>,
}

/// The smallest and the largest of the finite ones of `values`.
pub fn extent(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|value| value.is_finite()).map(|value| value.clamp(-1e300, 1e300)).fold(None, |extent, value| {
        Some(extent.map_or((value, value), |(low, high): (f64, f64)| (low.min(value), high.max(value))))
    })
}

/// An extent with some air above and below, so that no line lies on the frame, and never of no height.
pub fn with_air((low, high): (f64, f64)) -> (f64, f64) {
    let height = high - low;
    let air = if height > 0.0 { height * 0.06 } else { (low.abs() * 0.1).max(1.0) };
    (low - air, high + air)
}

/// Ticks at 1, 2 or 5 times a power of ten, some `wanted` of them inside `low..=high`.
pub fn number_ticks((low, high): (f64, f64), wanted: usize) -> Vec<Tick> {
    let rough = (high - low) / wanted.max(1) as f64;
    if !rough.is_finite() || rough <= 0.0 {
        return Vec::new();
    }
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= rough * 0.999);
    let step = step.unwrap_or(power * 10.0);
    let (first, last) = ((low / step).ceil(), (high / step).floor());
    let count = (last - first).clamp(0.0, 1_000.0) as u32;
    let places: Vec<f64> = (0..=count).map(|number| (first + f64::from(number)) * step).collect();
    let largest = places.iter().fold(0.0_f64, |largest, place| largest.max(place.abs()));
    let (unit, suffix) = unit_of(largest);
    let decimals = (-(step / unit).log10().floor()).clamp(0.0, 12.0) as usize;
    places
        .into_iter()
        .filter(|place| *place >= low && *place <= high)
        .map(|at| {
            let suffix = if at == 0.0 { "" } else { suffix };
            Tick { at, label: format!("{}{suffix}", grouped(at / unit, decimals)), context: None }
        })
        .collect()
}

fn unit_of(largest: f64) -> (f64, &'static str) {
    match largest {
        n if n >= 1e15 => (1e15, " P"),
        n if n >= 1e12 => (1e12, " T"),
        n if n >= 1e9 => (1e9, " G"),
        n if n >= 1e6 => (1e6, " M"),
        _ => (1.0, ""),
    }
}

/// A number with `decimals` digits after the point and a comma between thousands: `12,345.60`.
pub fn grouped(value: f64, decimals: usize) -> String {
    let written = format!("{value:.decimals$}");
    let (sign, digits) = written.strip_prefix('-').map_or(("", written.as_str()), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, part)| (whole, Some(part)));
    if !whole.chars().all(|c| c.is_ascii_digit()) {
        return written;
    }
    let mut text = String::new();
    for (number, digit) in whole.chars().enumerate() {
        if number > 0 && (whole.len() - number).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    // A minus before nothing but zeros says nothing.
    let is_zero = digits.chars().all(|c| matches!(c, '0' | '.'));
    let sign = if is_zero { "" } else { sign };
    fraction.map_or_else(|| format!("{sign}{text}"), |fraction| format!("{sign}{text}.{fraction}"))
}

const MILLISECOND: i64 = 1_000;
const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Steps of a fixed length, in microseconds.
const STEPS: [i64; 35] = [
    1,
    2,
    5,
    10,
    20,
    50,
    100,
    200,
    500,
    MILLISECOND,
    2 * MILLISECOND,
    5 * MILLISECOND,
    10 * MILLISECOND,
    20 * MILLISECOND,
    50 * MILLISECOND,
    100 * MILLISECOND,
    200 * MILLISECOND,
    500 * MILLISECOND,
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
];
/// Steps along the calendar: months.
const MONTHS: [i64; 10] = [1, 3, 6, 12, 24, 60, 120, 240, 600, 1_200];

/// Ticks at round times in `low..=high` (microseconds since the epoch), at most some `wanted` of them.
pub fn time_ticks((low, high): (f64, f64), wanted: usize) -> Vec<Tick> {
    let rough = (high - low) / wanted.max(1) as f64;
    if !rough.is_finite() || rough <= 0.0 || low < -3e17 || high > 2.5e17 {
        return number_ticks((low, high), wanted);
    }
    if let Some(step) = STEPS.into_iter().find(|step| *step as f64 >= rough) {
        let mut ticks = fixed_ticks((low, high), step);
        // Far from the epoch a double cannot tell microseconds apart.
        ticks.retain(|tick| tick.at >= low && tick.at <= high);
        ticks.dedup_by(|a, b| a.at == b.at);
        return ticks;
    }
    // The 1st, 8th, 15th and 22nd, not every seventh day since the epoch: months begin where people look for them.
    if rough <= (2 * DAY) as f64 {
        let step = if rough <= DAY as f64 { DAY } else { 2 * DAY };
        return fixed_ticks((low, high), step);
    }
    if rough <= (7 * DAY) as f64 {
        return day_of_month_ticks((low, high), &[1, 8, 15, 22]);
    }
    if rough <= (15 * DAY) as f64 {
        return day_of_month_ticks((low, high), &[1, 15]);
    }
    let months = MONTHS.into_iter().find(|months| (*months * 30 * DAY) as f64 >= rough * 0.95).unwrap_or(12_000);
    month_ticks((low, high), months)
}

fn fixed_ticks((low, high): (f64, f64), step: i64) -> Vec<Tick> {
    let first = (low / step as f64).ceil() as i64 * step;
    let times = (0..1_000).map(|number| first + number * step).take_while(|time| *time as f64 <= high);
    let label = |time: &DateTime| match step {
        step if step < MILLISECOND => time.strftime("%H:%M:%S%.6f").to_string(),
        step if step < SECOND => time.strftime("%H:%M:%S%.3f").to_string(),
        step if step < MINUTE => time.strftime("%H:%M:%S").to_string(),
        step if step < DAY => time.strftime("%H:%M").to_string(),
        _ => time.strftime("%-d %b").to_string(),
    };
    let context = |time: &DateTime| {
        if step < DAY { time.strftime("%-d %b %Y").to_string() } else { time.strftime("%Y").to_string() }
    };
    labelled(times.filter_map(civil), label, Some(&context))
}

fn day_of_month_ticks(range: (f64, f64), days: &[i8]) -> Vec<Tick> {
    let times = months_from(range, 1).flat_map(|month| {
        days.iter().filter_map(move |day| Date::new(month.year(), month.month(), *day).ok().map(|d| d.at(0, 0, 0, 0)))
    });
    let inside = times.filter(|time| within(range, *time));
    labelled(
        inside,
        |time| time.strftime("%-d %b").to_string(),
        Some(&|time: &DateTime| time.strftime("%Y").to_string()),
    )
}

fn month_ticks(range: (f64, f64), step: i64) -> Vec<Tick> {
    let inside = months_from(range, step).filter(|time| within(range, *time));
    if step >= 12 {
        return labelled(inside, |time| time.strftime("%Y").to_string(), None);
    }
    labelled(inside, |time| time.strftime("%b").to_string(), Some(&|time: &DateTime| time.strftime("%Y").to_string()))
}

/// The first days of months, `step` months apart and aligned to the year, from before `range` until after it.
fn months_from((low, high): (f64, f64), step: i64) -> impl Iterator<Item = DateTime> {
    let start = civil(low as i64).unwrap_or_default();
    let since_zero = i64::from(start.year()) * 12 + i64::from(start.month()) - 1;
    let first = since_zero.div_euclid(step) * step;
    (0..10_000)
        .map_while(move |number| {
            let month = first + number * step;
            let year = i16::try_from(month.div_euclid(12)).ok()?;
            Date::new(year, (month.rem_euclid(12) + 1) as i8, 1).ok().map(|date| date.at(0, 0, 0, 0))
        })
        .take_while(move |time| micros(*time).is_some_and(|time| time as f64 <= high))
}

fn labelled(
    times: impl Iterator<Item = DateTime>,
    label: impl Fn(&DateTime) -> String,
    context: Option<&dyn Fn(&DateTime) -> String>,
) -> Vec<Tick> {
    let mut ticks = Vec::new();
    let mut before = None;
    for time in times {
        let Some(at) = micros(time) else { continue };
        let now = context.map(|context| context(&time));
        let news = if now == before { None } else { now.clone() };
        before = now;
        ticks.push(Tick { at: at as f64, label: label(&time), context: news });
    }
    ticks
}

fn within((low, high): (f64, f64), time: DateTime) -> bool {
    micros(time).is_some_and(|time| time as f64 >= low && time as f64 <= high)
}

fn civil(micros: i64) -> Option<DateTime> {
    Some(Timestamp::from_microsecond(micros).ok()?.to_zoned(TimeZone::UTC).datetime())
}

fn micros(time: DateTime) -> Option<i64> {
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_microsecond())
}

/// A time as people read it, with as many digits of the second as it has.
pub fn time_text(micros_since_epoch: i64) -> String {
    match civil(micros_since_epoch) {
        None => micros_since_epoch.to_string(),
        Some(time) if time.subsec_nanosecond() == 0 => time.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Some(time) if micros_since_epoch % MILLISECOND == 0 => time.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string(),
        Some(time) => time.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    fn at(text: &str) -> f64 {
        text.parse::<Timestamp>().expect(text).as_microsecond() as f64
    }

    #[test]
    fn number_ticks_are_round_and_inside() {
        assert_eq!(labels(&number_ticks((0.3, 9.8), 5)), ["2", "4", "6", "8"]);
        assert_eq!(labels(&number_ticks((-1.0, 1.0), 4)), ["-1.0", "-0.5", "0.0", "0.5", "1.0"]);
        assert_eq!(labels(&number_ticks((0.0, 4_000_000.0), 4)), ["0", "1 M", "2 M", "3 M", "4 M"]);
        assert_eq!(labels(&number_ticks((10_000.0, 30_000.0), 2)), ["10,000", "20,000", "30,000"]);
        assert!(number_ticks((1.0, 1.0), 5).is_empty());
    }

    #[test]
    fn time_ticks_stand_at_round_times_and_name_each_new_day_once() {
        let ticks = time_ticks((at("2026-11-22T21:30:00Z"), at("2026-11-23T02:30:00Z")), 6);
        assert_eq!(labels(&ticks), ["22:00", "23:00", "00:00", "01:00", "02:00"]);
        let contexts: Vec<_> = ticks.iter().filter_map(|tick| tick.context.as_deref()).collect();
        assert_eq!(contexts, ["22 Nov 2026", "23 Nov 2026"]);
        let ticks = time_ticks((at("2013-12-02T00:00:00Z"), at("2014-02-19T00:00:00Z")), 7);
        assert_eq!(labels(&ticks), ["15 Dec", "1 Jan", "15 Jan", "1 Feb", "15 Feb"]);
        let ticks = time_ticks((at("2001-02-03T00:00:00Z"), at("2009-02-03T00:00:00Z")), 5);
        assert_eq!(labels(&ticks), ["2002", "2004", "2006", "2008"]);
        let ticks = time_ticks((at("2026-11-22T14:03:27.4Z"), at("2026-11-22T14:03:27.9Z")), 3);
        assert_eq!(labels(&ticks), ["14:03:27.400", "14:03:27.600", "14:03:27.800"]);
    }

    #[test]
    fn ticks_of_any_range_are_few_and_inside() {
        let mut width = 1.0;
        while width < 4e17 {
            for low in [-2e17, -1.5, 0.0, 1.6e15] {
                let range = (low, low + width);
                for wanted in [1, 4, 9] {
                    let ticks = time_ticks(range, wanted);
                    assert!(ticks.len() <= 3 * wanted + 3, "{range:?} {wanted}: {}", ticks.len());
                    assert!(ticks.iter().all(|tick| tick.at >= range.0 && tick.at <= range.1), "{range:?}");
                    assert!(ticks.windows(2).all(|pair| pair[0].at < pair[1].at), "{range:?}");
                }
            }
            width *= 3.7;
        }
    }

    #[test]
    fn thousands_are_set_apart_and_zero_has_no_sign() {
        assert_eq!(grouped(1234567.891, 2), "1,234,567.89");
        assert_eq!(grouped(-999.0, 0), "-999");
        assert_eq!(grouped(-0.001, 1), "0.0");
        assert_eq!(grouped(f64::NAN, 2), "NaN");
    }

    #[test]
    fn a_time_shows_the_digits_it_has() {
        assert_eq!(time_text(0), "1970-01-01 00:00:00");
        assert_eq!(time_text(1_500), "1970-01-01 00:00:00.001500");
        assert_eq!(time_text(2_000), "1970-01-01 00:00:00.002");
        assert_eq!(time_text(-1), "1969-12-31 23:59:59.999999");
        assert_eq!(time_text(i64::MAX), i64::MAX.to_string());
    }
}
