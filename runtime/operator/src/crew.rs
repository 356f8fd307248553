//! Who carries work that a source hands out to go on meanwhile, such as decoding what it read: the other cores, or the
//! source itself where a run must repeat itself exactly.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::thread;

use tokio::sync::oneshot;

/// Where handed out work is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Crew {
    /// At once, by whoever hands it out.
    #[default]
    Inline,
    /// On the cores of the machine, in a pool that all runs share.
    Cores,
}

impl Crew {
    /// Begins `work`. It is done also when nobody waits for it.
    pub fn hand_out<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> Work<T> {
        let (sender, receiver) = oneshot::channel();
        let work = move || {
            // Nobody may want it any more.
            let _ = sender.send(catch_unwind(AssertUnwindSafe(work)));
        };
        match self {
            Self::Inline => work(),
            Self::Cores => rayon::spawn(work),
        }
        Work(receiver)
    }
}

/// The outcome of work under way. A panic of the work goes on in whoever waits for it.
#[derive(Debug)]
pub struct Work<T>(oneshot::Receiver<thread::Result<T>>);

impl<T> Future for Work<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match ready!(pin!(&mut self.0).poll(cx)) {
            Ok(Ok(outcome)) => Poll::Ready(outcome),
            Ok(Err(panic)) => resume_unwind(panic),
            Err(_) => unreachable!("the work always sends what came of it"),
        }
    }
}
