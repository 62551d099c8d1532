//! Reading and checking the table `[callback]`.

use crate::hosts::{Hosts, Pattern};
use crate::signature::{SHORTEST_KEY, Signer};
use crate::{Address, CallbackTarget};
use rohrpost_kit::AdapterSource;
use rohrpost_kit::adapter::Faults;
use rohrpost_kit::http::{Client, Connection, StatusTable, Url};
use rohrpost_kit::settings::SecretRef;
use rohrpost_model::Fault;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Settings {
    url: Option<Spanned<String>>,
    url_from_submission: Option<Spanned<bool>>,
    allow: Option<Spanned<Vec<Spanned<String>>>>,
    key: Spanned<SecretRef>,
    next_key: Option<Spanned<SecretRef>>,
    #[serde(default)]
    deduplicates: bool,
    #[serde(default)]
    status: StatusTable,
    #[serde(default)]
    connection: Connection,
}

pub(crate) fn configure(source: &AdapterSource<'_>, kind: &str) -> Result<CallbackTarget, Vec<Fault>> {
    let mut settings: Settings = source.read(kind)?;
    let mut faults = Faults::default();
    faults.note(settings.connection.require_public(&source.places()));
    let reader = Reader { source };
    let client = faults.note(Client::configure(&settings.connection, source));
    let place = faults.note(reader.place(&settings));
    let signer = faults.note(reader.signer(&settings));
    let whole = client.zip(place).zip(signer).and_then(|((client, place), signer)| {
        let address = match place {
            Place::Fixed(url) => Address::Fixed { endpoint: client.endpoint(&url)?, url },
            Place::OfSubmission(hosts) => Address::OfSubmission(hosts),
        };
        let (status, deduplicates) = (settings.status, settings.deduplicates);
        Some(CallbackTarget { client, address, signer, status, deduplicates, clock: source.clock.clone() })
    });
    faults.finish(whole)
}

enum Place {
    Fixed(Url),
    OfSubmission(Hosts),
}

struct Reader<'s> {
    source: &'s AdapterSource<'s>,
}

impl Reader<'_> {
    fn place(&self, settings: &Settings) -> Result<Place, Vec<Fault>> {
        let of_submission = settings.url_from_submission.as_ref().filter(|it| *it.get_ref());
        match (&settings.url, of_submission, &settings.allow) {
            (Some(url), None, None) => Ok(Place::Fixed(self.url(settings, url).map_err(|it| vec![it])?)),
            (None, Some(_), Some(allow)) => self.hosts(allow).map(Place::OfSubmission),
            (None, None, _) => Err(vec![self.without_address()]),
            (Some(_), Some(both), _) => Err(self.wrong(both, "`url` says already where calls go")),
            (Some(_), None, Some(allow)) => {
                Err(self.wrong(allow, "`allow` belongs to url-from-submission = true"))
            }
            (None, Some(alone), None) => Err(vec![self.without_hosts(alone)]),
        }
    }

    fn wrong<T>(&self, place: &Spanned<T>, what: &str) -> Vec<Fault> {
        vec![self.source.places().fault_at(place, what).hint("leave one of both out")]
    }

    fn without_address(&self) -> Fault {
        let fault = Fault::of_file(self.source.file, "nothing says where calls go");
        fault.hint("write `url`, or url-from-submission = true with `allow`")
    }

    /// Else whoever hands in could have the hub call anybody.
    fn without_hosts<T>(&self, place: &Spanned<T>) -> Fault {
        let fault = self.source.places().fault_at(place, "`allow` is missing");
        fault.hint(
            "name the hosts that submissions may name: allow = [\"portal.example.org\", \"*.example.org\"]",
        )
    }

    fn url(&self, settings: &Settings, setting: &Spanned<String>) -> Result<Url, Fault> {
        let fault = |message: &str| self.source.places().fault_at(setting, message);
        let url =
            Url::parse(setting.get_ref()).map_err(|error| fault(&format!("this is no address: {error}")))?;
        settings.connection.permits(&url).map_err(|message| fault(&message))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(fault("credentials do not stand in the address").hint("calls are signed with `key`"));
        }
        if url.fragment().is_some() { Err(fault("what follows the # is never sent")) } else { Ok(url) }
    }

    fn hosts(&self, allow: &Spanned<Vec<Spanned<String>>>) -> Result<Hosts, Vec<Fault>> {
        let mut faults = Faults::default();
        if allow.get_ref().is_empty() {
            faults.push(self.source.places().fault_at(allow, "without a host nobody is ever called"));
        }
        let patterns = allow.get_ref().iter().filter_map(|text| {
            let fault = || {
                let fault = self.source.places().fault_at(text, "this is no host");
                fault.hint(
                    "write portal.example.org, *.example.org or portal.example.org:8443, umlauts in Punycode (xn--…)",
                )
            };
            faults.note(Pattern::parse(text.get_ref()).ok_or_else(fault))
        });
        let hosts = Hosts::new(patterns.collect());
        faults.finish(Some(hosts))
    }

    fn signer(&self, settings: &Settings) -> Result<Signer, Vec<Fault>> {
        let mut faults = Faults::default();
        let key = faults.note(self.key(&settings.key));
        let next = settings.next_key.as_ref().map(|next| (next, faults.note(self.key(next))));
        if let (Some(key), Some((place, Some(next)))) = (&key, &next)
            && key.expose_secret() == next.expose_secret()
        {
            faults.push(self.source.places().fault_at(place, "it is the same as `key`"));
        }
        let keys = [key, next.and_then(|(_, next)| next)];
        faults.finish(Some(Signer::new(keys.iter().flatten())))
    }

    fn key(&self, setting: &Spanned<SecretRef>) -> Result<SecretString, Fault> {
        let key = self.source.secret(setting)?;
        if key.expose_secret().chars().count() >= SHORTEST_KEY {
            return Ok(key);
        }
        let fault = format!("the key has fewer than {SHORTEST_KEY} characters");
        Err(self.source.places().fault_at(setting, fault).hint("make one with: openssl rand -hex 32"))
    }
}
