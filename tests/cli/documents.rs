//! Several documents out of one mapping: picked by a step, sent along, mapped and tested one by one.

use super::{Workshop, expect};
use crate::support::several;

const ROUTE: &str = "config/routes/brunnenbohrung.toml";
const ENAIO: &str = "config/destinations/lk-beispiel-enaio.toml";
const XFALL: &str = "mapping = \"brunnenbohrung-xfall\"";
const INDEX: &str = "mapping = \"brunnenbohrung-enaio\"";

fn shop() -> Workshop {
    let shop = Workshop::new();
    several::put_into(&shop.file("mappings"));
    shop.write("a.xml", "<antrag/>");
    shop
}

/// Both steps of the shipped route with one mapping: the Fachverfahren gets message and note, the DMS the index data.
fn shared() -> Workshop {
    let shop = shop();
    shop.edit(ROUTE, XFALL, "mapping = \"vorgang\"\nwith = [\"zettel\"]");
    shop.edit(ROUTE, INDEX, "mapping = \"vorgang#index\"");
    shop
}

#[test]
fn map_gives_the_document_that_is_named() {
    let shop = shop();
    for (name, wanted) in [
        ("vorgang", "<v:nachricht"),
        ("vorgang#message", "<v:nachricht"),
        ("vorgang#index", "{\"vorgang\":\"fall-0001\",\"anlagen\":0}"),
        ("vorgang#zettel", "Straße & Flur: 150910000000"),
    ] {
        let ran = shop.run(&["map", name, "a.xml"]);
        assert!(ran.code == 0 && ran.text.contains(wanted), "{name}: {ran:?}");
    }
    let ran = shop.run(&["map", "vorgang#inhalt", "a.xml"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.errors.contains("there is no document `inhalt`") && ran.errors.contains("message, index, zettel"),
        "{ran:?}"
    );
    let ran = shop.run(&["map", "brunnenbohrung-xfall#index", "a.xml"]);
    assert!(ran.code == 2 && ran.errors.contains("there is no document `index`; known: message"), "{ran:?}");
}

#[test]
fn a_case_says_what_each_document_is() {
    let shop = shop();
    shop.write("mappings/vorgang/cases/01.in.xml", "<antrag/>");
    let ran = shop.run(&["test", "vorgang"]);
    assert!(ran.code == 1 && ran.text.contains("there is no file 01.out.*"), "{ran:?}");
    let ran = shop.run(&["test", "vorgang", "--accept"]);
    assert_eq!((ran.code, ran.text.matches("\nwrote ").count()), (0, 3), "{ran:?}");
    assert_eq!(shop.read("mappings/vorgang/cases/01.zettel.out.txt"), "Straße & Flur: 150910000000");
    assert_eq!(shop.run(&["test", "vorgang"]).code, 0);
    shop.edit("mappings/vorgang/cases/01.index.out.json", "fall-0001", "fall-0002");
    let ran = shop.run(&["test", "vorgang"]);
    assert!(
        ran.code == 1 && ran.text.contains("document index:\n") && ran.text.contains("fall-0002"),
        "{ran:?}"
    );
    std::fs::remove_file(shop.file("mappings/vorgang/cases/01.index.out.json")).expect("a file");
    let ran = shop.run(&["test", "vorgang"]);
    assert!(ran.code == 1 && ran.text.contains("there is no file 01.index.out.*"), "{ran:?}");
}

#[test]
fn steps_share_a_mapping_and_check_shows_it() {
    let shop = shared();
    let ran = shop.run(&["check", "--table"]);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{ran:?}");
    assert!(ran.text.contains("vorgang +zettel") && ran.text.contains("vorgang#index"), "{}", ran.text);
}

#[test]
fn check_names_what_a_step_may_ask_for() {
    let shop = shared();
    shop.edit(ROUTE, "vorgang#index", "vorgang#indx");
    shop.edit(ROUTE, "[\"zettel\"]", "[\"zettl\", \"message\", \"index\", \"index\"]");
    expect(
        &shop,
        &[
            "routes/brunnenbohrung.toml:14:9: the mapping `vorgang` makes no document `zettl`; did you mean `zettel`? It makes: index, message, zettel",
            "routes/brunnenbohrung.toml:14:18: the document `message` is the message of the step; take it out",
            "routes/brunnenbohrung.toml:14:38: the document `index` stands here twice; take it out",
            "routes/brunnenbohrung.toml:22:11: the mapping `vorgang` makes no document `indx`; did you mean `index`?",
        ],
    );
    let shop = shop_with("mapping = \"vorgang#index#x\"");
    expect(&shop, &["routes/brunnenbohrung.toml:13:11: a document's name has 1 to 40 characters"]);
    let shop = shop_with("with = [\"index\"]");
    expect(&shop, &["routes/brunnenbohrung.toml:13:9: without a mapping there is no document to go along"]);
}

/// The first step of the shipped route with this instead of its mapping.
fn shop_with(line: &str) -> Workshop {
    let shop = shop();
    shop.edit(ROUTE, XFALL, line);
    shop
}

#[test]
fn check_refuses_documents_to_a_destination_without_a_place_for_them() {
    let shop = shared();
    shop.edit(ROUTE, "vorgang#index\"", "vorgang#index\"\nwith = [\"message\"]");
    expect(
        &shop,
        &[
            "routes/brunnenbohrung.toml:23:9: the destination `lk-beispiel-enaio` has no place for documents that go along; with the adapter http add [[http.part]] with content = \"documents\"",
        ],
    );
    shop.edit(
        ENAIO,
        "name = \"file\"\n",
        "name = \"{document}\"\ncontent = \"documents\"\n[[http.part]]\nname = \"file\"\n",
    );
    expect(&shop, &[]);
}

#[test]
fn a_dry_run_shows_what_goes_along() {
    let shop = shared();
    let trace = [
        "trace",
        "config/samples/brunnenbohrung-1.xml",
        "--service",
        "99128001000000",
        "--area",
        "150910000000",
        "--attach",
        "a.xml",
    ];
    let ran = shop.run(&trace);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.text.contains("Dokument zettel: ") && ran.text.contains("[das Dokument zettel]"),
        "{}",
        ran.text
    );
    assert!(ran.text.contains("_anlage1_001_a.xml: [Anlage 1]"), "{}", ran.text);
    let json = shop.run(&[&trace[..], &["--json"]].concat()).json();
    let document = &json["steps"][0]["documents"][0];
    assert_eq!(
        (&document["name"], &document["content"]["mediaType"]),
        (&"zettel".into(), &"text/plain".into())
    );
    assert_eq!(json["steps"][1]["mapping"]["name"], "vorgang#index");
    let html = shop.run(&[&trace[..], &["--format", "html"]].concat());
    assert!(html.text.contains("Dokument zettel, das mitgeht"), "{}", html.errors);
}

