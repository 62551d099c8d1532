//! Every waiting delivery says why (promise H2).

use super::house::House;
use rohrpost_model::{Delivery, DeliveryId, Reason, ReasonCode, State, Timestamp};
use serde_json::Value;

const WAITING: [State; 5] = [State::Blocked, State::Due, State::Unknown, State::Awaiting, State::Parked];

fn earlier() -> DeliveryId {
    DeliveryId::new(Timestamp::UNIX_EPOCH)
}

/// What may be the matter beside the state: its name, and what it makes of a delivery.
type Matter = (&'static str, fn(&mut Delivery));

const MATTERS: [Matter; 6] = [
    ("nothing", |_| {}),
    ("later", |delivery| delivery.due_at = Some(Timestamp::MAX)),
    ("paused", |delivery| delivery.paused_by = Some("operator".into())),
    ("behind", |delivery| delivery.behind = Some(earlier())),
    ("unrouted", |delivery| delivery.destination = None),
    ("homeless", |delivery| delivery.destination = Some("abgebaut".parse().unwrap())),
];

#[tokio::test]
async fn h2_every_delivery_that_waits_says_why() {
    let house = House::new().await;
    for state in State::ALL {
        for (matter, make) in MATTERS {
            let id = house
                .delivery(|delivery| {
                    delivery.state = state;
                    delivery.destination = Some("nur-a".parse().unwrap());
                    // A parked one always carries its reason; of the others it is not asked.
                    delivery.reason = (state == State::Parked).then(|| Reason::new(ReasonCode::NoWord));
                    make(delivery);
                })
                .await;
            let told = house.get("viewer", &format!("/v1/deliveries/{id}")).await.json();
            let says = told["reason"].is_object() || told["waits"].is_object();
            assert_eq!(says, WAITING.contains(&state), "{state} with {matter}: {told:#}");
            for shape in ["reason", "waits"].into_iter().filter(|shape| told[*shape].is_object()) {
                let text = told[shape]["text"]["de"].as_str().unwrap();
                assert!(text.ends_with('.') && !text.contains('{'), "{state} with {matter}: {text}");
            }
        }
    }
}

#[tokio::test]
async fn what_comes_first_is_told_first() {
    let house = House::new().await;
    let at_ziel = |delivery: &mut Delivery| {
        delivery.state = State::Due;
        delivery.destination = Some("nur-a".parse().unwrap());
        delivery.reason = None;
    };
    let id = house.delivery(at_ziel).await;
    let waits = async || house.get("viewer", &format!("/v1/deliveries/{id}")).await.json()["waits"].clone();
    assert_eq!(waits().await["code"], "waits-its-turn");
    house.change(&id, |delivery| delivery.due_at = Some(Timestamp::from_second(1_900_000_000).unwrap()));
    assert_eq!(waits().await["code"], "retry-at");
    assert_eq!(waits().await["params"]["at"], "2030-03-17T17:46:40Z");
    let pause = house.post("operator", "/v1/destinations/nur-a/pause", r#"{"reason":"Umzug"}"#).await;
    assert_eq!(pause.json()["changed"], true);
    let told = waits().await;
    assert_eq!(
        (told["code"].as_str(), told["params"]["who"].as_str()),
        (Some("paused-by-person"), Some("operator"))
    );
    house.post("operator", "/v1/destinations/nur-a/drain", r#"{"reason":"Umzug"}"#).await;
    assert_eq!(waits().await["code"], "draining");
    house.change(&id, |delivery| delivery.behind = Some(earlier()));
    assert_eq!(waits().await["code"], "behind-earlier");
    house.change(&id, |delivery| delivery.paused_by = Some("operator".into()));
    assert_eq!(waits().await["code"], "paused-delivery");
    // While it drains, what was sent is asked about.
    house.change(&id, |delivery| {
        (delivery.state, delivery.behind, delivery.paused_by) = (State::Unknown, None, None);
        delivery.reason = Some(Reason::new(ReasonCode::Torn));
    });
    assert_eq!(waits().await, Value::Null, "its reason says it");
    house.post("operator", "/v1/destinations/nur-a/pause", r#"{"reason":"Umzug"}"#).await;
    assert_eq!(waits().await["code"], "paused-by-person");
}

#[tokio::test]
async fn every_face_of_a_delivery_says_the_same() {
    let house = House::new().await;
    let answer = house.hand_in("&case=V-1").await;
    let submission = answer["id"].as_str().unwrap();
    let id = house.delivery_of(submission).await;
    let expires = Timestamp::from_second(1_900_000_000).unwrap();
    house.change(&id, |delivery| {
        (delivery.state, delivery.paused_by) = (State::Due, Some("operator".into()));
        delivery.expires_at = Some(expires);
    });
    let in_submission =
        house.get("portal", &format!("/v1/submissions/{submission}")).await.json()["deliveries"][0].clone();
    let in_case =
        house.get("viewer", "/v1/cases/V-1").await.json()["submissions"][0]["deliveries"][0].clone();
    let in_list = house.get("viewer", "/v1/deliveries").await.json()["deliveries"][0].clone();
    let alone = house.get("viewer", &format!("/v1/deliveries/{id}")).await.json();
    for face in [&in_submission, &in_case, &in_list, &alone] {
        assert_eq!(face["waits"]["code"], "paused-delivery", "{face:#}");
        assert_eq!(face["pausedBy"], "operator");
        assert_eq!(face["expiresAt"], expires.to_string());
        assert_eq!(face["since"], house.now().to_string());
    }
    house.change(&id, |delivery| delivery.state = State::Delivered);
    let ended = house.get("viewer", &format!("/v1/deliveries/{id}")).await.json();
    for key in ["waits", "pausedBy", "expiresAt"] {
        assert!(ended[key].is_null(), "{key} of one that has ended");
    }
}
