//! Stand-in.
use rohrpost_model::destination::Destination;
use rohrpost_model::{DestinationName, Reason, ReasonCode, Timestamp};
use std::time::Duration;
#[derive(Default)]
pub(crate) struct Gate {
    under_way: usize,
}
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ended {
    Reached,
    Troubled { retry_after: Option<Duration> },
    Untouched,
}
pub(crate) struct Allowance {
    pub may_begin: usize,
    pub look_again_at: Option<Timestamp>,
}
pub(crate) enum Hold {
    Full { under_way: usize },
}
impl Hold {
    pub(crate) fn reason(&self, _: &DestinationName) -> Reason {
        Reason::new(ReasonCode::WaitsItsTurn)
    }
}
impl Gate {
    pub(crate) fn allowance(&mut self, policy: &Destination, _: Timestamp) -> Allowance {
        Allowance { may_begin: usize::from(policy.concurrency).saturating_sub(self.under_way), look_again_at: None }
    }
    pub(crate) fn begin(&mut self, _: &Destination, _: Timestamp) {
        self.under_way += 1;
    }
    pub(crate) fn end(&mut self, _: &Destination, _: Ended, _: Timestamp, _: f64) {
        self.under_way -= 1;
    }
    pub(crate) fn hold(&self, policy: &Destination, _: Timestamp) -> Option<Hold> {
        (self.under_way >= usize::from(policy.concurrency)).then_some(Hold::Full { under_way: self.under_way })
    }
}
