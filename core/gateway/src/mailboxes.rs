//! Mailboxes over REST, for a Fachverfahren that can only fetch: list, read as often as wanted, close.
//!
//! Who reads a mailbox is written in its destination; of it the client sees what belongs to tenants for which it has the
//! role `fetch`. A mailbox that it may not read answers as one that does not exist (promise H7).

use crate::Gateway;
use crate::caller::Caller;
use crate::content;
use crate::fields::{NoQuery, Params, Segments};
use crate::mailbox_shapes::{MailboxMessage, MailboxPage};
use crate::pages;
use crate::problem::Problem;
use crate::shapes::ProblemShape;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use futures::{StreamExt as _, stream};
use rohrpost_model::ports::{Asked, Closed, Fetched, Mailbox as _, Reader};
use rohrpost_model::submission::{Part, Role as PartRole};
use rohrpost_model::{DeliveryId, DestinationName, Digest};
use std::sync::Arc;

/// What waits in a mailbox, in the order of acceptance. It waits until it is closed.
#[utoipa::path(
    get,
    path = "/v1/mailboxes/{name}/messages",
    tag = "mailboxes",
    params(
        ("name" = String, Path, description = "the mailbox: its destination's name"),
        ("unfetched" = Option<bool>, Query, description = "`true`: only what nobody has fetched yet"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
        ("limit" = Option<usize>, Query, description = "1 to 500; 100 if it is not given"),
    ),
    responses(
        (status = 200, description = "What waits", body = MailboxPage),
        (status = "default", description = "A problem", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn messages(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    Segments(name): Segments<String>,
    uri: Uri,
) -> Result<Json<MailboxPage>, Problem> {
    let params = Params::of(&uri, &["unfetched", "cursor", "limit"])?;
    let (limit, after) = (pages::limit(&params)?, pages::cursor(&params)?);
    let reader = reader(&gateway, &caller, &name)?;
    let asked = Asked { after, limit: limit + 1, unfetched: params.flag("unfetched")?, ..Asked::default() };
    let found = gateway.engine.waiting(&reader, &asked).await?;
    let found = found.into_iter().map(|waiting| (waiting.cursor, MailboxMessage::from(waiting))).collect();
    let (messages, next) = pages::cut(found, limit);
    Ok(Json(MailboxPage { messages, next }))
}

/// One message: what it is and what belongs to it. Counts as fetched.
#[utoipa::path(
    get,
    path = "/v1/mailboxes/{name}/messages/{id}",
    tag = "mailboxes",
    params(
        ("name" = String, Path, description = "the mailbox"),
        ("id" = String, Path, description = "the message: its delivery's id"),
    ),
    responses(
        (status = 200, description = "The message", body = MailboxMessage),
        (status = "default", description = "A problem", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn message(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    Segments((name, id)): Segments<(String, String)>,
    _: NoQuery,
) -> Result<Json<MailboxMessage>, Problem> {
    Ok(Json(fetch(&gateway, &caller, &name, &id).await?.waiting.into()))
}

/// A part of a message, byte for byte as it was sealed: `message`, `signature` (CMS, DER), or an attachment by number.
#[utoipa::path(
    get,
    path = "/v1/mailboxes/{name}/messages/{id}/parts/{part}",
    tag = "mailboxes",
    params(
        ("name" = String, Path, description = "the mailbox"),
        ("id" = String, Path, description = "the message"),
        ("part" = String, Path, description = "`message`, `signature`, or an attachment's number"),
    ),
    responses(
        (status = 200, description = "The part", body = String, content_type = "application/octet-stream"),
        (status = "default", description = "A problem", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn part(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    Segments((name, id, part)): Segments<(String, String, String)>,
    _: NoQuery,
) -> Result<Response, Problem> {
    let fetched = fetch(&gateway, &caller, &name, &id).await?;
    match part.as_str() {
        "message" => whole("message", &fetched.waiting.media_type, fetched.message),
        "signature" => {
            let signature = fetched.signature.ok_or_else(Problem::not_found)?;
            whole("signature.p7s", "application/pkcs7-signature", signature)
        }
        number => attachment(&fetched, number).await,
    }
}

/// Closes a message: the reader has it for good, the delivery is delivered. Closing again changes nothing.
#[utoipa::path(
    delete,
    path = "/v1/mailboxes/{name}/messages/{id}",
    tag = "mailboxes",
    params(
        ("name" = String, Path, description = "the mailbox"),
        ("id" = String, Path, description = "the message"),
    ),
    responses(
        (status = 204, description = "Closed, durably"),
        (status = "default", description = "A problem", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn close(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    Segments((name, id)): Segments<(String, String)>,
    _: NoQuery,
) -> Result<StatusCode, Problem> {
    let (reader, id) = (reader(&gateway, &caller, &name)?, parsed(&id)?);
    match gateway.engine.close(&reader, id).await? {
        Closed::Now => {
            tracing::info!(client = %caller.name(), delivery = %id, "closed by its reader");
            Ok(StatusCode::NO_CONTENT)
        }
        Closed::Before => Ok(StatusCode::NO_CONTENT),
        Closed::NotThere => Err(Problem::not_found()),
    }
}

/// The reader of a mailbox; one that the client may not read is not there.
fn reader(gateway: &Gateway, caller: &Caller, name: &str) -> Result<Reader, Problem> {
    let mailbox: DestinationName = name.parse().map_err(|_| Problem::not_found())?;
    let catalog = gateway.engine.catalog();
    let readers = catalog.destinations.get(&mailbox).and_then(|connected| connected.target.readers());
    let reads = readers.is_some_and(|readers| readers.contains(caller.name()));
    if reads { Ok(Reader { client: caller.name().clone(), mailbox }) } else { Err(Problem::not_found()) }
}

fn parsed(id: &str) -> Result<DeliveryId, Problem> {
    id.parse().map_err(|_| Problem::not_found())
}

async fn fetch(gateway: &Gateway, caller: &Caller, name: &str, id: &str) -> Result<Fetched, Problem> {
    let (reader, id) = (reader(gateway, caller, name)?, parsed(id)?);
    gateway.engine.fetch(&reader, id).await?.ok_or_else(Problem::not_found)
}

async fn attachment(fetched: &Fetched, number: &str) -> Result<Response, Problem> {
    let attached = fetched.attachments.iter().find(|attached| attached.number.to_string() == number);
    let attached = attached.ok_or_else(Problem::not_found)?;
    let part = Part {
        number: attached.number,
        role: PartRole::Attachment,
        name: attached.file_name.as_ref().or(attached.name.as_ref()).cloned(),
        media_type: attached.media_type.clone(),
        size: attached.size,
        sha256: attached.sha256,
        location: None,
    };
    content::response(&part, content::begun(attached.content.open().await?).await?)
}

fn whole(name: &str, media_type: &str, bytes: Bytes) -> Result<Response, Problem> {
    let part = Part {
        number: 0,
        role: PartRole::Data,
        name: Some(name.to_owned()),
        media_type: media_type.to_owned(),
        size: bytes.len() as u64,
        sha256: Digest::of(&bytes),
        location: None,
    };
    content::response(&part, stream::iter([Ok(bytes)]).boxed())
}
