//! Reading and checking the table `[http]`.

use crate::HttpTarget;
use crate::answered::Answered;
use crate::body::{Body, Content, Part};
use crate::inquire::Inquirer;
use crate::probe::{Asks, Prober};
use crate::request::RequestHead;
use rohrpost_kit::AdapterSource;
use rohrpost_kit::adapter::Faults;
use rohrpost_kit::answer::{Extract, ExtractSettings, json_pointer};
use rohrpost_kit::at_once::{AtOnce, of_own_case};
use rohrpost_kit::correlation::Making;
use rohrpost_kit::http::header::{CONTENT_LENGTH, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING};
use rohrpost_kit::http::{Auth, Client, Connection, Method, StatusTable, Url};
use rohrpost_kit::settings::SecretRef;
use rohrpost_kit::template::{Place, Template};
use rohrpost_model::{ClientName, Fault, Kind, MappingName};
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Settings {
    #[serde(default)]
    method: MethodName,
    url: Spanned<String>,
    idempotency_header: Option<Spanned<String>>,
    #[serde(default)]
    deduplicates: bool,
    auth: Option<AuthSettings>,
    #[serde(default)]
    headers: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    part: Vec<PartSettings>,
    #[serde(default)]
    answer: AnswerSettings,
    #[serde(default)]
    status: StatusTable,
    inquire: Option<InquireSettings>,
    probe: Option<ProbeSettings>,
    #[serde(default)]
    connection: Connection,
}

