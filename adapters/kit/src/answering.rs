//! Answering in the case of a submission: a target that hands in at the hub itself, in the name of a client.
//!
//! What is handed in under a key is there once, however often it is handed in (H3).

use crate::parcel::checked;
use crate::template::attachment_name;
use bytes::Bytes;
use futures::StreamExt as _;
use rohrpost_model::ports::{Attached, Desk, Intent, Parcel, SubmissionView, TakingIn, TurnedAway, Why};
use rohrpost_model::reply::Reply;
use rohrpost_model::submission::Role;
use rohrpost_model::{ClientName, Failure, Reason, ReasonCode};
use std::sync::{Arc, OnceLock, Weak};

/// Hands in at the hub's desk.
pub struct Answerer {
    client: ClientName,
    /// Weak: the desk holds the targets.
    desk: OnceLock<Weak<dyn Desk>>,
}

/// An answer while its attachments are added.
pub struct Answering(Box<dyn TakingIn>);

impl Answerer {
    /// Answers in the name of this client, which needs the role `submit`.
    pub const fn new(client: ClientName) -> Self {
        Self { client, desk: OnceLock::new() }
    }

    /// In whose name.
    pub const fn client(&self) -> &ClientName {
        &self.client
    }

    /// The desk is shown to a target before its first delivery. There is one for as long as the hub runs.
    pub fn meet(&self, desk: &Arc<dyn Desk>) {
        let _ = self.desk.set(Arc::downgrade(desk));
    }

    /// The desk, as long as the hub runs.
    pub(crate) fn desk(&self) -> Result<Arc<dyn Desk>, Failure> {
        let desk = self.desk.get().and_then(Weak::upgrade);
        desk.ok_or_else(|| Failure::unavailable(Reason::new(ReasonCode::HubStopping)))
    }

    /// Begins an answer in the parcel's case. Nothing of it is kept before [`Answering::accept`].
    pub async fn begin(&self, parcel: &Parcel<'_>, said: &Reply, key: String) -> Result<Answering, Failure> {
        let submission = parcel.submission;
        let intent = Intent {
            case: Some(submission.case.clone()),
            tenant: Some(submission.tenant.clone()),
            reply: submission.reply.clone(),
            test: submission.test,
            traceparent: submission.traceparent.clone(),
            idempotency_key: Some(key),
            ..Intent::new(said.kind.clone(), submission.service.clone(), submission.area.clone())
        };
        let mut taking = self.desk()?.admit(&self.client, intent).map_err(|it| failure(&it))?;
        let data = serde_json::to_vec(said).unwrap_or_default();
        put(&mut *taking, Role::Data, None, "application/json", data.into()).await?;
        Ok(Answering(taking))
    }

    /// What was handed in under this key.
    pub async fn handed_in(&self, key: &str) -> Result<Option<SubmissionView>, Failure> {
        let kept = self.desk()?.handed_in(&self.client, key).await;
        kept.map_err(|_| Failure::unavailable(Reason::new(ReasonCode::HubTrouble)))
    }
}

impl Answering {
    /// Adds an attachment.
    pub async fn attach(&mut self, name: String, media_type: &str, content: Bytes) -> Result<(), Failure> {
        put(&mut *self.0, Role::Attachment, Some(name), media_type, content).await
    }

    /// Passes an attachment of the parcel on.
    pub async fn pass_on(&mut self, attached: &Attached) -> Result<(), Failure> {
        let (name, media_type) = (Some(attachment_name(attached)), attached.media_type.clone());
        let mut content = checked(attached).await.map_err(|fault| fault.before_sending())?;
        self.0.begin(Role::Attachment, name, media_type).map_err(|turned| failure(&turned))?;
        while let Some(piece) = content.next().await {
            // Nothing is kept before the whole was accepted.
            let piece = piece.map_err(|fault| fault.before_sending())?;
            self.0.write(piece).await.map_err(|turned| failure(&turned))?;
        }
        self.0.end().await.map_err(|turned| failure(&turned))
    }

    /// Hands it in; the id of the submission that it is.
    pub async fn accept(self) -> Result<String, Failure> {
        let kept = self.0.accept().await.map_err(|turned| failure(&turned))?;
        Ok(kept.answer.id.to_string())
    }
}

async fn put(
    taking: &mut dyn TakingIn,
    role: Role,
    name: Option<String>,
    media_type: &str,
    content: Bytes,
) -> Result<(), Failure> {
    taking.begin(role, name, media_type.to_owned()).map_err(|turned| failure(&turned))?;
    taking.write(content).await.map_err(|turned| failure(&turned))?;
    taking.end().await.map_err(|turned| failure(&turned))
}

/// What the desk's refusal means for the delivery. Nothing of it was kept.
fn failure(turned: &TurnedAway) -> Failure {
    let defect = |field| Failure::Defect(Reason::new(ReasonCode::AdapterConfiguration).with("field", field));
    match turned.why {
        Why::Unavailable => Failure::unavailable(Reason::new(ReasonCode::HubTrouble)),
        Why::OtherContent => Failure::Refused(Reason::new(ReasonCode::NameTaken)),
        Why::NotGranted
        | Why::UnknownArea
        | Why::TestOnly
        | Why::NoCase
        | Why::SeveralCases
        | Why::TooLate => defect("client"),
        Why::TooLarge | Why::Malformed | Why::Invalid => defect("attach"),
    }
}
