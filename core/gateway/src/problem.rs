//! What an error looks like: problem details (RFC 9457) with a stable `type`.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rohrpost_model::ports::StoreFault;
use serde::Serialize;
use serde_json::{Map, Value};

/// The media type of problem details.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Every kind of problem there is. The slug is stable: one is added, none is renamed or given another meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // each is told by its title in `facts`
pub enum Kind {
    MalformedRequest,
    MalformedMultipart,
    MalformedMetadata,
    UnknownPart,
    NoData,
    SecondData,
    BadFileName,
    NotWellFormed,
    NotJson,
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    ReceiveTimeout,
    RefusedInState,
    AmbiguousCase,
    ContentErased,
    TooLarge,
    TooManyAttachments,
    MediaType,
    WantsXml,
    WantsJson,
    SchemaViolation,
    UnknownArea,
    NotGranted,
    TestStage,
    OtherContent,
    NoCase,
    SeveralCases,
    AmendmentTooLate,
    ConfigurationFaults,
    TooManyCommands,
    Internal,
    ContentDamaged,
    Busy,
    NotReady,
    StoreUnavailable,
    StoreStopped,
    StoreFull,
}

impl Kind {
    /// All kinds, by status.
    pub const ALL: [Self; 39] = [
        Self::MalformedRequest,
        Self::MalformedMultipart,
        Self::MalformedMetadata,
        Self::UnknownPart,
        Self::NoData,
        Self::SecondData,
        Self::BadFileName,
        Self::NotWellFormed,
        Self::NotJson,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::ReceiveTimeout,
        Self::RefusedInState,
        Self::AmbiguousCase,
        Self::SeveralCases,
        Self::AmendmentTooLate,
        Self::ContentErased,
        Self::TooLarge,
        Self::TooManyAttachments,
        Self::MediaType,
        Self::WantsXml,
        Self::WantsJson,
        Self::SchemaViolation,
        Self::UnknownArea,
        Self::NotGranted,
        Self::TestStage,
        Self::OtherContent,
        Self::NoCase,
        Self::ConfigurationFaults,
        Self::TooManyCommands,
        Self::Internal,
        Self::ContentDamaged,
        Self::Busy,
        Self::NotReady,
        Self::StoreUnavailable,
        Self::StoreStopped,
        Self::StoreFull,
    ];

