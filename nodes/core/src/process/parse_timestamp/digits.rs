//! The common written forms of time, read by hand from bytes.

const US_PER_SECOND: i64 = 1_000_000;
const US_PER_DAY: i64 = 86_400 * US_PER_SECOND;

/// Days from 1970-01-01 of a day of the Gregorian calendar (Howard Hinnant's `days_from_civil`).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn date_us(year: i64, month: i64, day: i64) -> Option<i64> {
    const LENGTHS: [i64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = LENGTHS.get(usize::try_from(month - 1).ok()?)? + i64::from(is_leap && month == 2);
    (1..=length).contains(&day).then(|| days_from_civil(year, month, day) * US_PER_DAY)
}

/// `YYYY-MM-DD`, then `T` or a space and `HH:MM[:SS[.f]]`, then `Z` or an offset; dates also with slashes.
/// Gives the time on the clock and, if it is said, how far that clock is east of UTC.
pub(super) fn iso_8601(bytes: &[u8]) -> Option<(i64, Option<i64>)> {
    let mut cursor = Bytes::new(bytes);
    let year = cursor.digits(4)?;
    let separator = cursor.next()?;
    if separator != b'-' && separator != b'/' {
        return None;
    }
    let month = cursor.digits(2)?;
    cursor.expect(separator)?;
    let date_us = date_us(year, month, cursor.digits(2)?)?;
    if cursor.is_at_end() {
        return Some((date_us, None));
    }
    if !matches!(cursor.next()?, b'T' | b't' | b' ') {
        return None;
    }
    let clock_us = cursor.clock(true)?;
    if cursor.is_at_end() {
        return Some((date_us + clock_us, None));
    }
    if cursor.peek() == Some(b' ') {
        cursor.at += 1;
    }
    let offset_us = match cursor.rest() {
        b"Z" | b"z" | b"UTC" | b"GMT" => return Some((date_us + clock_us, Some(0))),
        _ => cursor.offset()?,
    };
    cursor.is_at_end().then_some((date_us + clock_us, Some(offset_us)))
}

/// `10/Oct/2000:13:55:36 -0700`, the time of an access log.
pub fn access_log_time(bytes: &[u8]) -> Option<i64> {
    let mut cursor = Bytes::new(bytes);
    let day = cursor.digits(2)?;
    cursor.expect(b'/')?;
    let month = match cursor.take(3)? {
        b"Jan" => 1,
        b"Feb" => 2,
        b"Mar" => 3,
        b"Apr" => 4,
        b"May" => 5,
        b"Jun" => 6,
        b"Jul" => 7,
        b"Aug" => 8,
        b"Sep" => 9,
        b"Oct" => 10,
        b"Nov" => 11,
        b"Dec" => 12,
        _ => return None,
    };
    cursor.expect(b'/')?;
    let date_us = date_us(cursor.digits(4)?, month, day)?;
    cursor.expect(b':')?;
    let clock_us = cursor.clock(false)?;
    cursor.expect(b' ')?;
    let offset_us = cursor.offset()?;
    cursor.is_at_end().then_some(date_us + clock_us - offset_us)
}

pub(super) struct Bytes<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bytes<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at + count)?;
        self.at += count;
        Some(taken)
    }

    fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    fn digits(&mut self, count: usize) -> Option<i64> {
        let mut value = 0;
        for byte in self.take(count)? {
            if !byte.is_ascii_digit() {
                return None;
            }
            value = value * 10 + i64::from(byte - b'0');
        }
        Some(value)
    }

    /// `HH:MM[:SS[.f]]` in microseconds since midnight.
    fn clock(&mut self, takes_fraction: bool) -> Option<i64> {
        let hour = self.digits(2)?;
        self.expect(b':')?;
        let minute = self.digits(2)?;
        let mut second = 0;
        let mut fraction_us = 0;
        if self.peek() == Some(b':') {
            self.at += 1;
            second = self.digits(2)?;
            if takes_fraction && matches!(self.peek(), Some(b'.' | b',')) {
                self.at += 1;
                let first = self.at;
                let mut place_us = US_PER_SECOND;
                while let Some(digit @ b'0'..=b'9') = self.peek() {
                    place_us /= 10;
                    fraction_us += i64::from(digit - b'0') * place_us;
                    self.at += 1;
                }
                if self.at == first {
                    return None;
                }
            }
        }
        let is_valid = hour < 24 && minute < 60 && second < 60;
        is_valid.then_some((hour * 3_600 + minute * 60 + second) * US_PER_SECOND + fraction_us)
    }

    /// `+HH`, `+HHMM` or `+HH:MM`, in microseconds.
    pub(super) fn offset(&mut self) -> Option<i64> {
        let sign = match self.next()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let hours = self.digits(2)?;
        let minutes = match self.peek() {
            Some(b':') => {
                self.at += 1;
                self.digits(2)?
            }
            Some(b'0'..=b'9') => self.digits(2)?,
            _ => 0,
        };
        (hours < 24 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60) * US_PER_SECOND)
    }
}
