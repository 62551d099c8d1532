//! Until when a Nachreichung is taken: so long after its application as its route says, and until the deadline of what was
//! asked for.

use super::replies::{AMENDMENTS, House};
use super::{Answered, sample};
use crate::support::hub::{AREA, SERVICE, Setup};
use crate::support::multipart::{body, data, metadata};
use serde_json::{Value, json};

const CASE: &str = "2027:BR-1";

/// Amendments are taken for so long.
fn until(length: &str) -> impl Fn(&Setup) {
    let route = AMENDMENTS.replace("[match]", &format!("amendments-until = \"{length}\"\n[match]"));
    move |setup| setup.write("routes/nachreichung.toml", &route)
}

impl House {
    async fn hand_in(&self, kind: &str, case: &str, key: &str) -> Answered {
        let said = json!({ "service": SERVICE, "area": AREA, "kind": kind, "case": case }).to_string();
        let parts = [metadata(&said), data("application/xml", sample("brunnenbohrung-1.xml"))];
        let request = self.client("portal").request("POST", "/v1/submissions").body(body("b", &parts));
        let request = request.header("content-type", "multipart/form-data; boundary=b");
        Answered::of(request.header("idempotency-key", key).send().await.expect("an answer")).await
    }

    async fn asked_until(&self, deadline: &str) {
        let said = json!({ "kind": "document-request", "text": "Bitte den Lageplan.", "documents": ["Lageplan"],
            "deadline": deadline });
        self.answered(&said).await;
    }

    async fn kinds(&self) -> Vec<Value> {
        let case = self.client("amt").get(&format!("/v1/cases/{CASE}")).await;
        case["submissions"].as_array().expect("a list").iter().map(|one| one["kind"].clone()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_amendment_after_the_time_of_its_route_is_refused_and_nothing_is_kept() {
    let house = House::with(until("1ms")).await;
    house.submit("application").await;
    let late = house.hand_in("amendment", CASE, "a-1").await;
    assert_eq!((late.status.as_u16(), late.word().as_str()), (409, "amendment-too-late"));
    let told = late.json();
    let until = told["until"].as_str().expect("a day");
    assert!(
        told["meldung"].as_str().expect("a sentence").contains(&format!("bis {until} angenommen")),
        "{told:#}"
    );
    assert!(told["detail"].as_str().expect("a sentence").contains("Nothing was kept"), "{told:#}");
    assert_eq!(house.kinds().await, ["application"], "nothing was kept");
    house.hand_in("withdrawal", CASE, "w-1").await.accepted();
    house.hand_in("amendment", "2027:BR-9", "a-2").await.accepted();
    assert_eq!(house.kinds().await, ["application", "withdrawal"], "who takes back is never too late");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_for_is_taken_until_its_own_deadline() {
    let house = House::with(until("1ms")).await;
    house.submit("application").await;
    house.asked_until("2020-01-31").await;
    let late = house.hand_in("amendment", CASE, "a-1").await;
    assert_eq!(late.word(), "amendment-too-late", "that day has passed, too");
    house.asked_until("2999-01-31").await;
    house.hand_in("amendment", CASE, "a-1").await.accepted();
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_what_was_taken_in_time_is_known_after_it() {
    let house = House::with(until("30d")).await;
    house.submit("application").await;
    let first = house.hand_in("amendment", CASE, "a-1").await.accepted();
    until("1ms")(&house.setup);
    let house = house.killed_and_started();
    assert_eq!(house.hand_in("amendment", CASE, "a-1").await.accepted(), first);
    assert_eq!(house.hand_in("amendment", CASE, "a-2").await.word(), "amendment-too-late");
}

#[test]
fn a_time_on_a_route_without_amendments_is_a_fault() {
    let setup = Setup::new("127.0.0.1:1");
    let route = AMENDMENTS.replace("\"amendment\"", "\"withdrawal\"");
    setup.write("routes/nachreichung.toml", &route.replace("[match]", "amendments-until = \"30d\"\n[match]"));
    let ran = setup.command().arg("check").output().expect("it runs");
    let told = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(told.contains("routes/nachreichung.toml:4:20: this route takes no amendments"), "{told}");
}
