//! From the order to the word that decides, and everything that comes between.

use super::peer::Cashier;
use super::{PASSWORD, SETTINGS};
use crate::hash::Hasher;
use rohrpost_kit::conformance::{Cut, FixedClock, Peer, Sample};
use rohrpost_model::ports::{Forged, Inquiry, Noticed, Notification, Target};
use rohrpost_model::{Failure, Outcome, ReasonCode, Receipt};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

struct Begun {
    cashier: Cashier,
    target: Arc<dyn Target>,
    sample: Sample,
}

impl Begun {
    async fn new() -> Self {
        let (cashier, sample) = (Cashier::new().await, Sample::new());
        let target = cashier.target();
        let outcome = target.deliver(&sample.parcel(1)).await;
        let Ok(Outcome::Accepted { receipt, .. }) = outcome else { panic!("{outcome:?}") };
        assert_eq!(receipt.reference.as_deref(), Some("gc-0"));
        Self { cashier, target, sample }
    }

    async fn asked(&self) -> Result<Inquiry, Failure> {
        self.target.inquire(&self.sample.parcel(1), Some("gc-0")).await
    }

    async fn decided(&self) -> Receipt {
        match self.asked().await {
            Ok(Inquiry::Found(Outcome::Done(receipt))) => receipt,
            other => panic!("{other:?}"),
        }
    }

    /// A notification as GiroCheckout's pay page sends it.
    fn notification(&self, result: &str) -> String {
        let key = self.sample.key.to_string();
        let fields = [
            ("gcPaymethod", "11"),
            ("gcType", "SALE"),
            ("gcProjectId", "123456"),
            ("gcReference", "gc-0"),
            ("gcMerchantTxId", key.as_str()),
            ("gcBackendTxId", "b-1"),
            ("gcAmount", "4250"),
            ("gcCurrency", "EUR"),
            ("gcResultPayment", result),
        ];
        let values: String = fields.iter().map(|(_, value)| *value).collect();
        let query: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let hash = Hasher::new(PASSWORD.into()).code(values.as_bytes());
        format!("{}&gcHash={hash}", query.join("&"))
    }

    fn told(&self, query: &str) -> Result<Noticed, Forged> {
        self.target.notified(&Notification { query, body: b"" }).unwrap()
    }
}

#[tokio::test]
async fn a_payment_is_begun_with_its_fields_in_order_and_told_to_the_citizen() {
    let begun = Begun::new().await;
    let fields = &begun.cashier.payments()[0].fields;
    let expected = [
        ("merchantTxId", begun.sample.key.to_string()),
        ("amount", "4250".into()),
        ("currency", "EUR".into()),
        ("purpose", "SN 4711".into()),
        ("test", "1".into()),
        ("successUrl", "https://portal.example.org/vorgang/2026%3ABR-4711".into()),
        ("notifyUrl", "https://hub.example.org/v1/notifications/bezahlung".into()),
        ("kassenzeichen", "KZ-2026:BR-4711".into()),
    ];
    for (name, value) in expected {
        assert_eq!(fields[name], value, "{name}");
    }
    let kept = begun.cashier.desk.kept();
    let said: Value = serde_json::from_slice(&kept[0].parts[0].content).unwrap();
    assert_eq!(said["payment"]["url"], "https://bezahlen.example.org/seite?tx=0");
    assert_eq!((kept.len(), &said["payment"]["amountCents"]), (1, &json!(4250)));
}

#[tokio::test]
async fn paid_failed_and_cancelled_are_the_results_that_later_steps_read() {
    for (code, result) in [("4000", "paid"), ("4900", "failed"), ("4502", "cancelled")] {
        let begun = Begun::new().await;
        assert_eq!(begun.asked().await, Ok(Inquiry::NoWord));
        begun.cashier.ends(code);
        let receipt = begun.decided().await;
        assert_eq!((receipt.result.as_deref(), receipt.code.as_deref()), (Some(result), Some(code)));
        assert_eq!(begun.decided().await, receipt, "it is decided once, however often it is asked");
    }
}

#[tokio::test]
async fn what_says_that_nothing_is_known_decides_nothing() {
    let begun = Begun::new().await;
    for code in ["4500", "4501", "4711"] {
        begun.cashier.ends(code);
        assert_eq!(begun.asked().await, Ok(Inquiry::NoWord), "{code}");
    }
    begun.cashier.answers("status", &json!({ "rc": 5034 }));
    assert!(matches!(begun.asked().await, Err(Failure::Unavailable { .. })));
}

#[tokio::test]
async fn an_amount_that_was_changed_decides_nothing_and_a_person_looks() {
    let begun = Begun::new().await;
    begun.cashier.ends("4000");
    begun.cashier.says(4249);
    let failure = begun.asked().await.unwrap_err();
    assert!(
        matches!(&failure, Failure::Refused(reason) if reason.params["field"] == "amount"),
        "{failure:?}"
    );
}

