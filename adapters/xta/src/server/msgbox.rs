//! The message box port. What is fetched stays until it is closed.

use super::exchange::{Answer, Answered, Call, Refusal};
use super::iterator::Fetch;
use super::settings::MailboxSettings;
use crate::carry::{self, Carried};
use crate::intake;
use crate::{
    Body, BoxError, BusinessScenario, Container, ContentOutline, Contents, DeliveryAttributes, Fault,
    FaultCode, HeaderBlocks, Iteration, MessageMetaData, MessageType, MsgAttributes, MsgBoxResponse,
    MsgBoxState, MsgSelector, MsgStatusList, Operation, OutgoingContent, Party, ProcessReference, Qualifier,
    StatusListRequest, ids,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use rohrpost_model::DeliveryId;
use rohrpost_model::ports::{Attached, Closed, Fetched, Mailbox, Reader, Waiting};
use std::sync::Arc;

/// How many entries a list has where nothing is said, and at most.
const USUAL: usize = 100;
pub(super) const MOST: usize = 500;

/// Up to how many waiting messages are counted for `ItemsPending`.
const COUNTED: usize = 10_000;

const NO_MATCH: &str = "http://www.osci.eu/ws/2008/05/transport/MsgBox/reasons/NoMatch";
const NO_SUCH_REQUEST: &str = "http://www.osci.eu/ws/2008/05/transport/MsgBox/reasons/RequestIdInvalid";

/// Answers an operation of this port.
pub(super) async fn answer(call: &Call<'_>, contents: Contents<'_>) -> Result<Answer, Refusal> {
    let speaker = call.speaks_as()?.to_owned();
    let body = call.small(contents).await?.body;
    let mailbox = call.server.desk.settings.mailbox.iter().find(|one| *one.reader.get_ref() == speaker);
    // Who may speak so, but has no mailbox, is not told more than that there is nothing.
    let the_box = MessageBox { call, settings: mailbox };
    let answer = match (call.head.operation, body) {
        (Operation::GetStatusList, Body::StatusListRequest(asked)) => the_box.list(&asked).await?,
        (Operation::GetNextStatusList, Body::GetNext(on)) => the_box.next_list(&on).await?,
        (Operation::GetMessage, Body::Fetch { selector, .. }) => the_box.message(selector).await?,
        (Operation::GetNextMessage, Body::GetNext(on)) => the_box.next_message(&on).await?,
        (Operation::Close, Body::Close(done)) => the_box.close(&done).await?,
        _ => return Err(call.fault(FaultCode::NoParameters).into()),
    };
    Ok(answer)
}

/// The box of whoever speaks, if there is one.
struct MessageBox<'a> {
    call: &'a Call<'a>,
    settings: Option<&'a MailboxSettings>,
}

