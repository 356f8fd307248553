//! Reading one JSON object a line without building a tree: for objects whose wanted members are plain values.
//!
//! A line is taken only when it is beyond doubt: one object, its members in any order, each wanted one of the very type
//! that its column has. Whatever else there is (a number in a text column, a nested value, a name that comes twice, a
//! fault) is left to the thorough reader, which takes it or says what is wrong. So this reader has no messages, and
//! the two agree on every line that this one takes; a property test holds them to it. A column that is left out must fit
//! as well, and its values are passed over.

use super::columns::{Cell, CellBuilder, CellCheck, CellTimes, ColumnType};

/// A reader of lines. It remembers where the members of the last line went: lines mostly have the same members in the
/// same order.
pub(crate) struct FlatJson {
    names: Vec<String>,
    checks: Vec<CellCheck>,
    /// For each column its place in the rows; none where it is left out.
    places: Vec<Option<usize>>,
    /// The columns in the rows.
    kept: Vec<usize>,
    /// The members of the last line, in its order.
    order: Vec<Member>,
}

struct Member {
    /// The name as it was written, with its quotes and the colon behind it.
    written: Vec<u8>,
    column: Option<usize>,
}

impl FlatJson {
    pub(crate) fn new(columns: impl Iterator<Item = (String, ColumnType)>) -> Self {
        let (names, checks): (Vec<String>, Vec<CellCheck>) =
            columns.map(|(name, column_type)| (name, CellCheck::new(column_type))).unzip();
        let kept: Vec<usize> = (0..names.len()).collect();
        let places = kept.iter().copied().map(Some).collect();
        Self { names, checks, places, kept, order: Vec::new() }
    }

    /// Reads times in this way.
    pub(crate) fn with_times(mut self, times: &CellTimes) -> Self {
        self.checks = self.checks.into_iter().map(|check| check.with_times(times.clone())).collect();
        self
    }

    /// Gives rows of these columns only.
    pub(crate) fn keeping(self, kept: &[usize]) -> Self {
        let places = (0..self.names.len()).map(|column| kept.iter().position(|kept| *kept == column)).collect();
        Self { places, kept: kept.to_vec(), ..self }
    }

    pub(crate) fn builders(&self, num_rows: usize) -> Vec<CellBuilder> {
        self.kept.iter().map(|column| self.checks[*column].builder(num_rows)).collect()
    }

    /// Appends the row of `line`, or appends nothing and says `false`. `cells` is room that is used again and again.
    pub(crate) fn push<'a>(&mut self, line: &'a str, cells: &mut Vec<Cell<'a>>, columns: &mut [CellBuilder]) -> bool {
        // The row is taken as a whole or not at all.
        cells.clear();
        cells.resize(self.kept.len(), Cell::Null);
        if self.read(line.trim_ascii(), cells).is_none() {
            return false;
        }
        let fits = |(cell, column): (&Cell<'_>, &usize)| self.checks[*column].takes(cell);
        if !cells.iter().zip(&self.kept).all(fits) {
            return false;
        }
        columns.iter_mut().zip(cells.drain(..)).for_each(|(column, cell)| column.push_cell(cell));
        true
    }

    fn read<'a>(&mut self, line: &'a str, cells: &mut [Cell<'a>]) -> Option<()> {
        let mut at = Scanner { text: line, bytes: line.as_bytes(), at: 0 };
        let mut seen = 0_u128;
        at.expect(b'{')?;
        at.skip_blanks();
        if at.peek() == Some(b'}') {
            at.at += 1;
            return at.is_end().then_some(());
        }
        for member in 0.. {
            at.skip_blanks();
            let column = self.column_of(member, &mut at)?;
            at.skip_blanks();
            match column {
                Some(column) => {
                    // A name that comes twice is for the thorough reader.
                    let bit = 1_u128.checked_shl(u32::try_from(column).ok()?)?;
                    if seen & bit != 0 {
                        return None;
                    }
                    seen |= bit;
                    match self.places[column] {
                        Some(place) => cells[place] = at.value()?,
                        None => at.pass(&self.checks[column])?,
                    }
                }
                None => at.skip_value()?,
            }
            at.skip_blanks();
            match at.next()? {
                b',' => {}
                b'}' => return at.is_end().then_some(()),
                _ => return None,
            }
        }
        None
    }

    /// Reads the name of a member, up to its value, and says which column that goes to.
    #[inline]
    fn column_of(&mut self, member: usize, at: &mut Scanner<'_>) -> Option<Option<usize>> {
        if let Some(known) = self.order.get(member)
            && at.bytes[at.at..].starts_with(&known.written)
        {
            at.at += known.written.len();
            return Some(known.column);
        }
        let start = at.at;
        let name = at.plain_string()?;
        at.skip_blanks();
        at.expect(b':')?;
        let column = self.names.iter().position(|known| known == name);
        self.order.truncate(member);
        if self.order.len() == member {
            self.order.push(Member { written: at.bytes[start..at.at].to_owned(), column });
        }
        Some(column)
    }
}

struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
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

    fn is_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// A string without escapes and control characters.
    fn plain_string(&mut self) -> Option<&'a str> {
        self.expect(b'"')?;
        let start = self.at;
        // Eight bytes at a time, until one of them is a quote, a backslash or a control character.
        while let Some(eight) = self.bytes.get(self.at..self.at + 8) {
            let word = u64::from_le_bytes(eight.try_into().expect("eight bytes"));
            let special = has_zero_byte(word ^ repeated(b'"'))
                | has_zero_byte(word ^ repeated(b'\\'))
                | has_zero_byte(word & repeated(0xe0));
            if special != 0 {
                // The lowest mark is right; those above it may not be.
                self.at += special.trailing_zeros() as usize / 8;
                break;
            }
            self.at += 8;
        }
        loop {
            match self.next()? {
                b'"' => return self.text.get(start..self.at - 1),
                b'\\' | 0..0x20 => return None,
                _ => {}
            }
        }
    }

    fn value(&mut self) -> Option<Cell<'a>> {
        match self.peek()? {
            b'"' => {
                let start = self.at;
                if let Some(text) = self.plain_string() {
                    return Some(Cell::Text(text.into()));
                }
                // With escapes: to its end, and then read by serde_json.
                self.at = start + 1;
                loop {
                    match self.next()? {
                        b'\\' => _ = self.next()?,
                        b'"' => break,
                        _ => {}
                    }
                }
                let text: String = serde_json::from_str(self.text.get(start..self.at)?).ok()?;
                Some(Cell::Text(text.into()))
            }
            b't' => self.word("true").map(|()| Cell::Boolean(true)),
            b'f' => self.word("false").map(|()| Cell::Boolean(false)),
            b'n' => self.word("null").map(|()| Cell::Null),
            b'-' | b'0'..=b'9' => self.number(),
            _ => None,
        }
    }

    /// Passes over a value that is no column's, and makes sure that it is one.
    fn skip_value(&mut self) -> Option<()> {
        match self.peek()? {
            b'-' | b'0'..=b'9' => self.skip_number(),
            _ => self.value().map(|_| ()),
        }
    }

    /// Passes over a value of a column that is left out, and makes sure that it fits.
    fn pass(&mut self, check: &CellCheck) -> Option<()> {
        match (check.column_type, self.peek()?) {
            (ColumnType::Number, b'-' | b'0'..=b'9') => {
                let start = self.at;
                self.skip_number()?;
                // Fewer signs than that make no number that is too large, unless they have an exponent.
                let text = &self.text[start..self.at];
                let is_plain = text.len() < 300 && !text.contains(['e', 'E']);
                (is_plain || text.parse::<f64>().is_ok_and(f64::is_finite)).then_some(())
            }
            _ => self.value().filter(|cell| check.takes(cell)).map(|_| ()),
        }
    }

    /// Passes over a number as JSON writes it.
    fn skip_number(&mut self) -> Option<()> {
        self.at += usize::from(self.peek() == Some(b'-'));
        let first_digit = self.at;
        self.skip_digits()?;
        if self.bytes[first_digit] == b'0' && self.at > first_digit + 1 {
            return None;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.skip_digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.skip_digits()?;
        }
        Some(())
    }

    fn skip_digits(&mut self) -> Option<()> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.bytes[self.at..].starts_with(word.as_bytes()).then(|| self.at += word.len())
    }

    /// A number as JSON writes it (RFC 8259, section 6).
    fn number(&mut self) -> Option<Cell<'a>> {
        let start = self.at;
        let is_negative = self.peek() == Some(b'-');
        self.at += usize::from(is_negative);
        let mut mantissa = 0_u64;
        let mut num_digits = 0;
        let first_digit = self.at;
        self.digits(&mut mantissa, &mut num_digits)?;
        if self.bytes[first_digit] == b'0' && num_digits > 1 {
            return None;
        }
        let num_whole = num_digits;
        let mut is_whole = true;
        if self.peek() == Some(b'.') {
            self.at += 1;
            is_whole = false;
            self.digits(&mut mantissa, &mut num_digits)?;
        }
        let has_exponent = matches!(self.peek(), Some(b'e' | b'E'));
        if has_exponent {
            self.at += 1;
            is_whole = false;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.skip_digits()?;
        }
        // 18 digits fit whatever they are.
        if is_whole && num_digits <= 18 {
            if is_negative && mantissa == 0 {
                // Zero as a whole number, but minus zero as a float.
                return None;
            }
            let value = mantissa.cast_signed();
            return Some(Cell::Integer(if is_negative { -value } else { value }));
        }
        let text = &self.text[start..self.at];
        // Up to 2^53 and 10^22 both numbers are exact, and so their quotient is rounded once, as it should be (Clinger,
        // "How to read floating point numbers accurately", 1990).
        let decimals = num_digits - num_whole;
        let is_exact = !has_exponent && num_digits <= 18 && mantissa <= 1 << 53 && decimals <= 22;
        let value = if is_exact {
            let size = mantissa as f64 / POWERS_OF_TEN[decimals];
            if is_negative { -size } else { size }
        } else {
            text.parse().ok().filter(|number: &f64| number.is_finite())?
        };
        Some(Cell::Number(value))
    }

    /// One digit or more; beyond 18 of them the mantissa means nothing.
    fn digits(&mut self, mantissa: &mut u64, count: &mut usize) -> Option<()> {
        let start = self.at;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            *mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            self.at += 1;
        }
        *count += self.at - start;
        (self.at > start).then_some(())
    }
}

const fn repeated(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// The high bit of each byte that is zero, up to the first one for certain (Warren, "Hacker's Delight", section 6-1).
const fn has_zero_byte(word: u64) -> u64 {
    word.wrapping_sub(repeated(0x01)) & !word & repeated(0x80)
}

const POWERS_OF_TEN: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];
