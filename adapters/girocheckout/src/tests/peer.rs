//! A server that answers as GiroCheckout is documented, and remembers what was begun.

use super::{PASSWORD, SETTINGS, configured};
use crate::hash::Hasher;
use async_trait::async_trait;
use rohrpost_kit::conformance::{Call, Cut, FixedClock, Mood, Peer, Said, StandIn, TestDesk};
use rohrpost_model::ports::{Desk, Piece, Preview, Target};
use rohrpost_model::{DeliveryId, Digest};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use url::form_urlencoded;

/// A payment at GiroCheckout.
#[derive(Clone, Debug)]
pub struct Payment {
    /// What was asked for.
    pub fields: BTreeMap<String, String>,
    /// How it stands; `None` while the citizen has not decided.
    pub result: Option<&'static str>,
}

#[derive(Default)]
struct Books {
    payments: Vec<Payment>,
    /// The amount that it says was paid.
    says: Option<u64>,
    broken: String,
    unsigned: bool,
}

/// GiroCheckout.
#[derive(Clone)]
pub struct Cashier {
    stand_in: StandIn,
    books: Arc<Mutex<Books>>,
    pub desk: TestDesk,
    shown: Arc<dyn Desk>,
}

impl Cashier {
    pub async fn new() -> Self {
        let books = Arc::new(Mutex::new(Books::default()));
        let kept = Arc::clone(&books);
        let makes = |call: &Call| call.path.ends_with("/paypage/init");
        let stand_in = StandIn::start(makes, move |call| answer(&kept, call)).await.unwrap();
        let desk = TestDesk::default();
        Self { stand_in, books, shown: Arc::new(desk.clone()), desk }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn payments(&self) -> Vec<Payment> {
        self.books().payments.clone()
    }

    /// The last payment has this result.
    pub fn ends(&self, result: &'static str) {
        self.books().payments.last_mut().unwrap().result = Some(result);
    }

    /// From now on it says that this was paid.
    pub fn says(&self, amount: u64) {
        self.books().says = Some(amount);
    }

    /// From now on its answers are not signed as they must be.
    pub fn is_somebody_else(&self, unsigned: bool) {
        self.books().unsigned = unsigned;
    }

    pub fn answers(&self, what: &str, said: &Value) {
        self.stand_in.answers(what, signed(said, true));
    }
}

fn signed(said: &Value, well: bool) -> Said {
    let body = said.to_string();
    let hash = Hasher::new(if well { PASSWORD.into() } else { "ein anderes".into() }).code(body.as_bytes());
    Said { headers: vec![("hash".into(), hash)], ..Said::new(200, body) }
}

fn answer(books: &Mutex<Books>, call: &Call) -> Said {
    let mut books = books.lock().unwrap_or_else(PoisonError::into_inner);
    if books.broken == "answer" {
        return Said::new(500, "");
    }
    let pairs: Vec<(String, String)> = form_urlencoded::parse(&call.body).into_owned().collect();
    let (hash, fields) = pairs.split_last().unwrap();
    let values: String = fields.iter().map(|(_, value)| value.as_str()).collect();
    let fields: BTreeMap<_, _> = fields.iter().cloned().collect();
    let said = if hash.1 != Hasher::new(PASSWORD.into()).code(values.as_bytes()) {
        json!({ "rc": 5001, "msg": "hash" })
    } else {
        match call.path.as_str() {
            "/girocheckout/api/v2/paypage/init" => begin(&mut books, fields),
            "/girocheckout/api/v2/transaction/status" => tell(&books, &fields["reference"]),
            _ => return Said::new(404, ""),
        }
    };
    signed(&said, !books.unsigned)
}

fn begin(books: &mut Books, fields: BTreeMap<String, String>) -> Value {
    if books.payments.iter().any(|payment| payment.fields["merchantTxId"] == fields["merchantTxId"]) {
        return json!({ "rc": 4503, "msg": "Doppelt" });
    }
    let number = books.payments.len();
    books.payments.push(Payment { fields, result: None });
    let url = format!("https://bezahlen.example.org/seite?tx={number}");
    json!({ "rc": 0, "msg": "", "reference": format!("gc-{number}"), "url": url })
}

fn tell(books: &Books, reference: &str) -> Value {
    let number = reference.strip_prefix("gc-").and_then(|number| number.parse::<usize>().ok());
    let Some(payment) = number.and_then(|number| books.payments.get(number)) else {
        return json!({ "rc": 5034, "msg": "unbekannt" });
    };
    let amount = books.says.map_or_else(|| payment.fields["amount"].clone(), |amount| amount.to_string());
    json!({
        "rc": 0, "msg": "", "reference": reference, "merchantTxId": payment.fields["merchantTxId"],
        "amount": amount, "currency": "EUR", "resultPayment": payment.result,
    })
}

#[async_trait]
impl Peer for Cashier {
    fn target(&self) -> Arc<dyn Target> {
        let (broken, address) = (self.books().broken.clone(), self.stand_in.address());
        let url = match broken.as_str() {
            "connect" => {
                let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
                format!("http://{nobody}")
            }
            "lookup" => format!("http://{}:{}", "x".repeat(64), address.port()),
            _ => format!("http://{address}"),
        };
        let target = configured(&SETTINGS.replace("{url}", &url), Arc::new(FixedClock::default())).unwrap();
        target.meet(&self.shown);
        target
    }

    async fn behave(&self, mood: Mood) -> bool {
        self.stand_in.behave(mood);
        true
    }

    async fn arrived(&self, key: DeliveryId) -> Vec<(Vec<Digest>, Digest)> {
        let payments = self.payments();
        let of = payments.iter().filter(|payment| payment.fields["merchantTxId"] == key.to_string());
        of.map(|payment| (vec![], Digest::of(format!("{:?}", payment.fields).as_bytes()))).collect()
    }

    fn foreseen(&self, _: &Preview, _: &dyn Fn(&Piece) -> Vec<u8>) -> (Vec<Digest>, Digest) {
        unreachable!("it has no preview")
    }

    async fn reached(&self) {
        self.stand_in.reached().await;
    }

    /// A payment whose beginning was not answered cannot be found.
    fn inquires(&self) -> bool {
        false
    }

    fn takes_signatures(&self) -> bool {
        false
    }

    fn takes_attachments(&self) -> bool {
        false
    }

    fn takes_content(&self) -> bool {
        false
    }

    async fn takes(&self) -> usize {
        self.payments().len()
    }

    async fn break_step(&self, word: &str) {
        self.books().broken = word.to_owned();
    }

    async fn cut(&self, request: usize, cut: Cut) -> bool {
        self.stand_in.cut(request, cut);
        true
    }

    fn requests(&self) -> usize {
        self.stand_in.calls().len()
    }

    async fn made(&self, key: DeliveryId) -> Vec<String> {
        let requests = self.desk.kept().into_iter().map(|_| "payment-request".to_owned());
        self.arrived(key).await.iter().map(|_| "payment".to_owned()).chain(requests).collect()
    }

    fn parks(&self) -> bool {
        true
    }

    fn secrets(&self) -> Vec<String> {
        vec![PASSWORD.into()]
    }
}
