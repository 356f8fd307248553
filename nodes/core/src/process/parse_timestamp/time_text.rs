//! Reads times out of texts and numbers, into microseconds since the epoch.
//!
//! The common forms are read by hand from bytes (some tens of nanoseconds each); what those do not know goes to jiff.
//! A time is never guessed: a text that is not wholly a time of the expected form is an error.

use jiff::fmt::{rfc2822, strtime::BrokenDownTime};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, civil};
use millrace_model::suggest;

pub use super::digits::access_log_time;
use super::digits::{Bytes, iso_8601};

/// How the times are written.
#[derive(Debug, Clone)]
pub enum TimeForm {
    /// ISO 8601, RFC 3339, RFC 2822, and the form of access logs.
    Auto,
    /// A number of units of this many nanoseconds since the epoch.
    Epoch { unit_ns: i64 },
    /// A strptime pattern.
    Pattern(String),
}

/// Reads times of one form.
#[derive(Debug, Clone)]
pub struct TimeReader {
    form: TimeForm,
    zone: Zone,
}

/// Where a time without a zone was written down.
#[derive(Debug, Clone)]
pub enum Zone {
    /// Microseconds east of UTC.
    Fixed(i64),
    /// A zone whose offset changes over the year.
    Named(TimeZone),
}

impl Zone {
    pub const UTC: Zone = Zone::Fixed(0);

    /// `UTC`, a fixed offset such as `+02:00`, or a name such as `Europe/Berlin`.
    ///
    /// # Errors
    /// One sentence, with the nearest name there is.
    pub fn read(text: &str) -> Result<Zone, String> {
        let text = text.trim();
        if text.is_empty() || text.eq_ignore_ascii_case("utc") || text.eq_ignore_ascii_case("z") {
            return Ok(Zone::UTC);
        }
        let mut bytes = Bytes::new(text.as_bytes());
        if let Some(offset_us) = bytes.offset()
            && bytes.is_at_end()
        {
            return Ok(Zone::Fixed(offset_us));
        }
        TimeZone::get(text).map(Zone::Named).map_err(|_| {
            let names: Vec<String> = jiff::tz::db().available().map(|name| name.as_str().to_owned()).collect();
            let hint = suggest::hint(text, names.iter().map(String::as_str));
            format!("There is no time zone `{text}`.{hint} Write a name such as `Europe/Berlin`, or `+02:00`.")
        })
    }

    /// The instant at which clocks of this zone show `local_us` (microseconds from 1970-01-01 00:00 on that clock).
    /// An hour that clocks skip is taken as the one after, an hour that they show twice as the first of the two.
    pub fn to_utc_us(&self, local_us: i64) -> Option<i64> {
        match self {
            Zone::Fixed(offset_us) => local_us.checked_sub(*offset_us),
            Zone::Named(zone) => {
                let local = Offset::UTC.to_datetime(Timestamp::from_microsecond(local_us).ok()?);
                Some(zone.to_timestamp(local).ok()?.as_microsecond())
            }
        }
    }
}

impl TimeReader {
    pub fn new(form: TimeForm, zone: Zone) -> Self {
        Self { form, zone }
    }

    /// Reads ISO 8601 and the like; without a zone in the text it is UTC.
    pub fn auto() -> Self {
        Self::new(TimeForm::Auto, Zone::UTC)
    }

    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Microseconds since the epoch; anything finer is cut off.
    ///
    /// # Errors
    /// One sentence that quotes the text.
    pub fn read(&self, text: &str) -> Result<i64, String> {
        let text = text.trim();
        match &self.form {
            TimeForm::Auto => {
                self.read_auto(text).ok_or_else(|| format!("{} is not a time in ISO 8601 form", quote(text)))
            }
            TimeForm::Epoch { unit_ns } => read_epoch(text, *unit_ns)
                .ok_or_else(|| format!("{} is not a number of time units since 1970", quote(text))),
            TimeForm::Pattern(pattern) => self
                .read_pattern(pattern, text)
                .map_err(|error| format!("{} does not fit the pattern `{pattern}`: {error}", quote(text))),
        }
    }

    /// Microseconds since the epoch of `value` units; `None` when that does not fit, or the form is not a number.
    pub fn read_integer(&self, value: i64) -> Option<i64> {
        match self.form {
            TimeForm::Epoch { unit_ns } if unit_ns >= 1_000 => value.checked_mul(unit_ns / 1_000),
            TimeForm::Epoch { unit_ns } => {
                i64::try_from((i128::from(value) * i128::from(unit_ns)).div_euclid(1_000)).ok()
            }
            TimeForm::Auto | TimeForm::Pattern(_) => None,
        }
    }

