//! Hands content out again, byte for byte (promise H8).
//!
//! Content is for clients with the role `fetch` for its tenant, and for nobody else: also a sender reads what it handed
//! in only with that role, because a portal's token that leaks must not open what citizens handed in through it.

use crate::Gateway;
use crate::caller::{Caller, missing};
use crate::fields::{NoQuery, Segments};
use crate::file_name;
use crate::problem::Problem;
use crate::reads;
use crate::shapes::ProblemShape;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use rohrpost_model::client::Role;
use rohrpost_model::ports::{ContentStream, StoreFault};
use rohrpost_model::submission::{Part, Role as PartRole};
use std::sync::Arc;

/// What attachments may say they are. Anything that a browser might run comes as `application/octet-stream`.
const HARMLESS: [&str; 12] = [
    "application/json",
    "application/pdf",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/zip",
    "image/jpeg",
    "image/png",
    "image/tiff",
    "text/csv",
    "text/plain",
];

/// The data of a submission, byte for byte as they came in. Needs the role `fetch`.
#[utoipa::path(
    get,
    path = "/v1/submissions/{id}/data",
    tag = "submissions",
    params(("id" = String, Path, description = "the submission")),
    responses(
        (status = 200, description = "The data", body = String, content_type = "application/octet-stream"),
        (status = "default", description = "A problem", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn data(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    Segments(id): Segments<String>,
    _: NoQuery,
) -> Result<Response, Problem> {
    hand_out(&gateway, &caller, &id, 0).await
}

/// An attachment of a submission, byte for byte as it came in. Needs the role `fetch`.
#[utoipa::path(
    get,
    path = "/v1/submissions/{id}/attachments/{n}",
    tag = "submissions",
    params(
        ("id" = String, Path, description = "the submission"),
        ("n" = u32, Path, description = "its number, from 1, in the order of handing in"),
    ),
    responses(
        (status = 200, description = "The attachment", body = String, content_type = "application/octet-stream"),
        (status = "default", description = "A problem", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn attachment(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    Segments((id, number)): Segments<(String, String)>,
    _: NoQuery,
) -> Result<Response, Problem> {
    let number = number.parse().ok().filter(|number| *number > 0).ok_or_else(Problem::not_found)?;
    hand_out(&gateway, &caller, &id, number).await
}

async fn hand_out(gateway: &Gateway, caller: &Caller, id: &str, number: u32) -> Result<Response, Problem> {
    let view = reads::find(gateway, caller, id).await?;
    if !caller.may(Role::Fetch, &view.submission.tenant) {
        return Err(missing(Role::Fetch));
    }
    let (part, content) = gateway.engine.content(&view, number).await?.ok_or_else(Problem::not_found)?;
    tracing::info!(client = %caller.name(), submission = %view.submission.id, number, bytes = part.size, "content handed out");
    response(&part, begun(content).await?)
}

/// The same content once its first piece was read: as long as nothing was answered, damage can still be told as such.
pub(crate) async fn begun(mut content: ContentStream) -> Result<ContentStream, StoreFault> {
    let first = content.try_next().await?;
    Ok(stream::iter(first.map(Ok)).chain(content).boxed())
}

pub(crate) fn response(part: &Part, content: ContentStream) -> Result<Response, Problem> {
    // A stream that fails ends the connection before the announced length: nobody takes a part for the whole.
    let content =
        content.inspect_err(|fault| tracing::error!(%fault, "content broke off while it was handed out"));
    let disposition = file_name::disposition(&saved_as(part));
    let disposition = HeaderValue::try_from(disposition).map_err(|_| Problem::not_found())?;
    let mut response = Response::new(Body::from_stream(content));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(shown_as(part)));
    headers.insert(header::CONTENT_LENGTH, part.size.into());
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    Ok(response)
}

fn saved_as(part: &Part) -> String {
    match (&part.name, part.role) {
        (Some(name), _) => name.clone(),
        (None, PartRole::Data) => "data".into(),
        (None, PartRole::Attachment) => format!("attachment-{}", part.number),
    }
}

fn shown_as(part: &Part) -> &'static str {
    let media_type = part.media_type.as_str();
    match part.role {
        PartRole::Data if media_type.ends_with("/xml") || media_type.ends_with("+xml") => "application/xml",
        PartRole::Data if media_type.ends_with("/json") || media_type.ends_with("+json") => {
            "application/json"
        }
        PartRole::Data => "application/octet-stream",
        PartRole::Attachment => HARMLESS
            .into_iter()
            .find(|harmless| *harmless == media_type)
            .unwrap_or("application/octet-stream"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rohrpost_model::Digest;

    fn part(role: PartRole, media_type: &str) -> Part {
        let (media_type, sha256) = (media_type.to_owned(), Digest::of(b""));
        Part { number: 1, role, name: None, media_type, size: 0, sha256, location: None }
    }

    #[test]
    fn nothing_that_a_browser_might_run_keeps_its_type() {
        for active in
            ["text/html", "image/svg+xml", "application/xhtml+xml", "text/javascript", "application/xml"]
        {
            assert_eq!(shown_as(&part(PartRole::Attachment, active)), "application/octet-stream", "{active}");
        }
        assert_eq!(shown_as(&part(PartRole::Attachment, "application/pdf")), "application/pdf");
        assert_eq!(shown_as(&part(PartRole::Data, "image/svg+xml")), "application/xml");
        assert_eq!(shown_as(&part(PartRole::Data, "text/html")), "application/octet-stream");
    }

    #[test]
    fn what_has_no_name_gets_one() {
        assert_eq!(saved_as(&part(PartRole::Attachment, "x/y")), "attachment-1");
    }
}
