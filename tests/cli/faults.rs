//! Every fault of a configuration is reported, all in one run, each at its place.

use super::{Workshop, expect};
use serde_json::json;
use std::fs;

/// Changes one thing in the shipped configuration, and expects one fault that begins so.
#[track_caller]
fn one_fault(file: &str, from: &str, to: &str, expected: &str) {
    let shop = Workshop::new();
    shop.edit(&format!("config/{file}"), from, to);
    expect(&shop, &[expected]);
}

/// A configuration with more than ten faults of different kinds, several in one file.
fn full_of_faults() -> Workshop {
    let shop = Workshop::new();
    shop.edit("config/hub.toml", "\"127.0.0.1:8480\" ", "\"0.0.0.0:8480\"");
    shop.edit("config/hub.toml", "level = ", "levle = ");
    shop.write(
        "config/tenants/zwei.toml",
        "name = \"drei\"\ntitle = \"Zwei\"\nareas = [\"15091*\", \"1x\"]\n",
    );
    shop.edit("config/clients/portal.toml", "\"fetch\", ", "\"fetsch\", ");
    shop.edit("config/clients/portal.toml", "secrets/portal.token", "secrets/fehlt.token");
    shop.edit("config/seals/siegel.toml", "xml-dsig", "xml-dsg");
    shop.write(
        "config/routes/anders.toml",
        "name = \"anders\"\ntenants = [\"lk-beispiel\", \"nirgendwo\"]\ncolour = \"red\"\n\n\
         [match]\nkind = [\"application\", \"notice\"]\nservice = \"99128001000000\"\narea = \"15091*\"\n\n\
         [[step]]\nname = \"unrouted\"\ndestination = \"{tenant}-wasserbehoerdee\"\nmapping = \"gibt-es-nicht\"\n\
         seal = \"quittung\"\nordered = \"ja\"\nafter = [\"zwei\"]\n\n\
         [[step]]\nname = \"zwei\"\ndestination = \"lk-beispiel-wasserbehoerde\"\nafter = [\"unrouted\", \"drei\"]\n",
    );
    shop
}

const ALL: [&str; 19] = [
    "clients/portal.toml:3:11: secrets/fehlt.token: there is no such file",
    "clients/portal.toml:7:20: unknown word `fetsch`; did you mean `fetch`? Known: `submit`, `fetch`, ",
    "hub.toml:12:7: a demo configuration serves loopback addresses only, and 0.0.0.0:8480 is not one; use 127.0.0.1:8480",
    "hub.toml:24:1: unknown key `levle`; did you mean `level`? Known keys: format, level",
    "routes/anders.toml:2:27: unknown tenant `nirgendwo`; known: drei, lk-beispiel, zwei",
    "routes/anders.toml:3:1: unknown key `colour`; known keys: name, tenants, match, expiry, amendments-until, step",
    "routes/anders.toml:11:8: `unrouted` is the hub's own step, on which submissions wait that no route takes",
    "routes/anders.toml:12:15: unknown destination `lk-beispiel-wasserbehoerdee` (for the tenant `lk-beispiel`); \
     did you mean `lk-beispiel-wasserbehoerde`?",
    "routes/anders.toml:13:11: unknown mapping `gibt-es-nicht`; known: brunnenbohrung-enaio, brunnenbohrung-xdomea, \
     brunnenbohrung-xfall, sondernutzung-enaio, sondernutzung-strassenamt, sondernutzung-xbau, urkunde-enaio, \
     urkunde-standesamt",
    "routes/anders.toml:14:8: the seal `quittung` is a JWS, which signs receipts only",
    "routes/anders.toml:15:11: this is a text; it must be `true` or `false`",
    "routes/anders.toml:16:10: the steps wait for each other in a circle: unrouted → zwei → unrouted",
    "routes/anders.toml:21:22: unknown step `drei`; steps of this route: unrouted, zwei",
    "routes/brunnenbohrung.toml:5:1: this route and `anders` (routes/anders.toml:5:1) take the same submissions of the \
     tenant `lk-beispiel` equally specifically; narrow one of them",
    "seals/siegel.toml:3:8: unknown word `xml-dsg`; did you mean `xml-dsig`? Known: `xml-dsig`, `cms`, `jws`",
    "tenants/zwei.toml:1:8: the name `drei` is not that of the file, `zwei`; rename the file to drei.toml, or the item",
    "tenants/zwei.toml:3:10: the tenant `drei` names the same area as tenants/lk-beispiel.toml:3:10",
    "tenants/zwei.toml:3:20: an area is an ARS of 2, 3, 5, 9 or 12 digits, or a prefix followed by '*'",
    "",
];

