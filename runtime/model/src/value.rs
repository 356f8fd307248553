//! The types that param values have, beside plain text, numbers and booleans.
//!
//! Each says in its JSON schema (`format`) what it is, so that the form editor, the validation and the engine agree
//! without a second list.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

macro_rules! text_schema {
    ($type:ty, $format:literal) => {
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": $format })
            }
        }
    };
}

macro_rules! text_value {
    ($(#[$doc:meta])* $type:ident, $format:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $type(pub String);

        impl $type {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $type {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        text_schema!($type, $format);
    };
}

text_value!(
    /// A SQL expression over the columns of the node's input, such as `temperature > 20 AND status <> 'off'`.
    Expression,
    "expression"
);
text_value!(
    /// A SQL expression with aggregate functions, such as `avg(temperature)` or `max(v) - min(v)`.
    AggregateExpression,
    "aggregate_expression"
);
text_value!(
    /// The name of a column of the node's input.
    ColumnRef,
    "column"
);
text_value!(
    /// A path to a file, a folder or a glob; a relative one starts at the folder of the pipeline file.
    FilePath,
    "path"
);

/// A text that is never printed, logged or shown: `Debug` and `Display` hide it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, to be handed to the system that asks for it and nowhere else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

text_schema!(Secret, "secret");

/// A length of time, written as a number and a unit: `500 ms`, `10 s`, `5 min`, `1 h`, `7 d`.
///
/// Units are ns, us, ms, s, min, h, d; the number may have a fraction. Text form is the largest unit that divides the
/// value, so reading and writing agree.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval(Duration);

const UNITS: [(&str, u64); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("min", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

impl Interval {
    pub const fn from_secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }

    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    pub const fn duration(self) -> Duration {
        self.0
    }

    pub const fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// Whole microseconds, the unit of event time; saturates at `i64::MAX`.
    pub fn as_micros(self) -> i64 {
        i64::try_from(self.0.as_micros()).unwrap_or(i64::MAX)
    }
}

impl From<Duration> for Interval {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        if nanos == 0 {
            return f.write_str("0 s");
        }
        let (unit, size) =
            UNITS.iter().find(|(_, size)| nanos.is_multiple_of(u128::from(*size))).expect("one nanosecond divides all");
        write!(f, "{} {unit}", nanos / u128::from(*size))
    }
}

impl fmt::Debug for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Interval {
    type Err = InvalidInterval;

    fn from_str(text: &str) -> Result<Self, InvalidInterval> {
        let invalid = || InvalidInterval { text: text.to_owned() };
        let trimmed = text.trim();
        let digits = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(invalid)?;
        let (number, unit) = trimmed.split_at(digits);
        let unit = match unit.trim() {
            "day" | "days" => "d",
            "hour" | "hours" => "h",
            "m" | "minute" | "minutes" => "min",
            "sec" | "second" | "seconds" => "s",
            "µs" => "us",
            unit => unit,
        };
        let size = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(invalid)?.1;
        let nanos = if number.contains('.') {
            let exact = number.parse::<f64>().map_err(|_| invalid())? * size as f64;
            if exact >= u64::MAX as f64 {
                return Err(invalid());
            }
            exact.round() as u64
        } else {
            number.parse::<u64>().ok().and_then(|n| n.checked_mul(size)).ok_or_else(invalid)?
        };
        Ok(Self(Duration::from_nanos(nanos)))
    }
}

impl Serialize for Interval {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Interval {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

text_schema!(Interval, "duration");

/// A text that is not a length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a length of time: write a number and a unit (ns, us, ms, s, min, h, d), such as `10 s`")]
pub struct InvalidInterval {
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_interval_reads_the_ways_people_write_it() {
        for (text, nanos) in
            [("10 s", 10_000_000_000), ("10s", 10_000_000_000), ("1.5 h", 5_400_000_000_000), ("5 m", 300_000_000_000)]
        {
            assert_eq!(text.parse::<Interval>().expect(text).duration().as_nanos(), nanos, "{text}");
        }
        for text in ["", "10", "s", "-1 s", "1 fortnight", "1.2.3 s", "99999999999999999999 s"] {
            assert!(text.parse::<Interval>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_interval_survives_its_text_form(nanos in any::<u64>()) {
            let interval = Interval::from(Duration::from_nanos(nanos));
            prop_assert_eq!(interval.to_string().parse::<Interval>(), Ok(interval));
        }
    }

    #[test]
    fn a_secret_is_never_printed() {
        assert!(!format!("{:?}", Secret::new("hunter2")).contains("hunter2"));
    }
}
