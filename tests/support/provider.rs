//! A payment provider that speaks XBezahldienste as it is documented, and remembers what was begun.

use rohrpost_kit::conformance::{Call, Said, StandIn};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};

/// A payment at the provider.
#[derive(Clone, Debug)]
pub struct Payment {
    /// What was asked for.
    pub request: Value,
    /// How it stands.
    pub status: &'static str,
}

/// The provider.
pub struct Provider {
    /// What it is asked comes in here.
    pub stand_in: StandIn,
    payments: Arc<Mutex<Vec<Payment>>>,
}

impl Provider {
    pub async fn start() -> Self {
        let payments = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&payments);
        let makes = |call: &Call| call.method == "POST";
        let stand_in = StandIn::start(makes, move |call| {
            answer(&mut kept.lock().unwrap_or_else(PoisonError::into_inner), call)
        });
        Self { stand_in: stand_in.await.expect("a port"), payments }
    }

    /// The payments that were begun.
    pub fn payments(&self) -> Vec<Payment> {
        self.payments.lock().expect("no panic").clone()
    }

    /// All payments stand so from now on.
    pub fn decides(&self, status: &'static str) {
        self.payments.lock().expect("no panic").iter_mut().for_each(|payment| payment.status = status);
    }

    /// A destination of this name that has fees paid here.
    pub fn destination(&self, name: &str, more: &str) -> String {
        let address = self.stand_in.address();
        format!(
            "name = \"{name}\"\ntenants = [\"lk-beispiel\"]\nadapter = \"xbezahldienste\"\nunknown = \"park\"\n\
             [retry]\nfirst = \"50ms\"\ncap = \"500ms\"\n[awaiting]\nfirst = \"1s\"\ncap = \"1s\"\n\
             [xbezahldienste]\nurl = \"http://{address}\"\noriginator = \"sondernutzung\"\nend-point = \"15091\"\n\
             [xbezahldienste.order]\nreturn-url = \"https://portal.example.org/vorgang\"\n\
             [xbezahldienste.answer]\nclient = \"amt\"\nfirst-question = \"1s\"\n{more}"
        )
    }
}

fn answer(payments: &mut Vec<Payment>, call: &Call) -> Said {
    if call.method == "POST" {
        let request: Value = serde_json::from_slice(&call.body).expect("JSON");
        if payments.iter().any(|payment| payment.request["requestId"] == request["requestId"]) {
            return Said::new(400, r#"{"functionalCode":"PAYMENT_EXISTS"}"#);
        }
        payments.push(Payment { request, status: "INITIAL" });
        return told(payments, payments.len() - 1);
    }
    let number = call.path.rsplit("/tx-").next().and_then(|number| number.parse().ok());
    match number.filter(|number| *number < payments.len()) {
        Some(number) => told(payments, number),
        None => Said::new(404, "{}"),
    }
}

fn told(payments: &[Payment], number: usize) -> Said {
    let payment = &payments[number];
    let open = payment.status == "INITIAL";
    let information = json!({
        "transactionId": format!("tx-{number}"),
        "transactionRedirectUrl": open.then(|| format!("https://bezahlen.example.org/seite?tx={number}")),
        "transactionReference": (payment.status == "PAYED").then(|| format!("42000000000{number}")),
        "status": payment.status,
    });
    let said = json!({ "paymentInformation": information, "paymentRequest": payment.request });
    Said::new(200, said.to_string())
}