#[tokio::test]
async fn an_answer_of_somebody_else_is_none() {
    let begun = Begun::new().await;
    begun.cashier.ends("4000");
    begun.cashier.is_somebody_else(true);
    assert!(matches!(begun.asked().await, Err(Failure::Unavailable { .. })));
    let sample = Sample::new();
    let outcome = begun.target.deliver(&sample.parcel(1)).await;
    assert!(matches!(outcome, Err(Failure::Unknown(_))), "{outcome:?}");
    begun.cashier.is_somebody_else(false);
    assert_eq!(begun.decided().await.result.as_deref(), Some("paid"));
}

#[tokio::test]
async fn h5_no_second_payment_is_ever_created() {
    for cut in [Cut::TornAfter, Cut::SilentAfter] {
        let (cashier, sample) = (Cashier::new().await, Sample::new());
        cashier.cut(1, cut).await;
        let (target, parcel) = (cashier.target(), sample.parcel(1));
        tokio::select! {
            outcome = target.deliver(&parcel) => assert!(matches!(outcome, Err(Failure::Unknown(_)))),
            () = cashier.reached() => {}
        }
        let restarted = cashier.target();
        assert_eq!(restarted.inquire(&sample.parcel(1), None).await, Ok(Inquiry::Unfinished));
        let failure = restarted.deliver(&sample.parcel(2)).await.unwrap_err();
        assert_eq!((failure.reason().code, cashier.payments().len()), (ReasonCode::PaymentExists, 1));
    }
}

#[tokio::test]
async fn a_notification_names_its_delivery_whenever_and_however_often_it_comes() {
    let begun = Begun::new().await;
    let query = begun.notification("4000");
    let noticed = Noticed { delivery: begun.sample.key, then: None };
    assert_eq!(begun.told(&query), Ok(noticed.clone()));
    assert_eq!(begun.told(&query), Ok(noticed));
    assert_eq!(begun.asked().await, Ok(Inquiry::NoWord), "it says paid, and decides nothing");
}

#[tokio::test]
async fn a_forged_notification_is_known() {
    let begun = Begun::new().await;
    let query = begun.notification("4502");
    for forged in [
        query.replace("gcResultPayment=4502", "gcResultPayment=4000"),
        query.replace("gcAmount=4250", "gcAmount=1"),
        query.replace(&begun.sample.key.to_string(), &Sample::new().key.to_string()),
        query.split("&gcHash").next().unwrap().to_owned(),
        String::new(),
    ] {
        assert_eq!(begun.told(&forged), Err(Forged), "{forged}");
    }
}

#[tokio::test]
async fn the_published_codes_of_notifications_are_reproduced() {
    let file = "../shared/standards/fit-connect/payment/girocheckout-hash.vectors.json";
    let roots = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let Some(text) = roots.map(|root| root.join(file)).find_map(|path| std::fs::read_to_string(path).ok())
    else {
        eprintln!("SKIPPED: the standards are not here, so the published codes were not compared");
        return;
    };
    let vectors: Value = serde_json::from_str(&text).unwrap();
    let password = vectors["projectPassphrase"].as_str().unwrap();
    assert_eq!(password, PASSWORD, "the settings of these tests have the same");
    let target =
        super::configured(&SETTINGS.replace("{url}", "http://127.0.0.1:1"), Arc::new(FixedClock::default()));
    let target = target.unwrap();
    for vector in vectors["notify"].as_array().unwrap() {
        let params = vector["params"].as_object().unwrap();
        let values: String = params.values().map(|value| value.as_str().unwrap()).collect();
        let mut ordered = String::new();
        for name in crate::calls::NOTIFIED {
            ordered.push_str(params.get(name).and_then(Value::as_str).unwrap_or_default());
        }
        assert_eq!(ordered.len(), values.len(), "every field is known");
        let hasher = Hasher::new(password.into());
        assert_eq!(hasher.code(ordered.as_bytes()), vector["gcHash"], "{}", vector["case"]);
        // Those deliveries are not ours; up to their id the notification is taken.
        let query: Vec<_> =
            params.iter().map(|(name, it)| format!("{name}={}", it.as_str().unwrap())).collect();
        let query = format!("{}&gcHash={}", query.join("&"), vector["gcHash"].as_str().unwrap());
        assert_eq!(target.notified(&Notification { query: &query, body: b"" }), Some(Err(Forged)));
    }
    let request = &vectors["request"];
    let hasher = Hasher::new(request["secret"].as_str().unwrap().into());
    assert_eq!(hasher.code(request["concat"].as_str().unwrap().as_bytes()), request["hash"]);
}