#[test]
fn all_faults_of_all_files_are_reported_in_one_run_with_file_line_and_column() {
    let expected: Vec<_> = ALL.into_iter().filter(|line| !line.is_empty()).collect();
    expect(&full_of_faults(), &expected);
}

#[test]
fn faults_as_json_are_the_same() {
    let ran = full_of_faults().run(&["check", "--json"]);
    assert_eq!((ran.code, ran.text.as_str()), (1, ""));
    let told: serde_json::Value = serde_json::from_str(&ran.errors).expect("JSON");
    let faults = told["faults"].as_array().expect("a list");
    assert_eq!(faults.len(), ALL.len() - 1);
    assert_eq!(
        faults[3],
        json!({
            "file": "hub.toml", "line": 24, "column": 1, "message": "unknown key `levle`",
            "hint": "did you mean `level`? Known keys: format, level"
        })
    );
}

#[test]
fn what_is_no_toml_is_told_and_the_other_files_are_checked_all_the_same() {
    let shop = Workshop::new();
    shop.edit("config/clients/operator.toml", "roles = [", "roles = = [");
    shop.edit("config/tenants/lk-beispiel.toml", "title", "titel");
    let ran = shop.run(&["check"]);
    let at = |place: &str| ran.errors.lines().any(|line| line.starts_with(place));
    assert!(at("clients/operator.toml:7:9: not TOML: "), "{}", ran.errors);
    assert!(at("tenants/lk-beispiel.toml:1:1: the key `title` is missing"), "{}", ran.errors);
    assert!(at("tenants/lk-beispiel.toml:2:1: unknown key `titel`; did you mean `title`?"), "{}", ran.errors);
}

#[test]
fn a_file_that_is_not_utf8_and_a_folder_without_hub_toml() {
    let shop = Workshop::new();
    shop.write("config/routes/latin1.toml", b"name = \"Stra\xdfe\"\n");
    expect(&shop, &["routes/latin1.toml:0:0: the file is not UTF-8; convert it to UTF-8"]);
    let ran = shop.run(&["check", "--config", "mappings"]);
    assert!(ran.errors.starts_with("hub.toml:0:0: there is no hub.toml in mappings; "), "{}", ran.errors);
    assert_eq!(ran.code, 1);
}

#[test]
fn names() {
    one_fault(
        "tenants/lk-beispiel.toml",
        "\"lk-beispiel\"",
        "\"LK\"",
        "tenants/lk-beispiel.toml:1:8: a name has 1 to 100",
    );
    one_fault(
        "routes/brunnenbohrung.toml",
        "name = \"dms\"",
        "name = \"DMS\"",
        "routes/brunnenbohrung.toml:18:8: a name ",
    );
    one_fault(
        "routes/brunnenbohrung.toml",
        "name = \"dms\"",
        "name = \"fachverfahren\"",
        "routes/brunnenbohrung.toml:18:8: the step `fachverfahren` is there already, in routes/brunnenbohrung.toml:11:8",
    );
    let shop = Workshop::new();
    shop.write(
        "config/tenants/zwei.toml",
        "name = \"lk-beispiel\"\ntitle = \"Zwei\"\nareas = [\"15092*\"]\n",
    );
    expect(
        &shop,
        &[
            "tenants/zwei.toml:1:8: the name `lk-beispiel` is not that of the file, `zwei`",
            "tenants/zwei.toml:1:8: the tenant `lk-beispiel` is there already, in tenants/lk-beispiel.toml:1:8",
        ],
    );
}

