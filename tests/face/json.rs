//! A mapping that takes JSON: handed in over HTTP, with a code list and a function, to a message in the Fachverfahren's
//! folder; and what is not JSON, or does not fit, is refused with nothing stored.

use super::{Answered, files, text};
use crate::cli::rohrpost;
use crate::support::client::Client;
use crate::support::hub::{AREA, Hub, SERVICE, Setup};
use crate::support::sink::Sink;
use std::fs;

const ROUTE: &str = "name = \"brunnenbohrung\"\ntenants = [\"lk-beispiel\"]\n[match]\nservice = \"99128001000000\"\n\
    area = \"15091*\"\n[[step]]\nname = \"fachverfahren\"\ndestination = \"{tenant}-wasserbehoerde\"\nmapping = \"melde\"\n";

const MANIFEST: &str = "transform = \"t.xsl\"\n[source]\nformat = \"json\"\nschema = \"s.xsd\"\n\
    [lists]\nzweck = \"zweck.csv\"\n";

const TRANSFORM: &str = r#"<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
    xmlns:j="http://www.w3.org/2005/xpath-functions" xmlns:f="urn:rohrpost:functions:1" exclude-result-prefixes="j f">
  <xsl:output encoding="UTF-8"/>
  <xsl:template match="/j:map">
    <meldung beginn="{f:date(j:string[@key='beginn'])}" zweck="{f:code('zweck', j:number[@key='zweck'])}"/>
  </xsl:template>
</xsl:stylesheet>"#;

const SCHEMA: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" elementFormDefault="qualified"
    targetNamespace="http://www.w3.org/2005/xpath-functions">
  <xs:element name="map"><xs:complexType><xs:sequence>
    <xs:element name="string"><xs:complexType><xs:simpleContent><xs:extension base="xs:string">
      <xs:attribute name="key" use="required" fixed="beginn"/></xs:extension></xs:simpleContent></xs:complexType></xs:element>
    <xs:element name="number"><xs:complexType><xs:simpleContent><xs:extension base="xs:int">
      <xs:attribute name="key" use="required" fixed="zweck"/></xs:extension></xs:simpleContent></xs:complexType></xs:element>
  </xs:sequence></xs:complexType></xs:element>
</xs:schema>"#;

const NOTICE: &str = "{\"beginn\": \"3.2.2026\", \"zweck\": 2}";

async fn house() -> (Setup, Hub) {
    let setup = Setup::new(Sink::start().await.address);
    setup.write("routes/brunnenbohrung.toml", ROUTE);
    setup.take_own_library();
    let folder = setup.path("mappings/melde");
    fs::create_dir_all(folder.join("cases")).expect("a folder");
    for (name, content) in [
        ("mapping.toml", MANIFEST),
        ("t.xsl", TRANSFORM),
        ("s.xsd", SCHEMA),
        ("zweck.csv", "code;name\n1;Trinkwasser\n2;Gartenbewässerung\n"),
        ("cases/01.in.json", NOTICE),
        ("cases/01.out.xml", "<meldung zweck=\"Gartenbewässerung\" beginn=\"2026-02-03\"/>"),
    ] {
        fs::write(folder.join(name), content).expect("a file");
    }
    let hub = setup.start();
    (setup, hub)
}

async fn hand_in(portal: &Client, media_type: &str, body: &str) -> Answered {
    let path = format!("/v1/submissions?service={SERVICE}&area={AREA}");
    let request = portal.request("POST", &path).header("content-type", media_type).body(body.to_owned());
    Answered::of(request.send().await.expect("an answer")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_mapped_and_delivered() {
    let (setup, hub) = house().await;
    let portal = Client::of(&hub, "portal");
    let id = text(&hand_in(&portal, "application/json", NOTICE).await.accepted(), "id").to_owned();
    portal.completed(&id).await;
    let messages: Vec<_> = files(&setup.path("fachverfahren"));
    let message = messages.iter().find(|path| path.extension().is_some_and(|ending| ending == "xml"));
    let message = fs::read_to_string(message.expect("a message")).expect("text");
    assert!(
        message.contains("beginn=\"2026-02-03\"") && message.contains("zweck=\"Gartenbewässerung\""),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn h1_what_a_mapping_of_json_cannot_take_is_refused_and_not_stored() {
    let (_setup, hub) = house().await;
    let portal = Client::of(&hub, "portal");
    let xml = hand_in(&portal, "application/xml", "<meldung/>").await;
    assert_eq!(xml.word(), "wants-json", "{}", xml.text());
    let opaque = hand_in(&portal, "application/jose", "a.b.c.d.e").await;
    assert_eq!(opaque.word(), "wants-json", "{}", opaque.text());
    let unfit =
        hand_in(&portal, "application/json", "{\"beginn\": \"3.2.2026\",\n \"zweck\": \"zwei\"}").await;
    assert_eq!(unfit.word(), "schema-violation", "{}", unfit.text());
    let violation = &unfit.json()["violations"][0];
    assert_eq!((&violation["line"], &violation["column"]), (&2.into(), &11.into()), "{}", unfit.text());
    let listed = Client::of(&hub, "operator").get("/v1/deliveries").await;
    assert_eq!(listed["deliveries"].as_array().map_or(0, Vec::len), 0, "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_take_json() {
    let (setup, _hub) = house().await;
    let ran = rohrpost(&setup.path(""), &["test", "melde"]);
    assert_eq!(
        (ran.code, ran.text.lines().last()),
        (0, Some("1 cases, 0 failed")),
        "{}{}",
        ran.text,
        ran.errors
    );
    let case = setup.path("mappings/melde/cases/01.in.json");
    let ran = rohrpost(&setup.path(""), &["map", "melde", case.to_str().expect("a path")]);
    assert!(ran.code == 0 && ran.text.contains("Gartenbewässerung"), "{}{}", ran.text, ran.errors);
    fs::write(&case, "{\"beginn\": \"3.2.2026\",\n \"zweck\": 7}").expect("a file");
    let ran = rohrpost(&setup.path(""), &["map", "melde", case.to_str().expect("a path")]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.errors.contains("t.xsl:5:5: the code list `zweck` has no code '7'; it has: 1, 2"),
        "{}",
        ran.errors
    );
}
