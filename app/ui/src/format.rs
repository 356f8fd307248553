//! Numbers for people: counts, rates, bytes, lengths of time, moments, each with its unit.
//!
//! Pure functions, the same text on every machine: no locale, no wall clock, every moment in UTC. Widths are kept
//! steady where a number changes many times a second, so that nothing dances.

use arrow_array::temporal_conversions::timestamp_us_to_datetime;

/// `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 row`, `2 rows`, `1,000 rows`: `one` with an s unless there is exactly one.
pub fn counted(number: u64, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{} {one}s", count(number)) }
}

/// A count in at most four digits: `312`, `124.6 k`, `1.0 M`.
pub fn short_count(number: u64) -> String {
    match number {
        0..=999 => number.to_string(),
        _ => scaled(number as f64),
    }
}

/// Rows per second: `124.6 k/s`, `312 /s`, `0.4 /s`.
pub fn rate(per_second: f64) -> String {
    if !per_second.is_finite() || per_second <= 0.0 {
        "0 /s".to_owned()
    } else if per_second < 9.95 {
        format!("{per_second:.1} /s")
    } else if per_second < 999.5 {
        format!("{per_second:.0} /s")
    } else {
        format!("{}/s", scaled(per_second))
    }
}

fn scaled(number: f64) -> String {
    // 999,950 is rounded to 1.0 M, not to 1000.0 k.
    match number {
        n if n < 999_950.0 => format!("{:.1} k", n / 1e3),
        n if n < 999_950_000.0 => format!("{:.1} M", n / 1e6),
        n => format!("{:.1} G", n / 1e9),
    }
}

/// Bytes in decimal units: `812 B`, `4.1 kB`, `182 MB`, `1.3 GB`.
pub fn bytes(number: u64) -> String {
    let n = number as f64;
    match n {
        n if n < 1_000.0 => format!("{number} B"),
        n if n < 99_950.0 => format!("{:.1} kB", n / 1e3),
        n if n < 999_500.0 => format!("{:.0} kB", n / 1e3),
        n if n < 9_950_000.0 => format!("{:.1} MB", n / 1e6),
        n if n < 999_500_000.0 => format!("{:.0} MB", n / 1e6),
        n => format!("{:.1} GB", n / 1e9),
    }
}

/// A run time as a clock shows it: `00:03:41`.
pub fn clock(elapsed_ms: u64) -> String {
    let seconds = elapsed_ms / 1_000;
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// A length of time in its largest unit: `2 ms`, `4.1 s`, `3.0 min`, `1.5 h`, `2.0 d`.
pub fn span(span_us: i64) -> String {
    let sign = if span_us < 0 { "-" } else { "" };
    let us = span_us.unsigned_abs();
    let seconds = us as f64 / 1e6;
    let text = match us {
        0..=999 => format!("{us} µs"),
        1_000..=999_999 => format!("{} ms", us / 1_000),
        1_000_000..=59_999_999 => format!("{seconds:.1} s"),
        60_000_000..=3_599_999_999 => format!("{:.1} min", seconds / 60.0),
        3_600_000_000..=86_399_999_999 => format!("{:.1} h", seconds / 3_600.0),
        _ => format!("{:.1} d", seconds / 86_400.0),
    };
    format!("{sign}{text}")
}

/// A moment in full: `2026-03-01 14:03:27.412 UTC`; the bare number where the calendar has no such day.
pub fn timestamp(moment_us: i64) -> String {
    match timestamp_us_to_datetime(moment_us) {
        Some(moment) => format!("{} UTC", moment.format("%Y-%m-%d %H:%M:%S%.3f")),
        None => format!("{moment_us} µs"),
    }
}

/// A moment in milliseconds, down to the minute: `2026-03-01 14:03 UTC`.
pub fn minute(moment_ms: i64) -> String {
    let text = timestamp(moment_ms.saturating_mul(1_000));
    let end = text.rfind(':').unwrap_or(text.len());
    format!("{} UTC", &text[..end])
}

/// A moment as ISO 8601, for files and other programs: `2026-03-01T14:03:27.412Z`.
pub fn iso(moment_us: i64) -> String {
    match timestamp_us_to_datetime(moment_us) {
        Some(moment) => {
            // As many digits of the second as it has: none, three or six.
            let digits = if moment_us % 1_000 != 0 {
                "%.6f"
            } else if moment_us % 1_000_000 != 0 {
                "%.3f"
            } else {
                ""
            };
            format!("{}Z", moment.format(&format!("%Y-%m-%dT%H:%M:%S{digits}")))
        }
        None => moment_us.to_string(),
    }
}

/// `Fleet health (new)` → `fleet-health-new`; nothing where no letter or digit is in it.
pub fn file_stem(name: &str) -> Option<String> {
    let plain: String = name.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let words: Vec<&str> = plain.split('-').filter(|word| !word.is_empty()).collect();
    (!words.is_empty()).then(|| words.join("-"))
}

/// A moment without its day: `14:03:27.412`.
pub fn time_of_day(moment_us: i64) -> String {
    match timestamp_us_to_datetime(moment_us) {
        Some(moment) => moment.format("%H:%M:%S%.3f").to_string(),
        None => format!("{moment_us} µs"),
    }
}

/// A share of one as a whole percent: `62 %`.
pub fn percent(share: f32) -> String {
    let percent = if share.is_finite() { share.clamp(0.0, 1.0) * 100.0 } else { 0.0 };
    format!("{percent:.0} %")
}

/// A measured value with as many digits as a reading needs: four that count, no trailing zeros, powers of ten outside
/// of 0.0001 to 10 million.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return if value.is_nan() { "not a number".to_owned() } else { signed_infinity(value) };
    }
    let size = value.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    if !(1e-4..1e7).contains(&size) {
        return format!("{value:.3e}");
    }
    let before_point = size.log10().floor() as i32;
    let decimals = usize::try_from(3 - before_point).unwrap_or(0);
    without_trailing_zeros(&format!("{value:.decimals$}"))
}

