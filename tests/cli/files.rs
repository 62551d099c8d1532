//! `map`, `test`, `validate`, `sign` and `verify` on real files.

use super::Workshop;
use std::fs;

const SAMPLE: &str = "config/samples/brunnenbohrung-1.xml";
const BROKEN: &str = "config/samples/brunnenbohrung-2-fehlerhaft.xml";
const CASE: &str = "mappings/brunnenbohrung-xfall/cases/01.in.xml";

#[test]
fn map_gives_what_the_case_expects_and_the_same_to_a_file() {
    let shop = Workshop::new();
    let ran = shop.run(&["map", "brunnenbohrung-enaio", "mappings/brunnenbohrung-enaio/cases/01.in.xml"]);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""));
    assert_eq!(ran.text, shop.read("mappings/brunnenbohrung-enaio/cases/01.out.json"));
    let to_file = shop.run(&[
        "map",
        "brunnenbohrung-enaio",
        "mappings/brunnenbohrung-enaio/cases/01.in.xml",
        "-o",
        "out.json",
    ]);
    assert_eq!((to_file.code, to_file.text.as_str()), (0, ""));
    assert_eq!(shop.read("out.json"), ran.text);
}

#[test]
fn map_takes_facts_and_parameters() {
    let shop = Workshop::new();
    let case = "mappings/brunnenbohrung-enaio/cases/01.in.xml";
    let ran = shop.run(&[
        "map",
        "brunnenbohrung-enaio",
        case,
        "--param",
        "case=fall-4711",
        "--param",
        "objekttyp=99",
    ]);
    assert!(ran.text.contains("fall-4711") && ran.text.contains("\"objectTypeId\": \"99\""), "{}", ran.text);
    assert_eq!(shop.run(&["map", "brunnenbohrung-enaio", case, "--param", "without-value"]).code, 2);
    assert_eq!(shop.run(&["map", "brunnenbohrung-enaio", case, "--param", "test=perhaps"]).code, 2);
}

#[test]
fn map_tells_where_the_source_breaks_its_schema() {
    let shop = Workshop::new();
    let ran = shop.run(&["map", "brunnenbohrung-xfall", BROKEN]);
    assert_eq!((ran.code, ran.text.as_str()), (1, ""));
    assert!(ran.errors.starts_with(&format!("{BROKEN}:")), "{}", ran.errors);
    shop.write("kaputt.xml", "<a>\n  <b>\n</a>");
    let ran = shop.run(&["map", "brunnenbohrung-xfall", "kaputt.xml"]);
    assert!(ran.errors.starts_with("kaputt.xml:3:"), "{}", ran.errors);
}

#[test]
fn mappings_that_are_not_there() {
    let shop = Workshop::new();
    let ran = shop.run(&["map", "brunnenbohrung-xfal", SAMPLE]);
    assert_eq!(ran.code, 2);
    assert!(ran.errors.contains("did you mean `brunnenbohrung-xfall`?"), "{}", ran.errors);
    assert_eq!(shop.run(&["map", "brunnenbohrung-xfall", "no-such-file.xml"]).code, 1);
}

#[test]
fn test_runs_all_cases_of_mappings_and_of_a_route() {
    let shop = Workshop::new();
    let ran = shop.run(&["test"]);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{}", ran.text);
    let lines: Vec<_> = ran.text.lines().collect();
    let cases = |mapping: &str| {
        let folder = fs::read_dir(shop.file(&format!("mappings/{mapping}/cases"))).expect("cases").flatten();
        folder.filter(|entry| entry.file_name().to_string_lossy().contains(".in.")).count()
    };
    let of_routes = fs::read_dir(shop.file("config/routes/brunnenbohrung/cases")).expect("cases").count();
    let mappings = fs::read_dir(shop.file("mappings")).expect("the library").flatten();
    let of_mappings: usize = mappings.map(|entry| cases(&entry.file_name().to_string_lossy())).sum();
    let all = of_mappings + of_routes;
    assert!(of_routes > 0 && lines[all - 1].starts_with("ok      route brunnenbohrung"), "{}", ran.text);
    assert_eq!(lines.len(), all + 1);
    assert!(lines[0].starts_with("ok      brunnenbohrung-enaio 01"), "{}", lines[0]);
    assert_eq!(lines[all], format!("{all} cases, 0 failed"));
    let of_the_route = cases("brunnenbohrung-enaio") + cases("brunnenbohrung-xfall") + of_routes;
    let route = shop.run(&["test", "brunnenbohrung"]);
    assert_eq!(route.text.lines().last(), Some(format!("{of_the_route} cases, 0 failed").as_str()));
    let one = shop.run(&["test", "brunnenbohrung-enaio"]);
    assert_eq!(one.text.lines().count(), cases("brunnenbohrung-enaio") + 1);
    assert_eq!(shop.run(&["test", "brunnenbohrng"]).code, 2);
}

