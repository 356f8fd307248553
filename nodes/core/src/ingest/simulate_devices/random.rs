//! Random numbers that are a function of what they are for, so that rows are the same in whatever portions they are made.
//!
//! SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014): the n-th number of the
//! stream of a seed is `mix(seed + n * GAMMA)`, which needs no state.

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

pub(in crate::ingest) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The stream of numbers for one purpose of one device.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stream(u64);

impl Stream {
    pub(super) fn new(seed: u64, device: u32, purpose: u64) -> Self {
        Self(mix(
            mix(seed.wrapping_add(purpose.wrapping_mul(GAMMA))).wrapping_add(u64::from(device).wrapping_mul(GAMMA))
        ))
    }

    /// The number of tick `tick`.
    #[inline]
    pub(super) fn bits(self, tick: u64) -> u64 {
        mix(self.0.wrapping_add(tick.wrapping_add(1).wrapping_mul(GAMMA)))
    }

    /// From 0 to 1, without 1.
    #[inline]
    pub(super) fn share(self, tick: u64) -> f64 {
        (self.bits(tick) >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// From -1 to 1.
    #[inline]
    pub(super) fn both_ways(self, tick: u64) -> f64 {
        self.share(tick) * 2.0 - 1.0
    }

    /// Near enough normal, with mean 0 and deviation 1, and never further out than 3.46: the sum of four even ones
    /// (Irwin–Hall).
    #[inline]
    pub(super) fn normal(self, tick: u64) -> f64 {
        let bits = self.bits(tick);
        let sum = (bits & 0xffff) + ((bits >> 16) & 0xffff) + ((bits >> 32) & 0xffff) + (bits >> 48);
        // Four even numbers from 0 to 65,535: mean 131,070, deviation 65,536 / sqrt(3).
        (sum as f64 - 131_070.0) * (1.732_050_807_568_877_2 / 65_536.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_numbers_are_those_that_were_published() {
        // The reference implementation with seed 1234567 (Vigna's splitmix64.c).
        let stream = Stream(1_234_567);
        assert_eq!(
            [0, 1, 2].map(|tick| stream.bits(tick)),
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn normal_numbers_have_mean_0_and_deviation_1() {
        let stream = Stream::new(7, 3, 1);
        let numbers: Vec<f64> = (0..100_000).map(|tick| stream.normal(tick)).collect();
        let mean = numbers.iter().sum::<f64>() / 1e5;
        let variance = numbers.iter().map(|n| (n - mean).powi(2)).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
        assert!((0..1_000).all(|tick| (0.0..1.0).contains(&stream.share(tick))));
    }
}
