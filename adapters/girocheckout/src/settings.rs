//! The table `[girocheckout]`.

use crate::Giro;
use crate::calls::Calls;
use crate::hash::Hasher;
use rohrpost_kit::AdapterSource;
use rohrpost_kit::adapter::Faults;
use rohrpost_kit::http::{Client, Connection};
use rohrpost_kit::payment::{AnswerSettings, OrderSettings, PaymentTarget, notification_address};
use rohrpost_kit::settings::SecretRef;
use rohrpost_model::Fault;
use serde::Deserialize;
use std::sync::Arc;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Settings {
    /// The address of the interface, up to its version.
    url: Spanned<String>,
    merchant: Spanned<String>,
    project: Spanned<String>,
    /// The project's password.
    password: Spanned<SecretRef>,
    /// Where GiroCheckout tells how a payment ended.
    notify_url: Option<Spanned<String>>,
    /// Nothing is really paid.
    #[serde(default)]
    test: bool,
    order: OrderSettings,
    answer: AnswerSettings,
    #[serde(default)]
    connection: Connection,
}

pub(crate) fn configure(source: &AdapterSource<'_>, kind: &str) -> Result<PaymentTarget<Giro>, Vec<Fault>> {
    let settings: Settings = source.read(kind)?;
    let provider = settings.provider(source);
    PaymentTarget::configured(provider, &settings.order, settings.answer, source)
}

impl Settings {
    fn provider(&self, source: &AdapterSource<'_>) -> Result<Giro, Vec<Fault>> {
        let (places, mut faults) = (source.places(), Faults::default());
        let client = faults.note(Client::configure(&self.connection, source));
        let url = faults.note(self.connection.address(&self.url, &places));
        let password = faults.note(source.secret(&self.password));
        let notify = self.notify_url.as_ref().map(|url| notification_address(url, source)).transpose();
        let notify = faults.note(notify);
        for id in [&self.merchant, &self.project] {
            if id.get_ref().is_empty() || !id.get_ref().chars().all(|c| c.is_ascii_digit()) {
                faults.push(places.fault_at(id, "this is a number, as the GiroCockpit shows it"));
            }
        }
        let whole = client.zip(url).zip(password).zip(notify);
        faults.finish(whole.map(|(((client, url), password), notify)| {
            let endpoint = client.endpoint(&url);
            let notified = notify.is_some();
            let (merchant, project) = (self.merchant.get_ref().clone(), self.project.get_ref().clone());
            let calls = Calls { url, merchant, project, notify, test: self.test };
            let hasher = Hasher::new(password);
            Giro { client, endpoint, calls, hasher, notified, clock: Arc::clone(&source.clock) }
        }))
    }
}