#[test]
fn references_of_routes() {
    let route = "routes/brunnenbohrung.toml";
    one_fault(
        route,
        "seal = \"siegel\"",
        "seal = \"siegl\"",
        "routes/brunnenbohrung.toml:14:8: unknown seal `siegl`; did you mean `siegel`?",
    );
    one_fault(
        route,
        "mapping = \"brunnenbohrung-xfall\"",
        "mapping = \"x\"",
        "routes/brunnenbohrung.toml:13:11: unknown mapping `x`",
    );
    one_fault(
        route,
        "\"{tenant}-enaio\"",
        "\"{mandant}-enaio\"",
        "routes/brunnenbohrung.toml:20:15: unknown placeholder `{mandant}`; known: {tenant} for the tenant's name, {value.NAME}",
    );
    one_fault(
        route,
        "after = [\"fachverfahren\"]",
        "after = [\"fachverfahrn\"]",
        "routes/brunnenbohrung.toml:19:10: unknown step `fachverfahrn`; did you mean `fachverfahren`?",
    );
    one_fault(
        route,
        "after = [\"fachverfahren\"]",
        "after = [\"dms\"]",
        "routes/brunnenbohrung.toml:19:10: the steps wait for each other in a circle: dms → dms",
    );
    one_fault(
        route,
        "destination = \"{tenant}-enaio\"\n",
        "",
        "routes/brunnenbohrung.toml:17:1: the key `destination` is missing",
    );
    one_fault(
        route,
        "mapping = \"brunnenbohrung-enaio\"",
        "mapping = \"brunnenbohrung-enaio\"\nseal = \"siegel\"",
        "routes/brunnenbohrung.toml:22:8: the seal `siegel` signs XML, and the mapping makes application/json",
    );
}

#[test]
fn conditions() {
    let route = "routes/brunnenbohrung.toml";
    let with = |when: &str| format!("name = \"dms\"\nwhen = {when}");
    one_fault(
        route,
        "name = \"dms\"",
        &with("{ xpath = \"count(//x\" }"),
        "routes/brunnenbohrung.toml:19:18: ",
    );
    one_fault(
        route,
        "name = \"fachverfahren\"",
        "name = \"fachverfahren\"\nwhen = \"paid\"",
        "routes/brunnenbohrung.toml:12:8: the condition asks whether earlier steps ended with `paid`, and no step is named",
    );
    let shop = Workshop::new();
    shop.edit(
        "config/routes/brunnenbohrung.toml",
        "name = \"dms\"",
        &with("{ xpath = \"//b:vorhaben\", namespaces = { b = \"urn:x\" } }"),
    );
    assert_eq!(shop.run(&["check"]).code, 0);
}

/// Writes the rule of the route above `[match]`: `[expiry]` is line 5.
fn expiry_of_route(text: &str) -> Workshop {
    let shop = Workshop::new();
    let rule = format!("[expiry]\n{text}\n\n[match]");
    shop.edit("config/routes/brunnenbohrung.toml", "[match]", &rule);
    shop
}

#[test]
fn expiry_of_a_route() {
    let file = "routes/brunnenbohrung.toml";
    let cases = [
        ("warn = [\"1d\"]", "5:1: the key `after` is missing"),
        ("after = \"0s\"", "6:9: with no time at all everything would expire at once; give a time like 30d"),
        ("after = \"30 Tage\"", "6:9: a duration is a whole number with a unit: "),
        ("after = 30", "6:9: this is a whole number; it must be a text in quotes"),
        ("after = \"99999999999999999d\"", "6:9: the duration is too long"),
        (
            "afterr = \"30d\"\nafter = \"30d\"",
            "6:1: unknown key `afterr`; did you mean `after`? Known keys: after, warn",
        ),
        (
            "after = \"30d\"\nwarn = [\"7d\", \"30d\"]",
            "7:15: this warning would come before the submission does; ",
        ),
        ("after = \"30d\"\nwarn = [\"0s\"]", "7:9: this warning would come when it is too late; "),
        ("after = \"30d\"\nwarn = [\"bald\"]", "7:9: a duration is a whole number with a unit: "),
        ("after = \"30d\"\nwarn = [7]", "7:9: this is a whole number; it must be a text in quotes"),
    ];
    for (text, expected) in cases {
        expect(&expiry_of_route(text), &[&format!("{file}:{expected}")]);
    }
    let both = expiry_of_route("after = \"1h\"\nwarn = [\"2h\", \"0s\"]");
    let faults = [
        format!("{file}:7:9: this warning would come before the submission does"),
        format!("{file}:7:15: this warning would come when it is too late"),
    ];
    expect(&both, &[&faults[0], &faults[1]]);
    for right in
        ["after = \"30d\"", "after = \"30d\"\nwarn = [\"7d\", \"1d\"]", "after = \"1s\"\nwarn = \"500ms\""]
    {
        let ran = expiry_of_route(right).run(&["check"]);
        assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{right}");
    }
}