#[test]
fn test_shows_what_differs_and_ends_with_1() {
    let shop = Workshop::new();
    shop.edit("mappings/brunnenbohrung-enaio/cases/01.out.json", "Mustermann, Erika", "Mustermann, Otto");
    let ran = shop.run(&["test", "brunnenbohrung-enaio"]);
    assert_eq!(ran.code, 1);
    assert!(ran.text.contains("FAILED  brunnenbohrung-enaio 01"), "{}", ran.text);
    let has = |sign: char, text: &str| {
        ran.text.lines().any(|line| line.trim_start().starts_with(sign) && line.contains(text))
    };
    assert!(has('-', "Mustermann, Otto") && has('+', "Mustermann, Erika"), "{}", ran.text);
    assert!(ran.text.ends_with(" cases, 1 failed\n"), "{}", ran.text);
    let machine = shop.run(&["test", "brunnenbohrung-enaio", "--json"]);
    assert_eq!((machine.code, &machine.json()["failed"]), (1, &serde_json::json!(1)));
}

/// A case that expects faults passes with exactly these, and fails where they are others or none.
#[test]
fn a_case_may_expect_that_it_is_refused() {
    let shop = Workshop::new();
    let faults = "mappings/brunnenbohrung-xfall/cases/09.out.faults";
    assert!(shop.read(faults).starts_with("09.in.xml:24:5: This element is not expected."));
    shop.edit(faults, "09.in.xml:28:5:", "09.in.xml:29:5:");
    let ran = shop.run(&["test", "brunnenbohrung-xfall"]);
    assert_eq!(ran.code, 1);
    let told = |word: &str| ran.text.lines().any(|line| line.trim_start().starts_with(word));
    assert!(told("- 09.in.xml:29:5:") && told("+ 09.in.xml:28:5:"), "{}", ran.text);
    shop.write("mappings/brunnenbohrung-xfall/cases/01.out.faults", "01.in.xml:1:1: nothing");
    fs::remove_file(shop.file("mappings/brunnenbohrung-xfall/cases/01.out.xml")).expect("removed");
    let ran = shop.run(&["test", "brunnenbohrung-xfall"]);
    assert!(ran.text.contains("it is not refused, as 01.out.faults expects"), "{}", ran.text);
    assert!(ran.text.ends_with(" cases, 2 failed\n"), "{}", ran.text);
}

#[test]
fn xml_is_compared_as_xml_and_a_case_without_expectation_fails() {
    let shop = Workshop::new();
    let out = "mappings/brunnenbohrung-xfall/cases/01.out.xml";
    let text = shop.read(out);
    shop.write(
        out,
        text.replace(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
            "<?xml version='1.0'?><!-- said otherwise -->",
        ),
    );
    let ran = shop.run(&["test", "brunnenbohrung-xfall"]);
    assert_eq!(ran.code, 0, "{}", ran.text);
    fs::remove_file(shop.file(out)).expect("removed");
    let ran = shop.run(&["test", "brunnenbohrung-xfall"]);
    assert_eq!(ran.code, 1);
    assert!(ran.text.contains("FAILED  brunnenbohrung-xfall 01"), "{}", ran.text);
}

