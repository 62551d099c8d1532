//! Asks targets about deliveries whose outcome is unknown, or whose final word is outstanding.

use crate::Engine;
use crate::attempt::Sending;
use crate::catalog::Connected;
use crate::dispatch::Conversation;
use crate::gate::Ended;
use crate::judge::{self, Saying as _, settlement};
use crate::prepare::{Ready, Stop};
use rohrpost_model::ports::{Attempted, Claim, Inquiry, Progress, StoreFault};
use rohrpost_model::transition::Event;
use rohrpost_model::{Failure, Reason, ReasonCode, State};

/// The parameter of a reason that counts how often the target was asked.
const ASKED: &str = "asked";

impl Engine {
    /// Asks the target of a claimed delivery that is unknown or awaiting, and settles it.
    pub(crate) async fn inquire(&self, claim: Claim, to: &Connected) -> Conversation {
        let sending = match self.what_was_sent(&claim).await {
            Ok(sending) => sending,
            Err(Stop::Later(fault)) => {
                self.ports.outbox.give_back(claim).await;
                return (Err(fault), Ended::Untouched);
            }
            Err(Stop::Defect(reason)) => return (self.give_up(claim, reason).await, Ended::Untouched),
            Err(Stop::Skip | Stop::NotYet(_)) => {
                let reason = Reason::new(ReasonCode::NoWord);
                return (self.give_up(claim, reason).await, Ended::Untouched);
            }
        };
        let asked = asked(&claim) + 1;
        let answer = self.ask(&claim, &sending, to).await;
        let ended = Ended::of(&answer);
        let mut verdict = judge::inquiry(answer, claim.delivery.state, asked, self.circumstances(&claim, to));
        if verdict.event == Event::NoWordYet {
            verdict.reason = verdict.reason.map(|reason| reason.with(ASKED, asked));
        }
        (self.settle(claim, verdict).await, ended)
    }

    async fn ask(&self, claim: &Claim, sending: &Sending, to: &Connected) -> Result<Inquiry, Failure> {
        let progress = Progress::to_read(sending.loaded.progress.clone());
        let parcel = self.parcel(claim, sending, &progress);
        let reference = claim.delivery.receipt.as_ref().and_then(|receipt| receipt.reference.as_deref());
        let silent = || Err(Failure::unavailable(Reason::new(ReasonCode::ConnectTimeout)));
        self.within(to.destination.timeout, to.target.inquire(&parcel, reference))
            .await
            .unwrap_or_else(silent)
    }

    /// What was marked is kept, so it can be shown to the target again, byte for byte.
    async fn what_was_sent(&self, claim: &Claim) -> Result<Sending, Stop> {
        let loaded = self.load(&claim.delivery).await?;
        let names = self.attachment_names(&loaded).await?;
        match self.prepare(claim, &loaded).await? {
            Ready::Kept { kept, message, signature, enclosed } => Ok(Sending {
                loaded,
                message,
                media_type: kept.media_type,
                signature,
                enclosed,
                names,
                sent_sha256: kept.sent_sha256,
                attachments: kept.attachments,
            }),
            Ready::New(_) => Err(Stop::Defect(Reason::new(ReasonCode::ContentDamaged))),
        }
    }

    async fn give_up(&self, claim: Claim, reason: Reason) -> Result<State, StoreFault> {
        let now = self.ports.clock.now();
        self.settle(claim, settlement(Event::GivenUp, Attempted::Rule("inquiry"), now).because(reason)).await
    }
}

fn asked(claim: &Claim) -> u32 {
    let reason = claim.delivery.reason.as_ref();
    reason.and_then(|reason| reason.params.get(ASKED)?.parse().ok()).unwrap_or(0)
}
