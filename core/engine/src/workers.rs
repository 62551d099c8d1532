//! The bounded pool for CPU-bound work: parse, map, validate, seal, sign.

use crate::heavy::Heavy;
use rohrpost_model::{Digest, Reason, ReasonCode};
use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// So many pieces of work of one kind wait for a thread before callers wait.
const WAITING: usize = 64;

/// Senders wait for what is done at the door, so it goes first; but after so many in a row a delivery has its turn, so
/// that no more comes in than goes out.
const DOOR_IN_A_ROW: u32 = 1;

/// Work that takes long waits until there is no other; but after so many others in a row it has its turn.
const OTHERS_IN_A_ROW: u32 = 64;

/// The stack of each thread. Reserved, not used: a transform that finds less runs on a thread made for it.
const STACK: usize = 64 << 20;

/// How far worker threads step back behind the others, as `nice` counts it.
const STEPS_BACK: i32 = 3;

/// Work on its way to a thread.
struct Job {
    /// The mapping that it applies.
    mapping: Option<Digest>,
    /// Its place among those that wait.
    room: Option<OwnedSemaphorePermit>,
    work: Box<dyn FnOnce() + Send>,
}

/// Runs CPU-bound work on threads of their own, as many as the machine has processors, so that slow conversations never
/// wait for a transform. A thread that is done takes the next work without a rest between.
pub(crate) struct Workers {
    waiting: Arc<Waiting>,
    room_at_the_door: Arc<Semaphore>,
    room: Arc<Semaphore>,
    room_for_heavy: Arc<Semaphore>,
}

struct Waiting {
    jobs: Mutex<Jobs>,
    more: Condvar,
    heavy: Heavy,
}

/// What waits. What is found heavy while it waits moves, so that it keeps no room from others: then it is as many as
/// destinations have places.
#[derive(Default)]
struct Jobs {
    door: VecDeque<Job>,
    others: VecDeque<Job>,
    heavy: VecDeque<Job>,
    door_in_a_row: u32,
    others_in_a_row: u32,
    /// So many threads are at heavy work, and so many may be.
    at_heavy: usize,
    most_at_heavy: usize,
    ended: bool,
}

/// Which queue work waits in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Queue {
    Door,
    Others,
    Heavy,
}

impl Workers {
    /// Starts the threads. They end when the pool is dropped.
    pub(crate) fn as_wide_as_the_machine() -> io::Result<Self> {
        Self::start(std::thread::available_parallelism().map_or(2, usize::from))
    }

    fn start(width: usize) -> io::Result<Self> {
        let room = || Arc::new(Semaphore::new(WAITING));
        let jobs = Jobs { most_at_heavy: (width / 2).max(1), ..Jobs::default() };
        let waiting = Waiting { jobs: Mutex::new(jobs), more: Condvar::new(), heavy: Heavy::default() };
        let workers = Self {
            waiting: Arc::new(waiting),
            room_at_the_door: room(),
            room: room(),
            room_for_heavy: room(),
        };
        for _ in 0..width {
            let waiting = Arc::clone(&workers.waiting);
            let thread = std::thread::Builder::new().name("worker".into()).stack_size(STACK);
            thread.spawn(move || {
                give_way();
                waiting.work();
            })?;
        }
        Ok(workers)
    }

    /// Which mappings take long.
    pub(crate) fn heavy(&self) -> &Heavy {
        &self.waiting.heavy
    }