    /// As [`Self::read_integer`], rounded to the microsecond.
    pub fn read_number(&self, value: f64) -> Option<i64> {
        let TimeForm::Epoch { unit_ns } = self.form else { return None };
        let us = (value * (unit_ns as f64 / 1_000.0)).round();
        // The bounds are powers of two, which `f64` holds exactly.
        (us.is_finite() && us >= -(2f64.powi(63)) && us < 2f64.powi(63)).then_some(us as i64)
    }

    fn read_auto(&self, text: &str) -> Option<i64> {
        if let Some((local_us, offset_us)) = iso_8601(text.as_bytes()) {
            return match offset_us {
                Some(offset_us) => local_us.checked_sub(offset_us),
                None => self.zone.to_utc_us(local_us),
            };
        }
        if let Some(us) = access_log_time(text.as_bytes()) {
            return Some(us);
        }
        if let Ok(timestamp) = text.parse::<Timestamp>() {
            return Some(timestamp.as_microsecond());
        }
        if let Ok(timestamp) = rfc2822::DateTimeParser::new().parse_timestamp(text) {
            return Some(timestamp.as_microsecond());
        }
        let local: civil::DateTime = text.parse().ok()?;
        self.zone.to_utc_us(Offset::UTC.to_timestamp(local).ok()?.as_microsecond())
    }

    fn read_pattern(&self, pattern: &str, text: &str) -> Result<i64, jiff::Error> {
        let parts = BrokenDownTime::parse(pattern, text)?;
        if parts.timestamp().is_some() || parts.offset().is_some() {
            return Ok(parts.to_timestamp()?.as_microsecond());
        }
        if parts.iana_time_zone().is_some() {
            return Ok(parts.to_zoned()?.timestamp().as_microsecond());
        }
        let local = parts.to_datetime()?;
        let timestamp = match &self.zone {
            Zone::Fixed(offset_us) => {
                return Ok(Offset::UTC.to_timestamp(local)?.as_microsecond().saturating_sub(*offset_us));
            }
            Zone::Named(zone) => zone.to_timestamp(local)?,
        };
        Ok(timestamp.as_microsecond())
    }
}

/// `text` in backquotes, cut when it is long.
pub fn quote(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((cut, _)) => format!("`{}…`", &text[..cut]),
        None => format!("`{text}`"),
    }
}

/// What is wrong with a strptime pattern, if anything.
///
/// # Errors
/// One sentence.
pub fn check_pattern(pattern: &str) -> Result<(), String> {
    if pattern.trim().is_empty() {
        return Err("Write a pattern, such as `%d.%m.%Y %H:%M:%S`.".to_owned());
    }
    let sample = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
    // Formatting reports an unknown directive; parsing the formatted sample, a pattern that does not make up a time.
    let text = jiff::fmt::strtime::format(pattern, &sample)
        .map_err(|error| format!("The pattern `{pattern}` cannot be used: {error}."))?;
    TimeReader::new(TimeForm::Pattern(pattern.to_owned()), Zone::UTC)
        .read_pattern(pattern, &text)
        .map(|_| ())
        .map_err(|error| format!("The pattern `{pattern}` does not make up a time: {error}."))
}

