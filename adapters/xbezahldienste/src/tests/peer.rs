//! A provider that answers as XBezahldienste 1.0.0 is documented, and remembers what was begun.

use super::{BASIC, FEE, PASSWORD, RETURN_KEY, StepClock, configured, settings};
use async_trait::async_trait;
use rohrpost_kit::conformance::{Call, Cut, Mood, Peer, Said, StandIn, TestDesk};
use rohrpost_model::ports::{Desk, Piece, Preview, Target};
use rohrpost_model::{DeliveryId, Digest};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A payment at the provider.
#[derive(Clone, Debug)]
pub struct Payment {
    /// What was asked for.
    pub request: Value,
    /// How it stands: `PaymentInformation.status`.
    pub status: &'static str,
    /// The Kassenzeichen.
    pub reference: Option<&'static str>,
    /// When it was paid.
    pub at: Option<String>,
}

#[derive(Default)]
struct Books {
    payments: Vec<Payment>,
    /// The amount that it says was asked for, in place of the one that was.
    says: Option<f64>,
    broken: String,
    tokens: usize,
    token_ends: bool,
}

/// The provider.
#[derive(Clone)]
pub struct Provider {
    stand_in: StandIn,
    books: Arc<Mutex<Books>>,
    pub desk: TestDesk,
    shown: Arc<dyn Desk>,
    pub clock: Arc<StepClock>,
    auth: String,
    fee: &'static str,
}

impl Provider {
    pub async fn new() -> Self {
        Self::with(BASIC, FEE).await
    }

    pub async fn with(auth: &str, fee: &'static str) -> Self {
        let books = Arc::new(Mutex::new(Books::default()));
        let kept = Arc::clone(&books);
        let makes = |call: &Call| call.method == "POST" && call.path.contains("/paymenttransaction/");
        let stand_in = StandIn::start(makes, move |call| answer(&kept, call)).await.unwrap();
        let desk = TestDesk::default();
        let shown: Arc<dyn Desk> = Arc::new(desk.clone());
        let auth = auth.replace("{url}", &format!("http://{}", stand_in.address()));
        Self { stand_in, books, desk, shown, clock: Arc::default(), auth, fee }
    }

    fn books(&self) -> std::sync::MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The payments that were begun.
    pub fn payments(&self) -> Vec<Payment> {
        self.books().payments.clone()
    }

    /// The last payment becomes this.
    pub fn becomes(&self, change: impl FnOnce(&mut Payment)) {
        change(self.books().payments.last_mut().unwrap());
    }

    /// From now on it says that another amount was asked for.
    pub fn says(&self, amount: f64) {
        self.books().says = Some(amount);
    }

    /// What it was asked.
    pub fn calls(&self) -> Vec<Call> {
        self.stand_in.calls()
    }

    /// The next request that this is in is answered so.
    pub fn answers(&self, what: &str, status: u16, body: &str) {
        self.stand_in.answers(what, Said::new(status, body));
    }

    /// No token is good any more.
    pub fn tokens_end(&self) {
        self.books().token_ends = true;
    }

    /// So many tokens were fetched.
    pub fn tokens(&self) -> usize {
        self.books().tokens
    }
}

fn answer(books: &Mutex<Books>, call: &Call) -> Said {
    let mut books = books.lock().unwrap_or_else(PoisonError::into_inner);
    if call.path == "/oauth/token/" {
        assert_eq!(call.body, b"grant_type=client_credentials&scope=pay");
        books.tokens += 1;
        books.token_ends = false;
        let token = format!("{{\"access_token\":\"token-{}\",\"expires_in\":300}}", books.tokens);
        return Said::new(200, token);
    }
    let known = call.headers.get("authorization").is_some_and(|header| {
        header.starts_with("Basic ") || *header == format!("Bearer token-{}", books.tokens)
    });
    if !known || books.token_ends || books.broken == "credentials" {
        return Said::new(401, PASSWORD);
    }
    let path = call.path.strip_prefix("/api/v1.0.0/").unwrap_or_default();
    match (call.method.as_str(), path.split('/').collect::<Vec<_>>()[..].as_ref()) {
        ("GET", ["status", "sondernutzung", "15091"]) if books.broken == "answer" => Said::new(503, ""),
        ("GET", ["status", "sondernutzung", "15091"]) => Said::new(200, "{}"),
        ("POST", ["paymenttransaction", "sondernutzung", "15091"]) => begin(&mut books, &call.body),
        ("GET", ["paymenttransaction", "sondernutzung", "15091", id]) => tell(&books, id),
        _ => Said::new(404, "{}"),
    }
}

