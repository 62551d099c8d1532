//! Until when amendments are taken.

use super::{Intake, Refusal};
use crate::Engine;
use crate::dispatch::after;
use futures::TryStreamExt as _;
use rohrpost_model::ports::{CaseView, Idempotency, Scope, StoreFault, SubmissionView};
use rohrpost_model::reply::{self, Reply};
use rohrpost_model::{Date, Timestamp};

impl Engine {
    /// Refuses an amendment after the time that its route gives: counted from the acceptance of its case's application, and
    /// at least until the deadline of every document-request in the case, that day included. What was taken in time is known
    /// for ever (H3), and where the hub has no application it knows no end.
    pub(super) async fn amendment_in_time(
        &self,
        intake: &Intake,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let (Some(allowed), Some(case)) = (intake.amendments_until(), &intake.intent.case) else {
            return Ok(());
        };
        let scope = Scope::Of { tenants: [intake.tenant.clone()].into(), client: None };
        let Some(view) = self.ports.records.case(&scope, case).await?.pop() else { return Ok(()) };
        let Some(begun) = applied(&view) else { return Ok(()) };
        let end = after(begun, allowed);
        if now <= end || self.is_known(idempotency).await? {
            return Ok(());
        }
        let day = |time| intake.catalog.responsibilities.day(time);
        let asked = self.asked_until(&view).await?;
        if asked.is_some_and(|asked| day(now) <= asked) {
            return Ok(());
        }
        Err(Refusal::TooLate(asked.map_or(day(end), |asked| asked.max(day(end)))))
    }

    async fn is_known(&self, idempotency: Option<&Idempotency>) -> Result<bool, StoreFault> {
        let Some(Idempotency { key, .. }) = idempotency else { return Ok(false) };
        Ok(self.ports.records.handed_in(key).await?.is_some())
    }

    /// The latest deadline of a document-request in the case.
    async fn asked_until(&self, case: &CaseView) -> Result<Option<Date>, StoreFault> {
        let mut latest = None;
        let asks = |view: &&SubmissionView| view.submission.kind.as_str() == "document-request";
        for view in case.submissions.iter().filter(asks) {
            let deadline = self.said(view).await?.and_then(|reply| reply.deadline);
            latest = latest.max(deadline);
        }
        Ok(latest)
    }

    /// What an answer of the case says, where its data are one in the hub's own words and there still.
    async fn said(&self, view: &SubmissionView) -> Result<Option<Reply>, StoreFault> {
        let small = view.submission.data().is_some_and(|data| data.size <= reply::LONGEST as u64);
        if !small || view.erased_at.is_some() {
            return Ok(None);
        }
        let Some((_, content)) = self.content(view, 0).await? else { return Ok(None) };
        let whole = content.try_fold(Vec::new(), async |mut whole, piece| {
            whole.extend_from_slice(&piece);
            Ok(whole)
        });
        Ok(serde_json::from_slice(&whole.await?).ok())
    }
}

/// When the case's application was accepted.
fn applied(case: &CaseView) -> Option<Timestamp> {
    let mut submissions = case.submissions.iter().map(|view| &view.submission);
    let application = submissions.find(|submission| submission.kind.as_str() == "application");
    application.map(|submission| submission.received_at)
}
