//! The table of responsibilities at the door and on the way: who takes a submission, and where it goes.

use super::{Answered, sample, text};
use crate::cli::rohrpost;
use crate::support::client::Client;
use crate::support::hub::{AREA, Hub, SERVICE, Setup};
use crate::support::sink::Sink;
use serde_json::{Value, json};

const TABLE: &str = "responsibilities/kreis.csv";

const HEAD: &str = "service;area;tenant;destination;valid-from;valid-to\n";

/// A county, and a town without an area of its own: what is the town's, the table says.
struct County {
    setup: Setup,
    hub: Hub,
    sink: Sink,
}

impl County {
    async fn with(table: &str) -> Self {
        let sink = Sink::start().await;
        let setup = Setup::new(sink.address);
        setup.write("tenants/stadt.toml", "name = \"stadt\"\ntitle = \"Stadt\"\nareas = []\n");
        for name in ["lk-beispiel-fach", "stadt-fach"] {
            let tenant = name.trim_end_matches("-fach");
            let text = format!(
                "name = \"{name}\"\ntenants = [\"{tenant}\"]\nadapter = \"http\"\n[http]\nurl = \"http://{}/{name}/{{case}}\"\n",
                sink.address
            );
            setup.write(&format!("destinations/{name}.toml"), &text);
        }
        setup.write(
            "routes/brunnenbohrung.toml",
            "name = \"brunnenbohrung\"\ntenants = [\"lk-beispiel\", \"stadt\"]\n[match]\nservice = \"99128001000000\"\n\
             [[step]]\nname = \"fachverfahren\"\ndestination = \"{responsible}\"\n",
        );
        for client in ["portal", "operator"] {
            setup.edit(
                &format!("clients/{client}.toml"),
                "[\"lk-beispiel\"]",
                "[\"lk-beispiel\", \"stadt\"]",
            );
        }
        setup.write(TABLE, &format!("{HEAD}{table}"));
        let hub = setup.start();
        Self { setup, hub, sink }
    }

    async fn hand_in(&self, area: &str, case: &str) -> Value {
        let portal = Client::of(&self.hub, "portal");
        let path = format!("/v1/submissions?service={SERVICE}&area={area}&case={case}");
        let request = portal.request("POST", &path).header("content-type", "application/xml");
        let answer = request.body(sample("brunnenbohrung-1.xml")).send().await.expect("an answer");
        Answered::of(answer).await.accepted()
    }

    async fn follow(&self, accepted: &Value, enough: impl Fn(&Value) -> bool) -> Value {
        Client::of(&self.hub, "portal").follow(text(accepted, "id"), enough).await
    }

    fn activate(&self, table: &str) {
        self.setup.write(TABLE, &format!("{HEAD}{table}"));
        let all = ["config", "activate", "--reason", "Zuständigkeit", "--url", &self.hub.api];
        let ran = rohrpost(&self.setup.path(""), &all);
        assert_eq!(ran.code, 0, "{ran:?}");
    }

    fn came(&self) -> Vec<String> {
        let mut paths: Vec<_> = self.sink.requests().into_iter().map(|request| request.path).collect();
        paths.sort();
        paths
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_goes_to_who_is_responsible_today_and_to_the_destination_of_that_line() {
    let county = County::with(
        "99128*;15091*;lk-beispiel;lk-beispiel-fach;;\n\
         99128001000000;15091*;stadt;stadt-fach;2020-01-01;2020-12-31\n\
         99128001000000;15091001*;stadt;stadt-fach;2020-01-01;\n\
         99128001000000;1509100100*;lk-beispiel;lk-beispiel-fach;2999-01-01;\n",
    )
    .await;
    for (area, case, tenant) in [(AREA, "kreis", "lk-beispiel"), ("150910010000", "stadt", "stadt")] {
        let accepted = county.hand_in(area, case).await;
        let submission = county.follow(&accepted, |it| it["state"] == "completed").await;
        assert_eq!(submission["deliveries"][0]["destination"], json!(format!("{tenant}-fach")));
        let seen = Client::of(&county.hub, "operator").get(&format!("/v1/cases/{case}")).await;
        assert_eq!(seen["tenant"], tenant, "{seen:#}");
    }
    assert_eq!(county.came(), ["/lk-beispiel-fach/kreis", "/stadt-fach/stadt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_line_a_submission_waits_and_goes_on_when_there_is_one() {
    // The town's line is there only so that the route has a destination for it.
    let town = "99128001000000;15091001*;stadt;stadt-fach;;\n";
    let county =
        County::with(&format!("{town}99128001000000;15091002*;lk-beispiel;lk-beispiel-fach;;\n")).await;
    let accepted = county.hand_in(AREA, "wartet").await;
    let waiting = county.follow(&accepted, |it| it["deliveries"][0]["state"] == "parked").await;
    let delivery = &waiting["deliveries"][0];
    assert_eq!(
        (&delivery["step"], &delivery["reason"]["code"]),
        (&json!("unrouted"), &json!("nobody-responsible"))
    );
    assert!(county.came().is_empty());

    county.activate(&format!("{town}99128001000000;15091*;lk-beispiel;lk-beispiel-fach;;\n"));
    let operator = Client::of(&county.hub, "operator");
    let retry = format!("/v1/deliveries/{}/retry", text(delivery, "id"));
    let order = operator.request("POST", &retry).json(&json!({ "reason": "Zeile ergänzt" }));
    assert!(order.send().await.expect("an answer").status().is_success());
    county.follow(&accepted, |it| it["state"] == "completed").await;
    assert_eq!(county.came(), ["/lk-beispiel-fach/wartet"]);
}