#[test]
fn expiry_of_a_step() {
    let of_step = |text: &str, expected: &str| {
        let line = format!("seal = \"siegel\"\nexpiry = {text}");
        one_fault("routes/brunnenbohrung.toml", "seal = \"siegel\"", &line, expected);
    };
    let at = "routes/brunnenbohrung.toml:15:";
    of_step("\"30d\"", &format!("{at}10: this is a text; it must be a table"));
    of_step("{}", &format!("{at}10: the key `after` is missing"));
    of_step(
        "{ after = \"1d\", warn = [\"2d\"] }",
        &format!("{at}34: this warning would come before the submission"),
    );
    of_step("{ after = \"1d\", cap = \"2d\" }", &format!("{at}26: unknown key `cap`; "));
}

#[test]
fn a_route_needs_steps() {
    let shop = Workshop::new();
    let text = shop.read("config/routes/brunnenbohrung.toml");
    shop.write("config/routes/brunnenbohrung.toml", text.split("[[step]]").next().expect("the head"));
    expect(&shop, &["routes/brunnenbohrung.toml:1:1: the route has no step, so it would deliver nothing"]);
}

/// A second tenant that the route serves, but the destination does not list.
#[test]
fn h7_a_destination_that_does_not_list_the_tenant_is_a_fault() {
    let shop = Workshop::new();
    shop.write("config/tenants/stadt.toml", "name = \"stadt\"\ntitle = \"Stadt\"\nareas = [\"15002*\"]\n");
    shop.edit("config/routes/brunnenbohrung.toml", "[\"lk-beispiel\"]", "[\"lk-beispiel\", \"stadt\"]");
    shop.edit("config/routes/brunnenbohrung.toml", "{tenant}-wasserbehoerde", "lk-beispiel-wasserbehoerde");
    expect(
        &shop,
        &[
            "routes/brunnenbohrung.toml:12:15: the destination `lk-beispiel-wasserbehoerde` does not serve the tenant \
             `stadt`; name another destination, or add the tenant to `tenants` in destinations/lk-beispiel-wasserbehoerde.toml",
            "routes/brunnenbohrung.toml:20:15: unknown destination `stadt-enaio` (for the tenant `stadt`); known: lk-beispiel-bescheid, \
             lk-beispiel-bezahlung, lk-beispiel-druck, lk-beispiel-eingang, lk-beispiel-enaio, lk-beispiel-nicht-bezahlt, \
             lk-beispiel-standesamt, lk-beispiel-strassenamt, lk-beispiel-wasserbehoerde, lk-beispiel-zahlung-bestaetigt",
        ],
    );
}

#[test]
fn routes_that_differ_in_kind_service_area_or_tenant_do_not_tie() {
    let shop = Workshop::new();
    let route = shop.read("config/routes/brunnenbohrung.toml");
    for (name, from, to) in [
        ("kind", "kind = \"application\"", "kind = \"notice\""),
        ("any-kind", "kind = \"application\"", ""),
        ("service", "service = \"99128001000000\"", "service = [\"99128001000001\"]"),
        ("area", "area = \"15091*\"", "area = \"150910*\""),
    ] {
        let text =
            route.replace("name = \"brunnenbohrung\"", &format!("name = \"{name}\"")).replace(from, to);
        shop.write(&format!("config/routes/{name}.toml"), text);
    }
    let ran = shop.run(&["check"]);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""));
}

#[test]
fn destinations() {
    let file = "destinations/lk-beispiel-wasserbehoerde.toml";
    one_fault(
        file,
        "adapter = \"folder\"",
        "adapter = \"foldr\"",
        "destinations/lk-beispiel-wasserbehoerde.toml:4:11: unknown adapter `foldr`; did you mean `folder`? Known adapters: ",
    );
    one_fault(
        file,
        "path = ",
        "unit = \"x\"\npath = ",
        "destinations/lk-beispiel-wasserbehoerde.toml:7:8: unknown variant `x`; expected `flat` or `subfolder`",
    );
    one_fault(
        file,
        "adapter = ",
        "concurrency = 0\nadapter = ",
        "destinations/lk-beispiel-wasserbehoerde.toml:4:15: the number is 0; it lies from 1 to 1000",
    );
    one_fault(
        file,
        "adapter = ",
        "timeout = \"0s\"\nadapter = ",
        "destinations/lk-beispiel-wasserbehoerde.toml:4:11: `timeout` must be longer than nothing",
    );
    one_fault(
        "destinations/lk-beispiel-enaio.toml",
        "cap = \"10s\"",
        "cap = \"10ms\"",
        "destinations/lk-beispiel-enaio.toml:11:1: `cap` is shorter than `first`; make it at least as long",
    );
    one_fault(
        file,
        "tenants = [\"lk-beispiel\"]",
        "tenants = []",
        "destinations/lk-beispiel-wasserbehoerde.toml:3:11: the list is empty; name at least one tenant",
    );
}

