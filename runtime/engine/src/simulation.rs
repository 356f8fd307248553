//! Runs in virtual time, where every choice follows from one seed: which task goes on, how full a queue may get, how
//! rows are cut into batches, when a checkpoint is taken.
//!
//! One thread carries all tasks and takes a random one of those that can go on, which takes some virtual microseconds.
//! When none can, time jumps to the next moment that a task waits for, so that nothing ever really sleeps; when nothing
//! is waited for either, the run hangs, and that is said with the seed. The same seed gives the same run again. What is
//! random inside of a node (hash tables with random states) is not under the seed, and must not change a result.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use crate::world::{Place, World};

/// Where virtual time begins: 2026-01-01 00:00:00 UTC.
const EPOCH: Duration = Duration::from_secs(1_767_225_600);

/// A task that goes on once takes less than this.
const LONGEST_STEP_US: usize = 200;
/// A simulation that comes so far has lost its way: something ticks, and nothing ends.
const END_OF_TIME: Duration = Duration::from_secs(7 * 86_400);

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A world of its own for one run or several.
#[derive(Debug)]
pub struct Simulation {
    seed: u64,
    simulated: Arc<Simulated>,
}

/// What the tasks of a simulation share.
pub(crate) struct Simulated {
    /// Only a point to count from; the time of day does not matter.
    start: Instant,
    state: Mutex<State>,
}

impl fmt::Debug for Simulated {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Simulated").finish_non_exhaustive()
    }
}

struct State {
    random: u64,
    now: Duration,
    memory_bytes: u64,
    /// Tasks by number; `None` while one is being polled.
    tasks: BTreeMap<u64, Option<Task>>,
    /// The tasks that can go on, each once.
    ready: Vec<u64>,
    /// Who waits for which moment.
    timers: BTreeMap<(Duration, u64), Waker>,
    /// For tasks and timers.
    next_number: u64,
}

/// The number of the caller's own future, which is no task of the list.
const MAIN: u64 = 0;

impl Simulation {
    pub fn new(seed: u64) -> Self {
        let state = State {
            random: seed,
            now: Duration::ZERO,
            memory_bytes: 0,
            tasks: BTreeMap::new(),
            ready: vec![MAIN],
            timers: BTreeMap::new(),
            next_number: MAIN + 1,
        };
        Self { seed, simulated: Arc::new(Simulated { start: Instant::now(), state: Mutex::new(state) }) }
    }

    /// For [`RunOptions::world`](crate::RunOptions).
    pub fn world(&self) -> World {
        World(Place::Simulated(self.simulated.clone()))
    }

    /// The virtual time since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.simulated.lock().now
    }

    /// From now on the process takes so much memory; none at the beginning.
    pub fn set_memory(&self, bytes: u64) {
        self.simulated.lock().memory_bytes = bytes;
    }

    /// Waits until so much virtual time has passed.
    pub async fn sleep(&self, time: Duration) {
        self.simulated.sleep_until(self.simulated.now() + time).await;
    }

    /// One of `count` numbers from 0, by the seed.
    pub fn choose(&self, count: usize) -> usize {
        self.simulated.choose(count)
    }

    /// Carries `main` and every task that it starts, until `main` is done.
    ///
    /// # Panics
    /// When nothing can go on any more before `main` is done, or a week of virtual time is over.
    pub fn run<T>(&self, main: impl Future<Output = T>) -> T {
        let mut main = pin!(main);
        loop {
            let number = self
                .simulated
                .next_ready()
                .unwrap_or_else(|reason| panic!("The simulation with seed {} hangs: {reason}.", self.seed));
            let waker = Waker::from(Arc::new(TaskWaker { number, simulated: self.simulated.clone() }));
            let mut cx = Context::from_waker(&waker);
            if number == MAIN {
                if let Poll::Ready(result) = main.as_mut().poll(&mut cx) {
                    return result;
                }
                continue;
            }
            let task = self.simulated.lock().tasks.get_mut(&number).and_then(Option::take);
            let Some(mut task) = task else { continue };
            let is_over = task.as_mut().poll(&mut cx).is_ready();
            let mut state = self.simulated.lock();
            if is_over {
                state.tasks.remove(&number);
            } else {
                state.tasks.insert(number, Some(task));
            }
        }
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        // Tasks hold the simulation themselves; outside of the lock, since dropping them wakes others.
        let tasks = std::mem::take(&mut self.simulated.lock().tasks);
        drop(tasks);
    }
}

impl Simulated {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn now(&self) -> Instant {
        self.start + self.lock().now
    }

    pub fn since_epoch(&self) -> Duration {
        EPOCH + self.lock().now
    }

    pub fn memory_bytes(&self) -> u64 {
        self.lock().memory_bytes
    }

    pub fn choose(&self, count: usize) -> usize {
        self.lock().choose(count)
    }

    pub fn spawn(&self, task: Task) {
        let mut state = self.lock();
        let number = state.number();
        state.tasks.insert(number, Some(task));
        state.ready.push(number);
    }

    pub async fn sleep_until(self: &Arc<Self>, at: Instant) {
        let mut timer = Timer { at: at.saturating_duration_since(self.start), number: None, simulated: self.clone() };
        std::future::poll_fn(|cx| timer.poll(cx)).await;
    }

    /// Takes one of the tasks that can go on, after waiting for one where none can.
    fn next_ready(&self) -> Result<u64, &'static str> {
        let mut state = self.lock();
        let step_us = state.choose(LONGEST_STEP_US);
        state.now += Duration::from_micros(step_us as u64);
        loop {
            let now = state.now;
            if now > END_OF_TIME {
                return Err("a week of virtual time is over");
            }
            let is_due = |at: Duration, has_ready: bool| at <= now || !has_ready;
            match state.timers.first_key_value() {
                Some(((at, _), _)) if is_due(*at, !state.ready.is_empty()) => {
                    let Some(((at, _), waker)) = state.timers.pop_first() else { continue };
                    state.now = now.max(at);
                    drop(state);
                    waker.wake();
                    state = self.lock();
                }
                None if state.ready.is_empty() => return Err("every task waits for another"),
                _ => {
                    let count = state.ready.len();
                    let index = state.choose(count);
                    return Ok(state.ready.swap_remove(index));
                }
            }
        }
    }
}

impl State {
    fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number - 1
    }

    fn choose(&mut self, count: usize) -> usize {
        let count = u64::try_from(count).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.random() % count).unwrap_or_default()
    }

    /// SplitMix64 (Steele, Lea and Flood, 2014).
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

struct TaskWaker {
    number: u64,
    simulated: Arc<Simulated>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        let mut state = self.simulated.lock();
        if !state.ready.contains(&self.number) {
            state.ready.push(self.number);
        }
    }
}

/// One wait for a moment.
struct Timer {
    at: Duration,
    /// Where it stands among the timers.
    number: Option<u64>,
    simulated: Arc<Simulated>,
}

impl Timer {
    fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.simulated.lock();
        if state.now >= self.at {
            return Poll::Ready(());
        }
        let number = *self.number.get_or_insert_with(|| state.number());
        state.timers.insert((self.at, number), cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.simulated.lock().timers.remove(&(self.at, number));
        }
    }
}