    /// Runs `work` for a delivery. A panic in it (a defect of ours) ends as a reason, not as a dead task.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Reason> {
        self.submit(Queue::Others, None, || (work(), None::<fn()>)).await
    }

    /// The same for work that applies a mapping.
    pub(crate) async fn run_mapping<T: Send + 'static>(
        &self,
        mapping: Option<Digest>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Reason> {
        let queue = if self.heavy().has(mapping) { Queue::Heavy } else { Queue::Others };
        self.submit(queue, mapping, || (work(), None::<fn()>)).await
    }

    /// The same for what a sender waits for. What comes `then` is done after the answer.
    pub(crate) async fn run_at_the_door<T: Send + 'static, Then: FnOnce() + 'static>(
        &self,
        work: impl FnOnce() -> (T, Option<Then>) + Send + 'static,
    ) -> Result<T, Reason> {
        self.submit(Queue::Door, None, work).await
    }

    async fn submit<T: Send + 'static, Then: FnOnce() + 'static>(
        &self,
        queue: Queue,
        mapping: Option<Digest>,
        work: impl FnOnce() -> (T, Option<Then>) + Send + 'static,
    ) -> Result<T, Reason> {
        let room = match queue {
            Queue::Door => &self.room_at_the_door,
            Queue::Others => &self.room,
            Queue::Heavy => &self.room_for_heavy,
        };
        let room = Some(Arc::clone(room).acquire_owned().await.map_err(|_| trouble())?);
        let (reply, answer) = oneshot::channel();
        let work = Box::new(move || {
            if reply.is_closed() {
                return;
            }
            let (done, then) = guarded(work).map_or_else(|panic| (Err(panic), None), |(d, t)| (Ok(d), t));
            // Whoever asked may have gone meanwhile.
            if reply.send(done).is_ok() {
                then.map(guarded);
            }
        });
        self.waiting.put(queue, Job { mapping, room, work });
        answer.await.map_err(|_| trouble())?
    }
}

/// The thread steps back where another one of the hub wants the processor: a sender who waits for a commit does not wait
/// for the end of a transform, too. Where the system does not let it, it goes on as it is.
fn give_way() {
    // Without a process it is the calling thread.
    let _ = rustix::process::setpriority_process(None, STEPS_BACK);
}

fn trouble() -> Reason {
    Reason::new(ReasonCode::HubTrouble)
}

fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, Reason> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let said = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let said = said.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        tracing::error!(panic = said, "a worker panicked");
        trouble()
    })
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.waiting.lock().ended = true;
        self.waiting.more.notify_all();
    }
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, queue: Queue, job: Job) {
        self.lock().queue(queue).push_back(job);
        self.more.notify_one();
    }

    fn work(&self) {
        while let Some((queue, Job { mapping, room, work })) = self.next() {
            drop(room);
            self.heavy.watched(mapping, work);
            let mut jobs = self.lock();
            if queue == Queue::Heavy {
                jobs.at_heavy -= 1;
                self.more.notify_one();
            }
            // It may have been found elsewhere, where documents are made ahead.
            if self.heavy.has(mapping) {
                jobs.set_aside(mapping);
            }
        }
    }

    /// Waits for the next job; `None` once the pool is gone.
    fn next(&self) -> Option<(Queue, Job)> {
        let mut jobs = self.lock();
        loop {
            if jobs.ended {
                return None;
            }
            if let Some(job) = jobs.take() {
                return Some(job);
            }
            jobs = self.more.wait(jobs).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Jobs {
    fn queue(&mut self, queue: Queue) -> &mut VecDeque<Job> {
        match queue {
            Queue::Door => &mut self.door,
            Queue::Others => &mut self.others,
            Queue::Heavy => &mut self.heavy,
        }
    }

    fn take(&mut self) -> Option<(Queue, Job)> {
        let queue = self.next_queue()?;
        match queue {
            Queue::Door => self.door_in_a_row += 1,
            Queue::Others => self.door_in_a_row = 0,
            Queue::Heavy => self.at_heavy += 1,
        }
        self.others_in_a_row = if queue == Queue::Heavy { 0 } else { self.others_in_a_row + 1 };
        self.queue(queue).pop_front().map(|job| (queue, job))
    }

    fn next_queue(&self) -> Option<Queue> {
        let heavy = !self.heavy.is_empty() && self.at_heavy < self.most_at_heavy;
        let others_turn = self.door_in_a_row >= DOOR_IN_A_ROW && !self.others.is_empty();
        if heavy && self.others_in_a_row >= OTHERS_IN_A_ROW {
            Some(Queue::Heavy)
        } else if !self.door.is_empty() && !others_turn {
            Some(Queue::Door)
        } else if !self.others.is_empty() {
            Some(Queue::Others)
        } else {
            heavy.then_some(Queue::Heavy)
        }
    }

    /// What waits and was found to take long makes room.
    fn set_aside(&mut self, mapping: Option<Digest>) {
        let (heavy, others) =
            std::mem::take(&mut self.others).into_iter().partition(|job| job.mapping == mapping);
        self.others = others;
        let heavy: VecDeque<_> = heavy;
        self.heavy.extend(heavy.into_iter().map(|job| Job { room: None, ..job }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> Job {
        Job { mapping: None, room: None, work: Box::new(|| {}) }
    }

    #[test]
    fn the_door_goes_first_and_a_delivery_has_its_turn_all_the_same() {
        let mut jobs = Jobs::default();
        (0..5).for_each(|_| jobs.door.push_back(job()));
        (0..2).for_each(|_| jobs.others.push_back(job()));
        let mut order = String::new();
        while jobs.take().is_some() {
            order.push(if jobs.door_in_a_row > 0 { 'd' } else { 'o' });
        }
        assert_eq!(order, "dododdd");
    }

    #[test]
    fn what_takes_long_waits_for_all_others_has_its_turn_and_not_every_thread() {
        let mut jobs = Jobs { most_at_heavy: 1, ..Jobs::default() };
        let slow = Some(Digest::of(b"slow"));
        (0..3).for_each(|_| jobs.others.push_back(Job { mapping: slow, ..job() }));
        (0..70).for_each(|_| jobs.others.push_back(job()));
        jobs.set_aside(slow);
        let order: Vec<_> = std::iter::from_fn(|| jobs.take()).map(|(queue, _)| queue).collect();
        let turn = order.iter().position(|queue| *queue == Queue::Heavy);
        assert_eq!((turn, order.len()), (Some(64), 71), "the other two wait for the thread");
        jobs.at_heavy = 0;
        assert!(jobs.take().is_some_and(|(queue, _)| queue == Queue::Heavy));
    }

    #[tokio::test]
    async fn who_waits_at_the_door_is_answered_before_what_comes_then() {
        let workers = Workers::start(1).unwrap();
        let (begin, begun) = std::sync::mpsc::sync_channel::<()>(0);
        let (done, was_done) = oneshot::channel();
        let then = move || {
            begun.recv().unwrap();
            done.send("then").unwrap();
        };
        let answer = workers.run_at_the_door(move || (7, Some(then))).await;
        assert_eq!(answer.unwrap(), 7);
        begin.send(()).unwrap();
        assert_eq!(was_done.await.unwrap(), "then");
    }

    #[tokio::test]
    async fn a_panic_is_a_reason_and_the_thread_goes_on() {
        let workers = Workers::start(1).unwrap();
        let failed: Result<(), _> = workers.run(|| panic!("a defect")).await;
        assert_eq!(failed.unwrap_err().code, ReasonCode::HubTrouble);
        assert_eq!(workers.run(|| 7).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_is_not_done() {
        let workers = Workers::start(1).unwrap();
        let (begin, begun) = std::sync::mpsc::sync_channel::<()>(0);
        let held = workers.run(move || begun.recv());
        let given_up = workers.run(|| panic!("nobody asked for it"));
        let mut held = std::pin::pin!(held);
        assert!(futures::poll!(held.as_mut()).is_pending());
        {
            let mut given_up = std::pin::pin!(given_up);
            assert!(futures::poll!(given_up.as_mut()).is_pending());
        }
        begin.send(()).unwrap();
        assert!(held.await.unwrap().is_ok());
        assert_eq!(workers.run(|| 7).await.unwrap(), 7);
    }
}
