//! What is told before, what is written, and what is not.

use super::{FILE, Receiver, Workshop, handed_over, members, sign, write_zip};
use crate::support::several;
use std::fs;

#[test]
fn a_route_goes_from_one_hub_to_another() {
    let shop = handed_over();
    let hub = Receiver::of(&shop);
    let before = hub.everything();
    let told = hub.import(&[]);
    assert_eq!(told.code, 1, "{told:?}");
    assert!(told.text.starts_with("uebergabe.zip: unversehrt und vertrauenswürdig"), "{told:?}");
    let create: Vec<_> = told.text.lines().filter_map(|line| line.split_once("rohrpost new ")).collect();
    assert_eq!(create.len(), 2, "{told:?}");
    assert_eq!(hub.import(&["--apply"]).code, 1, "while something is missing");
    assert_eq!(hub.everything(), before, "nothing was written");

    for (_, rest) in create {
        let ran = hub.run(&[&["new"], &rest.split_whitespace().collect::<Vec<_>>()[..]].concat());
        assert_eq!(ran.code, 0, "{rest}: {ran:?}");
    }
    let before = hub.everything();
    let told = hub.import(&[]);
    assert_eq!((told.code, told.errors.as_str()), (0, ""), "{told:?}");
    for line in
        ["neu       routes/brunnenbohrung.toml", "Fälle von Mappings bestehen\n", "`--apply` übernimmt es"]
    {
        assert!(told.text.contains(line), "{line}: {told:?}");
    }
    assert_eq!(hub.everything(), before, "nothing is written without --apply");

    let ran = hub.import(&["--apply"]);
    assert!(ran.code == 0 && ran.text.contains("Übernommen."), "{ran:?}");
    let route = hub.read("config/routes/brunnenbohrung.toml");
    assert_eq!(route, shop.read("config/routes/brunnenbohrung.toml").replace("lk-beispiel", "musterstadt"));
    assert_eq!(hub.run(&["check"]).code, 0);
    let cases = hub.run(&["test"]);
    let failed: Vec<_> = cases.text.lines().filter(|line| line.starts_with("FAILED")).collect();
    assert_eq!(failed, ["FAILED  route brunnenbohrung 01-gartenbrunnen"], "what names the tenant: {cases:?}");
    assert!(cases.text.contains("- <mandant>lk-beispiel</mandant>"), "{cases:?}");
    // The destinations are as `new` wrote them; this one shall take attachments.
    let enaio = hub.read("config/destinations/musterstadt-enaio.toml");
    let part = |name, content| format!("\n[[http.part]]\nname = \"{name}\"\ncontent = \"{content}\"\n");
    let parts = part("data", "message") + &part("file", "attachments");
    hub.write("config/destinations/musterstadt-enaio.toml", enaio + &parts);
    let accepted = hub.run(&["test", "--accept", "brunnenbohrung"]);
    assert!(
        !accepted.text.contains("outcome.txt"),
        "it names this hub's tenant and destinations: {accepted:?}"
    );
    for command in ["check", "test"] {
        let ran = hub.run(&[command]);
        assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{ran:?}");
    }

    let before = hub.everything();
    let again = hub.import(&["--apply"]);
    assert!(again.code == 0 && again.text.contains("Es gibt nichts zu ändern."), "{again:?}");
    assert!(again.text.contains(" Dateien sind hier schon genauso"), "{again:?}");
    assert_eq!(hub.everything(), before);
    let json = hub.import(&["--json"]).json();
    assert_eq!((&json["changes"], &json["applied"]), (&serde_json::json!([]), &serde_json::json!(false)));
    assert_eq!(json["needs"][1]["standing"], "there");
}