impl MessageBox<'_> {
    fn mailbox(&self) -> &Arc<dyn Mailbox> {
        &self.call.server.hub.mailbox
    }

    fn opened(&self) -> Option<(&MailboxSettings, Reader)> {
        let settings = self.settings?;
        let (client, mailbox) = (self.call.account.client.clone(), settings.mailbox.get_ref().clone());
        Some((settings, Reader { client, mailbox }))
    }

    async fn list(&self, asked: &StatusListRequest) -> Result<Answer, Fault> {
        let most = asked.max_items.and_then(|most| usize::try_from(most).ok()).unwrap_or(USUAL);
        let selector = asked.selector.as_ref();
        let wanted = selector.map(|selector| selector.message_ids.as_slice()).unwrap_or_default();
        self.listed(Fetch::begin(selector, most.clamp(1, MOST), asked.form), wanted).await
    }

    async fn next_list(&self, on: &Iteration) -> Result<Answer, Fault> {
        match Fetch::of_id(&on.request_id) {
            Some(fetch) => self.listed(fetch, &[]).await,
            None => {
                Ok(nothing_of(&on.request_id, NO_SUCH_REQUEST, Body::StatusList(MsgStatusList::default())))
            }
        }
    }

    async fn listed(&self, fetch: Fetch, wanted: &[String]) -> Result<Answer, Fault> {
        let found = self.waiting(&fetch, fetch.most, wanted).await?;
        let fetch = fetch.past(found.last().map(|waiting| waiting.cursor));
        let mut list = MsgStatusList::default();
        if let Some(settings) = self.settings {
            for waiting in &found {
                let metadata = self.metadata(settings, waiting);
                if fetch.whole {
                    list.metadata.push(metadata);
                } else {
                    list.attributes.push(attributes(&metadata, waiting));
                }
            }
        }
        if found.is_empty() {
            return Ok(nothing_of(&fetch.id(), NO_MATCH, Body::StatusList(list)));
        }
        let pending = if wanted.is_empty() { self.pending(&fetch).await? } else { 0 };
        Ok(pending_of(&fetch, pending, Body::StatusList(list)))
    }

    async fn waiting(&self, fetch: &Fetch, limit: usize, wanted: &[String]) -> Result<Vec<Waiting>, Fault> {
        let Some((_, reader)) = self.opened() else { return Ok(Vec::new()) };
        let mut asked = fetch.asked(limit);
        asked.ids = wanted.iter().filter_map(|id| delivery(id)).collect();
        if asked.ids.is_empty() && !wanted.is_empty() {
            return Ok(Vec::new());
        }
        self.mailbox().waiting(&reader, &asked).await.map_err(|fault| self.call.trouble(&fault))
    }

    async fn pending(&self, fetch: &Fetch) -> Result<u64, Fault> {
        let Some((_, reader)) = self.opened() else { return Ok(0) };
        let pending = self.mailbox().pending(&reader, &fetch.asked(1), COUNTED).await;
        pending.map(|count| count as u64).map_err(|fault| self.call.trouble(&fault))
    }

    async fn message(&self, selector: Option<MsgSelector>) -> Result<Answer, Fault> {
        let fetch = Fetch::begin(selector.as_ref(), 1, None);
        let wanted = selector.map(|selector| selector.message_ids).unwrap_or_default();
        match wanted.first() {
            Some(id) => {
                let unknown = || self.call.fault(FaultCode::MessageIdUnknown);
                let id = delivery(id).ok_or_else(unknown)?;
                self.handed_out(id, fetch, Some(0)).await?.ok_or_else(unknown)
            }
            None => self.first_of(fetch).await,
        }
    }

    async fn next_message(&self, on: &Iteration) -> Result<Answer, Fault> {
        match Fetch::of_id(&on.request_id) {
            Some(fetch) => self.first_of(fetch).await,
            None => Ok(no_message(&on.request_id, NO_SUCH_REQUEST)),
        }
    }

    /// The first that fits. One that somebody else closes at this moment is passed over.
    async fn first_of(&self, mut fetch: Fetch) -> Result<Answer, Fault> {
        loop {
            let Some(waiting) = self.waiting(&fetch, 1, &[]).await?.pop() else {
                return Ok(no_message(&fetch.id(), NO_MATCH));
            };
            fetch = fetch.past(Some(waiting.cursor));
            if let Some(answer) = self.handed_out(waiting.id, fetch.clone(), None).await? {
                return Ok(answer);
            }
        }
    }

    async fn handed_out(
        &self,
        id: DeliveryId,
        fetch: Fetch,
        pending: Option<u64>,
    ) -> Result<Option<Answer>, Fault> {
        let Some((settings, reader)) = self.opened() else { return Ok(None) };
        let fetched = self.mailbox().fetch(&reader, id).await;
        let Some(fetched) = fetched.map_err(|fault| self.call.trouble(&fault))? else { return Ok(None) };
        let pending = match pending {
            Some(pending) => pending,
            None => self.pending(&fetch).await?,
        };
        let metadata = self.metadata(settings, &fetched.waiting);
        let headers = HeaderBlocks {
            metadata: Some(metadata),
            msg_box: Some(MsgBoxResponse { request_id: fetch.id(), state: MsgBoxState::Pending(pending) }),
            ..HeaderBlocks::default()
        };
        Ok(Some(Answer { headers, body: Answered::Container(container(fetched)) }))
    }

    /// Closes what was received. Closing again changes nothing; the iterator may be anything.
    async fn close(&self, done: &Iteration) -> Result<Answer, Fault> {
        let mut unknown = 0;
        for id in &done.received {
            let closed = match (delivery(id), self.opened()) {
                (Some(id), Some((_, reader))) => self.mailbox().close(&reader, id).await,
                _ => Ok(Closed::NotThere),
            };
            if closed.map_err(|fault| self.call.trouble(&fault))? == Closed::NotThere {
                unknown += 1;
            }
        }
        if unknown == 0 {
            return Ok(Answer::small(Body::Empty));
        }
        let fault = self.call.fault(FaultCode::MessageIdUnknown);
        let reason = format!("{} ({unknown} von {})", fault.reason, done.received.len());
        Err(Fault { reason, ..fault })
    }

    /// What is said of a message in the mailbox.
    fn metadata(&self, settings: &MailboxSettings, waiting: &Waiting) -> MessageMetaData {
        let sender = self.call.server.desk.settings.sender.get_ref();
        let submission = &waiting.submission;
        let sent = submission.attachments().filter(|_| waiting.attachments).map(|part| part.size);
        let size = waiting.size + sent.sum::<u64>();
        let own = submission.properties.get("xta.message-id").map(String::as_str);
        let in_reply_to = intake::answered(submission).or(own);
        MessageMetaData {
            test: submission.test,
            delivery: DeliveryAttributes {
                origin: Some(submission.received_at.into()),
                delivery: Some(waiting.entered_at.into()),
                initial_fetch: waiting.fetched_at.map(Into::into),
                ..DeliveryAttributes::default()
            },
            author: Party::xoev(&settings.author),
            reader: Party::xoev(settings.reader.get_ref()),
            message_id: format!("{}{sender}:{}", ids::PREFIX, waiting.id),
            in_reply_to: in_reply_to.map(str::to_owned).into_iter().collect(),
            requester: Some(ProcessReference { value: submission.case.to_string(), name: None }),
            qualifier: Qualifier {
                subject: None,
                service: settings.service.clone(),
                scenario: Some(BusinessScenario::Undefined(settings.scenario.clone())),
                message_type: MessageType {
                    code: settings.message_type.code(),
                    payload_schema: settings.message_type.schema.clone(),
                },
            },
            size: Some(size).filter(|size| *size > 0),
            ..MessageMetaData::default()
        }
    }
}

