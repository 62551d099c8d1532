use super::{Desk, Probe, Why};
use crate::{ClientName, Failure};
use async_trait::async_trait;

/// A place outside where messages for the hub lie, and from which it fetches them: a mailbox at another server, a folder,
/// a queue.
///
/// The hub calls [`Source::round`] again and again: one round of a source at a time, with a pause after each that the
/// configuration says, and a longer one after a round that failed. A round takes in what is there. For each message:
///
/// 1. It is read and handed in at the desk, in the name of `client`, with an idempotency key that the place gives it: the
///    same whenever the message is read (H3).
/// 2. [`TakingIn::accept`](super::TakingIn::accept) returns `Ok`: it is on disk (H1), from now or, where
///    [`HandedIn::repeated`](super::HandedIn::repeated) says so, from before.
/// 3. Only then it is taken away at the place: closed, deleted, acknowledged. Where that fails, or the hub is killed before
///    it, the message comes again and is known.
///
/// What the desk turns away stays at the place, or goes to where the place keeps what nobody took, and is told by
/// [`Round::leave`]; the round goes on with the next. It may be tried again in a later round, at times that stretch out,
/// because the configuration may have been mended meanwhile.
///
/// The hub may drop a round at any await: when it stops, and when the configuration changes. That must harm nothing. A
/// source repeats nothing within a round, keeps nothing that a restart would miss, and logs no content (H10).
#[async_trait]
pub trait Source: Send + Sync {
    /// Takes in what is there. A failure says that the place could not be asked at all, or not to the end; what was
    /// taken in before it stands in `round`.
    async fn round(&self, desk: &dyn Desk, client: &ClientName, round: &mut Round) -> Result<(), Failure>;

    /// Tries step by step whether the place can be reached and read, and takes nothing away. Its rules are those of
    /// [`Target::probe`](super::Target::probe).
    async fn probe(&self, probe: &mut Probe);
}

/// The most messages that a round names among those that it left.
const NAMED: usize = 100;

/// What became of the messages of a round.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// So many were taken in.
    pub taken: u64,
    /// So many were there from before, and only had to be taken away.
    pub repeated: u64,
    /// So many stay at the place.
    pub left: u64,
    /// The first of those.
    pub named: Vec<Left>,
}

/// A message that stays at its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// What the place calls it: an id, never personal data.
    pub message: String,
    /// Why.
    pub why: Why,
}

impl Round {
    /// A message is on disk.
    pub const fn take(&mut self, repeated: bool) {
        if repeated {
            self.repeated += 1;
        } else {
            self.taken += 1;
        }
    }

    /// A message stays where it is.
    pub fn leave(&mut self, message: impl Into<String>, why: Why) {
        self.left += 1;
        if self.named.len() < NAMED {
            self.named.push(Left { message: message.into(), why });
        }
    }

    /// Whether anything was there.
    pub const fn was_empty(&self) -> bool {
        self.taken + self.repeated + self.left == 0
    }
}
