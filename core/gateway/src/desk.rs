//! The desk: where inbound endpoints of adapters hand in. The same limits, grants, checks and counts as for the API.

use crate::answers::AtAnswers;
use crate::problem::{Kind, Problem};
use crate::submit;
use crate::{Gateway, measures};
use async_trait::async_trait;
use bytes::Bytes;
use rohrpost_engine::Engine;
use rohrpost_engine::accept::{Incoming, Intake};
use rohrpost_model::client::Role as ClientRole;
use rohrpost_model::ports::{
    Answering, CalledOff, Desk, HandedIn, Intent, StoreFault, SubmissionView, TakingIn, TurnedAway, Why,
};
use rohrpost_model::submission::Role;
use rohrpost_model::{Client, ClientName, Timestamp};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

#[async_trait]
impl Desk for Gateway {
    fn admit(&self, client: &ClientName, intent: Intent) -> Result<Box<dyn TakingIn>, TurnedAway> {
        let admitted = self.at_desk(client).and_then(|(client, permit)| {
            let intake = self.engine.admit(&client, intent)?;
            Ok(AtDesk::new(Arc::clone(&self.engine), intake, client.name, permit))
        });
        Ok(Box::new(admitted.map_err(|problem| turned_away(client, problem))?))
    }

    async fn answer(
        &self,
        client: &ClientName,
        answering: Answering,
    ) -> Result<Box<dyn TakingIn>, TurnedAway> {
        let begun = AtAnswers::begin(self, client, answering).await;
        Ok(Box::new(begun.map_err(|problem| turned_away(client, problem))?))
    }

    async fn handed_in(&self, client: &ClientName, key: &str) -> Result<Option<SubmissionView>, StoreFault> {
        self.engine.handed_in(client, key).await
    }

    async fn call_off(&self, client: &ClientName, key: &str) -> Result<CalledOff, StoreFault> {
        self.engine.call_off(client, key).await
    }
}

impl Gateway {
    /// Who stands at the desk, and the room that it takes there.
    pub(crate) fn at_desk(&self, client: &ClientName) -> Result<(Client, OwnedSemaphorePermit), Problem> {
        let catalog = self.engine.catalog();
        let client = catalog.clients.get(client);
        let client = client.filter(|client| !client.tenants_as(ClientRole::Submit).is_empty());
        let client = client.ok_or_else(|| crate::caller::missing(ClientRole::Submit))?.clone();
        let permit = Arc::clone(&self.intakes).try_acquire_owned().map_err(|_| submit::busy())?;
        Ok((client, permit))
    }
}

/// A submission at the desk.
pub(crate) struct AtDesk {
    engine: Arc<Engine>,
    client: ClientName,
    intake: Intake,
    incoming: Option<Incoming>,
    begun: Timestamp,
    _permit: OwnedSemaphorePermit,
}

impl AtDesk {
    pub(crate) fn new(
        engine: Arc<Engine>,
        intake: Intake,
        client: ClientName,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        let begun = engine.clock().now();
        Self { engine, client, intake, incoming: None, begun, _permit: permit }
    }
}

#[async_trait]
impl TakingIn for AtDesk {
    fn begin(&mut self, role: Role, name: Option<String>, media_type: String) -> Result<(), TurnedAway> {
        let begun = self.intake.begin(role, name, media_type).map_err(Problem::from);
        self.incoming = Some(begun.map_err(|problem| turned_away(&self.client, problem))?);
        Ok(())
    }

    async fn write(&mut self, piece: Bytes) -> Result<(), TurnedAway> {
        let Some(incoming) = &mut self.incoming else { return Err(turned_away(&self.client, no_part())) };
        let written = incoming.write(piece).await.map_err(Problem::from);
        written.map_err(|problem| turned_away(&self.client, problem))
    }

    async fn end(&mut self) -> Result<(), TurnedAway> {
        let Some(incoming) = self.incoming.take() else { return Err(turned_away(&self.client, no_part())) };
        let ended = self.intake.end(incoming).await.map_err(Problem::from);
        ended.map_err(|problem| turned_away(&self.client, problem))
    }

    fn note(&mut self, name: String, value: String) {
        self.intake.note(name, value);
    }

    async fn accept(self: Box<Self>) -> Result<HandedIn, TurnedAway> {
        let Self { engine, client, intake, begun, .. } = *self;
        let kept = submit::accept(Arc::clone(&engine), intake).await;
        let kept = kept.map_err(|problem| turned_away(&client, problem))?;
        tracing::info!(%client, submission = %kept.answer.id, repeated = kept.repeated, "accepted");
        measures::accepted(kept.repeated, engine.clock().now().duration_since(begun));
        Ok(kept)
    }
}

pub(crate) fn no_part() -> Problem {
    Problem::malformed("There is no part under way.", "Es ist kein Teil in Arbeit.")
}

/// The API's words for whoever is turned away, without its form.
pub(crate) fn turned_away(client: &ClientName, problem: Problem) -> TurnedAway {
    let kind = problem.kind();
    measures::refused(kind);
    tracing::info!(%client, why = kind.slug(), "refused");
    let (english, german) = problem.into_sentences();
    TurnedAway { why: why(kind), english, german }
}

const fn why(kind: Kind) -> Why {
    match kind {
        Kind::Unauthorized | Kind::Forbidden | Kind::NotFound | Kind::NotGranted => Why::NotGranted,
        Kind::UnknownArea => Why::UnknownArea,
        Kind::TestStage => Why::TestOnly,
        Kind::TooLarge | Kind::TooManyAttachments => Why::TooLarge,
        Kind::SchemaViolation => Why::Invalid,
        Kind::OtherContent => Why::OtherContent,
        Kind::NoCase => Why::NoCase,
        Kind::SeveralCases => Why::SeveralCases,
        Kind::AmendmentTooLate => Why::TooLate,
        Kind::Internal
        | Kind::ContentDamaged
        | Kind::Busy
        | Kind::NotReady
        | Kind::StoreUnavailable
        | Kind::StoreStopped
        | Kind::StoreFull => Why::Unavailable,
        _ => Why::Malformed,
    }
}