#[test]
fn validate_by_mapping_by_target_and_by_file() {
    let shop = Workshop::new();
    for schema in ["brunnenbohrung-xfall", "mappings/brunnenbohrung-xfall/source.xsd"] {
        let right = shop.run(&["validate", schema, SAMPLE]);
        assert_eq!(
            (right.code, right.text.as_str()),
            (0, format!("{SAMPLE}: valid\n").as_str()),
            "{right:?}"
        );
        let wrong = shop.run(&["validate", schema, BROKEN]);
        assert_eq!((wrong.code, wrong.text.as_str()), (1, ""));
        let place = wrong.errors.lines().next().expect("a fault");
        let numbers: Vec<u32> =
            place[BROKEN.len() + 1..].split(':').take(2).filter_map(|n| n.parse().ok()).collect();
        assert!(numbers.len() == 2 && numbers.iter().all(|number| *number > 0), "{place}");
    }
    let target = shop.run(&[
        "validate",
        "brunnenbohrung-xfall/target",
        "mappings/brunnenbohrung-xfall/cases/01.out.xml",
    ]);
    assert_eq!(target.code, 0, "{target:?}");
    assert_eq!(shop.run(&["validate", "brunnenbohrung-enaio/target", SAMPLE]).code, 2);
    assert_eq!(shop.run(&["validate", "brunnenbohrung-enaio/other", SAMPLE]).code, 2);
}

#[test]
fn what_sign_makes_verify_takes_and_one_changed_letter_it_does_not() {
    let shop = Workshop::new();
    assert_eq!(shop.run(&["sign", "--seal", "siegel", CASE, "-o", "signed.xml"]).code, 0);
    let trust = "config/secrets/trust";
    let trusted = shop.run(&["verify", "signed.xml", "--trust", trust]);
    assert_eq!(trusted.code, 0, "{trusted:?}");
    assert!(trusted.text.starts_with(
        "signed.xml: unversehrt und vertrauenswürdig: unterzeichnet von CN=Rohrpost Demo Siegel"
    ));
    assert!(
        trusted.text.contains("\nintact and trusted: signed by CN=Rohrpost Demo Siegel"),
        "{}",
        trusted.text
    );

    fs::create_dir(shop.file("nobody")).expect("a folder");
    let untrusted = shop.run(&["verify", "signed.xml", "--trust", "nobody"]);
    assert_eq!(untrusted.code, 1);
    assert!(untrusted.text.contains("intact, signer not trusted"), "{}", untrusted.text);

    shop.edit("signed.xml", "<vorname>Erika</vorname>", "<vorname>Erica</vorname>");
    let broken = shop.run(&["verify", "signed.xml", "--trust", trust, "--json"]);
    assert_eq!((broken.code, &broken.json()["verdict"]), (1, &serde_json::json!("broken")));
    let unsigned = shop.run(&["verify", CASE, "--trust", trust]);
    assert_eq!((unsigned.code, unsigned.text.contains("nicht unterschrieben")), (1, true));
}

#[test]
fn a_detached_signature_of_any_file() {
    let shop = Workshop::new();
    let seal = shop.read("config/seals/siegel.toml");
    let cms = seal.replace("name = \"siegel\"", "name = \"anhang\"").replace("xml-dsig", "cms");
    shop.write("config/seals/anhang.toml", cms);
    let pdf = "config/samples/lageplan.pdf";
    assert_eq!(shop.run(&["sign", "--seal", "anhang", pdf, "-o", "lageplan.p7s"]).code, 0);
    let verify = |file: &str| {
        shop.run(&["verify", file, "--signature", "lageplan.p7s", "--trust", "config/secrets/trust"]).code
    };
    assert_eq!(verify(pdf), 0);
    assert_eq!(verify("config/samples/vollmacht.pdf"), 1);
}

#[test]
fn a_receipt_seal_signs_no_documents() {
    let ran = Workshop::new().run(&["sign", "--seal", "quittung", CASE]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.errors.contains("there is no seal `quittung` for documents; known: siegel"),
        "{}",
        ran.errors
    );
}

#[test]
fn a_file_is_written_whole_or_not_at_all() {
    let shop = Workshop::new();
    let ran = shop.run(&["map", "brunnenbohrung-xfall", CASE, "-o", "no-such-folder/out.xml"]);
    assert_eq!(ran.code, 1);
    shop.write("out.xml", "before");
    assert_eq!(shop.run(&["map", "brunnenbohrung-xfall", BROKEN, "-o", "out.xml"]).code, 1);
    assert_eq!(shop.read("out.xml"), "before");
}
