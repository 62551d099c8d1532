//! From the order to the word that decides, and everything that comes between.

use super::peer::Provider;
use super::{BASIC, FEE, RETURN_KEY};
use rohrpost_kit::conformance::{Cut, Peer, Sample};
use rohrpost_model::ports::{Forged, Inquiry, Notification, Target};
use rohrpost_model::{DeliveryId, Failure, Outcome, ReasonCode, Receipt};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A payment that was begun, and told to the citizen.
struct Begun {
    provider: Provider,
    target: Arc<dyn Target>,
    sample: Sample,
}

impl Begun {
    async fn new() -> Self {
        Self::of(Provider::new().await, Sample::new()).await
    }

    async fn of(provider: Provider, sample: Sample) -> Self {
        let target = provider.target();
        let outcome = target.deliver(&sample.parcel(1)).await;
        let Ok(Outcome::Accepted { receipt, .. }) = outcome else { panic!("{outcome:?}") };
        assert_eq!(receipt.reference.as_deref(), Some("tx-0"));
        Self { provider, target, sample }
    }

    async fn asked(&self) -> Result<Inquiry, Failure> {
        self.target.inquire(&self.sample.parcel(1), Some("tx-0")).await
    }

    async fn decided(&self) -> Receipt {
        match self.asked().await {
            Ok(Inquiry::Found(Outcome::Done(receipt))) => receipt,
            other => panic!("{other:?}"),
        }
    }
}

fn code(failure: &Failure) -> ReasonCode {
    failure.reason().code
}

#[tokio::test]
async fn the_citizen_is_told_once_where_to_pay_how_much_and_what_for() {
    let begun = Begun::new().await;
    let kept = begun.provider.desk.kept();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].intent.kind.as_str(), "payment-request");
    assert_eq!(kept[0].intent.case.as_ref(), Some(&begun.sample.submission.case));
    let said: Value = serde_json::from_slice(&kept[0].parts[0].content).unwrap();
    let payment = json!({
        "amountCents": 4250, "purpose": "SN 4711", "url": "https://bezahlen.example.org/seite?tx=0",
    });
    assert_eq!(said["payment"], payment);
    assert!(said["text"].as_str().unwrap().contains("Gebühr"));
    let again = begun.target.deliver(&begun.sample.parcel(2)).await;
    assert!(matches!(again, Ok(Outcome::Accepted { .. })));
    assert_eq!((begun.provider.desk.kept().len(), begun.provider.payments().len()), (1, 1));
}

#[tokio::test]
async fn a_payment_that_is_open_is_asked_for_again_and_never_decided_by_the_hub() {
    let begun = Begun::new().await;
    for _ in 0..50 {
        begun.provider.clock.advance(Duration::from_secs(86_400));
        // The deadline is the destination's: the engine parks what is not decided until then.
        assert_eq!(begun.asked().await, Ok(Inquiry::NoWord));
    }
}

#[tokio::test]
async fn paid_failed_and_cancelled_are_the_results_that_later_steps_read() {
    for (status, result) in [("PAYED", "paid"), ("FAILED", "failed"), ("CANCELED", "cancelled")] {
        let begun = Begun::new().await;
        begun.provider.becomes(|payment| {
            payment.status = status;
            payment.reference = Some("4200000000061");
        });
        let receipt = begun.decided().await;
        assert_eq!((receipt.result.as_deref(), receipt.code.as_deref()), (Some(result), Some(status)));
        let reference = if result == "paid" { "4200000000061" } else { "tx-0" };
        assert_eq!(receipt.reference.as_deref(), Some(reference));
        assert_eq!(begun.decided().await, receipt, "it is decided once, however often it is asked");
    }
}

#[tokio::test]
async fn a_kassenzeichen_may_come_late_and_is_not_waited_for_for_ever() {
    let begun = Begun::new().await;
    let paid = begun.provider.clock.as_ref();
    let at = rohrpost_model::ports::Clock::now(paid).to_string();
    begun.provider.becomes(|payment| (payment.status, payment.at) = ("PAYED", Some(at)));
    assert_eq!(begun.asked().await, Ok(Inquiry::NoWord));
    begun.provider.becomes(|payment| payment.reference = Some("4200000000061"));
    assert_eq!(begun.decided().await.reference.as_deref(), Some("4200000000061"));
    begun.provider.becomes(|payment| payment.reference = None);
    begun.provider.clock.advance(Duration::from_secs(599));
    assert_eq!(begun.asked().await, Ok(Inquiry::NoWord));
    begun.provider.clock.advance(Duration::from_secs(1));
    assert_eq!(begun.decided().await.reference.as_deref(), Some("tx-0"));
}

