//! `test` on the cases of routes, and `test --accept`.

use super::Workshop;
use std::fs;

const CASE: &str = "config/routes/brunnenbohrung/cases/01-gartenbrunnen";
const NAME: &str = "brunnenbohrung/01-gartenbrunnen";

fn expected(file: &str) -> String {
    format!("{CASE}/expected/{file}")
}

#[test]
fn a_route_that_does_something_else_is_found_and_shown_where() {
    let shop = Workshop::new();
    assert_eq!(
        shop.run(&["test", NAME]).text,
        "ok      route brunnenbohrung 01-gartenbrunnen\n1 cases, 0 failed\n"
    );
    // A mapping that makes something else.
    shop.edit("mappings/brunnenbohrung-xfall/transform.xsl", "Bohranzeige ", "Anzeige ");
    let ran = shop.run(&["test", NAME]);
    assert_eq!(ran.code, 1, "{}", ran.text);
    let told: Vec<_> = ran.text.lines().map(str::trim).collect();
    let betreff = "Flurstück 123/4, Flur 2, Gemarkung Musterhausen</betreff>";
    assert_eq!(
        told[..5],
        [
            "FAILED  route brunnenbohrung 01-gartenbrunnen",
            "expected/fachverfahren.document.xml:",
            "at /wasserbehoerde:nachricht/kopf/betreff",
            &format!("- <betreff>Bohranzeige {betreff}"),
            &format!("+ <betreff>Anzeige {betreff}"),
        ]
    );
    assert_eq!(told.len(), 6, "what only follows from the message is no difference of its own: {}", ran.text);
}

#[test]
fn what_is_sent_where_and_whether_at_all_is_compared() {
    let shop = Workshop::new();
    let differs = |file: &str, lines: &[&str]| {
        let ran = shop.run(&["test", NAME]);
        assert_eq!(ran.code, 1, "{}", ran.text);
        assert!(ran.text.contains(&format!("expected/{file}:")), "{}", ran.text);
        lines.iter().for_each(|line| assert!(ran.text.contains(line), "{line}\n{}", ran.text));
    };
    let route = "config/routes/brunnenbohrung.toml";
    let text = shop.read(route);
    shop.edit(
        route,
        "after = [\"fachverfahren\"]",
        "when = { xpath = \"false()\" }\nafter = [\"fachverfahren\"]",
    );
    differs("outcome.txt", &["- step dms: sends to lk-beispiel-enaio", "+ step dms: skipped"]);
    differs("dms.request.txt", &["nothing of this kind was made"]);
    shop.write(route, text);
    let dms = "config/destinations/lk-beispiel-enaio.toml";
    let text = shop.read(dms);
    shop.edit(dms, "documents/insert", "documents/update");
    differs(
        "dms.request.txt",
        &["- POST /osrest/api/documents/insert", "+ POST /osrest/api/documents/update"],
    );
    // Another host or folder is another place, and not another route.
    shop.write(dms, text.replace("127.0.0.1:8482", "127.0.0.2:1"));
    shop.edit("config/destinations/lk-beispiel-wasserbehoerde.toml", "demo-data/partner", "elsewhere");
    assert_eq!(shop.run(&["test", NAME]).code, 0);
}

#[test]
fn another_key_changes_no_case_and_what_passes_is_not_written_anew() {
    let shop = Workshop::new();
    let first = shop.run(&["test", "brunnenbohrung", "--accept"]);
    assert_eq!(first.code, 0, "{first:?}");
    assert!(!first.text.contains("wrote"), "what passes is not written anew: {}", first.text);
    // Another key makes other signatures.
    for file in ["siegel.key", "siegel.pem"] {
        fs::copy(
            shop.file(&format!("config/secrets/{}", file.replace("siegel", "quittung"))),
            shop.file(&format!("config/secrets/{file}")),
        )
        .expect("another key");
    }
    let ran = shop.run(&["test", NAME]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn accept_writes_what_is_named_says_what_and_touches_nothing_else() {
    let shop = Workshop::new();
    let (other, out) =
        ("mappings/brunnenbohrung-enaio/cases/01.out.json", "mappings/brunnenbohrung-xfall/cases/01.out.xml");
    let wrong = shop.read(other).replace("Mustermann, Erika", "Mustermann, Otto");
    shop.write(other, &wrong);
    let right = shop.read(&expected("dms.request.txt"));
    shop.write(&expected("dms.request.txt"), "POST /elsewhere\n");
    fs::remove_file(shop.file(&expected("outcome.txt"))).expect("removed");
    fs::remove_file(shop.file(&expected("fachverfahren.request.txt"))).expect("removed");
    let ran = shop.run(&["test", NAME]);
    assert!(ran.code == 1 && ran.text.contains("have it written with --accept"), "{ran:?}");
    let ran = shop.run(&["test", "--accept", NAME]);
    let wrote: Vec<_> = ran.text.lines().filter(|line| line.starts_with("wrote")).collect();
    let path = |file: &str| format!("wrote   {}", expected(file));
    assert_eq!(wrote, [path("dms.request.txt"), path("fachverfahren.request.txt"), path("outcome.txt")]);
    assert_eq!((ran.code, shop.read(&expected("dms.request.txt"))), (0, right));
    assert_eq!(shop.read(other), wrong, "another one's expectation is not touched");
    // A mapping's case, with a wrong expectation and with none.
    let text = shop.read(out);
    fs::remove_file(shop.file(out)).expect("removed");
    let ran = shop.run(&["test", "--accept", "brunnenbohrung-xfall/01"]);
    assert_eq!((ran.code, shop.run(&["test", "brunnenbohrung-xfall"]).code), (0, 0), "{ran:?}");
    assert!(ran.text.contains(&format!("wrote   config/../{out}")), "{}", ran.text);
    assert_eq!(shop.read(out).trim_end(), text.trim_end());
    assert_eq!(shop.run(&["test", "brunnenbohrung-xfall/99"]).code, 2);
}

#[test]
fn a_case_that_cannot_be_read_fails_with_its_place() {
    let shop = Workshop::new();
    shop.edit(&format!("{CASE}/case.toml"), "client = \"portal\"", "client = \"portl\"");
    let ran = shop.run(&["test", NAME]);
    assert!(
        ran.code == 1 && ran.text.contains(&format!("{CASE}/case.toml:4:10: there is no such client")),
        "{ran:?}"
    );
    shop.edit(&format!("{CASE}/case.toml"), "client =", "clint =");
    assert!(shop.run(&["test", NAME]).text.contains("case.toml:4:1: unknown key `clint`"));
    fs::remove_file(shop.file(&format!("{CASE}/case.toml"))).expect("removed");
    assert!(shop.run(&["test", NAME]).text.contains("case.toml: there is no such file"));
}
