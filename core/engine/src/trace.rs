//! A dry run: the way that a submission would take, with every document on it. Nothing is sent and nothing is kept.
//!
//! It goes through the code of real deliveries: routing, the check at the door, [`making`](crate::making), and what targets
//! say of themselves ([`Target::preview`](rohrpost_model::ports::Target::preview)). What targets would answer nobody knows
//! beforehand, so that is assumed and said. A trace quotes content: it goes to whoever asked and into no log.

mod path;
mod steps;

use crate::Engine;
use crate::accept::{Intent, Refusal};
use crate::catalog::Catalog;
use crate::routing::Asks;
use bytes::Bytes;
use path::Path;
use rohrpost_mappings::MappingFault;
use rohrpost_model::document::Document;
use rohrpost_model::ports::{Preview, SealForm};
use rohrpost_model::route::{Route, Step};
use rohrpost_model::submission::Part;
use rohrpost_model::{
    CaseId, Client, ClientName, DeliveryId, DestinationName, Digest, Reason, Receipt, RouteName, StepName,
    SubmissionId, TenantName, Timestamp,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A submission that is tried and not handed in.
pub struct Trial {
    /// What is said of it.
    pub intent: Intent,
    /// Who would hand it in; without one nobody's grants are asked.
    pub client: Option<Client>,
    /// The data.
    pub data: Bytes,
    /// The data and the attachments.
    pub parts: Vec<Part>,
    /// What targets are taken to answer, by step.
    pub answers: BTreeMap<StepName, Receipt>,
    /// Ids and time.
    pub ids: Ids,
}

/// The ids that the hub would give, and the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// Fresh ones.
    Fresh(Timestamp),
    /// Always the same, so that what comes out can be compared.
    Fixed(Timestamp),
}

impl Ids {
    /// The time of receipt.
    pub const fn now(self) -> Timestamp {
        match self {
            Self::Fresh(now) | Self::Fixed(now) => now,
        }
    }

    fn submission(self) -> SubmissionId {
        match self {
            Self::Fresh(now) => SubmissionId::new(now),
            Self::Fixed(_) => SubmissionId::from_bytes(fixed(0, 1)),
        }
    }

    fn delivery(self, index: usize) -> DeliveryId {
        match self {
            Self::Fresh(now) => DeliveryId::new(now),
            Self::Fixed(_) => DeliveryId::from_bytes(fixed(0xd, index + 1)),
        }
    }
}

/// A UUID of version 7 that nobody was given.
fn fixed(kind: u8, number: usize) -> [u8; 16] {
    let mut id = [0; 16];
    (id[6], id[8], id[9]) = (0x70, 0x80, kind);
    id[12..].copy_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes());
    id
}

/// The way of one submission.
pub struct Trace {
    /// The id that it was tried with.
    pub id: SubmissionId,
    /// When it was tried.
    pub at: Timestamp,
    /// Its case.
    pub case: Option<CaseId>,
    /// What was said of it.
    pub intent: Intent,
    /// Who would hand it in.
    pub client: Option<ClientName>,
    /// The tenant responsible for its area.
    pub tenant: Option<TenantName>,
    /// The data.
    pub data: Bytes,
    /// The data and the attachments.
    pub parts: Vec<Part>,
    /// Whether it would be taken in.
    pub door: Result<(), Refusal>,
    /// Every route, by name.
    pub routes: Vec<RouteTrace>,
    /// The route that takes it, or why none does.
    pub route: Result<RouteName, Option<Reason>>,
    /// What the route's steps make of it, in the order written.
    pub steps: Vec<StepTrace>,
}

/// One route and the submission.
pub struct RouteTrace {
    /// The route as it is configured.
    pub route: Route,
    /// What it asks, and whether it is so. Without a tenant no route serves it.
    pub fits: [(Asks, bool); 4],
    /// What follows.
    pub verdict: RouteVerdict,
}

/// Whether a route takes a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteVerdict {
    /// It does.
    Takes,
    /// It asks for something else.
    Differs,
    /// It would, but another one is more specific.
    LessSpecific,
    /// It would, but another one is as specific, so neither does.
    Tie,
}

/// One step and the submission.
pub struct StepTrace {
    /// The step as it is configured.
    pub step: Step,
    /// What a delivery on it would pin.
    pub pinned: Digest,
    /// The id of the delivery that was tried.
    pub key: DeliveryId,
    /// Where it goes for this tenant; `None` where that gives no name.
    pub destination: Option<DestinationName>,
    /// What earlier steps are taken to have been answered.
    pub receipts: BTreeMap<StepName, Receipt>,
    /// The steps whose answer in `receipts` nobody gave, so that it was assumed.
    pub assumed: BTreeSet<StepName>,
    /// Whether its condition holds.
    pub condition: Condition,
    /// What its mapping did.
    pub mapping: Option<MappingTrace>,
    /// The form of its seal, where it has one that is configured.
    pub seal: Option<SealForm>,
    /// The document, sealed.
    pub document: Option<Document>,
    /// The digest of all that would be sent.
    pub sent_sha256: Option<Digest>,
    /// What would be sent; `None` also where the target cannot tell.
    pub preview: Option<Preview>,
    /// How it ends.
    pub end: StepEnd,
}

/// Whether a step's condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It has none.
    None,
    /// It does.
    Holds,
    /// It does, if earlier steps are answered as was assumed.
    Assumed,
    /// It does not.
    False,
    /// It cannot be evaluated.
    Failed,
}

/// How a step ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepEnd {
    /// It would be sent.
    Sends,
    /// It would be skipped.
    Skipped,
    /// It would wait for a person, or the hub could not try it.
    Fails(Reason),
}

/// What a mapping did.
#[derive(Default)]
pub struct MappingTrace {
    /// The version.
    pub digest: Option<Digest>,
    /// The files of its source schema and its target schema.
    pub schemas: (Option<String>, Option<String>),
    /// The global parameters that its stylesheet got.
    pub params: Vec<(String, String)>,
    /// What the stylesheet saw.
    pub input: Option<Vec<u8>>,
    /// What is wrong with the data under its source schema.
    pub source: Option<MappingFault>,
    /// What the stylesheet made, whatever it is.
    pub made: Option<Vec<u8>>,
    /// What went wrong after the data were found right.
    pub fault: Option<MappingFault>,
    /// What it gave.
    pub output: Option<Vec<u8>>,
    /// The media type of what it gives.
    pub media_type: String,
}

impl Trace {
    /// Whether it would be taken in and every step would be sent or skipped.
    pub fn is_well(&self) -> bool {
        let fails = |step: &StepTrace| matches!(step.end, StepEnd::Fails(_));
        self.door.is_ok() && self.route.is_ok() && !self.steps.iter().any(fails)
    }
}

/// Tries a submission under a configuration, in the caller's thread.
pub async fn trace(catalog: &Arc<Catalog>, trial: Trial) -> Trace {
    Path { catalog, workers: None }.follow(trial).await
}

impl Engine {
    /// Tries a submission under the configuration that was active when it began to come in. Nothing is kept.
    pub async fn trace(&self, catalog: &Arc<Catalog>, trial: Trial) -> Trace {
        Path { catalog, workers: Some(&self.workers) }.follow(trial).await
    }
}
