use super::*;
use crate::conformance::Sample;
use rohrpost_model::Receipt;

fn filled(template: &str, place: Place, reference: &str) -> Result<String, Failure> {
    let mut sample = Sample::new();
    let receipt = Receipt { reference: Some(reference.into()), ..Receipt::default() };
    sample.receipts.insert("fachverfahren".parse().unwrap(), receipt);
    Template::parse(template, place).unwrap().fill(&sample.parcel(2))
}

#[test]
fn every_known_placeholder_is_filled() {
    for place in [Place::Url, Place::Header, Place::FileName, Place::Json, Place::Xml, Place::Plain] {
        for name in place.known() {
            let name = if name == "receipt:STEP" { "receipt:fachverfahren" } else { name };
            let text = filled(&format!("{{{name}}}"), place, "x");
            assert!(text.as_ref().is_ok_and(|text| !text.is_empty()), "{name} {place:?}: {text:?}");
        }
    }
    assert_eq!(
        filled("{tenant} {service} {area} {kind} {sequence} {step}", Place::Plain, "").unwrap(),
        "lk-beispiel 99012070006001 15091 application 1 fachverfahren"
    );
    assert_eq!(
        filled("{received-at}|{received-at:%d.%m.%Y}", Place::Plain, "").unwrap(),
        "2026-11-24T08:30:00Z|24.11.2026"
    );
    assert_eq!(filled("{{{case}}} {{x}}", Place::Plain, "").unwrap(), "{2026:BR-4711} {x}");
}

#[test]
fn foreign_values_stay_where_they_are_put() {
    let foreign = "../a?b=\"<&>'\\\r\nX: ü%";
    for (place, expected) in [
        (Place::Url, "..%2Fa%3Fb%3D%22%3C%26%3E%27%5C%0D%0AX%3A%20%C3%BC%25"),
        (Place::Header, "../a?b=\"<&>'\\??X: ?%"),
        (Place::FileName, "_._a_b_________X__ü_"),
        (Place::Json, "../a?b=\\\"<&>'\\\\\\r\\nX: ü%"),
        (Place::Xml, "../a?b=&quot;&lt;&amp;&gt;&apos;\\\r\nX: ü%"),
        (Place::AttachmentName, ".._a?b=\"<&>'___X: ü%"),
    ] {
        assert_eq!(filled("{receipt:fachverfahren}", place, foreign).unwrap(), expected, "{place:?}");
    }
    assert_eq!(filled("{receipt:fachverfahren}", Place::Json, "ends with \"").unwrap(), "ends with \\\"");
}

#[test]
fn a_value_cannot_climb_out_of_its_path_segment() {
    for value in ["", ".", ".."] {
        let result = filled("https://a/{receipt:fachverfahren}/x", Place::Url, value);
        assert!(matches!(result, Err(Failure::Defect(_))), "{value}: {result:?}");
    }
}

#[test]
fn what_a_delivery_does_not_have_is_a_defect() {
    let template = Template::parse("{receipt:dms}", Place::Plain).unwrap();
    let Err(Failure::Defect(reason)) = template.fill(&Sample::new().parcel(1)) else { panic!() };
    assert_eq!(reason.params["field"], "receipt:dms");
}

#[test]
fn faults_say_what_would_be_right() {
    for (template, place, message, hint) in [
        (
            "{tennant}",
            Place::Plain,
            "unknown placeholder {tennant}",
            "did you mean {tenant}? Known here: {delivery-id},",
        ),
        ("{attempt}", Place::Url, "unknown placeholder {attempt}", "known here: {delivery-id}"),
        ("{reference}", Place::Url, "unknown placeholder {reference}", "known here:"),
        ("{case", Place::Plain, "a brace without its counterpart", "write {{"),
        ("case}", Place::Plain, "a brace without its counterpart", "write {{"),
        ("{received-at:%J}", Place::Plain, "`%J` is no form of a date", "strftime"),
        ("{receipt:}", Place::Plain, "a name has 1 to 100 characters", ""),
    ] {
        let (found, found_hint) = Template::parse(template, place).unwrap_err();
        assert!(found.contains(message) && found_hint.contains(hint), "{template}: {found}; {found_hint}");
    }
}

#[test]
fn file_names_are_safe() {
    for (text, expected) in [
        ("Lageplan Süd.pdf", "Lageplan_Süd.pdf"),
        (".htaccess", "_htaccess"),
        ("-rf", "_rf"),
        ("..", "__"),
        ("a/b\\c:d\0e", "a_b_c_d_e"),
        ("name.", "name_"),
        ("", ""),
    ] {
        assert_eq!(file_name(text, 255), expected);
    }
    assert_eq!(file_name(&format!("{}.pdf", "ü".repeat(50)), 21), "üüüüüüüü.pdf");
    assert_eq!(file_name(&"a".repeat(50), 21).len(), 21);
}

#[test]
fn a_notice_by_open_mail_holds_no_reference_of_a_foreign_system() {
    assert!(Template::parse("{service} {received-at:%Y}", Place::Notice).is_ok());
    let (message, hint) = Template::parse("{receipt:dms}", Place::Notice).unwrap_err();
    assert_eq!(message, "unknown placeholder {receipt:dms}");
    assert!(!hint.contains("receipt:STEP"), "{hint}");
}
