//! The one thread that writes. It takes the works that wait, runs them in one transaction, and answers them after its
//! commit: many callers share one sync of the disk.
//!
//! A work checks first and writes then. One that is refused after it wrote makes the group start again without it; a
//! fault of the disk or the database fails the whole group.

use crate::fault::{Fault, copy};
use crate::ledger::{CommitFault, Ledger};
use crate::options::StoreOptions;
use rohrpost_model::ports::StoreFault;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// Something to be written.
pub(crate) trait Work: Send + 'static {
    /// What the caller is answered.
    type Output: Send + 'static;

    /// Bytes of content that it brings.
    fn weight(&self) -> usize {
        0
    }

    /// Checks, then writes. Called again after the group had to start again.
    fn run(&mut self, ledger: &mut Ledger) -> Result<Self::Output, Fault>;

    /// What came of it, before the caller is answered.
    fn ended(&mut self, _ended: Ended<'_, Self::Output>) {}

    /// Nobody waits for the answer any more, and it was not done.
    fn unheard(&mut self) {}
}

/// What came of a work.
pub(crate) enum Ended<'a, T> {
    /// It is committed.
    Done(&'a T),
    /// Nothing of it was written.
    Undone,
    /// The commit failed; after a crash it may turn out to have happened.
    Uncertain,
}

/// Commits of the store; many works share one. Each is one sync of the database's log, and one of the content segment
/// where content came with it.
const COMMITS: &str = "rohrpost_store_commits_total";

type Reply<W> = (W, Result<<W as Work>::Output, StoreFault>);

/// The way to the writer. Dropping it ends the writer after what waits.
pub(crate) struct Writer {
    queue: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
    stopped: watch::Receiver<bool>,
}

impl Writer {
    pub(crate) fn start(ledger: Ledger, options: &StoreOptions) -> std::io::Result<Self> {
        let (queue, jobs) = mpsc::channel(options.queue.max(1));
        let (stop, stopped) = watch::channel(false);
        let (group, bytes, pause) = (options.group.max(1), options.group_bytes, options.pause);
        let writing = Writing { ledger, jobs, group, bytes, pause, stop };
        let thread = std::thread::Builder::new().name("store-writer".into()).spawn(|| writing.run())?;
        Ok(Self { queue: Some(queue), thread: Some(thread), stopped })
    }

    /// Turns true when a sync of the database failed or its pages are damaged. From then on every work is refused with
    /// [`StoreFault::Stopped`].
    pub(crate) fn stopped(&self) -> &watch::Receiver<bool> {
        &self.stopped
    }

    /// Has a work done. Waits while the queue is full. The work comes back with its answer, so that what it owns ends
    /// with the caller and not on the writer's thread.
    pub(crate) async fn submit<W: Work>(&self, work: W) -> Result<W::Output, StoreFault> {
        let stopped = || StoreFault::Unavailable("the store's writer has stopped".into());
        let queue = self.queue.as_ref().ok_or_else(stopped)?;
        let (reply, answer) = oneshot::channel::<Reply<W>>();
        let queued = Queued { work, result: None, reply };
        queue.send(Box::new(queued)).await.map_err(|_| stopped())?;
        let (_work, result) = answer.await.map_err(|_| stopped())?;
        result
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        let Some(thread) = self.thread.take() else { return };
        if thread.join().is_err() {
            tracing::error!("the store's writer ended by a defect");
        }
    }
}

/// A work with the way back to its caller, whatever it answers.
trait Job: Send {
    fn weight(&self) -> usize;
    fn run(&mut self, ledger: &mut Ledger) -> Result<(), Fault>;
    fn refuse(&mut self, fault: StoreFault);
    fn end(&mut self, verdict: &Result<(), CommitFault>);
    fn answer(self: Box<Self>);
}

struct Queued<W: Work> {
    work: W,
    result: Option<Result<W::Output, StoreFault>>,
    reply: oneshot::Sender<Reply<W>>,
}

impl<W: Work> Job for Queued<W> {
    fn weight(&self) -> usize {
        self.work.weight()
    }

    fn run(&mut self, ledger: &mut Ledger) -> Result<(), Fault> {
        self.result = None;
        self.result = Some(Ok(self.work.run(ledger)?));
        Ok(())
    }

    fn refuse(&mut self, fault: StoreFault) {
        self.result = Some(Err(fault));
    }

    fn end(&mut self, verdict: &Result<(), CommitFault>) {
        let result = match (self.result.take(), verdict) {
            (Some(Err(refusal)), _) => Err(refusal),
            (Some(Ok(output)), Ok(())) => Ok(output),
            (_, Err(failed)) => Err(copy(&failed.fault)),
            (None, Ok(())) => Err(not_run()),
        };
        let uncertain = verdict.as_ref().is_err_and(|failed| failed.uncertain);
        match &result {
            Ok(output) => self.work.ended(Ended::Done(output)),
            Err(_) if uncertain => self.work.ended(Ended::Uncertain),
            Err(_) => self.work.ended(Ended::Undone),
        }
        self.result = Some(result);
    }

