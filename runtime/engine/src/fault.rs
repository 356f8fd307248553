//! Places where a test can make things go wrong, as they do in the field. In a release
//! build without the feature `faults` they are nothing.
//!
//! `MILLRACE_FAULT=place:nth:what` breaks the `nth` time (from 1) that `place` is reached: `kill` ends the process as
//! `kill -9` does, `error` is an I/O error, `full` a full disk, and `torn`, where something is written, half of it and
//! then the end of the process.

use std::io;

#[cfg(not(any(feature = "faults", debug_assertions)))]
mod armed {
    use super::io;

    #[inline]
    pub fn reach(_: &'static str) -> io::Result<()> {
        Ok(())
    }

    #[inline]
    pub fn write(to: &mut impl io::Write, bytes: &[u8]) -> io::Result<()> {
        to.write_all(bytes)
    }
}

#[cfg(any(feature = "faults", debug_assertions))]
mod armed {
    use super::io;
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Fault {
        place: String,
        nth: u64,
        what: String,
    }

    static FAULT: LazyLock<Option<Fault>> = LazyLock::new(|| {
        let text = std::env::var("MILLRACE_FAULT").ok()?;
        let mut words = text.split(':');
        let (place, nth, what) = (words.next()?, words.next()?.parse().ok()?, words.next()?);
        Some(Fault { place: place.to_owned(), nth, what: what.to_owned() })
    });
    static NUM_REACHED: AtomicU64 = AtomicU64::new(0);

    /// The fault that is due, if `place` is the one and its time has come.
    fn due(place: &str) -> Option<&'static str> {
        let fault = FAULT.as_ref().filter(|fault| fault.place == place)?;
        (NUM_REACHED.fetch_add(1, Ordering::SeqCst) + 1 == fault.nth).then_some(fault.what.as_str())
    }

    fn strike(what: &str) -> io::Result<()> {
        match what {
            "kill" => std::process::abort(),
            "full" => Err(io::ErrorKind::StorageFull.into()),
            _ => Err(io::Error::other("a fault made for a test")),
        }
    }

    pub fn reach(place: &'static str) -> io::Result<()> {
        due(place).map_or(Ok(()), strike)
    }

    pub fn write(to: &mut impl io::Write, bytes: &[u8]) -> io::Result<()> {
        match due("state_write") {
            Some("torn") => {
                to.write_all(&bytes[..bytes.len() / 2])?;
                std::process::abort()
            }
            Some(what) => strike(what),
            None => to.write_all(bytes),
        }
    }
}

pub(crate) use armed::{reach, write};
