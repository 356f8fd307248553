//! Access logs of web servers, in the common and the combined format, read by hand from bytes.
//!
//! The formats are those of Apache's `mod_log_config` (`%h %l %u %t "%r" %>s %b`, and then `"%{Referer}i"
//! "%{User-agent}i"`); nginx's `combined` is the same. A `-` stands for what is not known and becomes null.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{ColumnSpec, Columns, Mismatch, ValueType};
use crate::process::parse_timestamp::time_text::{access_log_time, quote};

/// Which access log it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Address, user, time, request, status and bytes.
    Common,
    /// The same, then referer and user agent: what Apache and nginx mostly write.
    #[default]
    Combined,
}

const IP: usize = 0;
const USER: usize = 1;
const TIME: usize = 2;
const METHOD: usize = 3;
const PATH: usize = 4;
const PROTOCOL: usize = 5;
const STATUS: usize = 6;
const BYTES: usize = 7;
const REFERER: usize = 8;
const USER_AGENT: usize = 9;

/// The columns, in the order of the constants above.
pub fn columns(format: LogFormat) -> Vec<ColumnSpec> {
    let mut columns = vec![
        ColumnSpec::new("ip", ValueType::Text),
        ColumnSpec::new("user", ValueType::Text),
        ColumnSpec::new("time", ValueType::Timestamp),
        ColumnSpec::new("method", ValueType::Text),
        ColumnSpec::new("path", ValueType::Text),
        ColumnSpec::new("protocol", ValueType::Text),
        ColumnSpec::new("status", ValueType::Integer),
        ColumnSpec::new("bytes", ValueType::Integer),
    ];
    if format == LogFormat::Combined {
        columns.push(ColumnSpec::new("referer", ValueType::Text));
        columns.push(ColumnSpec::new("user_agent", ValueType::Text));
    }
    columns
}

/// # Errors
/// A line that is not wholly of the format.
pub fn parse(format: LogFormat, line: &str, columns: &mut Columns) -> Result<(), Mismatch> {
    let mut rest = Rest(line.trim_end());
    let ip = rest.word().ok_or("the line is empty")?;
    rest.word().ok_or("there is no identity after the address")?;
    let user = rest.until(" [").ok_or("there is no time in brackets after the user")?;
    let time = rest.until("] ").ok_or("the time has no closing bracket")?;
    let time_us = access_log_time(time.as_bytes())
        .ok_or_else(|| Mismatch(format!("{} is not the time of an access log", quote(time))))?;
    let request = rest.quoted().ok_or("there is no request in quotes after the time")?;
    let status = rest.word().ok_or("there is no status after the request")?;
    let status = integer(status).ok_or_else(|| Mismatch(format!("{} is not a status", quote(status))))?;
    let size = rest.word().ok_or("there is no number of bytes after the status")?;
    let size = match size {
        "-" => None,
        digits => Some(integer(digits).ok_or_else(|| Mismatch(format!("{} is not a number of bytes", quote(digits))))?),
    };
    let tail = match format {
        LogFormat::Common => None,
        LogFormat::Combined => {
            let referer = rest.quoted().ok_or("there is no referer in quotes: is it the common format?")?;
            let user_agent = rest.quoted().ok_or("there is no user agent in quotes after the referer")?;
            Some((referer, user_agent))
        }
    };
    if !rest.0.is_empty() {
        return Err(Mismatch(format!("{} follows where the line should end", quote(rest.0))));
    }

    put_text(columns, IP, ip)?;
    put_text(columns, USER, user)?;
    columns.put_time(TIME, time_us)?;
    put_request(columns, &unescaped(request))?;
    columns.put_integer(STATUS, status)?;
    match size {
        Some(size) => columns.put_integer(BYTES, size)?,
        None => columns.put_null(BYTES),
    }
    if let Some((referer, user_agent)) = tail {
        put_text(columns, REFERER, &unescaped(referer))?;
        put_text(columns, USER_AGENT, &unescaped(user_agent))?;
    }
    Ok(())
}

fn put_text(columns: &mut Columns, column: usize, text: &str) -> Result<(), Mismatch> {
    if text == "-" {
        columns.put_null(column);
        return Ok(());
    }
    columns.put(column, text)
}

/// `GET /index.html HTTP/1.1`. What a client sent instead of a request stands in `path`, whole.
fn put_request(columns: &mut Columns, request: &str) -> Result<(), Mismatch> {
    let parts = request.split_once(' ').and_then(|(method, rest)| {
        let (path, protocol) =
            rest.rsplit_once(' ').filter(|(_, last)| last.starts_with("HTTP/")).unwrap_or((rest, "-"));
        let is_method = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-');
        is_method.then_some((method, path, protocol))
    });
    let (method, path, protocol) = parts.unwrap_or(("-", request, "-"));
    put_text(columns, METHOD, method)?;
    put_text(columns, PATH, path)?;
    put_text(columns, PROTOCOL, protocol)
}

/// A whole number without a sign.
fn integer(text: &str) -> Option<i64> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// What is left of a line.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    /// Up to the next space, which is passed.
    fn word(&mut self) -> Option<&'a str> {
        let end = self.0.as_bytes().iter().position(|byte| *byte == b' ').unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(end);
        self.0 = rest.strip_prefix(' ').unwrap_or(rest);
        (!word.is_empty()).then_some(word)
    }

    fn until(&mut self, mark: &str) -> Option<&'a str> {
        let (text, rest) = self.0.split_once(mark)?;
        self.0 = rest;
        Some(text)
    }

    /// A text in quotes and the space behind it; a backslash takes the next sign's meaning away.
    fn quoted(&mut self) -> Option<&'a str> {
        let text = self.0.strip_prefix('"')?;
        let mut is_escaped = false;
        let end = text.as_bytes().iter().position(|byte| {
            let is_end = *byte == b'"' && !is_escaped;
            is_escaped = *byte == b'\\' && !is_escaped;
            is_end
        })?;
        let rest = &text[end + 1..];
        // Behind the quotes there must be a space or nothing.
        self.0 = if rest.is_empty() { rest } else { rest.strip_prefix(' ')? };
        Some(&text[..end])
    }
}

/// Undoes what servers do to quotes, backslashes and control signs; bytes beyond ASCII keep their escape.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let code =
            after.strip_prefix('x').and_then(|hex| hex.get(..2)).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let (sign, length) = match (after.as_bytes().first(), code) {
            (Some(b'"'), _) => ('"', 1),
            (Some(b'\\'), _) => ('\\', 1),
            (Some(b'n'), _) => ('\n', 1),
            (Some(b't'), _) => ('\t', 1),
            (Some(b'r'), _) => ('\r', 1),
            (_, Some(code)) if code.is_ascii() => (char::from(code), 3),
            _ => ('\\', 0),
        };
        plain.push(sign);
        rest = &after[length..];
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}
