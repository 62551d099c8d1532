//! The table `[xta]` of a listener.

use crate::carry::TypeSettings;
use crate::intake::{ReaderSettings, Rules, ServiceSettings};
use crate::profile::Profile;
use openssl::hash::MessageDigest;
use openssl::x509::X509;
use rohrpost_kit::AdapterSource;
use rohrpost_kit::settings::ByteSize;
use rohrpost_model::{ClientName, DestinationName, Fault};
use serde::Deserialize;
use std::path::PathBuf;
use toml::Spanned;

/// The contents of one message together, where nothing is said: what XBau allows at most.
const MAX_SIZE: ByteSize = ByteSize::from_bytes(250_000_000);

/// The table.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Settings {
    /// Who the server is in transport reports.
    pub(super) identity: String,
    /// The sender in message ids that the server makes.
    #[serde(default = "default_sender")]
    pub(super) sender: Spanned<String>,
    /// Where partners reach the server, for its WSDL; without it, what the request says.
    pub(super) base_url: Option<String>,
    /// The contents of one message together.
    pub(super) max_size: Option<ByteSize>,
    /// Who may speak to the server.
    #[serde(default)]
    pub(super) account: Vec<AccountSettings>,
    /// The services that it takes messages for.
    #[serde(default)]
    pub(super) service: Vec<ServiceSettings>,
    /// The readers that it takes messages for.
    #[serde(default)]
    pub(super) reader: Vec<ReaderSettings>,
    /// Transport profiles that come with the hub, by name.
    #[serde(default)]
    pub(super) profiles: Vec<Spanned<String>>,
    /// Further transport profiles.
    #[serde(default)]
    pub(super) profile: Vec<Profile>,
    /// The mailboxes that it hands messages out of.
    #[serde(default)]
    pub(super) mailbox: Vec<MailboxSettings>,
}

/// An account: certificates, and as whom their holder may speak.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct AccountSettings {
    /// The client that it is for.
    pub(super) client: Spanned<ClientName>,
    /// PEM files with the certificates that prove it.
    pub(super) certificates: Vec<Spanned<PathBuf>>,
    /// The identifiers of authors and readers that it may use.
    pub(super) identifiers: Vec<String>,
    /// The URIs of the services that it has booked; empty for all.
    #[serde(default)]
    pub(super) services: Vec<String>,
    /// It is known, but may do nothing.
    #[serde(default)]
    pub(super) locked: bool,
    /// Messages of this partner are taken although they break the schema of the standard; what breaks it is noted.
    #[serde(default)]
    pub(super) lenient: bool,
}

/// A mailbox, and what stands in the metadata of its messages.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct MailboxSettings {
    /// The mailbox: a destination.
    pub(super) mailbox: Spanned<DestinationName>,
    /// The identifier under which its reader asks for it.
    pub(super) reader: Spanned<String>,
    /// Who is the author of its messages.
    pub(super) author: String,
    /// `Qualifier/Service`.
    pub(super) service: String,
    /// `BusinessScenario`.
    pub(super) scenario: String,
    /// `MessageType`.
    pub(super) message_type: TypeSettings,
}

fn default_sender() -> Spanned<String> {
    Spanned::new(0..0, "rohrpost".to_owned())
}

impl Settings {
    /// What messages are to the hub.
    pub(super) fn rules(&self) -> Rules<'_> {
        Rules { services: &self.service, readers: &self.reader }
    }

    pub(super) fn max_size(&self) -> u64 {
        self.max_size.unwrap_or(MAX_SIZE).get()
    }

    /// What only all together can show.
    pub(super) fn check(&self, source: &AdapterSource<'_>) -> Result<(), Vec<Fault>> {
        let places = source.places();
        let mut faults = Vec::new();
        if crate::ids::make(self.sender.get_ref(), uuid::Uuid::nil()).is_err() {
            let fault = places.fault_at(&self.sender, "this cannot stand in a message id");
            faults.push(fault.hint("1 to 41 characters without colon and blank"));
        }
        for mailbox in &self.mailbox {
            let reader = mailbox.reader.get_ref();
            let readers = self.account.iter().filter(|account| account.identifiers.contains(reader)).count();
            if readers == 0 {
                let fault =
                    places.fault_at(&mailbox.reader, format!("no account has the identifier `{reader}`"));
                faults.push(fault.hint("list it under `identifiers` of the account that reads the mailbox"));
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

/// SHA-256 of a certificate's DER.
pub(super) type Fingerprint = [u8; 32];

/// The certificates of a PEM file.
pub(super) fn fingerprints(
    source: &AdapterSource<'_>,
    file: &Spanned<PathBuf>,
) -> Result<Vec<Fingerprint>, Fault> {
    let wrong = |what: String| source.places().fault_at(file, what);
    let pem = std::fs::read(source.path(file.get_ref())).map_err(|error| wrong(error.to_string()))?;
    let chain = X509::stack_from_pem(&pem).unwrap_or_default();
    if chain.is_empty() {
        return Err(wrong("there is no certificate in PEM in this file".into()));
    }
    let digest = |certificate: &X509| certificate.digest(MessageDigest::sha256());
    let digests = chain.iter().map(|one| digest(one).ok()?.as_ref().try_into().ok());
    digests.collect::<Option<_>>().ok_or_else(|| wrong("a certificate in this file cannot be read".into()))
}