#[tokio::test]
async fn an_amount_that_was_changed_decides_nothing_and_a_person_looks() {
    let begun = Begun::new().await;
    begun.provider.becomes(|payment| payment.status = "PAYED");
    begun.provider.says(42.49);
    let failure = begun.asked().await.unwrap_err();
    assert!(
        matches!(&failure, Failure::Refused(reason) if reason.params["field"] == "grosAmount"),
        "{failure:?}"
    );
    let provider = Provider::new().await;
    provider.says(0.01);
    let (target, sample) = (provider.target(), Sample::new());
    let failure = target.deliver(&sample.parcel(1)).await.unwrap_err();
    assert_eq!(code(&failure), ReasonCode::PaymentDiffers);
    assert!(provider.desk.kept().is_empty(), "nobody is asked to pay another amount");
    let again = target.deliver(&sample.parcel(2)).await.unwrap_err();
    assert_eq!((code(&again), provider.payments().len()), (ReasonCode::PaymentExists, 1));
}

/// The provider is down between the beginning and its answer, at every of its moments.
#[tokio::test]
async fn h5_no_second_payment_is_ever_created() {
    for cut in [Cut::TornAfter, Cut::SilentAfter] {
        let (provider, sample) = (Provider::new().await, Sample::new());
        provider.cut(1, cut).await;
        let (target, parcel) = (provider.target(), sample.parcel(1));
        tokio::select! {
            outcome = target.deliver(&parcel) => assert!(matches!(outcome, Err(Failure::Unknown(_)))),
            () = provider.reached() => {}
        }
        assert_eq!(target.inquire(&sample.parcel(1), None).await, Ok(Inquiry::Unfinished));
        let restarted = provider.target();
        for attempt in 2..5 {
            let failure = restarted.deliver(&sample.parcel(attempt)).await.unwrap_err();
            assert!(matches!(failure, Failure::Refused(_)), "it parks");
            assert_eq!(code(&failure), ReasonCode::PaymentExists);
        }
        assert_eq!(provider.payments().len(), 1);
        assert!(provider.desk.kept().is_empty());
    }
}

/// Killed after the payment was begun and before the citizen was told: what was begun goes on there.
#[tokio::test]
async fn h5_a_citizen_who_was_not_told_yet_is_told() {
    let (provider, sample) = (Provider::new().await, Sample::new());
    let target = provider.target();
    provider.desk.turn_away(Some(rohrpost_model::ports::Why::Unavailable));
    let outcome = target.deliver(&sample.parcel(1)).await;
    assert!(matches!(outcome, Err(Failure::Unavailable { .. })), "{outcome:?}");
    provider.desk.turn_away(None);
    assert_eq!(target.inquire(&sample.parcel(1), None).await, Ok(Inquiry::Unfinished));
    assert!(target.deliver(&sample.parcel(2)).await.is_ok());
    assert_eq!((provider.desk.kept().len(), provider.payments().len()), (1, 1));
    assert!(matches!(target.inquire(&sample.parcel(2), None).await, Ok(Inquiry::Found(_))));
}

#[tokio::test]
async fn h4_other_data_need_another_order_once_a_payment_was_begun() {
    let begun = Begun::of(Provider::with(BASIC, "").await, order(4250)).await;
    let mut mended = begun.sample;
    mended.message = order(9900).message;
    let failure = begun.target.deliver(&mended.parcel(2)).await.unwrap_err();
    assert_eq!((code(&failure), begun.provider.payments().len()), (ReasonCode::PaymentBegun, 1));
}

/// An order as an authority hands it in.
fn order(amount: u64) -> Sample {
    let mut sample = Sample::new();
    let said = json!({
        "kind": "payment-order", "text": "Gebühr", "payment": { "amountCents": amount, "purpose": "Gebühr SN/12" },
    });
    sample.message = said.to_string().into();
    sample
}

