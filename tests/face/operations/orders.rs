//! Orders for many: previewed, carried out at a pace, cancelled.

use super::{DESTINATION, House, Seen, Word};
use crate::support::client::until;
use serde_json::{Value, json};
use std::time::Duration;

const MANY: usize = 24;

/// Deliveries in a second.
const RATE: usize = 4;

impl House {
    /// A house in which many deliveries wait for a person, and the desk takes them now.
    async fn full() -> Self {
        let house = Self::new(Word::Refuse).await;
        for number in 0..MANY {
            house.hand_in(&format!("fall-{number}")).await;
        }
        until(async || house.listed("parked").await.len() == MANY).await;
        house.desk.say(Word::Take);
        house
    }

    async fn command(&self, id: &Value) -> Value {
        self.operator().get(&format!("/v1/commands/{}", id.as_str().expect("an id"))).await
    }

    /// Waits until so many have arrived that the desk took.
    async fn taken(&self, count: usize) {
        until(async || self.desk.handed_over().len() >= MANY + count).await;
    }
}

/// The most arrivals in any second.
fn most_in_a_second(arrivals: &[Seen]) -> usize {
    let within = |first: &Seen| {
        arrivals
            .iter()
            .filter(|seen| seen.at >= first.at && seen.at - first.at < Duration::from_secs(1))
            .count()
    };
    arrivals.iter().map(within).max().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_says_how_many_and_changes_nothing() {
    let house = House::full().await;
    let before = house.listed("parked").await;
    let filter = ["--state", "parked", "--destination", DESTINATION, "--reason-code", "target-refused"];
    let preview = house.order(&[&["retry"], &filter[..], &["--preview"]].concat());
    assert_eq!(preview.text, format!("Betroffen sind {MANY} Lieferungen.\n"));
    let unsure = house.queue(&[&["discard"], &filter[..], &["--reason", "x"]].concat());
    assert_eq!(unsure.code, 2, "{unsure:?}");
    let one = house.order(&["retry", "--case", "fall-3", "--preview", "--json"]).json();
    assert_eq!(one, json!({ "count": 1 }));
    let none = house.order(&["retry", "--reason-code", "no-word", "--preview"]);
    assert_eq!(none.text, "Es gibt keine Lieferung, die passt.\n");
    assert_eq!(house.listed("parked").await, before, "nothing changed");
    assert_eq!(house.order(&["commands"]).text, "Es gibt keine Anweisung.\n");
    let history = house.delivery(before[0]["id"].as_str().expect("an id")).await["history"].clone();
    assert!(
        history
            .as_array()
            .expect("a history")
            .iter()
            .all(|entry| entry["who"] == "rohrpost" || entry["who"] == "portal"),
        "{history:#}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_many_are_retried_at_a_pace_that_is_kept_and_stopped_by_a_cancel() {
    let house = House::full().await;
    let (rate, rate_text) = (RATE as f64, RATE.to_string());
    let begun = house
        .order(&[
            "retry",
            "--state",
            "parked",
            "--reason",
            "DMS läuft wieder",
            "--yes",
            "--per-second",
            &rate_text,
            "--json",
        ])
        .json();
    assert_eq!(
        (&begun["state"], &begun["total"], &begun["perSecond"]),
        (&json!("running"), &json!(MANY), &json!(RATE))
    );
    house.taken(MANY / 2).await;
    let id = begun["id"].as_str().expect("an id");
    let cancelled = house.order(&["cancel", id, "--reason", "genug für heute", "--json"]).json();
    assert_eq!((&cancelled["state"], &cancelled["endedBy"]), (&json!("cancelled"), &json!("operator")));

    // A piece that was being carried out is told, then it stays as it is.
    until(async || {
        let done = house.command(&begun["id"]).await["done"].as_u64().expect("a number");
        usize::try_from(done).is_ok_and(|done| house.desk.handed_over().len() == MANY + done)
    })
    .await;
    let ended = house.command(&begun["id"]).await;
    let done = usize::try_from(ended["done"].as_u64().expect("a number")).expect("a small one");
    assert!((MANY / 2..MANY).contains(&done), "{ended:#}");
    assert_eq!(ended["refused"], 0);
    until(async || house.listed("delivered").await.len() == done).await;
    assert_eq!(house.listed("parked").await.len(), MANY - done, "the others were left alone");

    let arrivals = &house.desk.handed_over()[MANY..];
    let took = (arrivals[arrivals.len() - 1].at - arrivals[0].at).as_secs_f64();
    let allowed = rate * (took + 1.0) + 1.0;
    assert!(arrivals.len() as f64 <= allowed, "{} arrived in {took} s", arrivals.len());
    // The machine may hold some up and let them go together.
    let most = most_in_a_second(arrivals);
    assert!(most <= 2 * RATE + 1, "{most} arrived in one second");

    // Every delivery that it touched says who and why, and by which order.
    let delivered = house.listed("delivered").await;
    let shown = house.delivery(delivered[0]["id"].as_str().expect("an id")).await;
    let entries = shown["history"].as_array().expect("a history");
    let retried = entries.iter().find(|entry| entry["event"] == "retry-commanded").expect("an entry");
    assert_eq!(retried["cause"], format!("command {id}"));
    assert_eq!((&retried["who"], &retried["why"]), (&json!("operator"), &json!("DMS läuft wieder")));
    assert_eq!(ended["why"], "DMS läuft wieder", "for an auditor");

    // What is left goes with the next order, which is watched to its end.
    let rest =
        house.order(&["retry", "--all", "--reason", "der Rest", "--yes", "--per-second", "1000", "--wait"]);
    let left = MANY - done;
    assert!(
        rest.text.ends_with(&format!("fertig, {left} von {left} erledigt, 0 abgelehnt.\n")),
        "{}",
        rest.text
    );
    until(async || house.listed("delivered").await.len() == MANY).await;
    assert_eq!(house.desk.handed_over().len(), 2 * MANY, "each was sent twice: refused, then taken");
    let listed = house.order(&["commands"]).text;
    let rows: Vec<_> = listed.lines().collect();
    assert!(rows.len() == 3 && rows[1].contains("fertig") && rows[2].contains("abgebrochen"), "{listed}");
    assert_eq!(ended["endedWhy"], "genug für heute", "for an auditor");
    let one = house.order(&["commands", id]).text;
    assert!(one.contains("Gegeben von operator: DMS läuft wieder"), "{one}");
    assert!(one.contains("Abgebrochen von operator: genug für heute"), "{one}");
    let newest = house.order(&["commands", "--limit", "1"]).text;
    assert!(newest.contains("fertig") && newest.contains("Es gibt weitere (--limit)."), "{newest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_an_order_goes_on_where_it_was_when_the_hub_stopped() {
    let mut house = House::full().await;
    let rate = RATE.to_string();
    let begun = house
        .order(&[
            "retry",
            "--state",
            "parked",
            "--reason",
            "DMS läuft wieder",
            "--yes",
            "--per-second",
            &rate,
            "--json",
        ])
        .json();
    house.taken(3).await;
    house.hub.kill();
    house.hub = house.setup.start();
    until(async || house.command(&begun["id"]).await["state"] == "finished").await;
    let ended = house.command(&begun["id"]).await;
    assert_eq!(ended["endedBy"], "rohrpost");
    let (done, refused) =
        (ended["done"].as_u64().expect("a number"), ended["refused"].as_u64().expect("a number"));
    assert!(
        usize::try_from(done + refused).expect("a small one") >= MANY,
        "every one had its turn: {ended:#}"
    );
    assert!(house.listed("parked").await.is_empty(), "none was left out");
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_many_are_held_back_let_go_and_given_up() {
    let house = House::full().await;
    let state = async |state: &str| house.listed(state).await.len();
    house.order(&["hold", "--destination", DESTINATION, "--reason", "Prüfung", "--yes", "--wait"]);
    let paused = house.order(&["list", "--paused", "--json"]).json();
    assert_eq!(paused["deliveries"].as_array().map(Vec::len), Some(MANY));
    assert_eq!(house.order(&["list", "--paused=false", "--json"]).json()["deliveries"], json!([]));
    house.order(&["retry", "--state", "parked", "--reason", "bereit", "--yes", "--wait"]);
    assert_eq!((state("due").await, house.desk.handed_over().len()), (MANY, MANY), "held back all the same");
    house.order(&["discard", "--case", "fall-0", "--reason", "erledigt", "--yes", "--wait"]);
    assert_eq!((state("due").await, state("discarded").await), (MANY - 1, 1));
    let released = house.order(&["release", "--all", "--reason", "geprüft", "--yes", "--wait"]);
    assert!(released.text.contains(&format!("{0} von {0} erledigt", MANY - 1)), "{}", released.text);
    until(async || state("delivered").await == MANY - 1).await;
    assert_eq!(house.desk.handed_over().len(), 2 * MANY - 1);
}
