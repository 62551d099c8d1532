//! Every delivery that waits says why, whatever it waits for (H2).

use super::{DESTINATION, House, Word, text};
use crate::support::client::until;
use serde_json::{Value, json};

/// Deliveries of a case leave in its order; another step waits for each.
const MORE: &str = "ordered = true\n[[step]]\nname = \"akte\"\nafter = [\"dms\"]\n\
                    destination = \"lk-beispiel-wasserbehoerde\"\n";

fn code(delivery: &Value, shape: &str) -> String {
    delivery[shape]["code"].as_str().unwrap_or("-").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn h2_every_kind_of_waiting_says_why() {
    let house = House::with(Word::Take, MORE, |_| {}).await;
    let first = house.hand_in_until("refuse", "parked").await;
    let behind = house.hand_in_until("refuse", "due").await;
    let lost = house.hand_in_until("lose", "unknown").await;
    let busy = house.hand_in("busy").await;
    let busy = house.until(&busy, |delivery| delivery["state"] == "due" && delivery["attempts"] == 1).await;

    assert_eq!((code(&first, "reason"), code(&first, "waits")), ("target-refused".into(), "-".into()));
    assert_eq!(code(&behind, "waits"), "behind-earlier");
    assert_eq!(behind["waits"]["params"]["delivery"], first["id"]);
    assert_eq!(code(&lost, "waits"), "-");
    assert!(lost["reason"]["code"].is_string() && lost["nextAt"].is_string(), "{lost:#}");
    assert_eq!((code(&busy, "reason"), code(&busy, "waits")), ("target-busy".into(), "retry-at".into()));
    let next = text(&busy, "nextAt")[..19].to_owned();
    assert_eq!(busy["waits"]["params"]["at"], format!("{next}Z"), "as nextAt says");

    let id = text(&busy, "id");
    house.order(&["hold", id, "--reason", "Rückfrage"]);
    assert_eq!(code(&house.delivery(id).await, "waits"), "paused-delivery");
    house.order(&["release", id, "--reason", "geklärt"]);
    house.order(&["pause", DESTINATION, "--reason", "Umzug"]);
    let paused = house.delivery(id).await;
    assert_eq!(
        (code(&paused, "waits"), code(&paused, "reason")),
        ("paused-by-person".into(), "target-busy".into())
    );
    house.order(&["drain", DESTINATION, "--reason", "Umzug"]);
    assert_eq!(code(&house.delivery(id).await, "waits"), "draining");

    every_one_says_why(&house).await;
}

async fn every_one_says_why(house: &House) {
    let blocked = house.listed("blocked").await;
    assert_eq!(blocked.len(), 4, "the second steps");
    assert!(blocked.iter().all(|delivery| code(delivery, "reason") == "waits-for-steps"), "{blocked:#?}");
    let waiting = house.listed("blocked,due,unknown,awaiting,parked").await;
    assert_eq!(waiting.len(), 8);
    for delivery in &waiting {
        assert!(delivery["reason"].is_object() || delivery["waits"].is_object(), "{delivery:#}");
        assert!(
            text(delivery, "since") >= text(&house.delivery(text(delivery, "id")).await["history"][0], "at")
        );
    }
    let table = house.order(&["list"]).text;
    for told in ["lässt das Ziel seit", "geht vor", "Wartet auf: dms.", "Annahme verweigert"] {
        assert!(table.contains(told), "{told}: {table}");
    }
    let show = house.order(&["show", text(&waiting[0], "id")]).text;
    assert!(show.contains("\nSeit ") && show.contains("\nWartet "), "{show}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_narrowed_to_what_is_asked_for() {
    let house = House::with(Word::Take, MORE, |_| {}).await;
    let refused = house.hand_in_until("refuse", "parked").await;
    house.hand_in_until("gut", "delivered").await;
    until(async || house.listed("blocked").await.len() == 1).await;
    let ids = |arguments: &[&str]| {
        let all = [&["list", "--json"], arguments].concat();
        let listed = house.order(&all).json();
        let listed = listed["deliveries"].as_array().expect("deliveries").clone();
        listed.iter().map(|delivery| delivery["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&["--reason", "target-refused"]), [refused["id"].clone()]);
    assert_eq!(ids(&["--tenant", "lk-beispiel"]).len(), 4);
    assert_eq!(ids(&["--tenant", "anderswo"]), Vec::<Value>::new());
    assert_eq!(ids(&["--paused"]), Vec::<Value>::new());
    let wrong = house.queue(&["list", "--reason", "target-refuse"]);
    assert_eq!(wrong.code, 1);
    assert!(wrong.errors.contains("`target-refused`"), "it names those that there are: {}", wrong.errors);
    let of_the_moment = house.queue(&["list", "--reason", "breaker-open"]);
    assert!(of_the_moment.errors.contains("`waits`"), "{}", of_the_moment.errors);
    assert_eq!(json!(ids(&["--case", "gut"]).len()), json!(2));
}
