//! What a sender says of a submission, as metadata or in the query of a bare body.

use crate::fields::{self, Params};
use crate::problem::{Kind, Problem};
use axum::http::{HeaderMap, Uri};
use rohrpost_engine::accept::Intent;
use rohrpost_model::submission::{ReplyChannel, ReplyWay, TrustLevel};
use rohrpost_model::{Area, CaseId, ForeignId, Kind as SubmissionKind, ServiceKey, foreign};
use serde::Deserialize;
use utoipa::ToSchema;

/// The most bytes that metadata may have.
pub(crate) const LONGEST: usize = 64 * 1024;

/// The query parameters of a bare body.
pub(crate) const PARAMETERS: [&str; 5] = ["service", "area", "kind", "case", "test"];

/// What a submission is when nobody says.
const APPLICATION: &str = "application";

/// The part `metadata` of a submission.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Metadata)]
pub struct Metadata {
    /// The LeiKa key of the service, 14 digits.
    #[schema(value_type = String, pattern = "^99[0-9]{12}$")]
    service: ServiceKey,
    /// The Amtlicher Regionalschlüssel of the area: 2, 3, 5, 9 or 12 digits.
    #[schema(value_type = String, pattern = "^[0-9]{2,12}$")]
    area: Area,
    /// What it is: `application` (the default), `amendment`, `withdrawal`, `receipt`, `status`, `query`,
    /// `document-request`, `payment-request`, `payment-confirmation`, `notice`, or a word of your own.
    #[schema(value_type = Option<String>)]
    kind: Option<SubmissionKind>,
    /// The case that it belongs to; without one the hub opens a case. It must not carry personal data.
    #[schema(value_type = Option<String>)]
    case: Option<CaseId>,
    /// What the sender itself calls the case, or its submission: up to 10 identifiers of 1 to 500 characters. They are
    /// found by `POST /v1/search`.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    foreign_ids: ForeignIds,
    /// The URI of the schema that the sender used. It decides nothing: what is checked follows from the route.
    #[schema(value_type = Option<String>)]
    #[allow(dead_code)] // read for its form only
    schema: Option<SchemaUri>,
    /// Where answers are wanted.
    #[schema(value_type = Option<ReplyWanted>)]
    reply: Option<ReplyChannel>,
    /// STORK QAA level of the applicant's identification, 1 to 4.
    #[schema(value_type = Option<u8>, minimum = 1, maximum = 4)]
    trust_level: Option<TrustLevel>,
    /// A test submission never reaches a live destination.
    #[serde(default)]
    test: bool,
}

/// What the sender calls the case.
#[derive(Debug, Default, Deserialize)]
#[serde(try_from = "Vec<ForeignId>")]
struct ForeignIds(Vec<ForeignId>);

impl TryFrom<Vec<ForeignId>> for ForeignIds {
    type Error = String;

    fn try_from(ids: Vec<ForeignId>) -> Result<Self, String> {
        let right = ids.len() <= foreign::MOST;
        if right { Ok(Self(ids)) } else { Err(format!("there are at most {} identifiers", foreign::MOST)) }
    }
}

/// Read for its form only.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct SchemaUri;

impl TryFrom<String> for SchemaUri {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let right = (1..=2048).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if right { Ok(Self) } else { Err("a schema is a URI of 1 to 2048 ASCII characters") }
    }
}

/// Where answers are wanted.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
#[allow(dead_code)] // the shape of `ReplyChannel` for the document
pub enum ReplyWanted {
    /// A post box of the applicant.
    PostBox {
        /// The kind of post box, for instance `bundid`, `elster`, `portal`.
        system: String,
        /// Its handle there.
        handle: String,
    },
    /// An address of the portal that answers are sent to, signed.
    Callback {
        /// `https`, at most 2048 characters, without credentials and fragment.
        #[schema(format = "uri", max_length = 2048, pattern = "^https://[!-~]+$")]
        url: String,
    },
    /// A mail address for notices without content.
    Mail {
        /// One address in ASCII, like name@example.org.
        #[schema(max_length = 254)]
        address: String,
    },
}

impl Metadata {
    /// Reads the part `metadata`.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, Problem> {
        let mut reader = serde_json::Deserializer::from_slice(json);
        let metadata: Self = serde_path_to_error::deserialize(&mut reader)
            .map_err(|fault| malformed(&fault.path().to_string(), fault.inner()))?;
        reader.end().map_err(|fault| malformed(".", &fault))?;
        Ok(metadata)
    }

    /// What the engine is told.
    pub(crate) fn intent(self, headers: &HeaderMap) -> Result<Intent, Problem> {
        if ReplyWay::of(self.reply.as_ref()) == ReplyWay::Xta {
            return Err(Problem::new(
                Kind::MalformedMetadata,
                "`reply.xta` is for messages that come by XTA; use post-box, callback or mail.",
                "`reply.xta` gilt nur für Nachrichten, die mit XTA kommen; richtig ist post-box, callback oder mail.",
            ));
        }
        Ok(Intent {
            kind: self.kind.map_or_else(default_kind, Ok)?,
            service: self.service,
            area: self.area,
            case: self.case,
            tenant: None,
            foreign: self.foreign_ids.0,
            reply: self.reply,
            trust_level: self.trust_level,
            test: self.test,
            traceparent: fields::traceparent(headers),
            idempotency_key: fields::idempotency_key(headers)?,
            not_before: None,
            obsolete_after: None,
            properties: Default::default(),
        })
    }
}