    /// Status, slug, title.
    const fn facts(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::MalformedRequest => (S::BAD_REQUEST, "malformed-request", "The request is malformed"),
            Self::MalformedMultipart => {
                (S::BAD_REQUEST, "malformed-multipart", "The multipart body is malformed")
            }
            Self::MalformedMetadata => (S::BAD_REQUEST, "malformed-metadata", "The metadata are malformed"),
            Self::UnknownPart => (S::BAD_REQUEST, "unknown-part", "A part has an unknown name"),
            Self::NoData => (S::BAD_REQUEST, "no-data", "The data part is missing"),
            Self::SecondData => (S::BAD_REQUEST, "second-data", "There is more than one data part"),
            Self::BadFileName => (S::BAD_REQUEST, "bad-file-name", "A file name cannot be taken"),
            Self::NotWellFormed => {
                (S::BAD_REQUEST, "not-well-formed", "The data are not XML that can be taken")
            }
            Self::NotJson => (S::BAD_REQUEST, "not-json", "The data are not JSON that can be taken"),
            Self::Unauthorized => (S::UNAUTHORIZED, "unauthorized", "Log-in needed"),
            Self::Forbidden => (S::FORBIDDEN, "forbidden", "The role for this is missing"),
            Self::NotFound => (S::NOT_FOUND, "not-found", "Not found"),
            Self::MethodNotAllowed => {
                (S::METHOD_NOT_ALLOWED, "method-not-allowed", "This method is not offered here")
            }
            Self::ReceiveTimeout => (S::REQUEST_TIMEOUT, "receive-timeout", "Handing in took too long"),
            Self::RefusedInState => (S::CONFLICT, "refused-in-state", "Not possible in this state"),
            Self::AmbiguousCase => {
                (S::CONFLICT, "ambiguous-case", "Several tenants have a case of this name")
            }
            Self::SeveralCases => (S::CONFLICT, "several-cases", "Several cases are called so"),
            Self::AmendmentTooLate => (S::CONFLICT, "amendment-too-late", "The amendment is too late"),
            Self::ContentErased => (S::GONE, "content-erased", "The content was erased"),
            Self::TooLarge => (S::PAYLOAD_TOO_LARGE, "too-large", "Too large"),
            Self::TooManyAttachments => {
                (S::PAYLOAD_TOO_LARGE, "too-many-attachments", "Too many attachments")
            }
            Self::MediaType => (S::UNSUPPORTED_MEDIA_TYPE, "media-type", "The media type is not supported"),
            Self::WantsXml => (S::UNSUPPORTED_MEDIA_TYPE, "wants-xml", "The data must be XML"),
            Self::WantsJson => (S::UNSUPPORTED_MEDIA_TYPE, "wants-json", "The data must be JSON"),
            Self::SchemaViolation => {
                (S::UNPROCESSABLE_ENTITY, "schema-violation", "The data do not fit the schema")
            }
            Self::UnknownArea => {
                (S::UNPROCESSABLE_ENTITY, "unknown-area", "Nobody is responsible for the area")
            }
            Self::NotGranted => {
                (S::UNPROCESSABLE_ENTITY, "not-granted", "The service is not granted for the area")
            }
            Self::TestStage => {
                (S::UNPROCESSABLE_ENTITY, "test-stage", "Only test submissions are taken here yet")
            }
            Self::OtherContent => {
                (S::UNPROCESSABLE_ENTITY, "other-content", "The idempotency key was used already")
            }
            Self::NoCase => (S::UNPROCESSABLE_ENTITY, "no-case", "No case is called so"),
            Self::ConfigurationFaults => {
                (S::UNPROCESSABLE_ENTITY, "configuration-faults", "The configuration has faults")
            }
            Self::TooManyCommands => {
                (S::TOO_MANY_REQUESTS, "too-many-commands", "Too many commands run at one time")
            }
            Self::Internal => (S::INTERNAL_SERVER_ERROR, "internal", "The hub has a defect"),
            Self::ContentDamaged => {
                (S::INTERNAL_SERVER_ERROR, "content-damaged", "Stored content is damaged")
            }
            Self::Busy => (S::SERVICE_UNAVAILABLE, "busy", "Too much at one time"),
            Self::NotReady => (S::SERVICE_UNAVAILABLE, "not-ready", "The hub takes nothing in now"),
            Self::StoreUnavailable => {
                (S::SERVICE_UNAVAILABLE, "store-unavailable", "The store cannot be used now")
            }
            Self::StoreStopped => (S::SERVICE_UNAVAILABLE, "store-stopped", "The store has stopped writing"),
            Self::StoreFull => (S::INSUFFICIENT_STORAGE, "store-full", "The store has no room"),
        }
    }

    /// The HTTP status.
    pub const fn status(self) -> StatusCode {
        self.facts().0
    }

    /// The stable word: the last part of `type`, and what logs and metrics call it.
    pub const fn slug(self) -> &'static str {
        self.facts().1
    }

    /// A short English title.
    pub const fn title(self) -> &'static str {
        self.facts().2
    }

    /// The same in German, for the reference that operators read.
    pub const fn german_title(self) -> &'static str {
        match self {
            Self::MalformedRequest => "Die Anfrage ist fehlerhaft",
            Self::MalformedMultipart => "Der Multipart-Inhalt ist fehlerhaft",
            Self::MalformedMetadata => "Die Metadaten sind fehlerhaft",
            Self::UnknownPart => "Ein Teil hat einen unbekannten Namen",
            Self::NoData => "Der Teil `data` fehlt",
            Self::SecondData => "Es gibt mehr als einen Teil `data`",
            Self::BadFileName => "Ein Dateiname ist unzulässig",
            Self::NotWellFormed => "Die Daten sind kein XML, das angenommen wird",
            Self::NotJson => "Die Daten sind kein JSON, das angenommen wird",
            Self::Unauthorized => "Eine Anmeldung ist nötig",
            Self::Forbidden => "Dafür fehlt die Rolle",
            Self::NotFound => "Nicht gefunden",
            Self::MethodNotAllowed => "Diese Methode gibt es hier nicht",
            Self::ReceiveTimeout => "Die Übertragung hat zu lange gedauert",
            Self::RefusedInState => "In diesem Zustand nicht möglich",
            Self::AmbiguousCase => "Mehrere Mandanten haben einen Vorgang dieses Namens",
            Self::SeveralCases => "Mehrere Vorgänge heißen so",
            Self::AmendmentTooLate => "Die Frist für Nachreichungen in diesem Vorgang ist vorbei",
            Self::ContentErased => "Der Inhalt wurde gelöscht",
            Self::TooLarge => "Zu groß",
            Self::TooManyAttachments => "Zu viele Anlagen",
            Self::MediaType => "Der Medientyp wird nicht unterstützt",
            Self::WantsXml => "Die Daten müssen XML sein",
            Self::WantsJson => "Die Daten müssen JSON sein",
            Self::SchemaViolation => "Die Daten verletzen das Schema",
            Self::UnknownArea => "Für das Gebiet ist niemand zuständig",
            Self::NotGranted => "Die Leistung ist für das Gebiet nicht freigegeben",
            Self::TestStage => "Hier werden noch nur Testeinreichungen angenommen",
            Self::OtherContent => "Der Idempotency-Key ist schon vergeben",
            Self::NoCase => "Kein Vorgang heißt so",
            Self::ConfigurationFaults => "Die Konfiguration hat Fehler",
            Self::TooManyCommands => "Es laufen zu viele Anweisungen zugleich",
            Self::Internal => "Rohrpost hat einen Fehler",
            Self::ContentDamaged => "Gespeicherter Inhalt ist beschädigt",
            Self::Busy => "Zu viel auf einmal",
            Self::NotReady => "Rohrpost nimmt zurzeit nichts an",
            Self::StoreUnavailable => "Der Speicher ist zurzeit nicht benutzbar",
            Self::StoreStopped => "Der Speicher schreibt nicht mehr",
            Self::StoreFull => "Der Speicher ist voll",
        }
    }
}

