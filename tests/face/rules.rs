//! A mapping with rules of Schematron: data that break those of the source are refused at the door with their place, an
//! output that breaks those of the target parks its delivery, and rules that cannot judge park it, too.

use super::{Answered, text};
use crate::support::client::Client;
use crate::support::hub::{AREA, Hub, SERVICE, Setup};
use crate::support::sink::Sink;
use serde_json::Value;
use std::fs;

const ROUTE: &str = "name = \"brunnenbohrung\"\ntenants = [\"lk-beispiel\"]\n[match]\nservice = \"99128001000000\"\n\
    area = \"15091*\"\n[[step]]\nname = \"fachverfahren\"\ndestination = \"{tenant}-wasserbehoerde\"\nmapping = \"melde\"\n";

const TRANSFORM: &str = r#"<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
  <xsl:output encoding="UTF-8"/>
  <xsl:template match="/antrag"><meldung><xsl:copy-of select="name"/></meldung></xsl:template>
</xsl:stylesheet>"#;

const SOURCE: &str = r#"<schema xmlns="http://purl.oclc.org/dsdl/schematron"><pattern>
  <rule context="zeitraum"><assert id="r-1" test="@bis &gt;= @von">Das Ende <value-of select="@bis"/> liegt vor dem Beginn.</assert></rule>
  <rule context="langsam"><assert test="count(//n[count(//n[count(//n) &gt; 0]) &gt; 0])">nie</assert></rule>
</pattern></schema>"#;

const TARGET: &str = r#"<schema xmlns="http://purl.oclc.org/dsdl/schematron"><pattern>
  <rule context="meldung"><assert id="r-2" test="name">Ohne Namen.</assert></rule>
  <rule context="name"><report test="true()" role="warning">Nur ein Hinweis: <value-of select="."/>.</report></rule>
</pattern></schema>"#;

async fn house() -> (Setup, Hub) {
    let setup = Setup::new(Sink::start().await.address);
    setup.write("routes/brunnenbohrung.toml", ROUTE);
    setup.take_own_library();
    let folder = setup.path("mappings/melde");
    fs::create_dir_all(&folder).expect("a folder");
    let manifest = "transform = \"t.xsl\"\n[source]\nrules = \"in.sch\"\n[target]\nrules = \"out.sch\"\n";
    for (name, content) in
        [("mapping.toml", manifest), ("t.xsl", TRANSFORM), ("in.sch", SOURCE), ("out.sch", TARGET)]
    {
        fs::write(folder.join(name), content).expect("a file");
    }
    let hub = setup.start();
    (setup, hub)
}

async fn hand_in(portal: &Client, body: &str) -> Answered {
    let path = format!("/v1/submissions?service={SERVICE}&area={AREA}");
    let request =
        portal.request("POST", &path).header("content-type", "application/xml").body(body.to_owned());
    Answered::of(request.send().await.expect("an answer")).await
}

/// The delivery of an accepted submission, once it is parked.
async fn parked(hub: &Hub, body: &str) -> Value {
    let portal = Client::of(hub, "portal");
    let id = text(&hand_in(&portal, body).await.accepted(), "id").to_owned();
    let shown = portal.follow(&id, |it| it["deliveries"][0]["state"] == "parked").await;
    shown["deliveries"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn h1_data_that_break_rules_are_refused_with_their_place_and_not_stored() {
    let (setup, hub) = house().await;
    let portal = Client::of(&hub, "portal");
    let refused =
        hand_in(&portal, "<antrag><name>Erika</name>\n  <zeitraum von='7' bis='31337'/>\n  <zeitraum von='7' bis='3'/></antrag>").await;
    assert_eq!((refused.status.as_u16(), refused.word().as_str()), (422, "schema-violation"));
    let violations = refused.json()["violations"].clone();
    assert_eq!(violations.as_array().map(Vec::len), Some(1), "{violations}");
    let first = &violations[0];
    assert_eq!((&first["line"], &first["column"]), (&3.into(), &3.into()), "{first}");
    assert_eq!((text(first, "path"), text(first, "rule")), ("/antrag/zeitraum[2]", "r-1"));
    assert_eq!(text(first, "message"), "Das Ende 3 liegt vor dem Beginn.");
    let listed = Client::of(&hub, "operator").get("/v1/deliveries").await;
    assert_eq!(listed["deliveries"].as_array().map_or(0, Vec::len), 0, "{listed}");
    assert!(!setup.log().contains("liegt vor dem Beginn"), "a quoted value is in the log");
    let taken = hand_in(&portal, "<antrag><name>Erika</name><zeitraum von='7' bis='8'/></antrag>").await;
    portal.completed(text(&taken.accepted(), "id")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h2_what_breaks_the_rules_of_the_target_or_cannot_be_judged_is_parked() {
    let (_setup, hub) = house().await;
    let unfit = parked(&hub, "<antrag/>").await;
    assert_eq!(text(&unfit["reason"], "code"), "target-invalid", "{unfit}");
    assert!(!unfit.to_string().contains("Ohne Namen"), "a reason quotes no text: {unfit}");
    let endless = format!("<antrag><name>E</name><langsam/>{}</antrag>", "<n/>".repeat(1500));
    let endless = parked(&hub, &endless).await;
    assert_eq!(text(&endless["reason"], "code"), "mapping-limit", "{endless}");
}
