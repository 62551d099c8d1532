use aws_lc_rs::hmac::{Context, HMAC_SHA256, Key};
use rohrpost_model::DeliveryId;
use secrecy::{ExposeSecret, SecretString};

/// The fewest characters of a key: what a password manager makes of 128 bits in hexadecimal.
pub(crate) const SHORTEST_KEY: usize = 32;

/// Signs calls with every key in use, so that the portal may hold any of them.
pub(crate) struct Signer {
    keys: Vec<Key>,
}

impl Signer {
    pub(crate) fn new<'k>(keys: impl IntoIterator<Item = &'k SecretString>) -> Self {
        let key = |secret: &SecretString| Key::new(HMAC_SHA256, secret.expose_secret().as_bytes());
        Self { keys: keys.into_iter().map(key).collect() }
    }

    /// The value of the header: `v1=` and the code in hexadecimal, once for each key.
    pub(crate) fn sign(&self, timestamp: i64, delivery: DeliveryId, body: &[u8]) -> String {
        let head = format!("{timestamp}.{delivery}.");
        let entry = |key: &Key| {
            let mut context = Context::with_key(key);
            context.update(head.as_bytes());
            context.update(body);
            format!("v1={}", hex::encode(context.sign()))
        };
        self.keys.iter().map(entry).collect::<Vec<_>>().join(",")
    }
}