/// An error as the client is answered it. `detail`, `meldung` and the members may quote what was handed in; they go
/// into the answer and nowhere else.
#[derive(Debug)]
pub struct Problem(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    detail: String,
    meldung: String,
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    meldung: &'a str,
    #[serde(flatten)]
    members: &'a Map<String, Value>,
}

impl Problem {
    /// A problem told in English (for the developer) and German (for the operator).
    pub fn new(kind: Kind, detail: impl Into<String>, meldung: impl Into<String>) -> Self {
        let (detail, meldung) = (detail.into(), meldung.into());
        Self(Box::new(Inner { kind, detail, meldung, members: Map::new(), headers: Vec::new() }))
    }

    /// What is the matter.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The English sentence.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The English sentence and the German one.
    pub(crate) fn into_sentences(self) -> (String, String) {
        (self.0.detail, self.0.meldung)
    }

    /// Adds an extension member.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.members.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Says after how many seconds it is worth to try again.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        self.header(header::RETRY_AFTER, seconds.into())
    }

    /// The one answer for what does not exist and for what may not be known to exist: always the same bytes.
    pub fn not_found() -> Self {
        Self::new(
            Kind::NotFound,
            "There is no such thing here, or none that this client may know of.",
            "Hier gibt es nichts, wovon dieser Client wissen darf.",
        )
    }

    /// A malformed header, query parameter or small JSON body.
    pub fn malformed(detail: impl Into<String>, meldung: impl Into<String>) -> Self {
        Self::new(Kind::MalformedRequest, detail, meldung)
    }

    /// The problem details as they are sent.
    pub fn to_json(&self) -> Value {
        serde_json::from_slice(&self.body()).unwrap_or_default()
    }

    fn body(&self) -> Vec<u8> {
        let inner = &self.0;
        let document = Document {
            r#type: format!("urn:rohrpost:problem:{}", inner.kind.slug()),
            title: inner.kind.title(),
            status: inner.kind.status().as_u16(),
            detail: &inner.detail,
            meldung: &inner.meldung,
            members: &inner.members,
        };
        serde_json::to_vec(&document).unwrap_or_default()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = self.body();
        let mut response = (self.0.kind.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        for (name, value) in self.0.headers {
            headers.insert(name, value);
        }
        // For the access log and the metrics; never sent.
        response.extensions_mut().insert(self.0.kind);
        response
    }
}