/// A value with a fixed number of digits after the point, so that a column of them lines up.
pub fn fixed(value: f64, decimals: usize) -> String {
    match value {
        v if v.is_nan() => "not a number".to_owned(),
        v if v.is_infinite() => signed_infinity(v),
        v => {
            let text = format!("{v:.decimals$}");
            // A tiny negative value reads 0.0, not -0.0.
            match text.strip_prefix('-') {
                Some(rest) if rest.bytes().all(|byte| matches!(byte, b'0' | b'.')) => rest.to_owned(),
                _ => text,
            }
        }
    }
}

fn signed_infinity(value: f64) -> String {
    if value > 0.0 { "∞" } else { "-∞" }.to_owned()
}

fn without_trailing_zeros(text: &str) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_by_thousands() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567"), (100_000, "100,000")]
        {
            assert_eq!(count(number), text);
        }
        assert_eq!(counted(1, "row"), "1 row");
        assert_eq!(counted(0, "row"), "0 rows");
        assert_eq!(counted(2_000, "column"), "2,000 columns");
    }

    #[test]
    fn a_short_count_never_shows_four_digits_before_the_point() {
        for (number, text) in
            [(999, "999"), (1_000, "1.0 k"), (124_600, "124.6 k"), (999_960, "1.0 M"), (1_000_000, "1.0 M")]
        {
            assert_eq!(short_count(number), text);
        }
    }

    #[test]
    fn rates_keep_one_digit_where_it_tells_something() {
        for (rate_per_s, text) in [
            (0.0, "0 /s"),
            (-1.0, "0 /s"),
            (f64::NAN, "0 /s"),
            (0.42, "0.4 /s"),
            (9.97, "10 /s"),
            (312.4, "312 /s"),
            (999.6, "1.0 k/s"),
            (124_600.0, "124.6 k/s"),
            (2.5e9, "2.5 G/s"),
        ] {
            assert_eq!(rate(rate_per_s), text, "{rate_per_s}");
        }
    }

    #[test]
    fn bytes_change_unit_before_they_grow_long() {
        for (number, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (4_100, "4.1 kB"),
            (182_000_000, "182 MB"),
            (999_999_999, "1.0 GB"),
            (1_300_000_000, "1.3 GB"),
        ] {
            assert_eq!(bytes(number), text);
        }
    }

    #[test]
    fn lengths_of_time_are_read_in_their_largest_unit() {
        assert_eq!(clock(221_900), "00:03:41");
        assert_eq!(clock(360_000_000), "100:00:00");
        for (us, text) in [
            (0, "0 µs"),
            (2_000, "2 ms"),
            (4_100_000, "4.1 s"),
            (-4_100_000, "-4.1 s"),
            (180_000_000, "3.0 min"),
            (5_400_000_000, "1.5 h"),
            (172_800_000_000, "2.0 d"),
        ] {
            assert_eq!(span(us), text);
        }
    }

    #[test]
    fn moments_are_written_in_utc_with_milliseconds() {
        assert_eq!(timestamp(0), "1970-01-01 00:00:00.000 UTC");
        assert_eq!(timestamp(1_772_373_807_412_000), "2026-03-01 14:03:27.412 UTC");
        assert_eq!(time_of_day(1_772_373_807_412_000), "14:03:27.412");
        assert_eq!(iso(1_772_373_807_412_000), "2026-03-01T14:03:27.412Z");
        assert_eq!(iso(1_772_373_807_412_001), "2026-03-01T14:03:27.412001Z");
        assert_eq!(iso(1_772_373_807_000_000), "2026-03-01T14:03:27Z");
        assert_eq!(time_of_day(-1_000), "23:59:59.999");
        assert_eq!(timestamp(i64::MAX), format!("{} µs", i64::MAX));
    }

    #[test]
    fn measured_values_show_four_digits_that_count() {
        for (value, text) in [
            (0.0, "0"),
            (21.4, "21.4"),
            (21.40321, "21.4"),
            (-0.012_345, "-0.01235"),
            (123_456.0, "123456"),
            (1e9, "1.000e9"),
            (f64::INFINITY, "∞"),
            (f64::NAN, "not a number"),
        ] {
            assert_eq!(number(value), text, "{value}");
        }
        assert_eq!(fixed(21.4, 2), "21.40");
        assert_eq!(fixed(-0.001, 1), "0.0");
        assert_eq!(percent(0.623), "62 %");
        assert_eq!(percent(f32::NAN), "0 %");
    }
}