/// A number with or without a fraction, exactly.
fn read_epoch(text: &str, unit_ns: i64) -> Option<i64> {
    let (digits, is_negative) = match text.strip_prefix('-') {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 20 || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let mut ns = whole.parse::<i128>().ok()? * i128::from(unit_ns);
    let mut place_ns = i128::from(unit_ns);
    for digit in fraction.bytes() {
        place_ns /= 10;
        ns += i128::from(digit - b'0') * place_ns;
    }
    i64::try_from((if is_negative { -ns } else { ns }).div_euclid(1_000)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const US_PER_SECOND: i64 = 1_000_000;

    fn us(text: &str) -> i64 {
        text.parse::<Timestamp>().expect(text).as_microsecond()
    }

    #[test]
    fn the_common_forms_are_read() {
        let reader = TimeReader::auto();
        for (text, expected) in [
            ("2013-12-02 21:15:00", "2013-12-02T21:15:00Z"),
            ("2013-12-02T21:15:00Z", "2013-12-02T21:15:00Z"),
            ("2013-12-02T21:15", "2013-12-02T21:15:00Z"),
            ("2013/12/02 21:15:00.25", "2013-12-02T21:15:00.25Z"),
            ("2013-12-02T21:15:00,123456789+02:00", "2013-12-02T19:15:00.123456Z"),
            ("2013-12-02 21:15:00 -0730", "2013-12-03T04:45:00Z"),
            ("2013-12-02 21:15:00 UTC", "2013-12-02T21:15:00Z"),
            ("2013-12-02", "2013-12-02T00:00:00Z"),
            ("20131202T211500Z", "2013-12-02T21:15:00Z"),
            ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"),
            ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"),
            ("Sat, 13 Jul 2024 15:09:59 -0400", "2024-07-13T19:09:59Z"),
            ("10/Oct/2000:13:55:36 -0700", "2000-10-10T20:55:36Z"),
        ] {
            assert_eq!(reader.read(text), Ok(us(expected)), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_time_is_an_error_and_never_guessed() {
        let reader = TimeReader::auto();
        for text in [
            "",
            "now",
            "12",
            "2023-02-29",
            "2013-13-01",
            "2013-12-02 24:00:00",
            "2013-12-02 21:60",
            "2013-12-02T21:15:00.",
            "2013-12-02T21:15:00+99:00",
            "2013-12/02",
            "2013-12-02T21:15:00Zx",
            "32/Oct/2000:13:55:36 -0700",
            "10/Okt/2000:13:55:36 -0700",
        ] {
            let error = reader.read(text).expect_err(text);
            assert!(error.contains(&format!("`{text}`")), "{error}");
        }
    }

    #[test]
    fn a_time_without_a_zone_is_of_the_given_zone() {
        let berlin = TimeReader::new(TimeForm::Auto, Zone::read("Europe/Berlin").expect("a zone"));
        assert_eq!(berlin.read("2024-07-01 12:00:00"), Ok(us("2024-07-01T10:00:00Z")));
        assert_eq!(berlin.read("2024-01-01 12:00:00"), Ok(us("2024-01-01T11:00:00Z")));
        // A zone in the text counts.
        assert_eq!(berlin.read("2024-01-01 12:00:00Z"), Ok(us("2024-01-01T12:00:00Z")));
        // Clocks skip from 2 to 3, and show 2:30 twice in autumn.
        assert_eq!(berlin.read("2024-03-31 02:30:00"), Ok(us("2024-03-31T01:30:00Z")));
        assert_eq!(berlin.read("2024-10-27 02:30:00"), Ok(us("2024-10-27T00:30:00Z")));
        let fixed = TimeReader::new(TimeForm::Auto, Zone::read("+05:30").expect("an offset"));
        assert_eq!(fixed.read("2024-01-01 12:00:00"), Ok(us("2024-01-01T06:30:00Z")));
        assert!(Zone::read("Europe/Berln").expect_err("a typo").contains("Europe/Berlin"));
    }

    #[test]
    fn numbers_are_read_exactly() {
        let reader = |unit_ns| TimeReader::new(TimeForm::Epoch { unit_ns }, Zone::UTC);
        let seconds = reader(1_000_000_000);
        assert_eq!(seconds.read("1700000000.123456789"), Ok(1_700_000_000_123_456));
        assert_eq!(seconds.read("-0.5"), Ok(-500_000));
        assert_eq!(seconds.read_integer(i64::MAX), None);
        assert_eq!(seconds.read_number(1.5), Some(1_500_000));
        assert_eq!(seconds.read_number(f64::NAN), None);
        assert_eq!(reader(1_000_000).read("1700000000123"), Ok(1_700_000_000_123_000));
        assert_eq!(reader(1).read_integer(-1), Some(-1));
        assert_eq!(reader(1).read("1999"), Ok(1));
        for text in ["", "1e9", "x", "1.2.3", ".", "99999999999999999999"] {
            assert!(seconds.read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_pattern_is_checked_before_it_is_used() {
        assert_eq!(check_pattern("%d.%m.%Y %H:%M:%S"), Ok(()));
        for pattern in ["", "%H:%M", "%Y-%m-%d %!"] {
            assert!(check_pattern(pattern).is_err(), "{pattern}");
        }
        let reader = TimeReader::new(TimeForm::Pattern("%d.%m.%Y %H:%M".to_owned()), Zone::UTC);
        assert_eq!(reader.read("02.12.2013 21:15"), Ok(us("2013-12-02T21:15:00Z")));
        assert!(reader.read("2013-12-02").expect_err("another form").contains("%d.%m.%Y"));
    }

    proptest! {
        /// jiff is the slow oracle of the reading by hand.
        #[test]
        fn iso_times_are_read_as_jiff_reads_them(us in -62_000_000_000_000_000i64..250_000_000_000_000_000) {
            let timestamp = Timestamp::from_microsecond(us).expect("in range");
            prop_assert_eq!(TimeReader::auto().read(&timestamp.to_string()), Ok(us));
            let log = jiff::fmt::strtime::format("%d/%b/%Y:%H:%M:%S %z", &timestamp.to_zoned(TimeZone::UTC)).expect("formats");
            prop_assert_eq!(access_log_time(log.as_bytes()), Some(us.div_euclid(US_PER_SECOND) * US_PER_SECOND));
        }
    }
}