#[tokio::test]
async fn what_is_to_be_paid_may_stand_in_the_message() {
    let begun = Begun::of(Provider::with(BASIC, "").await, order(4250)).await;
    let request = &begun.provider.payments()[0].request;
    assert_eq!((&request["grosAmount"], &request["purpose"]), (&json!(42.5), &json!("Gebuehr SN-12")));
    let mut alone = Sample::new();
    let item = |net, tax, quantity| json!({ "description": "x", "netCents": net, "taxCents": tax, "taxRate": 19, "quantity": quantity });
    let said =
        json!({ "amountCents": 3570, "purpose": "Plan", "items": [item(1000, 190, 2), item(1000, 190, 1)] });
    alone.message = said.to_string().into();
    let begun = Begun::of(Provider::with(BASIC, "").await, alone).await;
    let items = &begun.provider.payments()[0].request["items"];
    assert_eq!((&items[0]["totalNetAmount"], &items[0]["totalTaxAmount"]), (&json!(20.0), &json!(3.8)));
    assert_eq!(
        (&items[1]["id"], &items[1]["bookingData"]["haushaltsstelle"]),
        (&json!("2"), &json!("0123.4567"))
    );
}

#[tokio::test]
async fn what_cannot_be_paid_is_refused_before_anything_is_begun() {
    let provider = Provider::with(BASIC, "").await;
    for (said, field) in [
        (json!("<xml/>"), "JSON"),
        (json!({ "purpose": "x" }), "amountCents"),
        (json!({ "amountCents": 0, "purpose": "x" }), "amountCents"),
        (json!({ "amountCents": 100 }), "purpose"),
        (json!({ "amountCents": 100, "purpose": "1 €" }), "purpose"),
        (json!({ "amountCents": 100, "purpose": "x", "description": "x".repeat(251) }), "description"),
        (json!({ "amountCents": 100, "purpose": "x", "items": [{ "netCents": 99 }] }), "items, amountCents"),
        (
            json!({ "amountCents": 100, "purpose": "x", "items": [{ "netCents": 100, "taxRate": 101 }] }),
            "items",
        ),
    ] {
        let mut sample = Sample::new();
        sample.message = said.to_string().into();
        let failure = provider.target().deliver(&sample.parcel(1)).await.unwrap_err();
        assert!(matches!(failure, Failure::Refused(_)), "{said}: {failure:?}");
        assert_eq!(failure.reason().params["field"], field, "{said}");
    }
    assert!(provider.calls().is_empty());
}