fn begin(books: &mut Books, body: &[u8]) -> Said {
    let request: Value = serde_json::from_slice(body).unwrap();
    if books.payments.iter().any(|payment| payment.request["requestId"] == request["requestId"]) {
        return problem(400, "PAYMENT_EXISTS");
    }
    let items = request["items"].as_array().unwrap();
    let sum: f64 = items
        .iter()
        .map(|it| it["totalNetAmount"].as_f64().unwrap() + it["totalTaxAmount"].as_f64().unwrap())
        .sum();
    if (sum - request["grosAmount"].as_f64().unwrap()).abs() > 1e-6 {
        return problem(400, "CALCULATION_ERROR");
    }
    books.payments.push(Payment { request, status: "INITIAL", reference: None, at: None });
    Said::new(200, told(books, books.payments.len() - 1).to_string())
}

fn problem(status: u16, code: &str) -> Said {
    Said::new(status, json!({ "status": status, "title": "x", "functionalCode": code }).to_string())
}

fn tell(books: &Books, id: &str) -> Said {
    let at = id.strip_prefix("tx-").and_then(|id| id.parse::<usize>().ok());
    match at.filter(|at| *at < books.payments.len()) {
        Some(at) => Said::new(200, told(books, at).to_string()),
        None => Said::new(404, "{}"),
    }
}

fn told(books: &Books, at: usize) -> Value {
    let payment = &books.payments[at];
    let mut request = payment.request.clone();
    if let Some(amount) = books.says {
        request["grosAmount"] = json!(amount);
    }
    let page = (payment.status == "INITIAL").then(|| format!("https://bezahlen.example.org/seite?tx={at}"));
    json!({
        "paymentInformation": {
            "transactionId": format!("tx-{at}"),
            "transactionUrl": "https://bezahlen.example.org/tx",
            "transactionRedirectUrl": page,
            "transactionReference": payment.reference,
            "transactionTimestamp": payment.at,
            "status": payment.status,
        },
        "paymentRequest": request,
    })
}

#[async_trait]
impl Peer for Provider {
    fn target(&self) -> Arc<dyn Target> {
        let broken = self.books().broken.clone();
        let address = self.stand_in.address();
        let url = match broken.as_str() {
            "connect" => {
                let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
                format!("http://{nobody}")
            }
            "lookup" => format!("http://{}:{}", "x".repeat(64), address.port()),
            _ => format!("http://{address}"),
        };
        let text = settings(&url, &self.auth, self.fee);
        let text = format!("{text}[xbezahldienste.connection]\nallow-plain-http = true\n");
        let target = configured(&text, Arc::clone(&self.clock) as _).unwrap();
        target.meet(&self.shown);
        target
    }

    async fn behave(&self, mood: Mood) -> bool {
        self.stand_in.behave(mood);
        true
    }

    async fn arrived(&self, key: DeliveryId) -> Vec<(Vec<Digest>, Digest)> {
        let payments = self.payments();
        let of = payments.iter().filter(|payment| payment.request["requestId"] == key.to_string());
        of.map(|payment| (vec![], Digest::of(payment.request.to_string().as_bytes()))).collect()
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
        self.calls().len()
    }

    async fn made(&self, key: DeliveryId) -> Vec<String> {
        let requests = self.desk.kept().into_iter().map(|_| "payment-request".to_owned());
        self.arrived(key).await.iter().map(|_| "payment".to_owned()).chain(requests).collect()
    }

    async fn time_passes(&self, by: Duration) {
        self.clock.advance(by);
    }

    fn parks(&self) -> bool {
        true
    }

    fn secrets(&self) -> Vec<String> {
        vec![PASSWORD.into(), RETURN_KEY.into()]
    }
}