impl From<StoreFault> for Problem {
    /// Tells the operator in the log, and the client when to come back. The fault's own text names the hub's disk and
    /// files, so the client does not get it.
    fn from(fault: StoreFault) -> Self {
        if !matches!(fault, StoreFault::Erased) {
            tracing::error!(%fault, "the store could not do what a request needs");
        }
        match fault {
            StoreFault::Unavailable(_) => Self::new(
                Kind::StoreUnavailable,
                "The hub's store cannot be used now. Nothing was changed; try again later.",
                "Der Speicher ist zurzeit nicht benutzbar. Es wurde nichts geändert; später erneut versuchen.",
            )
            .retry_after(5),
            StoreFault::Full(_) => Self::new(
                Kind::StoreFull,
                "The hub's store has no room. Nothing was changed; its operator must make room.",
                "Der Speicher ist voll. Es wurde nichts geändert; der Betreiber muss Platz schaffen.",
            )
            .retry_after(60),
            StoreFault::Stopped(_) => Self::new(
                Kind::StoreStopped,
                "The hub's disk failed, so its store has stopped writing. Nothing was changed; its operator must check \
                 the disk and start the hub anew.",
                "Der Datenträger hat versagt, deshalb schreibt der Speicher nicht mehr. Es wurde nichts geändert. \
                 Datenträger prüfen, Rohrpost neu starten.",
            )
            .retry_after(60),
            StoreFault::Damaged(_) => Self::new(
                Kind::ContentDamaged,
                "What is stored is not what was written. The operator finds the details in the log.",
                "Gespeichertes ist nicht, was geschrieben wurde. Einzelheiten stehen im Protokoll.",
            ),
            StoreFault::Impossible(_) => Self::new(
                Kind::Internal,
                "The hub has a defect; its log tells more.",
                "Rohrpost hat einen Fehler; das Protokoll sagt mehr.",
            ),
            StoreFault::Erased => Self::new(
                Kind::ContentErased,
                "The content was erased after its retention time.",
                "Der Inhalt wurde nach Ablauf der Frist gelöscht.",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_with_the_store_says_when_to_come_back_and_not_where_its_files_lie() {
        let detail = || "/var/lib/rohrpost/segment-1".to_owned();
        let cases = [
            (StoreFault::Unavailable(detail()), 503, Some("5")),
            (StoreFault::Full(detail()), 507, Some("60")),
            (StoreFault::Stopped(detail()), 503, Some("60")),
            (StoreFault::Damaged(detail()), 500, None),
            (StoreFault::Erased, 410, None),
        ];
        for (fault, status, retry_after) in cases {
            let problem = Problem::from(fault);
            assert!(!String::from_utf8(problem.body()).unwrap().contains("segment"));
            let response = problem.into_response();
            assert_eq!(response.status().as_u16(), status);
            let header = response.headers().get(header::RETRY_AFTER).map(|value| value.to_str().unwrap());
            assert_eq!(header, retry_after, "{status}");
        }
    }
}
