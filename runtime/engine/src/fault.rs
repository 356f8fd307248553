//! Places where a test can make things go wrong, as they do in the field. In a release build without the feature
//! `faults` they are nothing.
//!
//! `MILLRACE_FAULT=place:nth:what` breaks the `nth` time (from 1) that `place` is reached: `kill` ends the process as
//! `kill -9` does, `error` is an I/O error, `full` a full disk, and `torn`, where something is written, half of it and
//! then the end of the process. `slow` makes this time and every later one take long. `clock:nth:forward` and
//! `clock:nth:back` move the wall clock by an hour from its `nth` reading on. That a fault has struck is logged, so that
//! a test can tell a harmless fault from none.

#[cfg(not(any(feature = "faults", debug_assertions)))]
mod armed {
    use std::io;

    use millrace_operator::Clock;

    #[inline]
    pub fn reach(_: &'static str) -> io::Result<()> {
        Ok(())
    }

    #[inline]
    pub fn write(to: &mut impl io::Write, bytes: &[u8]) -> io::Result<()> {
        to.write_all(bytes)
    }

    #[inline]
    pub fn clock() -> Clock {
        Clock::default()
    }
}

#[cfg(any(feature = "faults", debug_assertions))]
mod armed {
    use std::io;
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use millrace_operator::Clock;

    /// How long a slow place takes.
    const PAUSE: Duration = Duration::from_millis(15);
    /// How far the clock jumps.
    const JUMP: Duration = Duration::from_hours(1);

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum What {
        Kill,
        Error,
        Full,
        Torn,
        Slow,
        Forward,
        Back,
    }

    impl What {
        fn parse(word: &str) -> Option<Self> {
            let what = match word {
                "kill" => Self::Kill,
                "error" => Self::Error,
                "full" => Self::Full,
                "torn" => Self::Torn,
                "slow" => Self::Slow,
                "forward" => Self::Forward,
                "back" => Self::Back,
                _ => return None,
            };
            Some(what)
        }

        /// Whether the fault stays once it has struck.
        fn stays(self) -> bool {
            matches!(self, Self::Slow | Self::Forward | Self::Back)
        }
    }

    struct Fault {
        place: String,
        nth: u64,
        what: What,
    }

    static FAULT: LazyLock<Option<Fault>> = LazyLock::new(|| {
        let text = std::env::var("MILLRACE_FAULT").ok()?;
        let fault = parse(&text);
        if fault.is_none() {
            tracing::error!("MILLRACE_FAULT is `{text}`, not `place:nth:what`: there will be no fault");
        }
        fault
    });
    static NUM_REACHED: AtomicU64 = AtomicU64::new(0);

    fn parse(text: &str) -> Option<Fault> {
        let mut words = text.split(':');
        let (place, nth, what) = (words.next()?, words.next()?.parse().ok()?, What::parse(words.next()?)?);
        words.next().is_none().then(|| Fault { place: place.to_owned(), nth, what })
    }

    /// The fault that is due, if `place` is the one and its time has come.
    fn due(place: &str) -> Option<What> {
        let fault = FAULT.as_ref().filter(|fault| fault.place == place)?;
        let reached = NUM_REACHED.fetch_add(1, Ordering::SeqCst) + 1;
        if reached == fault.nth {
            tracing::warn!("a fault made for a test strikes: {place}, {:?}", fault.what);
        }
        (reached == fault.nth || reached > fault.nth && fault.what.stays()).then_some(fault.what)
    }

    fn strike(what: What) -> io::Result<()> {
        match what {
            What::Kill => std::process::abort(),
            What::Full => Err(io::ErrorKind::StorageFull.into()),
            What::Slow => {
                std::thread::sleep(PAUSE);
                Ok(())
            }
            What::Error | What::Torn | What::Forward | What::Back => Err(io::Error::other("a fault made for a test")),
        }
    }

    pub fn reach(place: &'static str) -> io::Result<()> {
        due(place).map_or(Ok(()), strike)
    }

    pub fn write(to: &mut impl io::Write, bytes: &[u8]) -> io::Result<()> {
        match due("state_write") {
            Some(What::Torn) => {
                to.write_all(&bytes[..bytes.len() / 2])?;
                std::process::abort()
            }
            Some(what) => {
                strike(what)?;
                to.write_all(bytes)
            }
            None => to.write_all(bytes),
        }
    }

    /// The wall clock, which may jump.
    pub fn clock() -> Clock {
        if FAULT.as_ref().is_none_or(|fault| fault.place != "clock") {
            return Clock::default();
        }
        Clock::new(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            match due("clock") {
                Some(What::Forward) => now + JUMP,
                Some(What::Back) => now.saturating_sub(JUMP),
                _ => now,
            }
        })
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn only_what_is_whole_is_a_fault() {
            let fault = parse("sink_write:3:slow").expect("it is whole");
            assert_eq!((fault.place.as_str(), fault.nth, fault.what), ("sink_write", 3, What::Slow));
            for text in ["", "sink_write", "sink_write:3", "sink_write:many:slow", "sink_write:3:sad", "a:1:kill:b"] {
                assert!(parse(text).is_none(), "{text}");
            }
        }
    }
}

pub(crate) use armed::{clock, reach, write};
