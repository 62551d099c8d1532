//! A browser that comes back from the payment page by way of the hub, so that the hub asks at once what became of the payment.

use crate::adapter::{AdapterSource, Faults};
use crate::settings::SecretRef;
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign, verify};
use rohrpost_model::ports::{Forged, Noticed, Notification};
use rohrpost_model::{DeliveryId, Fault};
use secrecy::ExposeSecret;
use serde::Deserialize;
use toml::Spanned;
use url::Url;

/// The fewest characters of a key: what a password manager makes of 128 bits in hexadecimal.
const SHORTEST_KEY: usize = 32;

/// The table `return` of a payment destination.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ReturnSettings {
    /// The hub's address for notifications of this destination, as citizens' browsers reach it.
    url: Spanned<String>,
    /// Signs the addresses, so that only who was sent there comes back.
    key: Spanned<SecretRef>,
}

/// Makes and reads the addresses.
pub struct Returning {
    url: Url,
    key: Key,
}

impl ReturnSettings {
    /// Checks how it is written.
    pub fn configured(&self, source: &AdapterSource<'_>) -> Result<Returning, Vec<Fault>> {
        let (places, mut faults) = (source.places(), Faults::default());
        let url = notification_address(&self.url, source);
        let url = faults.note(url);
        let key = faults.note(source.secret(&self.key));
        if key.as_ref().is_some_and(|key| key.expose_secret().chars().count() < SHORTEST_KEY) {
            faults.push(places.fault_at(&self.key, "the key has fewer than 32 characters"));
        }
        faults.finish(
            url.zip(key).map(|(url, key)| Returning {
                url,
                key: Key::new(HMAC_SHA256, key.expose_secret().as_bytes()),
            }),
        )
    }
}

/// Where notifications of a destination come in.
pub fn notification_address(written: &Spanned<String>, source: &AdapterSource<'_>) -> Result<Url, Fault> {
    let fault = |message: &str| source.places().fault_at(written, message);
    let url =
        Url::parse(written.get_ref()).map_err(|error| fault(&format!("this is no address: {error}")))?;
    if !url.path().contains("/v1/notifications/") || url.query().is_some() {
        let fault = fault("notifications of a destination do not come in there");
        return Err(fault.hint("it ends in /v1/notifications/ and the destination's name"));
    }
    Ok(url)
}

impl Returning {
    /// Where a browser comes back to: the hub takes note, and sends it on to `then`.
    pub fn address(&self, delivery: DeliveryId, then: &Url) -> Url {
        let mut url = self.url.clone();
        let delivery = delivery.to_string();
        let code = code(&self.key, &signed(&delivery, then.as_str()));
        url.query_pairs_mut()
            .append_pair("delivery", &delivery)
            .append_pair("to", then.as_str())
            .append_pair("code", &code);
        url
    }

    /// Whose browser comes back. What the payment page adds to the address is not looked at.
    pub fn read(&self, notification: &Notification<'_>) -> Result<Noticed, Forged> {
        let pairs = || url::form_urlencoded::parse(notification.query.as_bytes());
        let of = |wanted: &str| pairs().find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned());
        let (delivery, then) = (of("delivery").ok_or(Forged)?, of("to").ok_or(Forged)?);
        let code = hex::decode(of("code").ok_or(Forged)?).map_err(|_| Forged)?;
        verify(&self.key, signed(&delivery, &then).as_bytes(), &code).map_err(|_| Forged)?;
        Ok(Noticed { delivery: delivery.parse().map_err(|_| Forged)?, then: Some(then) })
    }
}

fn code(key: &Key, text: &str) -> String {
    hex::encode(sign(key, text.as_bytes()))
}

/// No id has a line end in it.
fn signed(delivery: &str, then: &str) -> String {
    format!("{delivery}\n{then}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// The codes of pmPayment are made as ours are: HMAC-SHA-256, in hexadecimal.
    #[test]
    fn the_published_codes_of_pmpayment_are_reproduced() {
        let file = "../shared/standards/fit-connect/payment/pmpayment-hash.synthetic.json";
        let roots = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
        let Some(text) =
            roots.map(|root| root.join(file)).find_map(|path| std::fs::read_to_string(path).ok())
        else {
            eprintln!("SKIPPED: the standards are not here, so the published codes were not compared");
            return;
        };
        let vectors: serde_json::Value = serde_json::from_str(&text).unwrap();
        let key = Key::new(HMAC_SHA256, vectors["salt"].as_str().unwrap().as_bytes());
        for vector in ["short", "long"].map(|name| &vectors[name]) {
            assert_eq!(code(&key, vector["string"].as_str().unwrap()), vector["hash"]);
        }
    }
}
