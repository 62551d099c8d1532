//! What destinations and sources have in common in their tables.

use crate::broker::{Broker, Login};
use lapin::types::ShortString;
use rohrpost_kit::AdapterSource;
use rohrpost_kit::adapter::Faults;
use rohrpost_kit::settings::{Duration, SecretRef};
use rohrpost_kit::socket::{Connection, Dialer, Schemes};
use rohrpost_kit::tls::TlsSettings;
use rohrpost_model::Fault;
use serde::Deserialize;
use std::sync::Mutex;
use toml::Spanned;

/// The addresses of brokers.
const AMQP: Schemes = Schemes { plain: ("amqp", 5672), tls: ("amqps", 5671) };

/// Where the broker is and who the hub is there.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Server {
    /// The broker's address.
    url: Spanned<String>,
    /// The virtual host.
    vhost: Option<Spanned<String>>,
    user: Option<Spanned<String>>,
    password: Option<Spanned<SecretRef>>,
    #[serde(default = "ten_seconds")]
    connect_timeout: Duration,
    #[serde(default)]
    allow_plain: bool,
    #[serde(default)]
    tls: TlsSettings,
}

const fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

impl Server {
    /// The broker; opens no connection.
    pub(crate) fn broker(self, source: &AdapterSource<'_>) -> Result<Broker, Vec<Fault>> {
        let mut faults = Faults::default();
        let login = faults.note(self.login(source));
        let vhost = self.vhost.as_ref().map(|vhost| short(vhost, source)).transpose();
        let (connect_timeout, allow_plain, tls) = (self.connect_timeout, self.allow_plain, self.tls);
        let connection = Connection { connect_timeout, allow_plain, tls };
        let vhost = faults.note(vhost.map(|vhost| vhost.map_or_else(|| "/".to_owned(), Into::into)));
        let dialer = faults.note(Dialer::configure(&self.url, AMQP, &connection, source));
        let whole = login.zip(vhost).zip(dialer);
        faults.finish(whole.map(|((login, vhost), dialer)| Broker {
            dialer,
            vhost,
            login,
            kept: Mutex::default(),
        }))
    }

    fn login(&self, source: &AdapterSource<'_>) -> Result<Login, Fault> {
        let places = source.places();
        match (&self.user, &self.password) {
            (Some(user), Some(password)) => {
                Ok(Login::Password(user.get_ref().clone(), source.secret(password)?))
            }
            (Some(user), None) => Err(places.fault_at(user, "`password` is missing")),
            (None, Some(password)) => Err(places.fault_at(password, "`user` is missing")),
            (None, None) if self.tls.shows_certificate() => Ok(Login::Certificate),
            (None, None) => Ok(Login::Nobody),
        }
    }
}

/// A name at the broker.
pub(crate) fn short(name: &Spanned<String>, source: &AdapterSource<'_>) -> Result<ShortString, Fault> {
    ShortString::try_new(name.get_ref().clone())
        .map_err(|_| source.places().fault_at(name, "a name at a broker has at most 255 bytes"))
}
