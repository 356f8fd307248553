//! The wall clock as machines see it: passed in with [`Output`](crate::Output), so that a test may have its own time.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What time it is. The default is the system's clock.
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<dyn Fn() -> Duration + Send + Sync>>);

impl Clock {
    /// A clock that is asked for the time since the epoch.
    pub fn new(since_epoch: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(since_epoch)))
    }

    /// Microseconds since the epoch.
    pub fn now_us(&self) -> i64 {
        let since = match &self.0 {
            Some(since_epoch) => since_epoch(),
            None => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
        };
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Clock").field(&self.now_us()).finish()
    }
}