#[test]
fn clients() {
    let file = "clients/operator.toml";
    one_fault(
        file,
        "roles = [\"view\", \"operate\", \"configure\", \"audit\", \"fetch\"]",
        "roles = []",
        "clients/operator.toml:7:1: the list is empty; name at least one role: submit, fetch",
    );
    one_fault(
        file,
        "tokens = [{ file = \"secrets/operator.token\" }]\n",
        "",
        "clients/operator.toml:1:1: the client has no token",
    );
    one_fault(
        file,
        "secrets/operator.token",
        "secrets/portal.token",
        "clients/portal.toml:3:11: the same token as in clients/operator.toml:3:11; each client needs a token of its own",
    );
    one_fault(file, "[\"lk-beispiel\"]", "[\"lk\"]", "clients/operator.toml:6:12: unknown tenant `lk`");
}

#[test]
fn secrets_that_are_missing_empty_short_or_written_out() {
    let file = "clients/operator.toml";
    one_fault(
        file,
        "{ file = \"secrets/operator.token\" }",
        "{ env = \"NICHT_GESETZT\" }",
        "clients/operator.toml:3:11: the environment variable NICHT_GESETZT is not set",
    );
    let shop = Workshop::new();
    shop.write("config/secrets/operator.token", "kurz-4711");
    shop.edit("config/clients/portal.toml", "{ file = \"secrets/portal.token\" }", "\"geheim-4711\"");
    shop.write("config/secrets/hub.key", "auch-geheim-4711");
    let ran = shop.run(&["check"]);
    assert!(!ran.errors.contains("4711"), "secrets are never printed: {}", ran.errors);
    expect(
        &shop,
        &[
            "clients/operator.toml:3:11: the token has fewer than 32 characters; make one with `openssl rand -hex 32`",
            "clients/portal.toml:3:11: a secret is written as { file = \"…\" } or { env = \"…\" }, never as itself",
            "hub.toml:8:11: the hub key is 64 hexadecimal digits or 32 bytes in base64",
        ],
    );
}

#[test]
fn seals() {
    let file = "seals/siegel.toml";
    one_fault(
        file,
        "secrets/siegel.pem",
        "secrets/fehlt.pem",
        "seals/siegel.toml:5:15: secrets/fehlt.pem cannot be read: there is no such file",
    );
    one_fault(
        file,
        "secrets/siegel.pem",
        "secrets/quittung.pem",
        "seals/siegel.toml:4:7: none of the certificates belongs to the key",
    );
    one_fault(
        file,
        "certificate = ",
        "signature = \"rsa-pss\"\ncertificate = ",
        "seals/siegel.toml:4:7: an EC key cannot sign with RSA",
    );
    one_fault(
        file,
        "key = { file = \"secrets/siegel.key\" }",
        "",
        "seals/siegel.toml:1:1: a seal has either `key` or `pkcs12`",
    );
    one_fault(
        "seals/quittung.toml",
        "certificate = ",
        "digest = \"sha512\"\ncertificate = ",
        "seals/quittung.toml:5:1: `digest` is for the form `xml-dsig` only",
    );
    one_fault(
        "hub.toml",
        "receipt-seal = \"quittung\"",
        "receipt-seal = \"siegel\"",
        "hub.toml:9:16: the seal `siegel` does not sign receipts; name a seal of the form jws",
    );
    one_fault(
        "hub.toml",
        "receipt-seal = \"quittung\"",
        "receipt-seal = \"quitung\"",
        "hub.toml:9:16: unknown seal `quitung`; did you mean `quittung`?",
    );
}

#[test]
fn an_expired_certificate_is_a_fault() {
    let shop = Workshop::new();
    let key = shop.read("config/secrets/siegel.key");
    shop.write("config/secrets/siegel.pem", expired_certificate(&key));
    expect(&shop, &["seals/siegel.toml:4:7: the certificate of CN=Abgelaufen was valid until "]);
}

