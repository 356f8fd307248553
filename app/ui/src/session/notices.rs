//! Short messages that pass: what was done, what went wrong.

/// How long a message stays.
const INFO_MS: f64 = 4_000.0;
const ERROR_MS: f64 = 10_000.0;
const MOST: usize = 4;

#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    pub text: String,
    pub is_error: bool,
    end_ms: f64,
}

/// The messages that stand now, oldest first.
#[derive(Debug, Default)]
pub struct Notices {
    list: Vec<Notice>,
}

impl Notices {
    /// A message that stands already starts anew.
    pub fn add(&mut self, text: String, is_error: bool, now_ms: f64) {
        self.list.retain(|notice| notice.text != text);
        let end_ms = now_ms + if is_error { ERROR_MS } else { INFO_MS };
        self.list.push(Notice { text, is_error, end_ms });
        if self.list.len() > MOST {
            self.list.remove(0);
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Notice> {
        self.list.iter()
    }

    pub fn dismiss(&mut self, text: &str) {
        self.list.retain(|notice| notice.text != text);
    }

    pub(super) fn expire(&mut self, now_ms: f64) {
        self.list.retain(|notice| notice.end_ms > now_ms);
    }

    pub(super) fn next_end_ms(&self) -> Option<f64> {
        self.list.iter().map(|notice| notice.end_ms).reduce(f64::min)
    }
}
