//! A foreign system that records what it is asked, and when, and answers as the test says.

use super::clock::StillClock;
use super::watch::Doings;
use async_trait::async_trait;
use rohrpost_model::ports::{Clock as _, Inquiry, Parcel, Probe, Target};
use rohrpost_model::{DeliveryId, Digest, Failure, Outcome, Reason, ReasonCode, Receipt, Timestamp};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// One conversation, as the target saw it begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub at: Timestamp,
    /// It was only asked.
    pub inquiry: bool,
    pub tenant: String,
    pub case: String,
    pub key: DeliveryId,
    pub attempt: u32,
    pub sent: Digest,
    pub attachments: usize,
    /// How many were under way, this one included.
    pub under_way: usize,
}

/// What a target does with a delivery or an inquiry.
pub enum Answer<T> {
    Now(Result<T, Failure>),
    After(Duration, Result<T, Failure>),
    Never,
}

type Answers<T> = Mutex<Arc<dyn Fn(&Call) -> Answer<T> + Send + Sync>>;

pub struct Office {
    clock: Arc<StillClock>,
    doings: Arc<Doings>,
    calls: Mutex<Vec<Call>>,
    under_way: AtomicUsize,
    deduplicates: AtomicBool,
    on_delivery: Answers<Outcome>,
    on_inquiry: Answers<Inquiry>,
}

/// Taken, for good.
pub fn done() -> Answer<Outcome> {
    Answer::Now(Ok(Outcome::Done(Receipt::default())))
}

/// Not available now.
pub fn down<T>() -> Answer<T> {
    Answer::Now(Err(Failure::unavailable(Reason::new(ReasonCode::TargetBusy).with("status", 503))))
}

/// Will be refused again.
pub fn refused() -> Answer<Outcome> {
    Answer::Now(Err(Failure::Refused(Reason::new(ReasonCode::TargetRefused).with("status", 422))))
}

/// The connection tore after everything had left.
pub fn torn() -> Answer<Outcome> {
    Answer::Now(Err(Failure::Unknown(Reason::new(ReasonCode::Torn))))
}

impl Office {
    /// Takes everything at once, and has no word on what it took.
    pub fn open(clock: &Arc<StillClock>, doings: &Arc<Doings>) -> Arc<Self> {
        Arc::new(Self {
            clock: Arc::clone(clock),
            doings: Arc::clone(doings),
            calls: Mutex::default(),
            under_way: AtomicUsize::new(0),
            deduplicates: AtomicBool::new(false),
            on_delivery: Mutex::new(Arc::new(|_| done())),
            on_inquiry: Mutex::new(Arc::new(|_| Answer::Now(Ok(Inquiry::NoWord)))),
        })
    }

    pub fn answers(&self, answer: impl Fn(&Call) -> Answer<Outcome> + Send + Sync + 'static) {
        *self.on_delivery.lock().unwrap() = Arc::new(answer);
    }

    pub fn says(&self, word: impl Fn(&Call) -> Answer<Inquiry> + Send + Sync + 'static) {
        *self.on_inquiry.lock().unwrap() = Arc::new(word);
    }

    pub fn deduplicates(&self) {
        self.deduplicates.store(true, SeqCst);
    }

    /// All conversations so far, in the order they began.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// Those that handed something over.
    pub fn deliveries(&self) -> Vec<Call> {
        self.calls().into_iter().filter(|call| !call.inquiry).collect()
    }

    /// Those that only asked.
    pub fn inquiries(&self) -> Vec<Call> {
        self.calls().into_iter().filter(|call| call.inquiry).collect()
    }

    /// The cases of what was handed over, in order.
    pub fn cases(&self) -> Vec<String> {
        self.deliveries().into_iter().map(|call| call.case).collect()
    }

    pub fn under_way(&self) -> usize {
        self.under_way.load(SeqCst)
    }

    fn record(&self, parcel: &Parcel<'_>, inquiry: bool) -> (Call, Conversing<'_>) {
        let under_way = self.under_way.fetch_add(1, SeqCst) + 1;
        let call = Call {
            at: self.clock.now(),
            inquiry,
            tenant: parcel.submission.tenant.to_string(),
            case: parcel.submission.case.to_string(),
            key: parcel.key,
            attempt: parcel.attempt,
            sent: parcel.sent_sha256,
            attachments: parcel.attachments.len(),
            under_way,
        };
        self.calls.lock().unwrap().push(call.clone());
        (call, Conversing(&self.under_way))
    }

    async fn give<T>(&self, answer: Answer<T>) -> Result<T, Failure> {
        match answer {
            Answer::Now(answer) => answer,
            Answer::After(pause, answer) => {
                let _waiting = self.doings.wait();
                self.clock.sleep_until(self.clock.now() + pause).await;
                answer
            }
            Answer::Never => {
                let _waiting = self.doings.wait();
                std::future::pending().await
            }
        }
    }
}

/// A conversation that is under way; it may be broken off.
struct Conversing<'a>(&'a AtomicUsize);

impl Drop for Conversing<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

#[async_trait]
impl Target for Office {
    async fn deliver(&self, parcel: &Parcel<'_>) -> Result<Outcome, Failure> {
        let (call, _conversing) = self.record(parcel, false);
        let answer = Arc::clone(&self.on_delivery.lock().unwrap());
        self.give(answer(&call)).await
    }

    async fn inquire(&self, parcel: &Parcel<'_>, _: Option<&str>) -> Result<Inquiry, Failure> {
        let (call, _conversing) = self.record(parcel, true);
        let word = Arc::clone(&self.on_inquiry.lock().unwrap());
        self.give(word(&call)).await
    }

    fn deduplicates(&self) -> bool {
        self.deduplicates.load(SeqCst)
    }

    async fn probe(&self, _: &mut Probe) {}
}
