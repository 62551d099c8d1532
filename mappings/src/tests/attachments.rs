use super::{bundle, compile_faults, stylesheet, xml};
use crate::{AttachmentFact, Facts, Limits, Mapping, MappingFault, envelope};

fn attachment(number: u32, name: Option<&str>, media_type: &str) -> AttachmentFact {
    AttachmentFact {
        number,
        name: name.map(str::to_owned),
        media_type: media_type.into(),
        size: 1,
        sha256: "ab".repeat(32),
        id: None,
        file_name: None,
    }
}

fn facts(attachments: &[(Option<&str>, &str)]) -> Facts {
    let numbered = (1..).zip(attachments);
    let attachments = numbered.map(|(number, (name, media_type))| attachment(number, *name, media_type));
    Facts { attachments: attachments.collect(), case: "2026:BR-1".into(), ..Facts::sample() }
}

fn mapping(rules: &str) -> Mapping {
    let show = "<xsl:template match='/'><o><xsl:for-each select='//hub:attachment'>\
        <a id='{@id}' name='{@file-name}'/></xsl:for-each></o></xsl:template>";
    let toml = format!("transform = \"t.xsl\"\ninput = \"envelope\"\n[attachments]\n{rules}\n");
    Mapping::compile(&bundle(&[("mapping.toml", &toml), ("t.xsl", &stylesheet(show))])).unwrap()
}

fn names(rule: &str, attachments: &[(Option<&str>, &str)]) -> Vec<String> {
    let named = mapping(&format!("name = \"{rule}\"")).attachment_names(&facts(attachments)).unwrap();
    named.into_iter().map(|one| one.file_name.unwrap()).collect()
}

#[test]
fn ids_and_names_follow_the_rule() {
    let files =
        [(Some("Lageplan Süd (1).PDF"), "application/pdf"), (None, "image/png"), (Some("ohne"), "text/csv")];
    assert_eq!(
        names("{number:03}_{name}", &files),
        ["001_Lageplan_Sued_1.PDF", "002_anlage2.png", "003_ohne"]
    );
    assert_eq!(
        names("{stem}-{number}.{extension}", &files),
        ["Lageplan_Sued_1-1.PDF", "anlage2-2.png", "ohne-3.csv"]
    );
    assert_eq!(names("{case}_{number}", &files[..1]), ["2026_BR-1_1"]);
    assert_eq!(names("{sha256}", &files[..1]), ["ab".repeat(32)]);
    let ids = mapping("id = \"urn_uuid_{uuid}\"").attachment_names(&facts(&files)).unwrap();
    // uuid.uuid5(uuid.UUID("00000000-0000-7000-8000-000000000001"), "anlage-1") of Python.
    assert_eq!(ids[0].id.as_deref(), Some("urn_uuid_4f9f6860-b486-5752-ac5c-1920d2c2b6eb"));
    assert_eq!((ids.len(), &ids[0].file_name), (3, &None));
}

#[test]
fn names_are_safe_and_short_whatever_the_sender_calls_a_file() {
    let nasty = ["../../etc/passwd", "CON.pdf", "com1.txt", ".htaccess", "-rf", "a\u{0}b\n.pdf", "…", "  "];
    for given in nasty {
        let name = names("{name}", &[(Some(given), "text/plain")]).remove(0);
        assert!(!name.contains(['/', '\\', '\0', '\n']) && !name.starts_with(['.', '-']), "{given}: {name}");
        let stem = name.split('.').next().unwrap().to_lowercase();
        assert!(!["con", "com1"].contains(&stem.as_str()), "{given}: {name}");
    }
    let long = "ä".repeat(300) + ".pdf";
    let name =
        names("{number:09}_{stem}_{submission}_{uuid}.{extension}", &[(Some(&long), "application/pdf")]);
    assert!(name[0].len() <= 100 && name[0].ends_with(".pdf"), "{}", name[0]);
}

#[test]
fn long_names_are_kept_apart_by_what_the_rule_says() {
    let long = "a".repeat(200) + ".pdf";
    let two = names(
        "{stem}_{number}.{extension}",
        &[(Some(&long), "application/pdf"), (Some(&long), "application/pdf")],
    );
    assert!(two[0].ends_with("a_1.pdf") && two[1].ends_with("a_2.pdf"), "{two:?}");
    assert!(two.iter().all(|name| (90..=100).contains(&name.len())), "{two:?}");
}

