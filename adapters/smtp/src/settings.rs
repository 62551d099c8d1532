use crate::connection::{Security, Server};
use crate::mail::{Letter, Recipients};
use lettre::message::Mailbox;
use lettre::transport::smtp::extension::ClientId;
use rohrpost_kit::AdapterSource;
use rohrpost_kit::adapter::Faults;
use rohrpost_kit::probe::{Endpoint, Host};
use rohrpost_kit::settings::{ByteSize, Places, SecretRef};
use rohrpost_kit::socket::Connection;
use rohrpost_kit::template::{Place, Template};
use rohrpost_model::Fault;
use secrecy::SecretString;
use serde::Deserialize;
use toml::Spanned;

/// What a notice is called, and what it says, where the configuration says nothing else.
const SUBJECT: &str = "Neuer Eingang / New submission: {service}";
const TEXT: &str = "Im Fachverfahren liegt ein neuer Eingang.\r\nThere is a new submission.\r\n\r\n\
                    Leistung / service: {service}\r\nEingegangen / received: {received-at}\r\n\
                    Kennung / id: {delivery-id}\r\n\r\n\
                    Diese Nachricht enthält keine Antragsdaten. Bitte nicht antworten.\r\n\
                    This message holds no data of the application. Please do not reply.\r\n";

/// Stands for the mail address that the submission names for its answers.
const OF_SUBMISSION: &str = "{reply.mail}";

/// What of the table `[smtp]` of a destination is not the connection's.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Settings {
    host: Spanned<String>,
    port: Option<Spanned<u16>>,
    security: Option<Spanned<SecurityName>>,
    user: Option<Spanned<String>>,
    password: Option<Spanned<SecretRef>>,
    hello: Option<Spanned<String>>,
    from: Spanned<String>,
    to: Spanned<Vec<Spanned<String>>>,
    subject: Option<Spanned<String>>,
    text: Option<Spanned<String>>,
    attach: Option<Spanned<bool>>,
    open_mail_is_acceptable: Option<Spanned<bool>>,
    #[serde(default = "twenty_megabytes")]
    size_limit: ByteSize,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SecurityName {
    #[default]
    StartTls,
    Tls,
    None,
}

impl Settings {
    fn attaches(&self) -> bool {
        self.attach.as_ref().is_some_and(|attach| *attach.get_ref())
    }
}

impl SecurityName {
    const fn port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}

const fn twenty_megabytes() -> ByteSize {
    ByteSize::from_bytes(20_000_000)
}

pub(crate) fn read(source: &AdapterSource<'_>, kind: &str) -> Result<(Server, Letter), Vec<Fault>> {
    let (connection, settings): (Connection, Settings) = source.read_groups(kind)?;
    let mut faults = Faults::default();
    let letter = faults.note(letter(&settings, &source.places()));
    let from = letter.as_ref().map(|letter| letter.from.email.domain().to_owned());
    let server = faults.note(server(&settings, &connection, source, from));
    faults.finish(server.zip(letter))
}

fn server(
    settings: &Settings,
    connection: &Connection,
    source: &AdapterSource<'_>,
    domain: Option<String>,
) -> Result<Server, Vec<Fault>> {
    let places = source.places();
    let mut faults = Faults::default();
    let host = faults.note(host(&settings.host, &places));
    let account = faults.note(account(settings, source));
    let tls = faults.note(connection.tls.configure(source));
    let security = settings.security.as_ref().map(|name| *name.get_ref()).unwrap_or_default();
    if let (Some(host), Some(setting)) = (&host, &settings.security)
        && security == SecurityName::None
        && !connection.allow_plain
        && !is_loopback(host)
    {
        let fault = places.fault_at(setting, "mail in clear is only for this machine");
        faults.push(fault.hint("write \"starttls\" or \"tls\", or say allow-plain = true"));
    }
    let hello = settings.hello.as_ref().map(|hello| hello.get_ref().clone()).or(domain);
    if let Some(hello) = &settings.hello
        && hello.get_ref().chars().any(|c| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '-'))
    {
        faults.push(places.fault_at(hello, "this is no name of a host"));
    }
    let port = settings.port.as_ref().map_or(security.port(), |port| *port.get_ref());
    let patience = connection.connect_timeout.get();
    faults.finish(host.zip(account).zip(tls).map(|((host, account), tls)| {
        let endpoint_tls = (security != SecurityName::None).then(|| tls.clone());
        let endpoint = Endpoint::new(host.clone(), port, endpoint_tls, patience);
        let security = match security {
            SecurityName::StartTls => Security::StartTls(tls),
            SecurityName::Tls => Security::Tls(tls),
            SecurityName::None => Security::None,
        };
        let hello = ClientId::Domain(hello.unwrap_or_else(|| "localhost".to_owned()));
        Server { endpoint, host, security, patience, hello, account }
    }))
}

