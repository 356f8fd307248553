//! How long to wait before the next try to connect.

/// The longest wait.
const MAX_MS: u32 = 10_000;

/// Milliseconds before try number `attempt` (the first is 0): half a second, doubling up to ten seconds.
pub fn delay_ms(attempt: u32) -> u32 {
    500_u32.checked_shl(attempt.min(16)).map_or(MAX_MS, |delay| delay.min(MAX_MS))
}

#[cfg(test)]
mod tests {
    use super::delay_ms;

    #[test]
    fn waits_double_and_stop_growing_at_ten_seconds() {
        let delays: Vec<u32> = (0..7).map(delay_ms).collect();
        assert_eq!(delays, [500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
        assert_eq!(delay_ms(u32::MAX), 10_000);
    }
}
