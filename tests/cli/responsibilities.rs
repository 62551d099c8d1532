//! The table of responsibilities: read strictly, and explained by `rohrpost resolve`.

use super::{Ran, Workshop, expect};
use serde_json::json;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

const ROUTE: &str = "config/routes/brunnenbohrung.toml";
const TABLE: &str = "config/responsibilities/kreis.csv";
const WELL: &str = "99128001000000";

/// The shipped configuration with a town that has no area of its own, and this table.
fn with_table(table: &str) -> Workshop {
    let shop = Workshop::new();
    shop.write("config/tenants/stadt.toml", "name = \"stadt\"\ntitle = \"Stadt\"\nareas = []\n");
    shop.edit(ROUTE, "[\"lk-beispiel\"]", "[\"lk-beispiel\", \"stadt\"]");
    for system in ["wasserbehoerde", "enaio"] {
        let of_county = shop.read(&format!("config/destinations/lk-beispiel-{system}.toml"));
        shop.write(
            &format!("config/destinations/stadt-{system}.toml"),
            of_county.replace("lk-beispiel", "stadt"),
        );
    }
    shop.write(TABLE, table);
    shop
}

fn resolve(shop: &Workshop, area: &str, day: &str) -> Ran {
    shop.run(&["resolve", "--service", WELL, "--area", area, "--at", day, "--json"])
}

#[test]
fn it_is_read_with_any_separator_quotes_and_a_byte_order_mark() {
    for table in [
        "service;area;tenant\n99128001000000;150910010000;stadt\n",
        "\u{feff}service,area,tenant,note\r\n\"99128001000000\",\"150910010000\",stadt,\"Brunnen, auch \"\"alte\"\"\"\r\n",
        "tenant\tservice\tarea\n\nstadt\t99128*\t15091001*\n",
    ] {
        let shop = with_table(table);
        expect(&shop, &[]);
        assert_eq!(resolve(&shop, "150910010000", "2026-01-01").json()["tenant"]["name"], "stadt", "{table}");
        assert_eq!(resolve(&shop, "150910020000", "2026-01-01").json()["tenant"]["name"], "lk-beispiel");
    }
}

#[test]
fn every_fault_has_its_line_and_column() {
    expect(
        &with_table(
            "service;area;tenant;destination;valid-from;valid-to\n\
             9912800100000;15091*;stadt;;;\n\
             99128001000000;1509x;stadt;;;\n\
             99128001000000;15091001*;stdat;stadt-enaoi;01.01.2026;2026-13-01\n\
             99128001000000;15091001*;stadt\n\
             ;*;stadt;;2026-02-01;2026-01-31\n\n\
             \"99*\";15091001*;\"sta dt\";;;\n\
             *;15091*;stadt;;;\n",
        ),
        &[
            "responsibilities/kreis.csv:2:1: `9912800100000` in the column `service`: a service is a LeiKa key of 14 digits",
            "responsibilities/kreis.csv:3:16: `1509x` in the column `area`: an area is an ARS",
            "responsibilities/kreis.csv:4:26: unknown tenant `stdat`; did you mean `stadt`?",
            "responsibilities/kreis.csv:4:32: unknown destination `stadt-enaoi`; did you mean `stadt-enaio`?",
            "responsibilities/kreis.csv:4:44: `01.01.2026` in the column `valid-from` is no day; write it like 2026-12-31",
            "responsibilities/kreis.csv:4:55: `2026-13-01` in the column `valid-to` is no day",
            "responsibilities/kreis.csv:5:1: the row has 3 cells, and the first line names 6",
            "responsibilities/kreis.csv:6:1: the column `service` is empty; fill it",
            "responsibilities/kreis.csv:6:22: the last day, 2026-01-31, is before the first, 2026-02-01; both days are included",
            "responsibilities/kreis.csv:8:17: `sta dt` in the column `tenant`: ",
        ],
    );
    expect(
        &with_table("servcie;area;area\n"),
        &[
            "responsibilities/kreis.csv:1:1: the column `service` is missing",
            "responsibilities/kreis.csv:1:1: the column `tenant` is missing",
            "responsibilities/kreis.csv:1:1: unknown column `servcie`; did you mean `service`?",
            "responsibilities/kreis.csv:1:14: the column `area` is there already",
            "tenants/stadt.toml:3:9: the list is empty; name at least one area",
        ],
    );
}

#[test]
fn two_lines_that_say_the_same_of_a_common_day_are_a_fault_with_both_named() {
    let shop = with_table(
        "service;area;tenant;valid-from;valid-to\n\
         99128001000000;15091*;stadt;;2026-06-30\n\
         99128001000000;15091*;lk-beispiel;2026-07-01;\n\
         99128001000000;15091001*;lk-beispiel;;\n",
    );
    expect(&shop, &[]);
    shop.write("config/responsibilities/zwei.csv", "service;area;tenant\n99128001000000;15091001*;stadt\n");
    shop.edit(TABLE, "2026-06-30", "2026-07-01");
    expect(
        &shop,
        &[
            "responsibilities/kreis.csv:3:1: the service 99128001000000 in the area 15091* is in \
             responsibilities/kreis.csv:2 already, on days in common; end one with valid-to",
            "responsibilities/zwei.csv:2:1: the service 99128001000000 in the area 15091001* is in \
             responsibilities/kreis.csv:4 already",
        ],
    );
}