#[derive(Clone, Copy, Default, Deserialize)]
enum MethodName {
    #[default]
    #[serde(rename = "POST")]
    Post,
    #[serde(rename = "PUT")]
    Put,
    #[serde(rename = "PATCH")]
    Patch,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum AuthSettings {
    Basic { user: Spanned<String>, password: Spanned<SecretRef> },
    Bearer { token: Spanned<SecretRef> },
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct PartSettings {
    name: Spanned<String>,
    content: ContentName,
    text: Option<Spanned<String>>,
    file_name: Option<Spanned<String>>,
    content_type: Option<Spanned<String>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ContentName {
    Message,
    Signature,
    Documents,
    Attachments,
    Text,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct AnswerSettings {
    reference: Option<Spanned<ExtractSettings>>,
    /// In whose name what the target answers is an answer in the case.
    client: Option<Spanned<ClientName>>,
    kind: Option<Spanned<Kind>>,
    mapping: Option<Spanned<MappingName>>,
    text: Option<Spanned<String>>,
}

impl AnswerSettings {
    fn making(&self) -> Making<'_> {
        Making { kind: self.kind.as_ref(), mapping: self.mapping.as_ref(), text: self.text.as_ref() }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct InquireSettings {
    url: Spanned<String>,
    #[serde(default)]
    headers: BTreeMap<String, Spanned<String>>,
    #[serde(default = "ok")]
    found: Vec<u16>,
    #[serde(default)]
    absent: Vec<u16>,
    absent_when: Option<AbsentWhen>,
    reference: Option<Spanned<ExtractSettings>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct ProbeSettings {
    #[serde(default)]
    method: ProbeMethod,
    url: Spanned<String>,
    #[serde(default = "ok")]
    expect: Vec<u16>,
}

/// Methods that change nothing (RFC 9110, 9.2.1).
#[derive(Clone, Copy, Default, Deserialize)]
enum ProbeMethod {
    #[default]
    #[serde(rename = "GET")]
    Get,
    #[serde(rename = "HEAD")]
    Head,
    #[serde(rename = "OPTIONS")]
    Options,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct AbsentWhen {
    json_pointer: Spanned<String>,
    equals: toml::Value,
}

fn ok() -> Vec<u16> {
    vec![200]
}

pub(crate) fn configure(source: &AdapterSource<'_>, kind: &str) -> Result<HttpTarget, Vec<Fault>> {
    let settings: Settings =
        source.read(kind).map_err(|faults| of_own_case(source, [kind, "answer"], faults))?;
    let mut faults = Faults::default();
    let reader = Reader { source };
    let client = faults.note(Client::configure(&settings.connection, source));
    let authorization = faults.note(reader.authorization(settings.auth.as_ref()));
    let head = faults.note(reader.head(&settings));
    let body = faults.note(reader.body(&settings.part));
    let reference = faults.note(reader.extract(settings.answer.reference.as_ref()));
    let (answering, places) = (&settings.answer, source.places());
    let at_once = faults.note(AtOnce::configured(answering.client.as_ref(), answering.making(), &places));
    let inquire = settings.inquire.as_ref();
    let inquirer = inquire.map(|inquire| faults.note(reader.inquirer(&settings.connection, inquire)));
    let asks = settings.probe.as_ref().map(|probe| faults.note(reader.asks(&settings, probe)));
    let whole = client.zip(head).zip(body).zip(reference.zip(at_once)).zip(authorization);
    let whole = whole.and_then(|((((client, mut head), body), (reference, at_once)), authorization)| {
        head.authorization.clone_from(&authorization);
        let endpoint = client.endpoint(&Url::parse(head.url.fixed_start()).ok()?)?;
        let prober = Prober { endpoint, authorization: authorization.clone(), asks: asks.flatten() };
        let inquirer = inquirer.flatten().map(|mut inquirer| {
            inquirer.head.authorization = authorization;
            inquirer
        });
        let (status, deduplicates) = (settings.status, settings.deduplicates);
        let clock = source.clock.clone();
        let answered = Answered { reference, at_once };
        Some(HttpTarget { client, head, body, answered, status, inquirer, deduplicates, prober, clock })
    });
    faults.finish(whole)
}

struct Reader<'s> {
    source: &'s AdapterSource<'s>,
}

impl Reader<'_> {
    fn template(&self, text: &Spanned<String>, place: Place) -> Result<Template, Fault> {
        Template::configured(text, place, &self.source.places())
    }

    fn head(&self, settings: &Settings) -> Result<RequestHead, Vec<Fault>> {
        let mut faults = Faults::default();
        let url = faults.note(self.url(&settings.connection, &settings.url, Place::Url));
        let mut headers = faults.note(self.headers(&settings.headers)).unwrap_or_default();
        headers.extend(faults.note(self.idempotency(settings.idempotency_header.as_ref())).flatten());
        let method = match settings.method {
            MethodName::Post => Method::POST,
            MethodName::Put => Method::PUT,
            MethodName::Patch => Method::PATCH,
        };
        faults.finish(url.map(|url| RequestHead { method, url, headers, authorization: None }))
    }

    /// Scheme and host are fixed: no value of a submission decides where it goes.
    fn url(
        &self,
        connection: &Connection,
        setting: &Spanned<String>,
        place: Place,
    ) -> Result<Template, Fault> {
        let template = self.template(setting, place)?;
        let fault = |message: &str| self.source.places().fault_at(setting, message);
        let start = template.fixed_start();
        let address = Url::parse(start).map_err(|error| fault(&format!("this is no address: {error}")))?;
        connection.permits(&address).map_err(|message| fault(&message))?;
        if !address.username().is_empty() || address.password().is_some() {
            return Err(fault("credentials do not stand in the address").hint("write them as `auth`"));
        }
        let host_ends = start.split_once("://").is_some_and(|(_, rest)| rest.contains(['/', '?']));
        if !host_ends && start != setting.get_ref() {
            return Err(
                fault("a placeholder stands in the host").hint("placeholders come after the host's /")
            );
        }
        Ok(template)
    }

    fn headers(
        &self,
        written: &BTreeMap<String, Spanned<String>>,
    ) -> Result<Vec<(HeaderName, Template)>, Vec<Fault>> {
        let mut faults = Faults::default();
        let mut headers = Vec::new();
        for (name, value) in written {
            let fault = |message: String| self.source.places().fault_at(value, message);
            let parsed = name.parse().map_err(|_| fault(format!("`{name}` is no name of a header")));
            let allowed = parsed.and_then(|parsed: HeaderName| {
                let ours = [HOST, CONTENT_LENGTH, TRANSFER_ENCODING].contains(&parsed);
                if ours { Err(fault(format!("`{name}` is set by the hub itself"))) } else { Ok(parsed) }
            });
            let template = faults.note(self.template(value, Place::Header));
            headers.extend(faults.note(allowed).zip(template));
        }
        faults.finish(Some(headers))
    }

    fn idempotency(
        &self,
        setting: Option<&Spanned<String>>,
    ) -> Result<Option<(HeaderName, Template)>, Fault> {
        let name = setting.map_or("Idempotency-Key", |setting| setting.get_ref());
        if name.is_empty() {
            return Ok(None);
        }
        let parsed = name.parse().ok().zip(Template::parse("{delivery-id}", Place::Header).ok());
        match (parsed, setting) {
            (None, Some(setting)) => {
                Err(self.source.places().fault_at(setting, "this is no name of a header"))
            }
            (parsed, _) => Ok(parsed),
        }
    }

    fn authorization(&self, auth: Option<&AuthSettings>) -> Result<Option<HeaderValue>, Fault> {
        let (auth, setting) = match auth {
            None => return Ok(None),
            Some(AuthSettings::Basic { user, password }) => {
                if user.get_ref().contains(':') {
                    return Err(self.source.places().fault_at(user, "a user's name has no colon in it"));
                }
                let user = user.get_ref().clone();
                (Auth::Basic { user, password: self.source.secret(password)? }, password)
            }
            Some(AuthSettings::Bearer { token }) => {
                (Auth::Bearer { token: self.source.secret(token)? }, token)
            }
        };
        auth.header().map(Some).map_err(|message| self.source.places().fault_at(setting, message))
    }

    fn body(&self, parts: &[PartSettings]) -> Result<Body, Vec<Fault>> {
        let mut faults = Faults::default();
        let made: Vec<_> = parts.iter().filter_map(|part| faults.note(self.part(part))).collect();
        faults.finish(Some(if parts.is_empty() { Body::Raw } else { Body::Multipart(made) }))
    }

    fn part(&self, part: &PartSettings) -> Result<Part, Vec<Fault>> {
        let mut faults = Faults::default();
        let attachments = part.content == ContentName::Attachments;
        let place = match part.content {
            ContentName::Attachments => Place::AttachmentName,
            ContentName::Documents => Place::DocumentName,
            _ => Place::Plain,
        };
        let name = faults.note(self.template(&part.name, place));
        let file_name = part.file_name.as_ref().map(|setting| faults.note(self.template(setting, place)));
        let content_type = part.content_type.as_ref().map(|setting| faults.note(self.media_type(setting)));
        let content = faults.note(self.content(part));
        let default = attachments.then(|| Template::parse("{attachment-name}", place).ok()).flatten();
        let file_name = file_name.flatten().or(default);
        let whole = name.zip(content);
        let content_type = content_type.flatten();
        faults.finish(whole.map(|(name, content)| Part { name, content, file_name, content_type }))
    }

    fn content(&self, part: &PartSettings) -> Result<Content, Fault> {
        let places = self.source.places();
        match (part.content, &part.text) {
            (ContentName::Message, None) => Ok(Content::Message),
            (ContentName::Signature, None) => Ok(Content::Signature),
            (ContentName::Documents, None) => Ok(Content::Documents),
            (ContentName::Attachments, None) => Ok(Content::Attachments),
            (ContentName::Text, Some(text)) => {
                let media_type = part.content_type.as_ref().map_or("text/plain", |setting| setting.get_ref());
                self.template(text, Place::of_media_type(media_type)).map(Content::Text)
            }
            (ContentName::Text, None) => Err(places.fault_at(&part.name, "the part's `text` is missing")),
            (_, Some(text)) => Err(places.fault_at(text, "`text` belongs to content = \"text\"")),
        }
    }

    fn media_type(&self, setting: &Spanned<String>) -> Result<String, Fault> {
        let text = setting.get_ref();
        if text.contains('/') && text.chars().all(|c| matches!(c, ' '..='~')) {
            return Ok(text.clone());
        }
        Err(self
            .source
            .places()
            .fault_at(setting, "this is no media type")
            .hint("for instance application/xml"))
    }

    fn extract(&self, setting: Option<&Spanned<ExtractSettings>>) -> Result<Option<Extract>, Vec<Fault>> {
        setting.map(|setting| Extract::configured(setting, &self.source.places())).transpose()
    }

    fn inquirer(&self, connection: &Connection, inquire: &InquireSettings) -> Result<Inquirer, Vec<Fault>> {
        let mut faults = Faults::default();
        let url = faults.note(self.url(connection, &inquire.url, Place::InquiryUrl));
        let headers = faults.note(self.headers(&inquire.headers)).unwrap_or_default();
        let reference = faults.note(self.extract(inquire.reference.as_ref()));
        let absent_when = inquire.absent_when.as_ref().map(|when| faults.note(self.absent_when(when)));
        if let Some(both) = inquire.found.iter().find(|status| inquire.absent.contains(status)) {
            let message = format!("the status {both} cannot mean both found and absent");
            faults.push(self.source.places().fault_at(&inquire.url, message));
        }
        let whole = url.zip(reference).map(|(url, reference)| Inquirer {
            head: RequestHead { method: Method::GET, url, headers, authorization: None },
            found: inquire.found.clone(),
            absent: inquire.absent.clone(),
            absent_when: absent_when.flatten(),
            reference,
        });
        faults.finish(whole)
    }

    /// The question of a probe. It goes to the same server as deliveries, because the steps before it speak of that one.
    fn asks(&self, settings: &Settings, probe: &ProbeSettings) -> Result<Asks, Fault> {
        let fault = |message: &str| self.source.places().fault_at(&probe.url, message);
        let url = settings.connection.address(&probe.url, &self.source.places())?;
        let start = Template::parse(settings.url.get_ref(), Place::Url).ok();
        let deliveries = start.and_then(|template| Url::parse(template.fixed_start()).ok());
        if deliveries.is_some_and(|deliveries| deliveries.origin() != url.origin()) {
            let fault = fault("a probe asks another server than deliveries go to");
            return Err(fault.hint("scheme, host and port are those of `url` in [http]"));
        }
        let method = match probe.method {
            ProbeMethod::Get => Method::GET,
            ProbeMethod::Head => Method::HEAD,
            ProbeMethod::Options => Method::OPTIONS,
        };
        Ok(Asks { method, url, expect: probe.expect.clone() })
    }

    fn absent_when(&self, when: &AbsentWhen) -> Result<(String, String), Fault> {
        let pointer = json_pointer(&when.json_pointer, &self.source.places())?;
        let value = match &when.equals {
            toml::Value::String(text) => text.clone(),
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Boolean(truth) => truth.to_string(),
            _ => {
                let fault = self.source.places().fault_at(&when.json_pointer, "`equals` has the wrong type");
                return Err(fault.hint("a text, a whole number or a truth value is expected"));
            }
        };
        Ok((pointer, value))
    }
}