#[test]
fn two_that_would_be_called_alike_are_refused_with_both_numbers() {
    let same = facts(&[
        (Some("plan.pdf"), "application/pdf"),
        (Some("b"), "text/plain"),
        (Some("PLAN.pdf"), "application/pdf"),
    ]);
    let told = |rule: &str| match mapping(rule).attachment_names(&same) {
        Err(MappingFault::Transform(faults)) => faults[0].to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        told("name = \"{name}\""),
        "mapping.toml:3:2: by the rule the attachments 1 and 3 have the same name"
    );
    assert_eq!(
        told("id = \"a{sha256}\""),
        "mapping.toml:3:2: by the rule the attachments 1 and 2 have the same id"
    );
    assert!(mapping("name = \"{number}_{name}\"").attachment_names(&same).is_ok());
    let run = mapping("name = \"{name}\"").apply(&xml("<x/>"), &same, &Limits::default());
    assert!(matches!(run, Err(MappingFault::Transform(_))), "a run ends with it, too");
}

#[test]
fn a_rule_that_cannot_hold_is_refused_when_it_is_read() {
    let fault = |rules: &str| {
        let toml = format!("[attachments]\n{rules}\n");
        compile_faults(&[("mapping.toml", &toml)]).iter().map(ToString::to_string).collect::<String>()
    };
    for id in ["{number}", "{uuid}", "{name}", "9{number}", ".{number}", "-{number}"] {
        let told = fault(&format!("id = \"{id}\""));
        assert!(
            told.starts_with("mapping.toml:2:6:") && told.contains("does not always give an XML name"),
            "{told}"
        );
    }
    assert!(fault("id = \"urn:uuid:{uuid}\"").contains("`:` cannot stand in an id or a file name"));
    assert!(fault("name = \"../{name}\"").contains("`/` cannot stand"));
    assert!(fault("name = \".{name}\"").contains("hidden or look like options"));
    assert!(fault("name = \"anlage.pdf\"").contains("calls every attachment alike"));
    assert!(
        fault("name = \"{nummer}\"").contains("unknown placeholder {nummer}; known here: {number}, {name},")
    );
    assert!(fault("name = \"{number:3}\"").contains("write {number:03} for 001"));
    assert!(fault("name = \"{number\"").contains("a brace without its counterpart"));
    assert!(fault("name = \"{number}}\"").contains("`}` cannot stand"));
    assert!(fault("namen = \"{number}\"").contains("unknown key `namen`"));
    assert!(fault("").contains("[attachments] has no rule"));
}

#[test]
fn the_stylesheet_sees_them_in_the_envelope() {
    let mapping = mapping("id = \"a{number}\"\nname = \"{number:02}_{name}\"");
    let facts = facts(&[(Some("x.pdf"), "application/pdf"), (Some("y.pdf"), "application/pdf")]);
    let seen = String::from_utf8(mapping.seen(&xml("<x/>"), &facts)).unwrap();
    assert!(seen.contains("id=\"a1\" file-name=\"01_x.pdf\"/>"), "{seen}");
    let made = mapping.apply(&xml("<x/>"), &facts, &Limits::default()).unwrap();
    let made = String::from_utf8(made).unwrap();
    assert!(made.contains("<a id=\"a1\" name=\"01_x.pdf\"/><a id=\"a2\" name=\"02_y.pdf\"/>"), "{made}");
}

#[test]
fn the_envelope_of_a_case_is_given_them_and_must_not_say_otherwise() {
    let mapping = mapping("id = \"a{number}\"\nname = \"{number:02}_{name}\"");
    let facts = facts(&[(Some("x.pdf"), "application/pdf"), (Some("y.pdf"), "application/pdf")]);
    let bare = String::from_utf8(envelope(&xml("<x/>"), &facts)).unwrap();
    let run = |text: &str| mapping.apply_to_envelope(&xml(text), &Facts::sample(), &Limits::default());
    let same = mapping.apply(&xml("<x/>"), &facts, &Limits::default()).unwrap();
    assert_eq!(run(&bare), Ok(same.clone()));
    assert_eq!(run(&bare.replacen("number=\"2\"", "number=\"2\" id=\"a2\"", 1)), Ok(same));
    match run(&bare.replacen("number=\"2\"", "number=\"2\" id=\"b2\"", 1)) {
        Err(MappingFault::Transform(faults)) => {
            assert!(faults[0].message.contains("attachment 2 id=\"b2\", and the rule a2"), "{}", faults[0]);
        }
        other => panic!("{other:?}"),
    }
}
