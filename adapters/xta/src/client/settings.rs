//! What a destination and a source say of a partner's server.

use super::partner::{Partner, Ports};
use crate::{BusinessScenario, Code, Form, Identifier, Limits, Party};
use rohrpost_kit::AdapterSource;
use rohrpost_kit::adapter::Faults;
use rohrpost_kit::http::{Client, Connection, Url};
use rohrpost_kit::settings::ByteSize;
use rohrpost_model::Fault;
use serde::Deserialize;
use toml::Spanned;

/// A party: its identifier alone, or with what is said beside it.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum PartySettings {
    Bare(String),
    Whole(WholeParty),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct WholeParty {
    /// The identifier, such as `ags:15091000`.
    identifier: String,
    /// How to read it.
    #[serde(default = "xoev", rename = "type")]
    kind: String,
    /// A name for people.
    name: Option<String>,
    /// Its role, in practice the category of the DVDV.
    category: Option<String>,
}

fn xoev() -> String {
    "xoev".to_owned()
}

impl PartySettings {
    pub(super) fn party(&self) -> Party {
        match self {
            Self::Bare(identifier) => Party::xoev(identifier),
            Self::Whole(whole) => {
                let WholeParty { identifier, kind, name, category } = whole.clone();
                let identifier = Identifier { value: identifier, kind: Some(kind), name, category };
                Party { identifier, tokens: Vec::new() }
            }
        }
    }
}

/// A business scenario: a free word, or a code of a list.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum ScenarioSettings {
    Word(String),
    Code(ScenarioCode),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ScenarioCode {
    list: String,
    #[serde(default = "first_version")]
    version: String,
    code: String,
}

fn first_version() -> String {
    "1.0".to_owned()
}

impl ScenarioSettings {
    pub(super) fn scenario(&self) -> BusinessScenario {
        match self {
            Self::Word(word) => BusinessScenario::Undefined(word.clone()),
            Self::Code(ScenarioCode { list, version, code }) => BusinessScenario::Defined(Code {
                list: list.clone(),
                version: version.clone(),
                code: code.clone(),
                name: None,
            }),
        }
    }
}

/// What both say of the server.
pub(super) struct Server<'s> {
    pub(super) management: Option<&'s Spanned<String>>,
    pub(super) send: Option<&'s Spanned<String>>,
    pub(super) msgbox: Option<&'s Spanned<String>>,
    pub(super) author: &'s PartySettings,
    pub(super) mtom: bool,
    pub(super) max_size: Option<ByteSize>,
    pub(super) connection: &'s Connection,
}

impl Server<'_> {
    /// The partner; opens no connection.
    pub(super) fn partner(&self, source: &AdapterSource<'_>) -> Result<Partner, Vec<Fault>> {
        let mut faults = Faults::default();
        let client = faults.note(Client::configure(self.connection, source));
        let address =
            |setting: Option<&Spanned<String>>| setting.map(|it| self.address(it, source)).transpose();
        let management = faults.note(address(self.management));
        let send = faults.note(address(self.send));
        let msgbox = faults.note(address(self.msgbox));
        let limits = match self.max_size {
            Some(size) => Limits { content: size.get(), ..Limits::default() },
            None => Limits::default(),
        };
        let ports = management.zip(send).zip(msgbox);
        let ports = ports.map(|((management, send), msgbox)| Ports { management, send, msgbox });
        faults.finish(client.zip(ports).map(|(client, ports)| Partner {
            client,
            ports,
            author: self.author.party(),
            form: if self.mtom { Form::Mtom } else { Form::Inline },
            limits,
            clock: source.clock.clone(),
        }))
    }

    fn address(&self, setting: &Spanned<String>, source: &AdapterSource<'_>) -> Result<Url, Fault> {
        let fault = |what: String| source.places().fault_at(setting, what);
        let url =
            Url::parse(setting.get_ref()).map_err(|error| fault(format!("this is no address: {error}")))?;
        self.connection.permits(&url).map_err(fault)?;
        if url.username().is_empty() && url.password().is_none() {
            return Ok(url);
        }
        let fault = source.places().fault_at(setting, "credentials do not stand in the address");
        Err(fault.hint("XTA knows who speaks by the certificate: client-pkcs12 in the table connection"))
    }
}