    fn answer(self: Box<Self>) {
        let Self { work, result, reply } = *self;
        let result = result.unwrap_or_else(|| Err(not_run()));
        if let Err((mut work, Err(_))) = reply.send((work, result)) {
            work.unheard();
        }
    }
}

struct Writing {
    ledger: Ledger,
    jobs: mpsc::Receiver<Box<dyn Job>>,
    group: usize,
    bytes: usize,
    pause: Duration,
    stop: watch::Sender<bool>,
}

/// How one go at a group ended.
enum Go {
    Committed,
    /// This one was refused after it wrote.
    Refused(usize, StoreFault),
    Failed(CommitFault),
}

impl Writing {
    fn run(mut self) {
        let mut shared_by = 0;
        while let Some(first) = self.jobs.blocking_recv() {
            if shared_by > 1 {
                // Nobody wakes it: those who come meanwhile share the commit.
                std::thread::park_timeout(self.pause);
            }
            let group = self.gather(first);
            shared_by = group.len();
            self.settle(group);
        }
    }

    /// What waits, as far as it fits into one commit.
    fn gather(&mut self, first: Box<dyn Job>) -> Vec<Box<dyn Job>> {
        let mut bytes = first.weight();
        let mut group = vec![first];
        while group.len() < self.group && bytes < self.bytes {
            let Ok(job) = self.jobs.try_recv() else { break };
            bytes += job.weight();
            group.push(job);
        }
        group
    }

    /// Commits the group, without those that are refused, and answers everyone.
    fn settle(&mut self, mut group: Vec<Box<dyn Job>>) {
        if *self.stop.borrow() {
            return refuse_all(group);
        }
        let verdict = loop {
            match self.go(&mut group) {
                Go::Committed => break Ok(()),
                Go::Failed(failed) => {
                    self.ledger.roll_back(failed.uncertain);
                    break Err(failed);
                }
                Go::Refused(index, fault) => {
                    self.ledger.roll_back(false);
                    let mut refused = group.remove(index);
                    refused.refuse(fault);
                    refused.end(&Ok(()));
                    refused.answer();
                }
            }
        };
        let verdict = verdict.map_err(|CommitFault { fault, uncertain }| {
            let fault = stopping(fault);
            self.stop_after(&fault);
            CommitFault { fault, uncertain }
        });
        group.iter_mut().for_each(|job| job.end(&verdict));
        // Only now: until it has ended, a work keeps others away from what it made due.
        self.ledger.tell();
        group.into_iter().for_each(|job| job.answer());
        self.tidy();
    }

    /// A log that cannot be moved now only goes on growing.
    fn tidy(&mut self) {
        if let Err(fault) = self.ledger.tidy().map_err(stopping) {
            tracing::warn!(%fault, "the database's log could not be moved into the database");
            self.stop_after(&fault);
        }
    }

    /// Whatever is written after a failed sync could rest on what never reached the disk, and whatever is written into a
    /// database with damaged pages could spread the damage. The next start begins with what is there.
    fn stop_after(&self, fault: &StoreFault) {
        if matches!(fault, StoreFault::Stopped(_)) && !self.stop.send_replace(true) {
            tracing::error!(
                %fault,
                "Der Datenträger hat versagt: Rohrpost schreibt nicht mehr und nimmt nichts mehr an, Lesen geht weiter. \
                 Datenträger prüfen, Rohrpost neu starten; bleibt es dabei, aus der Sicherung wiederherstellen."
            );
        }
    }

    fn go(&mut self, group: &mut [Box<dyn Job>]) -> Go {
        let failed = |fault| Go::Failed(CommitFault { fault, uncertain: false });
        if let Err(fault) = self.ledger.begin() {
            return failed(fault);
        }
        for (index, job) in group.iter_mut().enumerate() {
            let before = self.ledger.trace();
            match job.run(&mut self.ledger) {
                Ok(()) => {}
                Err(Fault::Own(fault)) if self.ledger.trace() == before => job.refuse(fault),
                Err(Fault::Own(fault)) => return Go::Refused(index, fault),
                Err(Fault::Group(fault)) => return failed(fault),
            }
        }
        match self.ledger.commit() {
            Ok(()) => {
                metrics::counter!(COMMITS).increment(1);
                Go::Committed
            }
            Err(failed) => Go::Failed(failed),
        }
    }
}

/// A group as a whole is damaged only where the database is: that concerns no single delivery or sender.
fn stopping(fault: StoreFault) -> StoreFault {
    match fault {
        StoreFault::Damaged(text) => StoreFault::Stopped(text),
        other => other,
    }
}

fn refuse_all(group: Vec<Box<dyn Job>>) {
    for mut job in group {
        job.refuse(StoreFault::Stopped("the disk failed before".into()));
        job.end(&Ok(()));
        job.answer();
    }
}

fn not_run() -> StoreFault {
    StoreFault::Unavailable("the work was not run".into())
}
