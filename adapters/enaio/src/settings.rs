//! Reading and checking the table `[enaio]`.

use crate::EnaioTarget;
use crate::caller::{Access, Caller};
use crate::cases::Cases;
use crate::dialect::{Dialect, Root, dms::Dms, osrest::Osrest};
use crate::filing::{Level, Paperwork};
use crate::object::Kind;
use rohrpost_kit::AdapterSource;
use rohrpost_kit::adapter::Faults;
use rohrpost_kit::http::header::HeaderValue;
use rohrpost_kit::http::{Auth, Client, Connection, StatusTable, Url, Verdict};
use rohrpost_kit::settings::{Duration, SecretRef};
use rohrpost_kit::template::{Place, Template};
use rohrpost_model::Fault;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use toml::Spanned;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Settings {
    url: Spanned<String>,
    interface: Interface,
    auth: Option<AuthSettings>,
    index: Option<Spanned<String>>,
    folder: LevelSettings,
    register: Option<LevelSettings>,
    document: DocumentSettings,
    attachment: Option<DocumentSettings>,
    #[serde(default)]
    status: StatusTable,
    #[serde(default)]
    error_types: BTreeMap<String, Verdict>,
    longest_call: Option<Duration>,
    #[serde(default)]
    connection: Connection,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Interface {
    Osrest,
    Dms,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum AuthSettings {
    Basic(LogIn),
    Session(LogIn),
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct LogIn {
    user: Spanned<String>,
    password: Spanned<SecretRef>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct LevelSettings {
    #[serde(rename = "type")]
    object_type: Spanned<String>,
    key_field: Spanned<String>,
    key: Option<Spanned<String>>,
    #[serde(default)]
    fields: BTreeMap<String, Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct DocumentSettings {
    #[serde(rename = "type")]
    object_type: Spanned<String>,
    key_field: Spanned<String>,
    file_name: Option<Spanned<String>>,
    #[serde(default)]
    fields: BTreeMap<String, Spanned<String>>,
}

/// The name of the document with index data, where the configuration gives none.
const INDEX: &str = "index";

/// What a folder is found by, where the configuration says nothing else: no two tenants share one.
const KEY: &str = "{tenant}/{case}";

/// The longest that a call is at work at enaio, where the configuration says nothing else.
const LONGEST_CALL: std::time::Duration = std::time::Duration::from_secs(120);

/// What enaio's words for errors mean, where the configuration says nothing else.
const ERROR_TYPES: [(&str, Verdict); 1] = [("PARAMETER_ERROR", Verdict::Refused)];

pub(crate) fn configure(
    source: &AdapterSource<'_>,
    kind: &str,
    cases: Arc<Cases>,
) -> Result<EnaioTarget, Vec<Fault>> {
    let settings: Settings = source.read(kind)?;
    let reader = Reader { source, interface: settings.interface };
    let mut faults = Faults::default();
    let client = faults.note(Client::configure(&settings.connection, source));
    let url = faults.note(settings.connection.address(&settings.url, &source.places()));
    let access = faults.note(reader.access(settings.auth.as_ref()));
    let folder = faults.note(reader.level(&settings.folder));
    let register = settings.register.as_ref().map(|level| faults.note(reader.level(level)));
    let paperwork = faults.note(reader.paperwork(&settings));
    let whole = client.zip(url).zip(access).zip(folder).zip(paperwork);
    let made = whole.map(|((((client, url), access), folder), paperwork)| {
        let endpoint = client.endpoint(&url);
        let address = url.to_string();
        let words = ERROR_TYPES.map(|(word, verdict)| (word.to_owned(), verdict)).into_iter();
        let caller = Caller {
            client,
            dialect: dialect(settings.interface, url),
            access,
            status: settings.status,
            error_types: words.chain(settings.error_types).collect(),
            clock: Arc::clone(&source.clock),
        };
        let longest_call = settings.longest_call.map_or(LONGEST_CALL, |longest| longest.get());
        EnaioTarget {
            caller,
            endpoint,
            address,
            folder,
            register: register.flatten(),
            paperwork,
            cases,
            longest_call,
        }
    });
    faults.finish(made)
}

fn dialect(interface: Interface, url: Url) -> Box<dyn Dialect> {
    match interface {
        Interface::Osrest => Box::new(Osrest(Root(url))),
        Interface::Dms => Box::new(Dms(Root(url))),
    }
}

struct Reader<'a> {
    source: &'a AdapterSource<'a>,
    interface: Interface,
}

impl Reader<'_> {
    fn access(&self, auth: Option<&AuthSettings>) -> Result<Option<Access>, Fault> {
        let (log_in, session) = match auth {
            None => return Ok(None),
            Some(AuthSettings::Basic(log_in)) => (log_in, None),
            Some(AuthSettings::Session(log_in)) => (log_in, Some(Mutex::default())),
        };
        Ok(Some(Access { credentials: self.credentials(log_in)?, session }))
    }

    fn credentials(&self, log_in: &LogIn) -> Result<HeaderValue, Fault> {
        if log_in.user.get_ref().contains(':') {
            return Err(self.source.places().fault_at(&log_in.user, "a user's name has no colon in it"));
        }
        let (user, password) = (log_in.user.get_ref().clone(), self.source.secret(&log_in.password)?);
        let header = Auth::Basic { user, password }.header();
        header.map_err(|message| self.source.places().fault_at(&log_in.password, message))
    }

    fn level(&self, level: &LevelSettings) -> Result<Level, Vec<Fault>> {
        let mut faults = Faults::default();
        let kind = faults.note(self.kind(&level.object_type, &level.key_field));
        let key = match &level.key {
            Some(key) => faults.note(Template::configured(key, Place::Plain, &self.source.places())),
            None => Template::parse(KEY, Place::Plain).ok(),
        };
        let fields = faults.note(self.fields(&level.fields, Place::Plain));
        let whole = kind.zip(key).zip(fields);
        faults.finish(whole.map(|((kind, key), fields)| Level { kind, key, fields }))
    }

    fn paperwork(&self, settings: &Settings) -> Result<Paperwork, Vec<Fault>> {
        let mut faults = Faults::default();
        let document = faults.note(self.document(&settings.document, Place::FileName, Place::Plain));
        let attachment = settings.attachment.as_ref().unwrap_or(&settings.document);
        let place = match settings.attachment {
            Some(_) => Place::AttachmentName,
            None => Place::Plain,
        };
        let attachment = faults.note(self.document(attachment, place, place));
        let index = settings.index.as_ref().map_or(INDEX, |name| name.get_ref()).to_owned();
        let whole = document.zip(attachment);
        faults.finish(whole.map(|((message, file_name), (attachment, attachment_name))| {
            // Without a table of its own an attachment has the message's type and a name of its own.
            let attachment_name = settings.attachment.as_ref().and(attachment_name);
            Paperwork { index, message, file_name, attachment, attachment_name }
        }))
    }

    #[expect(clippy::type_complexity, reason = "what a document is made with, and what its file is called")]
    fn document(
        &self,
        document: &DocumentSettings,
        name_place: Place,
        place: Place,
    ) -> Result<((Kind, Vec<(String, Template)>), Option<Template>), Vec<Fault>> {
        let mut faults = Faults::default();
        let kind = faults.note(self.kind(&document.object_type, &document.key_field));
        let fields = faults.note(self.fields(&document.fields, place));
        let places = self.source.places();
        let name = document.file_name.as_ref();
        let name = name.and_then(|name| faults.note(Template::configured(name, name_place, &places)));
        faults.finish(kind.zip(fields).map(|made| (made, name)))
    }

    fn kind(&self, object_type: &Spanned<String>, key_field: &Spanned<String>) -> Result<Kind, Vec<Fault>> {
        let mut faults = Faults::default();
        let whole = faults.note(self.name(object_type)).zip(faults.note(self.name(key_field)));
        faults.finish(whole.map(|(object_type, key_field)| Kind { object_type, key_field }))
    }

    /// In a search of the DMS service names stand in a statement.
    fn name(&self, setting: &Spanned<String>) -> Result<String, Fault> {
        let text = setting.get_ref();
        let allowed = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '.');
        let fits = match self.interface {
            Interface::Dms => text.chars().all(allowed),
            Interface::Osrest => !text.contains(char::is_control),
        };
        if fits && !text.trim().is_empty() {
            return Ok(text.clone());
        }
        let fault = self.source.places().fault_at(setting, "this is no name of a type or field");
        Err(fault.hint("the DMS service wants the internal name: letters, digits, _, : and ."))
    }

    fn fields(
        &self,
        written: &BTreeMap<String, Spanned<String>>,
        place: Place,
    ) -> Result<Vec<(String, Template)>, Vec<Fault>> {
        let mut faults = Faults::default();
        let mut fields = Vec::new();
        for (name, text) in written {
            let template = faults.note(Template::configured(text, place, &self.source.places()));
            fields.extend(template.map(|template| (name.clone(), template)));
        }
        faults.finish(Some(fields))
    }
}
