//! Answers at the desk: what a source fetched becomes an answer in a case of ours.

use crate::Gateway;
use crate::desk::{AtDesk, no_part, turned_away};
use crate::problem::Problem;
use async_trait::async_trait;
use bytes::Bytes;
use rohrpost_engine::Engine;
use rohrpost_engine::accept::Refusal;
use rohrpost_engine::answers::{BadReply, intent_in};
use rohrpost_model::Client;
use rohrpost_model::ClientName;
use rohrpost_model::ports::{AnswerForm, Answering, CaseNamed, HandedIn, TakingIn, TurnedAway};
use rohrpost_model::reply::{self, Reply};
use rohrpost_model::submission::Role;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// The property in which a source tells what the file of the data is called.
const FILE_NAME: &str = "file.name";

/// An answer at the desk. Its case may be known only when its data were read, so these come first.
pub(crate) struct AtAnswers {
    asks: Asks,
    stage: Stage,
}

/// Who answers, and what was said beside the data.
struct Asks {
    engine: Arc<Engine>,
    client: Client,
    answering: Answering,
}

enum Stage {
    /// The data are read.
    Reading(Vec<u8>, Option<OwnedSemaphorePermit>),
    /// The case is found, and its answer taken in.
    Open(Box<AtDesk>),
}

impl AtAnswers {
    pub(crate) async fn begin(
        gateway: &Gateway,
        client: &ClientName,
        answering: Answering,
    ) -> Result<Self, Problem> {
        let (client, permit) = gateway.at_desk(client)?;
        let asks = Asks { engine: Arc::clone(&gateway.engine), client, answering };
        let stage = match &asks.answering.form {
            AnswerForm::Text(text) => Stage::Open(asks.open(asks.document(text)?, permit).await?),
            _ => Stage::Reading(Vec::new(), Some(permit)),
        };
        Ok(Self { asks, stage })
    }

    fn turned_away(&self, problem: impl Into<Problem>) -> TurnedAway {
        turned_away(&self.asks.client.name, problem.into())
    }
}

impl Asks {
    /// The answer that goes with a document.
    fn document(&self, text: &str) -> Result<Reply, Problem> {
        let no_kind = || Problem::malformed("Nothing says the kind.", "Die Art der Antwort fehlt (`kind`).");
        let kind = self.answering.kind.clone().ok_or_else(no_kind)?;
        let mut reply = Reply::new(kind, text.to_owned());
        if let CaseNamed::Foreign { id, .. } = &self.answering.of {
            reply.reference = id.as_ref().map(|id| id.as_str().to_owned());
        }
        reply.check().map_err(|wrong| Refusal::BadReply(BadReply::Wrong(wrong)))?;
        Ok(reply)
    }

    /// Takes in the answer: what is kept is what was checked, in the order of its members.
    async fn open(&self, reply: Reply, permit: OwnedSemaphorePermit) -> Result<Box<AtDesk>, Problem> {
        let Self { engine, client, answering } = self;
        let case = engine.answered_case(client, &answering.of, reply.reference.as_deref()).await?;
        let mut intent = intent_in(&case, &reply.kind).ok_or(Refusal::NoCase)?;
        if answering.test && !intent.test {
            return Err(Refusal::BadReply(BadReply::TestInLive).into());
        }
        intent.idempotency_key = answering.idempotency_key.clone();
        intent.not_before = answering.not_before;
        intent.obsolete_after = answering.obsolete_after;
        intent.properties = answering.properties.clone();
        if let CaseNamed::Foreign { id, .. } = &answering.of {
            intent.foreign = id.iter().cloned().collect();
        }
        let mut intake = engine.admit(client, intent)?;
        let mut data = intake.begin(Role::Data, None, "application/json".into())?;
        let json = serde_json::to_vec(&reply).map_err(|fault| Refusal::BadReply(BadReply::Json(fault)))?;
        data.write(json.into()).await?;
        intake.end(data).await?;
        Ok(Box::new(AtDesk::new(Arc::clone(engine), intake, client.name.clone(), permit)))
    }

    /// How much is read before it is known what it is.
    fn longest(&self) -> u64 {
        match self.answering.form {
            AnswerForm::Mapping(_) => self.engine.catalog().limits.data_bytes,
            _ => reply::LONGEST as u64,
        }
    }
}

#[async_trait]
impl TakingIn for AtAnswers {
    fn begin(&mut self, role: Role, name: Option<String>, media_type: String) -> Result<(), TurnedAway> {
        match (&mut self.stage, role) {
            (Stage::Open(open), Role::Data) => {
                let named = self.asks.answering.properties.get(FILE_NAME).cloned();
                open.begin(Role::Attachment, name.or(named), media_type)
            }
            (Stage::Open(open), Role::Attachment) => open.begin(role, name, media_type),
            (Stage::Reading(..), Role::Data) => Ok(()),
            (Stage::Reading(..), Role::Attachment) => Err(self.turned_away(Refusal::NoData)),
        }
    }

    async fn write(&mut self, piece: Bytes) -> Result<(), TurnedAway> {
        let longest = self.asks.longest();
        match &mut self.stage {
            Stage::Open(open) => open.write(piece).await,
            Stage::Reading(data, _) if (data.len() + piece.len()) as u64 > longest => {
                Err(self.turned_away(Refusal::TooLarge(Role::Data, longest)))
            }
            Stage::Reading(data, _) => {
                data.extend_from_slice(&piece);
                Ok(())
            }
        }
    }

    async fn end(&mut self) -> Result<(), TurnedAway> {
        let (data, permit) = match &mut self.stage {
            Stage::Open(open) => return open.end().await,
            Stage::Reading(data, permit) => (std::mem::take(data), permit.take()),
        };
        let Some(permit) = permit else { return Err(self.turned_away(no_part())) };
        let opened = async {
            let reply = self.asks.engine.reply_of(&self.asks.answering, data.into()).await?;
            self.asks.open(reply, permit).await
        };
        let opened: Result<_, Problem> = opened.await;
        self.stage = Stage::Open(opened.map_err(|problem| self.turned_away(problem))?);
        Ok(())
    }

    fn note(&mut self, name: String, value: String) {
        match &mut self.stage {
            Stage::Open(open) => open.note(name, value),
            Stage::Reading(..) => drop(self.asks.answering.properties.insert(name, value)),
        }
    }

    async fn accept(self: Box<Self>) -> Result<HandedIn, TurnedAway> {
        match self.stage {
            Stage::Open(open) => open.accept().await,
            Stage::Reading(..) => Err(turned_away(&self.asks.client.name, Problem::from(Refusal::NoData))),
        }
    }
}