/// The delivery of a message id that the server made.
fn delivery(message_id: &str) -> Option<DeliveryId> {
    ids::key(message_id).rsplit_once(':')?.1.parse().ok()
}

fn attributes(metadata: &MessageMetaData, waiting: &Waiting) -> MsgAttributes {
    let scenario = metadata.qualifier.scenario.as_ref().map(intake::scenario_word).unwrap_or_default();
    MsgAttributes {
        message_id: metadata.message_id.clone(),
        relates_to: Vec::new(),
        from: None,
        scenario: scenario.to_owned(),
        size: metadata.size.and_then(|size| i32::try_from(size).ok()).unwrap_or(i32::MAX),
        obsolete_after: None,
        delivered: Some(waiting.entered_at.into()),
        first_fetched: waiting.fetched_at.map(Into::into),
    }
}

fn nothing_of(request_id: &str, reason: &str, body: Body) -> Answer {
    boxed(
        MsgBoxResponse { request_id: request_id.to_owned(), state: MsgBoxState::Nothing(reason.to_owned()) },
        body,
    )
}

/// Nothing to hand out. The standard does not say what the body then holds; a client that was built from the WSDL wants
/// its container, so there is an empty one.
fn no_message(request_id: &str, reason: &str) -> Answer {
    let outline = ContentOutline::of_type("application/octet-stream");
    let message = OutgoingContent { outline, bytes: stream::empty().boxed() };
    let empty = Answered::Container(Container::Plain { message, attachments: Vec::new() });
    Answer { body: empty, ..nothing_of(request_id, reason, Body::Empty) }
}

fn pending_of(fetch: &Fetch, pending: u64, body: Body) -> Answer {
    boxed(MsgBoxResponse { request_id: fetch.id(), state: MsgBoxState::Pending(pending) }, body)
}

fn boxed(response: MsgBoxResponse, body: Body) -> Answer {
    let headers = HeaderBlocks { msg_box: Some(response), ..HeaderBlocks::default() };
    Answer { headers, body: Answered::Small(body) }
}

/// The contents of a message.
fn container(fetched: Fetched) -> Container<'static> {
    let Fetched { waiting, message, signature, attachments } = fetched;
    let attachments = attachments.into_iter().map(content).collect();
    let media_type = &waiting.media_type;
    Carried { id: waiting.id, message, media_type, signature, attachments }.container()
}

fn content(attached: Attached) -> OutgoingContent<'static> {
    let outline = carry::outline(&attached);
    let opened = async move { attached.content.open().await };
    let bytes = stream::once(opened).try_flatten().map_err(|fault| Box::new(fault) as BoxError);
    OutgoingContent { outline, bytes: bytes.boxed() }
}