fn host(setting: &Spanned<String>, places: &Places<'_>) -> Result<Host, Fault> {
    Host::parse(setting.get_ref()).map_err(|_| {
        let fault = places.fault_at(setting, "this is no name of a host");
        fault.hint("write a name or an address without a port, for instance mail.example.org")
    })
}

fn is_loopback(host: &Host) -> bool {
    match host {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

fn account(settings: &Settings, source: &AdapterSource<'_>) -> Result<Option<(String, SecretString)>, Fault> {
    match (&settings.user, &settings.password) {
        (None, None) => Ok(None),
        (Some(user), Some(password)) => Ok(Some((user.get_ref().clone(), source.secret(password)?))),
        (Some(user), None) => Err(source.places().fault_at(user, "`password` is missing")),
        (None, Some(password)) => Err(source.places().fault_at(password, "`user` is missing")),
    }
}

fn letter(settings: &Settings, places: &Places<'_>) -> Result<Letter, Vec<Fault>> {
    let mut faults = Faults::default();
    let from = faults.note(mailbox(&settings.from, places));
    if settings.to.get_ref().is_empty() {
        faults.push(places.fault_at(&settings.to, "nobody gets the mail"));
    }
    let to = faults.note(recipients(settings, places));
    let subject = faults.note(template(settings.subject.as_ref(), SUBJECT, places));
    if let Some(subject) = &settings.subject
        && subject.get_ref().contains(char::is_control)
    {
        faults.push(places.fault_at(subject, "a subject is one line"));
    }
    let text = faults.note(template(settings.text.as_ref(), TEXT, places));
    faults.note(acknowledged(settings, places));
    faults.finish(from.zip(to).zip(subject).zip(text).map(|(((from, to), subject), text)| {
        let (attach, size_limit) = (settings.attaches(), settings.size_limit.get());
        Letter { from, to, subject, text, attach, size_limit }
    }))
}

/// Fixed ones, or whom the submission names: to them only notices go, because nobody answers for their mailbox.
fn recipients(settings: &Settings, places: &Places<'_>) -> Result<Recipients, Vec<Fault>> {
    let to = settings.to.get_ref();
    let Some(named) = to.iter().find(|to| to.get_ref() == OF_SUBMISSION) else {
        let mut faults = Faults::default();
        let fixed: Vec<_> = to.iter().filter_map(|to| faults.note(mailbox(to, places))).collect();
        return faults.finish(Some(Recipients::Fixed(fixed)));
    };
    if to.len() > 1 {
        let fault = places.fault_at(named, "whom the submission names gets a mail alone");
        return Err(vec![fault.hint("make a second destination for the others")]);
    }
    match settings.attach.as_ref().filter(|attach| *attach.get_ref()) {
        Some(attach) => Err(vec![
            places
                .fault_at(attach, "to whom a submission names only a notice without content goes")
                .hint("leave `attach` out; the content waits at the portal"),
        ]),
        None => Ok(Recipients::OfSubmission),
    }
}

fn mailbox(setting: &Spanned<String>, places: &Places<'_>) -> Result<Mailbox, Fault> {
    let parsed =
        setting.get_ref().parse::<Mailbox>().ok().filter(|mailbox| mailbox.email.to_string().is_ascii());
    parsed.ok_or_else(|| {
        let fault = places.fault_at(setting, "this is no mail address");
        fault.hint("write amt@example.org, or Bauamt <amt@example.org>")
    })
}

fn template(
    setting: Option<&Spanned<String>>,
    default: &str,
    places: &Places<'_>,
) -> Result<Template, Fault> {
    let default = Spanned::new(0..0, default.to_owned());
    Template::configured(setting.unwrap_or(&default), Place::Notice, places)
}

/// Content in a mail is a choice that somebody made knowingly.
fn acknowledged(settings: &Settings, places: &Places<'_>) -> Result<(), Fault> {
    let acceptable = settings.open_mail_is_acceptable.as_ref().filter(|acceptable| *acceptable.get_ref());
    match (settings.attach.as_ref().filter(|attach| *attach.get_ref()), acceptable) {
        (Some(_), Some(_)) | (None, None) => Ok(()),
        (Some(attach), None) => Err(places
            .fault_at(attach, "the content would be readable wherever the mail passes or lies")
            .hint("leave it out for a notice without content, or write open-mail-is-acceptable = true beside it")),
        (None, Some(acceptable)) => Err(places
            .fault_at(acceptable, "nothing is attached")
            .hint("it belongs beside attach = true; leave it out")),
    }
}