fn expired_certificate(key: &str) -> Vec<u8> {
    use openssl::{asn1::Asn1Time, hash::MessageDigest, pkey::PKey, x509::X509};
    let key = PKey::private_key_from_pem(key.as_bytes()).expect("a key");
    let mut name = openssl::x509::X509Name::builder().expect("a name");
    name.append_entry_by_text("CN", "Abgelaufen").expect("a name");
    let name = name.build();
    let mut builder = X509::builder().expect("a certificate");
    builder.set_version(2).expect("version");
    builder.set_subject_name(&name).expect("subject");
    builder.set_issuer_name(&name).expect("issuer");
    builder.set_pubkey(&key).expect("key");
    builder.set_not_before(&Asn1Time::from_unix(0).expect("time")).expect("time");
    builder.set_not_after(&Asn1Time::from_unix(86_400).expect("time")).expect("time");
    builder.sign(&key, MessageDigest::sha256()).expect("signature");
    builder.build().to_pem().expect("PEM")
}

#[test]
fn plain_http_is_for_loopback_only() {
    let hub = "config/hub.toml";
    let shop = Workshop::new();
    shop.edit(hub, "demo = true ", "demo = false");
    shop.edit(hub, "127.0.0.1:8480", "192.0.2.1:8480");
    expect(
        &shop,
        &[
            "hub.toml:12:7: plain HTTP is served on loopback addresses only, and 192.0.2.1:8480 is not one; add [listen.tls]",
        ],
    );
    let tls = "[listen.tls]\ncertificate = \"secrets/siegel.pem\"\nkey = { file = \"secrets/siegel.key\" }\n\n[limits]";
    shop.edit(hub, "[limits]", tls);
    assert_eq!(shop.run(&["check"]).code, 0);
    shop.edit(hub, "secrets/siegel.pem", "secrets/quittung.pem");
    expect(&shop, &["hub.toml:16:15: the first certificate does not belong to the key"]);
    shop.edit(hub, "secrets/quittung.pem", "secrets/nirgends.pem");
    expect(&shop, &["hub.toml:16:15: secrets/nirgends.pem cannot be read: there is no such file"]);
    shop.edit(hub, "secrets/nirgends.pem", "abgelaufen.pem");
    shop.write("config/abgelaufen.pem", expired_certificate(&shop.read("config/secrets/siegel.key")));
    expect(&shop, &["hub.toml:16:15: the certificate was valid until Jan  2 00:00:00 1970 GMT; renew it"]);
    one_fault(
        "hub.toml",
        "127.0.0.1:8481",
        "0.0.0.0:8481",
        "hub.toml:13:14: operations are served on loopback addresses only",
    );
}

#[test]
fn faults_of_mappings_are_faults_of_the_configuration() {
    let shop = Workshop::new();
    shop.edit(
        "mappings/brunnenbohrung-enaio/mapping.toml",
        "transform = \"transform.xsl\"",
        "transfrom = \"transform.xsl\"",
    );
    shop.edit("mappings/brunnenbohrung-xfall/transform.xsl", "</xsl:stylesheet>", "");
    let ran = shop.run(&["check"]);
    let has = |start: &str| ran.errors.lines().any(|line| line.starts_with(start));
    assert!(
        has("../mappings/brunnenbohrung-enaio/mapping.toml:2:1: unknown key `transfrom`"),
        "{}",
        ran.errors
    );
    assert!(has("../mappings/brunnenbohrung-xfall/transform.xsl:"), "{}", ran.errors);
    assert_eq!(ran.code, 1);
}

#[test]
fn a_library_that_is_not_there_is_one_fault() {
    let shop = Workshop::new();
    fs::remove_dir_all(shop.file("mappings")).expect("removed");
    expect(&shop, &["hub.toml:7:12: ../mappings cannot be read: there is no such file"]);
}

/// A backup of the data must not carry the keys with it.
#[test]
fn h9_keys_in_the_data_directory_are_a_fault() {
    one_fault(
        "hub.toml",
        "keys = \"../demo-keys\"",
        "keys = \"../demo-data/keys\"",
        "hub.toml:6:8: the keys lie in the data directory, ../demo-data; name a folder apart from the data",
    );
}
