//! An axis cut into stretches of one width, which doubles whenever there would be too many of them.
//!
//! Widths are a unit times a power of two and all stretches begin at a multiple of their width, so two neighbours make
//! exactly one of the next width: nothing that was counted is lost. The width depends on which values came and not on
//! their order.

/// Numbers of stretches stay below two to this power, which an `i64` and an `f64` hold with room to spare.
const MAX_EXPONENT: i32 = 40;
/// The finest width when nothing is known: far below what sensors tell apart.
const FINEST: i32 = -100;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bins {
    unit: f64,
    /// Times that the unit was doubled; below zero, halved.
    doublings: i32,
    /// The numbers of the first and the last stretch that have values.
    range: Option<(i64, i64)>,
    max_bins: i64,
}

impl Bins {
    /// With stretches of `width` as long as they suffice; without one they are as narrow as they can be.
    pub(super) fn new(width: Option<f64>, max_bins: usize) -> Self {
        let width = width.filter(|width| width.is_finite() && *width > 0.0);
        let max_bins = i64::try_from(max_bins.max(2)).unwrap_or(i64::MAX);
        let doublings = if width.is_some() { 0 } else { FINEST };
        Self { unit: width.unwrap_or(1.0), doublings, range: None, max_bins }
    }

    /// Takes in a finite value: the number of its stretch, and how often all stretches were joined by two for it.
    pub(super) fn take(&mut self, value: f64) -> (i64, u32) {
        let exponent = (value / self.unit).abs().log2().ceil().clamp(-1_000.0, 1_100.0) as i32;
        let mut joins = u32::try_from(exponent - MAX_EXPONENT - self.doublings).unwrap_or(0);
        self.join(joins);
        let mut bin = (value / self.width()).floor() as i64;
        let mut range = self.range.map_or((bin, bin), |(first, last)| (first.min(bin), last.max(bin)));
        while range.1 - range.0 >= self.max_bins {
            self.join(1);
            joins += 1;
            bin >>= 1;
            range = (range.0 >> 1, range.1 >> 1);
        }
        self.range = Some(range);
        (bin, joins)
    }

    fn join(&mut self, times: u32) {
        self.doublings += times as i32;
        self.range = self.range.map(|(first, last)| (joined(first, times), joined(last, times)));
    }

    pub(super) fn width(&self) -> f64 {
        self.unit * 2_f64.powi(self.doublings)
    }

    /// Where the stretch of this number begins.
    pub(super) fn start(&self, bin: i64) -> f64 {
        bin as f64 * self.width()
    }

    /// The same axis in at most so many stretches, and how often stretches are joined by two for it.
    pub(super) fn coarser(&self, max_bins: usize) -> (Self, u32) {
        let mut coarser = self.clone();
        let max_bins = i64::try_from(max_bins.max(1)).unwrap_or(i64::MAX);
        let mut joins = 0;
        // A single value has no spread to choose a width by: a sixteenth of its size is one to read.
        let is_wide = |bins: &Self| bins.range.is_none_or(|(first, last)| first != last || first.abs() <= 16);
        while coarser.range.is_some_and(|(first, last)| last - first >= max_bins) || !is_wide(&coarser) {
            coarser.join(1);
            joins += 1;
        }
        (coarser, joins)
    }

    pub(super) fn doublings(&self) -> i32 {
        self.doublings
    }

    /// Becomes the axis that had these doublings and values in these stretches.
    pub(super) fn restore(&mut self, doublings: i32, bins: impl Iterator<Item = i64>) {
        self.doublings = doublings;
        self.range = bins.map(|bin| (bin, bin)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    }

    pub(super) fn range(&self) -> Option<(i64, i64)> {
        self.range
    }
}

/// The number of a stretch after all were joined by two so many times.
pub(super) fn joined(bin: i64, times: u32) -> i64 {
    bin >> times.min(63)
}
