//! Reading and checking the table `[ipp]`.

use crate::IppTarget;
use crate::papers::What;
use crate::printer::Printer;
use ipp::attribute::{IppAttribute, IppAttributeName};
use ipp::value::{IppKeyword, IppName, IppString, IppValue};
use rohrpost_kit::AdapterSource;
use rohrpost_kit::adapter::Faults;
use rohrpost_kit::http::header::HeaderValue;
use rohrpost_kit::http::{Auth, Client, Connection, Url};
use rohrpost_kit::pdf::Rules;
use rohrpost_kit::settings::{Duration, SecretRef};
use rohrpost_model::Fault;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Settings {
    printer: Spanned<String>,
    user: Option<Spanned<String>>,
    auth: Option<AuthSettings>,
    #[serde(default)]
    print: What,
    copies: Option<Spanned<i32>>,
    sides: Option<Sides>,
    media: Option<Spanned<String>>,
    colour: Option<Colour>,
    tray: Option<Spanned<String>>,
    history: Option<Spanned<Duration>>,
    longest_call: Option<Duration>,
    #[serde(default)]
    forgotten: Forgotten,
    #[serde(default)]
    pdf: Rules,
    #[serde(default)]
    connection: Connection,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum AuthSettings {
    Basic { user: Spanned<String>, password: Spanned<SecretRef> },
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Sides {
    OneSided,
    TwoSidedLongEdge,
    TwoSidedShortEdge,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Colour {
    Color,
    Monochrome,
    Auto,
}

/// What becomes of a job that the printer took and does not name any more.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Forgotten {
    #[default]
    Park,
    Done,
}

/// Who prints, where the configuration says nothing else.
const USER: &str = "rohrpost";

/// Where printers listen (RFC 8010, 4).
const PORT: u16 = 631;

/// The longest that a call is at work at the printer, where the configuration says nothing else.
const LONGEST_CALL: std::time::Duration = std::time::Duration::from_secs(60);

/// The most copies: more than anybody means.
const COPIES_MAX: i32 = 100;

/// A4 in hundredths of a millimetre.
const A4: [(&str, i32); 2] = [("x-dimension", 21_000), ("y-dimension", 29_700)];

pub(crate) fn configure(source: &AdapterSource<'_>, kind: &str) -> Result<IppTarget, Vec<Fault>> {
    let settings: Settings = source.read(kind)?;
    let reader = Reader { source };
    let mut faults = Faults::default();
    let client = faults.note(Client::configure(&settings.connection, source));
    let address = faults.note(reader.address(&settings));
    let user = faults.note(reader.user(settings.user.as_ref()));
    let authorization = faults.note(reader.authorization(settings.auth.as_ref()));
    let template = faults.note(reader.template(&settings));
    let longest_call = settings.longest_call.map_or(LONGEST_CALL, Duration::get);
    let history = faults.note(reader.history(settings.history.as_ref(), longest_call));
    let whole = client.zip(address).zip(user).zip(authorization).zip(template).zip(history);
    let made = whole.and_then(|(((((client, (url, uri)), user), authorization), template), history)| {
        let (endpoint, clock) = (client.endpoint(&url)?, Arc::clone(&source.clock));
        Some(IppTarget {
            printer: Printer { client, url, uri, user, authorization, template, clock },
            endpoint,
            what: settings.print,
            rules: settings.pdf,
            history,
            longest_call,
            forgotten_is_done: settings.forgotten == Forgotten::Done,
        })
    });
    faults.finish(made)
}

struct Reader<'a> {
    source: &'a AdapterSource<'a>,
}

impl Reader<'_> {
    /// Where requests go, and what the printer calls itself.
    fn address(&self, settings: &Settings) -> Result<(Url, IppString), Fault> {
        let (setting, places) = (&settings.printer, self.source.places());
        let text = setting.get_ref();
        let scheme = text.split_once("://").and_then(|(scheme, rest)| match scheme {
            "ipp" => Some(("http", rest)),
            "ipps" => Some(("https", rest)),
            _ => None,
        });
        let Some((scheme, rest)) = scheme else {
            let fault = places.fault_at(setting, "this is no address of a printer");
            return Err(fault.hint("write it like ipps://printer.example.org/ipp/print"));
        };
        let http = Spanned::new(setting.span(), format!("{scheme}://{rest}"));
        let mut url = settings.connection.address(&http, &places)?;
        // The address of HTTP that belongs to it has another port where none is given (RFC 8010, 4; RFC 7472, 4.3).
        if Url::parse(text).is_ok_and(|written| written.port().is_none()) {
            let _ = url.set_port(Some(PORT));
        }
        let uri =
            IppString::new(text.as_str()).map_err(|_| places.fault_at(setting, "the address is too long"))?;
        Ok((url, uri))
    }

    fn user(&self, user: Option<&Spanned<String>>) -> Result<IppName, Fault> {
        let Some(setting) = user else { return Ok(IppName::new_truncated(USER)) };
        let text = setting.get_ref();
        let fits = !text.trim().is_empty() && !text.contains(char::is_control);
        IppName::new(text.as_str()).ok().filter(|_| fits).ok_or_else(|| {
            self.source.places().fault_at(setting, "a user's name is one line of 1 to 255 bytes")
        })
    }

    fn authorization(&self, auth: Option<&AuthSettings>) -> Result<Option<HeaderValue>, Fault> {
        let Some(AuthSettings::Basic { user, password }) = auth else { return Ok(None) };
        if user.get_ref().contains(':') {
            return Err(self.source.places().fault_at(user, "a user's name has no colon in it"));
        }
        let basic = Auth::Basic { user: user.get_ref().clone(), password: self.source.secret(password)? };
        let header = basic.header();
        header.map(Some).map_err(|message| self.source.places().fault_at(password, message))
    }

    /// Until a call that tore can have come to its end, nothing is known of it; so shorter is no history.
    fn history(
        &self,
        history: Option<&Spanned<Duration>>,
        longest_call: std::time::Duration,
    ) -> Result<Option<std::time::Duration>, Fault> {
        match history {
            Some(setting) if setting.get_ref().get() <= longest_call => {
                let fault = self.source.places().fault_at(setting, "it is not longer than longest-call");
                Err(fault.hint("leave it out where the printer forgets finished jobs sooner than that"))
            }
            setting => Ok(setting.map(|setting| setting.get_ref().get())),
        }
    }

    /// The attributes of every job.
    fn template(&self, settings: &Settings) -> Result<Vec<IppAttribute>, Vec<Fault>> {
        let (mut faults, mut template) = (Faults::default(), Vec::new());
        if let Some(copies) = &settings.copies {
            template.extend(faults.note(self.copies(copies)));
        }
        template.extend(settings.sides.map(|sides| keyword("sides", sides.word())));
        template.extend(settings.colour.map(|colour| keyword("print-color-mode", colour.word())));
        if let Some(media) = &settings.media {
            template.extend(faults.note(self.keyword("media", media)));
        }
        if let Some(tray) = &settings.tray {
            template.extend(faults.note(self.tray(settings, tray)));
        }
        faults.finish(Some(template))
    }

    fn copies(&self, copies: &Spanned<i32>) -> Result<IppAttribute, Fault> {
        if !(1..=COPIES_MAX).contains(copies.get_ref()) {
            let message = format!("copies are from 1 to {COPIES_MAX}");
            return Err(self.source.places().fault_at(copies, message));
        }
        Ok(IppValue::Integer(*copies.get_ref()).named(IppAttributeName::COPIES))
    }

    /// A tray is a member of `media-col` (PWG 5100.7), which stands in the place of `media`.
    fn tray(&self, settings: &Settings, tray: &Spanned<String>) -> Result<IppAttribute, Fault> {
        if let Some(media) = &settings.media {
            let fault = self.source.places().fault_at(media, "media and tray exclude each other");
            return Err(fault.hint("leave one of them out; with tray it is A4"));
        }
        let source = self.keyword("media-source", tray)?.into_value();
        let size = A4.map(|(side, length)| (IppName::new_truncated(side), IppValue::Integer(length)));
        let members = BTreeMap::from([
            (IppName::new_truncated("media-size"), IppValue::Collection(size.into())),
            (IppName::new_truncated("media-source"), source),
        ]);
        Ok(IppAttribute::new(IppName::new_truncated("media-col"), IppValue::Collection(members)))
    }

    fn keyword(&self, name: &'static str, setting: &Spanned<String>) -> Result<IppAttribute, Fault> {
        let text = setting.get_ref();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if text.is_empty() || text.len() > 255 || !text.bytes().all(allowed) {
            let fault = self.source.places().fault_at(setting, format!("this is no value of {name}"));
            return Err(fault.hint("write the printer's word for it, like iso_a4_210x297mm or tray-2"));
        }
        Ok(keyword(name, text))
    }
}

impl Sides {
    const fn word(self) -> &'static str {
        match self {
            Self::OneSided => "one-sided",
            Self::TwoSidedLongEdge => "two-sided-long-edge",
            Self::TwoSidedShortEdge => "two-sided-short-edge",
        }
    }
}

impl Colour {
    const fn word(self) -> &'static str {
        match self {
            Self::Color => "color",
            Self::Monochrome => "monochrome",
            Self::Auto => "auto",
        }
    }
}

/// Name and word are short.
fn keyword(name: &str, word: &str) -> IppAttribute {
    IppAttribute::new(IppName::new_truncated(name), IppValue::Keyword(IppKeyword::new_truncated(word)))
}