#[tokio::test]
async fn the_providers_own_words_for_errors_go_before_the_status() {
    for (status, body, expected) in [
        (500, r#"{"functionalCode":"PAYMENT_EXISTS"}"#, ReasonCode::PaymentExists),
        (500, r#"{"functionalCode":"VALIDATION_ERROR"}"#, ReasonCode::TargetRefused),
        (400, r#"{"functionalCode":"UNSPECIFIED"}"#, ReasonCode::TargetRefused),
        (500, r#"{"functionalCode":"UNSPECIFIED"}"#, ReasonCode::UnexpectedAnswer),
        (200, "<html/>", ReasonCode::UnexpectedAnswer),
        (503, "", ReasonCode::TargetBusy),
    ] {
        let provider = Provider::new().await;
        provider.answers("POST", status, body);
        let failure = provider.target().deliver(&Sample::new().parcel(1)).await.unwrap_err();
        assert_eq!(code(&failure), expected, "{status} {body}");
    }
    let begun = Begun::new().await;
    for (status, body) in [(404, "{}"), (500, ""), (401, ""), (200, "<html/>"), (200, "{}")] {
        begun.provider.answers("GET", status, body);
        let asked = begun.asked().await;
        assert!(matches!(asked, Err(Failure::Unavailable { .. })), "a question makes nothing: {asked:?}");
    }
}

/// The address that the provider sends the browser back to.
fn back(provider: &Provider) -> String {
    provider.payments()[0].request["redirectUrl"].as_str().unwrap().to_owned()
}

fn query(address: &str) -> &str {
    address.split_once('?').unwrap().1
}

#[tokio::test]
async fn a_browser_that_comes_back_is_known_by_its_signature_and_sent_on() {
    let begun = Begun::new().await;
    let address = back(&begun.provider);
    assert!(address.starts_with("https://hub.example.org/v1/notifications/bezahlung?"), "{address}");
    let told = |query: &str| begun.target.notified(&Notification { query, body: b"" }).unwrap();
    let noticed = told(query(&address)).unwrap();
    assert_eq!(noticed.delivery, begun.sample.key);
    assert_eq!(noticed.then.as_deref(), Some("https://portal.example.org/vorgang/2026%3ABR-4711"));
    let more = format!("{}&status=PAYED", query(&address));
    assert_eq!(told(&more), Ok(noticed.clone()), "what the page adds is not looked at");
    assert_eq!(told(query(&address)), Ok(noticed), "and it may come twice, or before anything else");
    let other = Sample::new().key.to_string();
    for forged in [
        query(&address).replace(&begun.sample.key.to_string(), &other),
        query(&address).replace("portal.example.org", "boese.example.org"),
        query(&address).replace("code=", "code=00"),
        query(&address).split("&code=").next().unwrap().to_owned(),
        String::new(),
    ] {
        assert_eq!(told(&forged), Err(Forged), "{forged}");
    }
    assert_eq!(begun.asked().await, Ok(Inquiry::NoWord), "it decides nothing");
    assert!(!address.contains(RETURN_KEY));
}

#[tokio::test]
async fn a_token_is_fetched_once_and_anew_when_it_has_ended() {
    let auth = r#"{ oauth2 = { token-url = "{url}/oauth/token/", client-id = "hub", client-secret = { file = "password" }, scope = "pay" } }"#;
    let begun = Begun::of(Provider::with(auth, FEE).await, Sample::new()).await;
    assert_eq!(begun.asked().await, Ok(Inquiry::NoWord));
    assert_eq!(begun.provider.tokens(), 1);
    begun.provider.clock.advance(Duration::from_secs(270));
    assert_eq!(begun.asked().await, Ok(Inquiry::NoWord));
    assert_eq!(begun.provider.tokens(), 2, "half a minute before its end");
    begun.provider.tokens_end();
    let refused = begun.asked().await;
    assert!(matches!(refused, Err(Failure::Unavailable { .. })), "{refused:?}");
    assert_eq!(begun.asked().await, Ok(Inquiry::NoWord));
    assert_eq!(begun.provider.tokens(), 3);
}

#[tokio::test]
async fn the_request_has_the_shape_that_is_documented() {
    let begun = Begun::new().await;
    let call = begun.provider.calls().remove(0);
    assert_eq!(call.path, "/api/v1.0.0/paymenttransaction/sondernutzung/15091");
    let written = String::from_utf8(call.body.clone()).unwrap();
    assert!(written.contains("\"grosAmount\":42.50,"), "to the cent: {written}");
    let request: Value = serde_json::from_slice(&call.body).unwrap();
    assert_eq!(request["requestId"], begun.sample.key.to_string());
    assert_eq!(request["requestId"].as_str().unwrap().parse::<DeliveryId>().unwrap(), begun.sample.key);
    let example = "../shared/standards/fit-connect/payment/xbezahldienste-1.0.0.derived-example.json";
    let roots = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let Some(text) = roots.map(|root| root.join(example)).find_map(|path| std::fs::read_to_string(path).ok())
    else {
        eprintln!("SKIPPED: the standards are not here, so the shape was not compared");
        return;
    };
    let example: Value = serde_json::from_str(&text).unwrap();
    let documented = &example["POST /paymenttransaction/{originatorId}/{endPointId}"];
    for (name, value) in request.as_object().unwrap() {
        assert_eq!(shape(value), shape(&documented[name]), "{name}");
    }
    let missing: Vec<_> =
        documented.as_object().unwrap().keys().filter(|name| request.get(name.as_str()).is_none()).collect();
    assert_eq!(missing, ["requestor"], "which may be left out, and is");
}

/// Names and types without values.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), shape(value))).collect(),
        Value::Array(items) => items.iter().take(1).map(shape).collect(),
        Value::Number(_) => json!("number"),
        Value::String(_) => json!("string"),
        other => other.clone(),
    }
}