#[test]
fn without_an_anchor_nobody_goes_on_unless_it_is_said() {
    let shop = handed_over();
    let hub = Receiver::ready(&shop);
    let import = ["bundle", "import", FILE, "--tenant", "musterstadt", "--apply"];
    let before = hub.everything();
    fs::create_dir(hub.path().join("leer")).expect("a folder");
    for trust in [&[][..], &["--trust", "leer"], &["--trust", "config/secrets/trust"]] {
        let ran = hub.run(&[&import, trust].concat());
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.text.contains("unversehrt, dem Unterzeichner wird nicht vertraut"), "{ran:?}");
        assert!(ran.text.contains("intact, signer not trusted"), "{ran:?}");
        assert_eq!(hub.everything(), before);
    }
    let ran = hub.run(&[&import[..], &["--untrusted"]].concat());
    assert!(ran.code == 0 && hub.path().join("config/routes/brunnenbohrung.toml").exists(), "{ran:?}");
}

#[test]
fn what_was_changed_here_stays_unless_it_is_given_up() {
    let shop = handed_over();
    let hub = Receiver::ready(&shop);
    assert_eq!(hub.import(&["--apply"]).code, 0);
    let sheet = "mappings/brunnenbohrung-xfall/transform.xsl";
    let changed = hub.read(sheet).replace("Gartenbewässerung", "Bewässerung im Garten");
    hub.write(sheet, &changed);
    hub.write("mappings/brunnenbohrung-xfall/eigen.xsl", "<eigen/>");
    hub.write("mappings/brunnenbohrung-xfall/cases/99.in.xml", "<eigener-fall/>");
    let ran = hub.import(&["--apply"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    for file in [sheet, "mappings/brunnenbohrung-xfall/eigen.xsl"] {
        assert!(ran.errors.contains(file), "{file}: {ran:?}");
    }
    assert!(ran.text.contains("-") && ran.text.contains("+++ b/mappings/brunnenbohrung-xfall/transform.xsl"));
    assert_eq!(hub.read(sheet), changed);

    let ran = hub.import(&["--apply", "--replace"]);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{ran:?}");
    assert_eq!(hub.read(sheet), shop.read(sheet));
    assert!(!hub.path().join("mappings/brunnenbohrung-xfall/eigen.xsl").exists());
    assert_eq!(
        hub.read("mappings/brunnenbohrung-xfall/cases/99.in.xml"),
        "<eigener-fall/>",
        "a case of one's own"
    );
    let replaced = fs::read_dir(hub.path().join("config/replaced")).expect("copies").flatten().next();
    let copy = replaced.expect("one").path().join(sheet);
    assert_eq!(fs::read_to_string(copy).expect("a copy"), changed);
}

#[test]
fn things_may_be_called_differently_here() {
    let shop = handed_over();
    let hub = Receiver::ready(&shop);
    let renamings = [
        ["--rename", "route:brunnenbohrung=brunnen"],
        ["--rename", "brunnenbohrung-xfall=brunnen-xfall"],
        ["--rename", "{tenant}-enaio={tenant}-wasserbehoerde"],
    ];
    let ran = hub.import(&[&renamings.concat()[..], &["--apply"]].concat());
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{ran:?}");
    let route = hub.read("config/routes/brunnen.toml");
    assert!(
        route.contains("name = \"brunnen\"\n") && route.contains("mapping = \"brunnen-xfall\"\n"),
        "{route}"
    );
    assert!(!route.contains("enaio\"\nmapping"), "{route}");
    assert!(!hub.path().join("mappings/brunnenbohrung-xfall").exists());
    assert_eq!(hub.run(&["check"]).code, 0);
    assert_eq!(hub.run(&["test", "brunnen-xfall"]).code, 0);
    let outcome = hub.read("config/routes/brunnen/cases/01-gartenbrunnen/expected/outcome.txt");
    assert!(outcome.contains("route: brunnen\n"), "{outcome}");
    assert!(outcome.ends_with("step dms: sends to musterstadt-wasserbehoerde\n"), "{outcome}");
    let unknown = hub.import(&["--rename", "fehlt=da"]);
    assert!(unknown.code == 2 && unknown.errors.contains("mapping:brunnenbohrung-xfall"), "{unknown:?}");
    let bad = hub.import(&["--rename", "brunnenbohrung-xfall=../weg"]);
    assert_eq!(bad.code, 2, "{bad:?}");
}

/// `NAME#DOCUMENT` in a route names the mapping, too.
#[test]
fn a_renamed_mapping_keeps_its_documents() {
    let shop = Workshop::new();
    several::put_into(&shop.file("mappings"));
    let route = "config/routes/brunnenbohrung.toml";
    shop.edit(route, "mapping = \"brunnenbohrung-xfall\"", "mapping = \"vorgang\"\nwith = [\"zettel\"]");
    shop.edit(route, "mapping = \"brunnenbohrung-enaio\"", "mapping = \"vorgang#index\"");
    fs::remove_dir_all(shop.file("config/routes/brunnenbohrung")).ok();
    shop.write("mappings/vorgang/cases/01.in.xml", "<antrag/>");
    assert_eq!(shop.run(&["test", "vorgang", "--accept"]).code, 0);
    let ran = shop.run(&["bundle", "export", "brunnenbohrung", "-o", FILE]);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{ran:?}");
    let hub = Receiver::ready(&shop);
    let ran = hub.import(&["--rename", "vorgang=akte", "--apply"]);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{ran:?}");
    let route = hub.read("config/routes/brunnenbohrung.toml");
    assert!(
        route.contains("mapping = \"akte\"\n") && route.contains("mapping = \"akte#index\"\n"),
        "{route}"
    );
    assert_eq!(hub.run(&["check"]).code, 0);

    // Its cases are run at the door, with every document.
    shop.write("mappings/vorgang/cases/01.index.out.json", "{}");
    assert_eq!(shop.run(&["bundle", "export", "brunnenbohrung", "-o", "anders.zip"]).code, 0);
    fs::rename(shop.file("anders.zip"), shop.file(FILE)).expect("a file");
    let ran = Receiver::ready(&shop).import(&["--apply"]);
    assert!(ran.code == 1 && ran.text.contains("the case fails: it makes something else"), "{ran:?}");
    assert!(ran.text.contains("document index:"), "{ran:?}");
}

#[test]
fn a_case_that_fails_keeps_all_of_it_out() {
    let shop = handed_over();
    let mut members = members(&shop.file(FILE));
    let case = "mappings/brunnenbohrung-xfall/cases/01.out.xml";
    let text =
        String::from_utf8(members[case].clone()).expect("text").replace("Gartenbewässerung", "Kühlung");
    members.insert(case.into(), text.into_bytes());
    sign(&shop, &mut members);
    write_zip(&shop.file(FILE), &members);
    let hub = Receiver::ready(&shop);
    let before = hub.everything();
    let ran = hub.import(&["--apply"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.text.contains("cases/01.in.xml:0:0: the case fails"), "{ran:?}");
    assert_eq!(hub.everything(), before);
}

const SCHEMA: &str = "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' targetNamespace='urn:m'>\n\
    <xs:element name='a' type='xs:integer'/>\n</xs:schema>";

/// Hub A with a route whose mapping takes a schema of a standard.
fn with_standard() -> Workshop {
    let shop = Workshop::new();
    shop.write("m-2/m.xsd", SCHEMA);
    assert_eq!(shop.run(&["standard", "add", "m-2"]).code, 0);
    shop.write("mappings/weiter/mapping.toml", "[source]\nstandard = \"m@2\"\nschema = \"m.xsd\"\n");
    shop.write("mappings/weiter/cases/01.in.xml", "<a xmlns='urn:m'>1</a>");
    shop.write("mappings/weiter/cases/01.out.xml", "<a xmlns='urn:m'>1</a>");
    let new =
        ["new", "route", "weiter", "--service", "99128001000001", "--mapping", "weiter", "--destination"];
    assert_eq!(shop.run(&[&new[..], &["{tenant}-wasserbehoerde"]].concat()).code, 0);
    let ran = shop.run(&["bundle", "export", "weiter", "-o", FILE]);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{ran:?}");
    shop
}

#[test]
fn a_standard_is_named_and_must_be_the_same_here() {
    let shop = with_standard();
    assert!(members(&shop.file(FILE)).contains_key("mappings/weiter/.standards/m@2/m.xsd"));
    let hub = Receiver::ready(&shop);
    let missing = hub.import(&["--apply"]);
    assert!(missing.code == 1 && missing.text.contains("1 Fälle von Mappings bestehen"), "{missing:?}");
    assert!(missing.text.contains("rohrpost standard add PAKET --name m --version 2"), "{missing:?}");
    let add = |schema: &str| {
        hub.write("m-2/m.xsd", schema);
        assert_eq!(hub.run(&["standard", "add", "m-2"]).code, 0);
    };
    add(&SCHEMA.replace("integer", "string"));
    let other = hub.import(&["--apply"]);
    assert!(other.code == 1 && other.text.contains("what is installed as m@2 is not what"), "{other:?}");
    assert_eq!(hub.run(&["standard", "remove", "m@2"]).code, 0);
    add(SCHEMA);
    let ran = hub.import(&["--apply"]);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{ran:?}");
    assert!(!hub.path().join("mappings/weiter/.standards").exists(), "it lies where it is installed");
    assert_eq!(hub.run(&["check"]).code, 0);
}

#[test]
fn values_areas_and_seals_of_this_hub_are_asked_for() {
    let shop = Workshop::new();
    let tenant = shop.read("config/tenants/lk-beispiel.toml");
    shop.write(
        "config/tenants/lk-beispiel.toml",
        format!("{tenant}\n[values]\nkennung = \"150910000000\"\n"),
    );
    shop.edit(
        "config/routes/brunnenbohrung.toml",
        "mapping = \"brunnenbohrung-enaio\"",
        "mapping = \"brunnenbohrung-enaio\"\nparams = { objekttyp = \"{value.kennung}\" }",
    );
    assert_eq!(shop.run(&["bundle", "export", "brunnenbohrung", "-o", FILE]).code, 0);
    let exported = members(&shop.file(FILE));
    assert!(!String::from_utf8_lossy(&exported["routes/brunnenbohrung.toml"]).contains("150910000000"));
    let hub = Receiver::ready(&shop);
    hub.write(
        "config/tenants/musterstadt.toml",
        "name = \"musterstadt\"\ntitle = \"M\"\nareas = [\"16*\"]\n",
    );
    fs::remove_file(hub.path().join("config/seals/siegel.toml")).expect("a seal");
    let ran = hub.import(&[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    for told in [
        "unter [values] eintragen: kennung = \"…\"",
        "kein Gebiet, das zu 15091* passt",
        "seals/siegel.toml mit form = \"xml-dsig\"",
        "--rename seal:siegel=NAME",
    ] {
        assert!(ran.text.contains(told), "{told}: {ran:?}");
    }
}

#[test]
fn overrides_of_others_stay_behind_and_the_table_of_responsibilities_is_asked_for() {
    let shop = Workshop::new();
    let route = shop.read("config/routes/brunnenbohrung.toml").replace("{tenant}-enaio", "{responsible}");
    let own = "\n# Nur hier.\n[[override]]\ntenants = [\"lk-beispiel\"]\nstep = \"dms\"\ndestination = \"lk-beispiel-enaio\"\n";
    shop.write("config/routes/brunnenbohrung.toml", format!("{route}{own}"));
    let ran = shop.run(&["bundle", "export", "brunnenbohrung", "-o", FILE]);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{ran:?}");
    let hub = Receiver::ready(&shop);
    let missing = hub.import(&["--apply"]);
    assert!(
        missing.code == 1 && missing.text.contains("in responsibilities/*.csv Zeilen mit einem Ziel"),
        "{missing:?}"
    );
    let table = "service,area,tenant,destination\n99128001000000,15091*,musterstadt,musterstadt-enaio\n";
    hub.write("config/responsibilities/alle.csv", table);
    let ran = hub.import(&["--apply"]);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{ran:?}");
    let there = hub.read("config/routes/brunnenbohrung.toml");
    assert!(
        !there.contains("override") && !there.contains("Nur hier") && there.contains("{responsible}"),
        "{there}"
    );
}

#[test]
fn folders_that_mappings_share_go_with_them_and_never_become_part_of_another() {
    let shop = Workshop::new();
    let sheet = |href: &str| {
        format!(
            "<xsl:stylesheet version='1.0' xmlns:xsl='http://www.w3.org/1999/XSL/Transform'>\n<xsl:include href='{href}'/>\n\
             <xsl:template match='/'><b><xsl:call-template name='gruss'/></b></xsl:template>\n</xsl:stylesheet>"
        )
    };
    let greeting = |word: &str| {
        format!(
            "<xsl:stylesheet version='1.0' xmlns:xsl='http://www.w3.org/1999/XSL/Transform'>\n\
             <xsl:template name='gruss'>{word}</xsl:template>\n</xsl:stylesheet>"
        )
    };
    shop.write("mappings/gemeinsam/gruss.xsl", greeting("Moin"));
    shop.write("mappings/anliegen/mapping.toml", "transform = \"transform.xsl\"\nshared = [\"gemeinsam\"]\n");
    shop.write("mappings/anliegen/transform.xsl", sheet("../gemeinsam/gruss.xsl"));
    shop.write("mappings/anliegen/cases/01.in.xml", "<a/>");
    shop.write("mappings/anliegen/cases/01.out.xml", "<b>Moin</b>");
    let new =
        ["new", "route", "anliegen", "--service", "99128001000001", "--mapping", "anliegen", "--destination"];
    let ran = shop.run(&[&new[..], &["{tenant}-wasserbehoerde"]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    let ran = shop.run(&["bundle", "export", "anliegen", "-o", FILE]);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{ran:?}");
    let hub = Receiver::ready(&shop);
    let ran = hub.import(&["--apply"]);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{ran:?}");
    assert_eq!(hub.read("mappings/gemeinsam/gruss.xsl"), greeting("Moin"));
    assert_eq!(hub.run(&["test", "anliegen"]).code, 0);

    // Somebody else here uses the folder, too, and has changed it.
    hub.write("mappings/gemeinsam/gruss.xsl", greeting("Servus"));
    hub.write("mappings/gemeinsam/eigen.xsl", greeting("eigen"));
    let ran = hub.import(&["--apply"]);
    assert!(ran.code == 1 && ran.errors.contains("mappings/gemeinsam/gruss.xsl"), "{ran:?}");
    assert_eq!(hub.import(&["--apply", "--replace"]).code, 0);
    assert_eq!(hub.read("mappings/gemeinsam/gruss.xsl"), greeting("Moin"));
    assert_eq!(hub.read("mappings/gemeinsam/eigen.xsl"), greeting("eigen"), "others may use it");

    hub.write("mappings/gemeinsam/mapping.toml", "# ein Mapping dieses Namens\n");
    let ran = hub.import(&["--apply", "--replace"]);
    assert!(ran.code == 1 && ran.errors.contains("mappings/gemeinsam ist hier ein Mapping"), "{ran:?}");
    let mut members = members(&shop.file(FILE));
    members.insert("mappings/gemeinsam/mapping.toml".into(), Vec::new());
    sign(&shop, &mut members);
    write_zip(&hub.path().join(FILE), &members);
    let ran = hub.import(&["--apply", "--replace"]);
    assert!(ran.code == 1 && ran.errors.contains("gemeinsam/mapping.toml:0:0: belongs to none"), "{ran:?}");
}
