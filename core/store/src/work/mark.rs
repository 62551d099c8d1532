//! The mark: committed, with the hashes and the bytes, before the first byte leaves (H5, H8).

use super::accept::{keep_files, weight};
use crate::blobs::Recent;
use crate::change::{Also, Change, HUB};
use crate::claims::Claims;
use crate::fault::{Fault, damaged};
use crate::keys::{Keys, to_json};
use crate::ledger::Ledger;
use crate::rows::{Stored, nanos};
use crate::writer::{Ended, Work};
use rohrpost_model::delivery::KeptDocument;
use rohrpost_model::ports::{ContentKey, Location, Mark, StagedContent};
use rohrpost_model::transition::{Event, Impossible};
use rohrpost_model::{DeliveryId, DestinationName, SubmissionId, Timestamp};
use rusqlite::params;
use std::sync::Arc;

pub(crate) struct SetMark {
    delivery: DeliveryId,
    submission: SubmissionId,
    at: Timestamp,
    key: Arc<dyn ContentKey>,
    document: Option<KeptDocument>,
    contents: Vec<StagedContent>,
    places: Vec<Location>,
    keys: Arc<Keys>,
    claims: Arc<Claims>,
    recent: Arc<Recent>,
}

/// What the claim's delivery has become.
pub(crate) struct Marked {
    pub(crate) at: Timestamp,
    pub(crate) attempts: u32,
    pub(crate) document: KeptDocument,
}

impl SetMark {
    pub(crate) fn new(
        delivery: DeliveryId,
        submission: SubmissionId,
        mark: Mark,
        keys: Arc<Keys>,
        claims: Arc<Claims>,
        recent: Arc<Recent>,
    ) -> Self {
        let (document, contents) =
            mark.document.map_or((None, Vec::new()), |(kept, parts)| (Some(kept), parts));
        let places = Vec::new();
        Self {
            delivery,
            submission,
            at: mark.at,
            key: mark.key,
            document,
            contents,
            places,
            keys,
            claims,
            recent,
        }
    }

    /// The document that goes out: the kept one on every attempt but the first (H4).
    fn check(&self, stored: &Stored) -> Result<(), Fault> {
        match (&self.document, &stored.delivery.document) {
            (None, Some(_)) => Ok(()),
            (None, None) => Err(damaged("the document of a delivery that was marked without one").into()),
            (Some(_), Some(_)) => {
                Err(Impossible { state: stored.delivery.state, event: Event::Marked }.into())
            }
            (Some(document), None) => {
                let fits = document.parts().count() == self.contents.len();
                if fits {
                    Ok(())
                } else {
                    Err(damaged("a document whose parts and contents differ in number").into())
                }
            }
        }
    }

    fn place(&mut self, ledger: &mut Ledger, document: &mut KeptDocument) -> Result<(), Fault> {
        self.places.clear();
        for content in &self.contents {
            self.places.push(ledger.place(content)?);
        }
        for (part, place) in document.parts_mut().zip(&self.places) {
            part.location = Some(place.clone());
        }
        Ok(())
    }

    fn insert_attempt(
        &self,
        ledger: &Ledger,
        place: i64,
        destination: &DestinationName,
        marked: &Marked,
    ) -> Result<(), Fault> {
        let mut insert = ledger.connection.prepare_cached(
            "INSERT INTO attempts (delivery, number, started_at, destination, content_sha256, sent_sha256) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        insert.execute(params![
            place,
            marked.attempts,
            nanos(self.at),
            destination.as_str(),
            marked.document.content_sha256.as_bytes(),
            marked.document.sent_sha256.as_bytes(),
        ])?;
        Ok(())
    }
}

impl Work for SetMark {
    type Output = Marked;

    fn weight(&self) -> usize {
        self.contents.iter().map(weight).sum()
    }

    fn run(&mut self, ledger: &mut Ledger) -> Result<Marked, Fault> {
        let mut stored = ledger.find_held(self.delivery, Event::Marked)?;
        let refusal = Impossible { state: stored.delivery.state, event: Event::Marked };
        let destination = stored.delivery.destination.clone().ok_or(refusal)?;
        rohrpost_model::transition::next(stored.delivery.state, Event::Marked)?;
        self.check(&stored)?;
        let mut document =
            self.document.clone().or_else(|| stored.delivery.document.clone()).ok_or(refusal)?;
        if self.document.is_some() {
            self.place(ledger, &mut document)?;
        }
        let marked = Marked { at: self.at, attempts: stored.delivery.attempts + 1, document };
        self.insert_attempt(ledger, stored.seq, &destination, &marked)?;
        let document = self.document.as_ref().map(|_| to_json(&marked.document)).transpose()?;
        let change = Change {
            event: Event::Marked,
            at: self.at,
            reason: None,
            due_at: None,
            cause: &format!("attempt {}", marked.attempts),
            who: HUB,
            why: None,
            evidence: Some(marked.document.sent_sha256),
            also: Also::Attempt { document: document.as_deref() },
        };
        ledger.change(&mut stored, &change)?;
        Ok(marked)
    }

    fn ended(&mut self, ended: Ended<'_, Marked>) {
        match ended {
            Ended::Done(_) => {
                self.claims.set_due(self.delivery, false);
                self.keys.remember(self.submission, Arc::clone(&self.key));
                self.recent.keep(std::mem::take(&mut self.contents), &self.places);
            }
            Ended::Uncertain => keep_files(std::mem::take(&mut self.contents)),
            Ended::Undone => {}
        }
    }
}
