//! The table `[xbezahldienste]`.

use crate::Bezahldienst;
use crate::calls::Calls;
use rohrpost_kit::AdapterSource;
use rohrpost_kit::adapter::Faults;
use rohrpost_kit::http::{Client, Connection, LogInSettings};
use rohrpost_kit::payment::{AnswerSettings, OrderSettings, PaymentTarget, ReturnSettings};
use rohrpost_model::Fault;
use serde::Deserialize;
use std::sync::Arc;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Settings {
    /// The provider's address, up to its version.
    url: Spanned<String>,
    /// `originatorId`: service or form.
    originator: Spanned<String>,
    /// `endPointId`: authority.
    end_point: Spanned<String>,
    auth: Option<LogInSettings>,
    order: OrderSettings,
    answer: AnswerSettings,
    #[serde(rename = "return")]
    back: Option<ReturnSettings>,
    #[serde(default)]
    connection: Connection,
}

/// The longest id, and what is in one (XBezahldienste 1.0.0).
const ID: usize = 36;

pub(crate) fn configure(
    source: &AdapterSource<'_>,
    kind: &str,
) -> Result<PaymentTarget<Bezahldienst>, Vec<Fault>> {
    let settings: Settings = source.read(kind)?;
    let provider = settings.provider(source);
    PaymentTarget::configured(provider, &settings.order, settings.answer, source)
}

impl Settings {
    fn provider(&self, source: &AdapterSource<'_>) -> Result<Bezahldienst, Vec<Fault>> {
        let (places, mut faults) = (source.places(), Faults::default());
        let client = faults.note(Client::configure(&self.connection, source));
        let url = faults.note(self.connection.address(&self.url, &places));
        let log_in = self.auth.as_ref().map(|auth| auth.configured(&self.connection, source));
        let log_in = faults.note(log_in.transpose());
        let returning = self.back.as_ref().map(|back| back.configured(source)).transpose();
        let returning = faults.note(returning);
        for id in [&self.originator, &self.end_point] {
            // pmPayment's is "Verfahren/Vorgang".
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/');
            if !(1..=ID).contains(&id.get_ref().len()) || !id.get_ref().chars().all(allowed) {
                faults.push(places.fault_at(id, "an id has 1 to 36 letters, digits, _ and -"));
            }
        }
        let whole = client.zip(url).zip(log_in).zip(returning);
        faults.finish(whole.map(|(((client, url), log_in), returning)| {
            let endpoint = client.endpoint(&url);
            let (originator, end_point) =
                (self.originator.get_ref().clone(), self.end_point.get_ref().clone());
            let calls = Calls { url, originator, end_point };
            Bezahldienst { client, endpoint, calls, log_in, returning, clock: Arc::clone(&source.clock) }
        }))
    }
}