#[test]
fn a_case_of_a_route_says_what_goes_along() {
    let shop = shared();
    let case = "config/routes/brunnenbohrung/cases/01";
    let sample = shop.read("config/samples/brunnenbohrung-1.xml");
    shop.write(&format!("{case}/case.toml"), "service = \"99128001000000\"\narea = \"150910000000\"\n");
    shop.write(&format!("{case}/data.xml"), sample);
    let ran = shop.run(&["test", "brunnenbohrung/01", "--accept"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let expected = |name: &str| format!("{case}/expected/fachverfahren.{name}");
    assert_eq!(shop.read(&expected("document.zettel.txt")), "Straße & Flur: 150910000000");
    assert!(shop.read(&expected("request.txt")).contains("_zettel.txt\n[document zettel]"));
    assert!(shop.read(&expected("request.txt")).contains("[sha256 of the document zettel]"));
    shop.write(&expected("document.zettel.txt"), "anderes");
    let ran = shop.run(&["test", "brunnenbohrung/01"]);
    assert!(ran.code == 1 && ran.text.contains("expected/fachverfahren.document.zettel.txt"), "{ran:?}");
}

#[test]
fn a_document_is_validated_by_itself() {
    let shop = shop();
    shop.write(
        "akte.xsd",
        "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:element name='akte'/></xs:schema>",
    );
    std::fs::copy(shop.file("akte.xsd"), shop.file("mappings/vorgang/akte.xsd")).expect("a copy");
    shop.edit(
        "mappings/vorgang/mapping.toml",
        "[document.zettel]",
        "[document.akte]\nschema = \"akte.xsd\"\n[document.zettel]",
    );
    shop.write("gut.xml", "<akte/>");
    assert_eq!(shop.run(&["validate", "vorgang/akte", "gut.xml"]).code, 0);
    assert_eq!(shop.run(&["validate", "vorgang/akte", "a.xml"]).code, 1);
    let ran = shop.run(&["validate", "vorgang/buch", "a.xml"]);
    assert!(ran.code == 2 && ran.errors.contains("vorgang/DOCUMENT"), "{ran:?}");
}
