use crate::pin::Pin;
use crate::session::Server;
use rohrpost_kit::AdapterSource;
use rohrpost_kit::adapter::Faults;
use rohrpost_kit::files::{Folder, Naming, PrintSettings, Unit};
use rohrpost_kit::probe::{Endpoint, Host};
use rohrpost_kit::settings::{Duration, Places, SecretRef};
use rohrpost_model::Fault;
use russh::keys::decode_secret_key;
use russh::keys::ssh_key::{Algorithm, PrivateKey};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Arc;
use toml::Spanned;

/// Where the folder is, and who the hub is there: what the tables `[sftp]` of destinations and sources have in common.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Location {
    host: Spanned<String>,
    #[serde(default = "ssh")]
    port: Spanned<u16>,
    host_keys: Spanned<Vec<Spanned<String>>>,
    user: Spanned<String>,
    key: Option<Spanned<SecretRef>>,
    passphrase: Option<Spanned<SecretRef>>,
    password: Option<Spanned<SecretRef>>,
    /// It must exist; where it does not begin with a slash it starts where the server puts the user.
    folder: Spanned<String>,
    #[serde(default = "ten_seconds")]
    connect_timeout: Duration,
}

/// What only a destination's table has.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Names {
    /// The template of the unit's name; `{delivery-id}` must be in it.
    name: Option<Spanned<String>>,
    /// The template of what documents that go along are called; `{delivery-id}` and `{document}` must be in it.
    document_name: Option<Spanned<String>>,
    #[serde(default)]
    unit: Unit,
    /// Where it is a print service's folder.
    print: Option<PrintSettings>,
}

fn ssh() -> Spanned<u16> {
    Spanned::new(0..0, 22)
}

const fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

/// The table of a destination.
pub(crate) fn read(source: &AdapterSource<'_>, kind: &str) -> Result<(Server, Folder), Vec<Fault>> {
    let (location, names): (Location, Names) = source.read_groups(kind)?;
    let mut faults = Faults::default();
    let located = faults.note(location.read(source));
    let places = source.places();
    let naming = Naming::configured(names.name.as_ref(), names.document_name.as_ref(), names.unit, &places);
    let naming = faults.note(naming.and_then(|naming| naming.printing(names.print.as_ref(), &places)));
    faults.finish(
        located
            .zip(naming)
            .map(|((server, folder), naming)| (server, Folder::new(folder, naming, source.clock.clone()))),
    )
}

impl Location {
    /// Checks it; opens no connection.
    pub(crate) fn read(self, source: &AdapterSource<'_>) -> Result<(Server, PathBuf), Vec<Fault>> {
        let places = source.places();
        let mut faults = Faults::default();
        let host = faults.note(host(&self.host, &places));
        if *self.port.get_ref() == 0 {
            faults.push(places.fault_at(&self.port, "there is no port 0"));
        }
        let pins = faults.note(pins(&self.host_keys, &places));
        for (value, what) in [(&self.user, "the user"), (&self.folder, "the folder")] {
            if value.get_ref().is_empty() {
                faults.push(places.fault_at(value, format!("{what} is empty")));
            }
        }
        let key = faults.note(key(&self, source));
        let password = self.password.as_ref().map(|password| source.secret(password)).transpose();
        let password = faults.note(password);
        let whole = host.zip(pins).zip(key).zip(password);
        faults.finish(whole.map(|(((host, pins), key), password)| {
            let patience = self.connect_timeout.get();
            let endpoint = Endpoint::plain(host, *self.port.get_ref(), patience);
            let user = self.user.into_inner();
            let server = Server { endpoint, patience, pins, user, key, password };
            (server, PathBuf::from(self.folder.into_inner()))
        }))
    }
}

fn host(setting: &Spanned<String>, places: &Places<'_>) -> Result<Host, Fault> {
    Host::parse(setting.get_ref()).map_err(|_| {
        let fault = places.fault_at(setting, "this is no name of a host");
        fault.hint("write a name or an address without a port, for instance sftp.example.org")
    })
}

fn pins(setting: &Spanned<Vec<Spanned<String>>>, places: &Places<'_>) -> Result<Vec<Pin>, Vec<Fault>> {
    if setting.get_ref().is_empty() {
        let fault = places.fault_at(setting, "no host key is believed");
        return Err(vec![fault.hint("ask the server's operator for its fingerprint, SHA256:…")]);
    }
    let mut faults = Faults::default();
    let parsed = setting.get_ref().iter().map(|text| {
        let parsed = Pin::parse(text.get_ref());
        parsed.map_err(|(message, hint)| places.fault_at(text, message).hint(hint))
    });
    let pins = parsed.filter_map(|parsed| faults.note(parsed)).collect();
    faults.finish(Some(pins))
}

fn key(settings: &Location, source: &AdapterSource<'_>) -> Result<Option<Arc<PrivateKey>>, Vec<Fault>> {
    let Some(setting) = &settings.key else {
        return match &settings.passphrase {
            Some(passphrase) => Err(vec![source.places().fault_at(passphrase, "`key` is missing")]),
            None => Ok(None),
        };
    };
    let mut faults = Faults::default();
    let pem = faults.note(source.secret(setting));
    let passphrase = settings.passphrase.as_ref().map(|passphrase| source.secret(passphrase)).transpose();
    let passphrase = faults.note(passphrase);
    let key = pem.zip(passphrase).and_then(|(pem, passphrase)| {
        faults.note(
            decode(&pem, passphrase.as_ref())
                .map_err(|(message, hint)| source.places().fault_at(setting, message).hint(hint)),
        )
    });
    faults.finish(key.map(Arc::new)).map(Some)
}

/// The error's own text is not told: it could quote the key.
fn decode(
    pem: &SecretString,
    passphrase: Option<&SecretString>,
) -> Result<PrivateKey, (&'static str, &'static str)> {
    const MAKE: &str = "take a key that `ssh-keygen -t ed25519` made";
    let text = pem.expose_secret();
    if text.contains("BEGIN RSA PRIVATE KEY") {
        return Err(("RSA keys are not known here", MAKE));
    }
    let decoded = decode_secret_key(text, passphrase.map(ExposeSecret::expose_secret));
    match decoded {
        Ok(key) if matches!(key.algorithm(), Algorithm::Rsa { .. }) => {
            Err(("RSA keys are not known here", MAKE))
        }
        Ok(key) if key.is_encrypted() => Err(("the key is encrypted", "give its `passphrase`")),
        Ok(key) => Ok(key),
        Err(russh::keys::Error::KeyIsEncrypted) => Err(("the key is encrypted", "give its `passphrase`")),
        Err(_) if passphrase.is_some() => {
            Err(("the key cannot be read with this passphrase", "check both; OpenSSH and PEM are known"))
        }
        Err(_) => Err(("this is no private key that is known here", MAKE)),
    }
}