/// What the query of a bare body says; it may have `further` parameters.
pub(crate) fn from_query(uri: &Uri, headers: &HeaderMap, further: &[&str]) -> Result<Intent, Problem> {
    let known: Vec<_> = PARAMETERS.iter().chain(further).copied().collect();
    let params = Params::of(uri, &known)?;
    Ok(Intent {
        kind: params.parsed("kind")?.map_or_else(default_kind, Ok)?,
        service: params.required("service")?,
        area: params.required("area")?,
        case: params.parsed("case")?,
        tenant: None,
        foreign: Vec::new(),
        reply: None,
        trust_level: None,
        test: params.flag("test")?,
        traceparent: fields::traceparent(headers),
        idempotency_key: fields::idempotency_key(headers)?,
        not_before: None,
        obsolete_after: None,
        properties: Default::default(),
    })
}

fn default_kind() -> Result<SubmissionKind, Problem> {
    APPLICATION
        .parse()
        .map_err(|bad: rohrpost_model::BadName| Problem::malformed(bad.to_string(), bad.to_string()))
}

fn malformed(path: &str, fault: &serde_json::Error) -> Problem {
    let place = if path == "." { String::new() } else { format!(" at `{path}`") };
    Problem::new(
        Kind::MalformedMetadata,
        format!("The metadata are wrong{place}: {fault}."),
        format!("Die Metadaten sind falsch (Zeile {}, Spalte {}).", fault.line(), fault.column()),
    )
    .with("line", fault.line())
    .with("column", fault.column())
}

/// What the query says of a bare body.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // for the document
pub(crate) struct BareBody {
    /// for a bare body: the LeiKa key
    service: Option<String>,
    /// for a bare body: the Amtlicher Regionalschlüssel
    area: Option<String>,
    /// for a bare body: what it is; `application` if not given
    kind: Option<String>,
    /// for a bare body: the case that it belongs to
    case: Option<String>,
    /// for a bare body: whether it is a test
    test: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_become_an_intent() {
        let json = br#"{"service":"99000000000000","area":"15091","case":"V-1","trustLevel":3,"test":true,
            "reply":{"post-box":{"system":"bundid","handle":"h"}},"schema":"urn:x:1"}"#;
        let intent = Metadata::parse(json).unwrap().intent(&HeaderMap::new()).unwrap();
        assert_eq!(intent.kind.as_str(), "application");
        assert!(intent.test && intent.reply.is_some() && intent.trust_level.is_some());
        let json = br#"{"service":"99000000000000","area":"15091",
            "reply":{"callback":{"url":"https://portal.example.org/r?v=1"}}}"#;
        let reply = Metadata::parse(json).unwrap().intent(&HeaderMap::new()).unwrap().reply;
        assert!(matches!(reply, Some(ReplyChannel::Callback { .. })), "{reply:?}");
    }

    #[test]
    fn faults_in_metadata_name_their_place_and_the_known_members() {
        let detail = |json: &str| Metadata::parse(json.as_bytes()).unwrap_err().detail().to_owned();
        let unknown = detail(r#"{"service":"99000000000000","area":"15091","sevrice":"x"}"#);
        assert!(unknown.contains("sevrice") && unknown.contains("`trustLevel`"), "{unknown}");
        assert!(detail(r#"{"service":"12","area":"15091"}"#).contains("`service`"));
        assert!(detail(r#"{"area":"15091"}"#).contains("missing field `service`"));
        let reply = |channel: &str| {
            detail(&format!(r#"{{"service":"99000000000000","area":"15091","reply":{channel}}}"#))
        };
        let told = reply(r#"{"callback":{"url":"http://portal.example.org/erika"}}"#);
        assert!(told.contains("`reply.callback.url`") && told.contains("begins with https://"), "{told}");
        assert!(!told.contains("erika"), "h10: {told}");
        assert!(reply(r#"{"callback":{"url":"https://a.example/","port":1}}"#).contains("`port`"));
        assert!(reply(r#"{"fax":{"number":"1"}}"#).contains("`callback`"));
        assert!(detail(r#"{"service":"99000000000000","area":"15091","trustLevel":9}"#).contains("STORK"));
        assert!(detail(r#"{"service":"99000000000000","area":"15091"} x"#).contains("trailing"));
    }

    #[test]
    fn a_query_needs_service_and_area() {
        let of = |query: &str| {
            from_query(&format!("/v1/submissions{query}").parse().unwrap(), &HeaderMap::new(), &[])
        };
        assert_eq!(of("?service=99000000000000&area=15091&kind=notice").unwrap().kind.as_str(), "notice");
        assert!(of("?area=15091").unwrap_err().detail().contains("`service`"));
        assert!(of("?service=1&area=15091").unwrap_err().detail().contains("LeiKa"));
        assert!(
            of("?service=99000000000000&area=15091&reply=x")
                .unwrap_err()
                .detail()
                .contains("known are service")
        );
    }
}