#[test]
fn a_route_that_asks_for_the_destination_needs_one_in_every_line_and_it_must_fit() {
    let shop = with_table("service;area;tenant;destination\n99128001000000;15091001*;stadt;stadt-enaio\n");
    shop.edit(ROUTE, "{tenant}-enaio", "{responsible}");
    expect(
        &shop,
        &[
            "routes/brunnenbohrung.toml:20:15: no line of responsibilities/*.csv names a destination for the tenant \
           `lk-beispiel` here",
        ],
    );
    shop.edit(
        TABLE,
        "stadt;stadt-enaio\n",
        "stadt;stadt-enaio\n*;15*;lk-beispiel;stadt-enaio\n99*;1509*;stadt;\n",
    );
    expect(
        &shop,
        &[
            "responsibilities/kreis.csv:4:1: the line names no destination, and the route `brunnenbohrung` \
             (routes/brunnenbohrung.toml:2:8) asks for one with {responsible}",
            "routes/brunnenbohrung.toml:20:15: the destination `stadt-enaio` does not serve the tenant `lk-beispiel`",
        ],
    );
    shop.edit(TABLE, "lk-beispiel;stadt-enaio", "lk-beispiel;lk-beispiel-enaio");
    shop.edit(TABLE, "99*;1509*;stadt;\n", "");
    expect(&shop, &[]);
    let warnings = shop.run(&["check", "--json"]).json()["warnings"].clone();
    assert_eq!(warnings, json!([]), "what a line leads to is reached");
    shop.edit(TABLE, "stadt;stadt-enaio\n", "stadt;stadt-enaio\n99000000000001;*;stadt;stadt-enaio\n");
    let warnings = shop.run(&["check", "--json"]).json()["warnings"].clone();
    assert_eq!(
        (&warnings[0]["line"], &warnings[0]["message"]),
        (&json!(3), &json!("no route of the tenant `stadt` takes the service 99000000000001 in the area *"))
    );
}

#[test]
fn resolve_explains_its_answer() {
    let shop = with_table(
        "service;area;tenant;destination;valid-from;valid-to\n\
         99128*;15091*;lk-beispiel;lk-beispiel-enaio;;\n\
         99128001000000;15091*;lk-beispiel;lk-beispiel-enaio;;\n\
         99128001000000;15091001*;stadt;stadt-enaio;2026-01-01;2026-06-30\n\
         99128001000000;15091001*;lk-beispiel;lk-beispiel-enaio;2027-01-01;\n\
         99128001000001;15091001*;lk-beispiel;lk-beispiel-enaio;;\n",
    );
    shop.edit(ROUTE, "{tenant}-enaio", "{responsible}");
    let answer = resolve(&shop, "150910010000", "2026-06-30");
    assert_eq!(answer.code, 0, "{answer:?}");
    let told = answer.json();
    let why: Vec<_> =
        told["lines"].as_array().expect("lines").iter().map(|line| line["why"].as_str()).collect();
    let expected = [
        "nennt die Leistung weniger genau als responsibilities/kreis.csv:4",
        "nennt das Gebiet weniger genau als responsibilities/kreis.csv:4",
        "gilt",
        "gilt erst ab 2027-01-01",
    ];
    assert_eq!(why, expected.map(Some));
    assert_eq!(
        (&told["tenant"]["name"], &told["tenant"]["why"]),
        (&json!("stadt"), &json!("so sagt es responsibilities/kreis.csv:4"))
    );
    assert_eq!(
        told["routes"][0],
        json!({ "name": "brunnenbohrung", "chosen": true, "why": "passt am genauesten" })
    );
    assert_eq!(told["steps"][1]["destination"], "stadt-enaio");
    assert_eq!(told["steps"][0]["destination"], "stadt-wasserbehoerde");

    let later = resolve(&shop, "150910010000", "2026-07-01").json();
    assert_eq!(later["lines"][2]["why"], "galt nur bis 2026-06-30");
    assert_eq!(
        (&later["tenant"]["name"], &later["steps"][1]["destination"]),
        (&json!("lk-beispiel"), &json!("lk-beispiel-enaio"))
    );

    let text = shop.run(&["resolve", "--service", WELL, "--area", "150910010000", "--at", "2026-06-30"]).text;
    for expected in [
        "Leistung 99128001000000, Gebiet 150910010000",
        "gilt erst ab 2027-01-01",
        "Mandant: stadt (Stadt)",
        "stadt-wasserbehoerde",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn resolve_fails_where_a_submission_would_be_refused_or_wait() {
    let shop = with_table("service;area;tenant\n99*;01*;stadt\n");
    let nobody = resolve(&shop, "09162", "2026-01-01");
    assert_eq!(
        (nobody.code, nobody.json()["trouble"].as_str().map(|it| it.contains("niemand zuständig"))),
        (1, Some(true))
    );
    let unrouted = resolve(&shop, "01", "2026-01-01");
    assert_eq!(unrouted.json()["routes"][0]["why"], "nimmt das Gebiet nicht");
    assert!(unrouted.code == 1 && unrouted.errors.contains("Keine Route nimmt"), "{unrouted:?}");
    let wrong = shop.run(&["resolve", "--service", "123", "--area", "01"]);
    assert_eq!(wrong.code, 2);
}

#[test]
#[allow(clippy::disallowed_methods)] // how long a command takes is measured by the test
fn all_municipalities_are_read_quickly() {
    let mut table = "service;area;tenant;destination;valid-from;valid-to\n".to_owned();
    for number in 0..11_000 {
        let _ = writeln!(table, "99128001000000;15091{number:05}*;stadt;stadt-enaio;2026-01-01;");
    }
    let shop = with_table(&table);
    let begun = Instant::now();
    let told = resolve(&shop, "150910077700", "2026-01-01");
    let took = begun.elapsed();
    assert_eq!(told.json()["lines"][0]["place"], "responsibilities/kreis.csv:779", "{told:?}");
    assert!(took < Duration::from_secs(20), "11000 lines took {took:?}");
    println!("11000 lines: {took:?}");
}
