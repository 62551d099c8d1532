//! A simulated DMS that speaks the part of enaio's osrest interface that the demo needs: `documents/insert` as
//! multipart with a part `data` (JSON: object type and fields) and files, answered with the object's id as a bare
//! number. It is a stand-in made after the documented shape, not enaio.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path as UrlPath, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

/// The simulated DMS. What it is handed lies in its folder, one subfolder per object, named by the object's id.
#[derive(Clone)]
pub struct Dms {
    inner: Arc<Inner>,
}

struct Inner {
    folder: PathBuf,
    next: AtomicU32,
    down_for: AtomicU32,
    authorization: String,
}

/// The first object id that it gives.
const FIRST_OBJECT: u32 = 4711;

impl Dms {
    /// A DMS that keeps its objects in `folder` and expects exactly this `Authorization` header. It goes on with the
    /// ids after those that are there.
    pub fn new(folder: &Path, authorization: String) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let known = std::fs::read_dir(folder)?
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let next = known.max().map_or(FIRST_OBJECT, |last| last + 1);
        let inner = Inner { folder: folder.to_owned(), next: next.into(), down_for: 0.into(), authorization };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Answers the next `requests` insertions with 503.
    pub fn go_down_for(&self, requests: u32) {
        self.inner.down_for.store(requests, Ordering::SeqCst);
    }

    /// Serves on `listener` until the task is dropped.
    pub async fn serve(self, listener: TcpListener) -> io::Result<()> {
        let app = Router::new()
            .route("/osrest/api/serviceinfo/ping", get(|| async { "pong" }))
            .route("/osrest/api/documents/insert", post(insert))
            .route("/osrest/api/documents/insert/{location}", post(insert_at))
            .with_state(self);
        axum::serve(listener, app).await
    }

    async fn keep(&self, request: Request) -> Result<u32, Refused> {
        let inner = &self.inner;
        let presented = request.headers().get(header::AUTHORIZATION);
        if presented.is_none_or(|value| value.as_bytes() != inner.authorization.as_bytes()) {
            return Err(Refused(StatusCode::UNAUTHORIZED, "login required"));
        }
        if inner.down_for.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
        {
            return Err(Refused(StatusCode::SERVICE_UNAVAILABLE, "the DMS is down for maintenance"));
        }
        let boundary =
            boundary(&request).ok_or(Refused(StatusCode::BAD_REQUEST, "multipart/form-data expected"))?;
        let id = inner.next.fetch_add(1, Ordering::SeqCst);
        let parts = multer::Multipart::new(request.into_body().into_data_stream(), boundary);
        let folder = inner.folder.join(id.to_string());
        store(parts, &folder).await?;
        Ok(id)
    }
}

struct Refused(StatusCode, &'static str);

impl From<io::Error> for Refused {
    fn from(_: io::Error) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, "the archive cannot be written")
    }
}

impl From<multer::Error> for Refused {
    fn from(_: multer::Error) -> Self {
        Self(StatusCode::BAD_REQUEST, "the multipart body cannot be read")
    }
}

fn boundary(request: &Request) -> Option<String> {
    multer::parse_boundary(request.headers().get(header::CONTENT_TYPE)?.to_str().ok()?).ok()
}

async fn store(mut parts: multer::Multipart<'_>, folder: &Path) -> Result<(), Refused> {
    tokio::fs::create_dir_all(folder).await?;
    let mut files = 0;
    while let Some(mut part) = parts.next_field().await? {
        let name = if part.name() == Some("data") {
            "data.json".to_owned()
        } else {
            files += 1;
            format!("{files}_{}", harmless(part.file_name().unwrap_or("datei")))
        };
        let mut file = tokio::fs::File::create(folder.join(name)).await?;
        while let Some(piece) = part.chunk().await? {
            file.write_all(&piece).await?;
        }
        file.flush().await?;
    }
    Ok(())
}

fn harmless(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' }).collect()
}

async fn insert(State(dms): State<Dms>, request: Request) -> Response<Body> {
    match dms.keep(request).await {
        Ok(id) => id.to_string().into_response(),
        Err(Refused(status, text)) => (status, text).into_response(),
    }
}

async fn insert_at(
    State(dms): State<Dms>,
    UrlPath(_location): UrlPath<String>,
    request: Request,
) -> Response<Body> {
    insert(State(dms), request).await
}
