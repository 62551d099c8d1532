use crate::echo::{load, shipped, write};
use serde_json::Value;
use std::collections::BTreeSet;
use tempfile::TempDir;

const PLAIN: &str = "adapter = \"echo\"\nlisten = \"127.0.0.1:0\"\n";
const TABLE: &str = "[echo]\npath = \"wer\"\n";
const TLS: &str = "[tls]\ncertificate = \"secrets/siegel.pem\"\nkey = { file = \"secrets/siegel.key\" }\n";

/// The shipped configuration with a listener, and a mailbox that the portal reads.
fn shop(text: &str) -> TempDir {
    let shop = shipped();
    write(
        &shop,
        "destinations/fach.toml",
        "name = \"fach\"\ntenants = [\"lk-beispiel\"]\nadapter = \"mailbox\"\n[mailbox]\nreaders = [\"portal\"]\n",
    );
    write(&shop, "listeners/in.toml", text);
    shop
}

/// All faults, one a line, as people read them.
fn faults(text: &str) -> String {
    told(&shop(text))
}

fn told(shop: &TempDir) -> String {
    match load(shop) {
        Ok(_) => String::new(),
        Err(faults) => faults.iter().map(|fault| format!("{fault}\n")).collect(),
    }
}

#[track_caller]
fn one(text: &str, place: &str, what: &str) {
    let found = faults(text);
    assert_eq!(found.lines().count(), 1, "{text}: {found}");
    assert!(
        found.starts_with(&format!("listeners/in.toml:{place}: ")) && found.contains(what),
        "{text}: {found}"
    );
}

#[test]
fn a_whole_listener_is_read() {
    let text = format!(
        "name = \"in\"\nadapter = \"echo\"\nlisten = \"127.0.0.1:8443\"\nseal = \"siegel\"\nconnections = 9\n{TLS}\
         client-ca = \"secrets/trust/demo-ca.pem\"\nclient-certificate = \"optional\"\n\
         [[proxy]]\naddress = \"10.0.0.0/24\"\nheader = \"X-Client-Cert\"\n\
         [echo]\npath = \"wer\"\nclients = [\"portal\"]\nmailboxes = [{{ mailbox = \"fach\", reader = \"portal\" }}]\n"
    );
    let shop = shop(&text);
    let configuration = load(&shop).unwrap_or_else(|faults| panic!("{faults:?}"));
    let listener = &configuration.listeners["in"];
    assert_eq!(listener.address.to_string(), "127.0.0.1:8443");
    assert_eq!((listener.adapter, listener.connections, listener.proxies.len()), ("echo", 9, 1));
    assert!(listener.seal.is_some());
    assert!(!listener.tls.as_ref().unwrap().clients.as_ref().unwrap().required);
    assert_eq!(configuration.text.files["listeners/in.toml"], text, "it is part of the version");
    assert!(
        configuration.named.contains_key("secrets/trust/demo-ca.pem"),
        "{:?}",
        configuration.named.keys()
    );
    // Without saying so, whoever asks for certificates wants them.
    write(&shop, "listeners/in.toml", &text.replace("client-certificate = \"optional\"\n", ""));
    let configuration = load(&shop).unwrap_or_else(|faults| panic!("{faults:?}"));
    assert!(configuration.listeners["in"].tls.as_ref().unwrap().clients.as_ref().unwrap().required);
    assert_eq!(faults(&format!("{PLAIN}{TABLE}")), "", "the least that a listener says");
}

#[test]
fn every_fault_is_told_at_its_place() {
    one(
        &format!("{PLAIN}zz = 1\n{TABLE}"),
        "3:1",
        "known keys: name, adapter, listen, seal, connections, tls, proxy",
    );
    one(&format!("{PLAIN}[echo]\npfad = \"x\"\npath = \"x\"\n"), "4:1", "pfad");
    one(&format!("adapter = \"eco\"\nlisten = \"127.0.0.1:0\"\n{TABLE}"), "1:11", "did you mean `echo`");
    one(&format!("name = \"other\"\n{PLAIN}{TABLE}"), "1:8", "is not that of the file, `in`");
    one(&format!("{PLAIN}connections = 0\n{TABLE}"), "3:15", "from 1 to 10000");
    one(&format!("{PLAIN}seal = \"fehlt\"\n{TABLE}"), "3:8", "unknown seal `fehlt`");
    one(&format!("{PLAIN}seal = \"quittung\"\n{TABLE}"), "3:8", "signs receipts only");
    one(&format!("{PLAIN}{TABLE}clients = [\"niemand\"]\n"), "5:12", "unknown client `niemand`");
    let mailboxes = |mailbox: &str, reader: &str| {
        format!("{PLAIN}{TABLE}mailboxes = [{{ mailbox = \"{mailbox}\", reader = \"{reader}\" }}]\n")
    };
    one(&mailboxes("fehlt", "portal"), "5:26", "unknown destination `fehlt`");
    one(&mailboxes("lk-beispiel-wasserbehoerde", "portal"), "5:26", "is no mailbox");
    one(&mailboxes("fach", "operator"), "5:26", "the client `operator` is no reader of the mailbox `fach`");
    let proxy =
        |address: &str, header: &str| format!("[[proxy]]\naddress = \"{address}\"\nheader = \"{header}\"\n");
    one(&format!("{PLAIN}{}{TABLE}", proxy("10.0.0.7/24", "a")), "4:11", "write `10.0.0.0/24`");
    one(&format!("{PLAIN}{}{TABLE}", proxy("0.0.0.0/0", "a")), "4:11", "from 1 to 32");
    one(&format!("{PLAIN}{}{TABLE}", proxy("10.0.0.7", "a b")), "5:10", "header name");
    let twice = format!("{}{}", proxy("10.0.0.0/8", "a"), proxy("10.0.0.7", "b"));
    one(&format!("{PLAIN}{twice}{TABLE}"), "7:11", "has addresses of the proxy at listeners/in.toml:4:11");
    let all =
        faults("adapter = \"echo\"\nconnections = 0\nzz = 1\n[tls]\nclient-certificate = \"optional\"\n");
    for what in
        ["`listen` is missing", "from 1 to", "`zz`", "`certificate` is missing", "no `client-ca`", "[echo]"]
    {
        assert!(all.contains(what), "{what}: {all}");
    }
}

#[test]
fn a_seal_has_the_form_that_the_adapter_signs_with() {
    let shop = shop(&format!("{PLAIN}seal = \"dokumente\"\n{TABLE}"));
    let seal =
        "form = \"cms\"\nkey = { file = \"secrets/siegel.key\" }\ncertificate = \"secrets/siegel.pem\"\n";
    write(&shop, "seals/dokumente.toml", seal);
    let found = told(&shop);
    assert!(found.starts_with("listeners/in.toml:3:8: ") && found.contains("`dokumente`"), "{found}");
    assert!(found.contains("name a seal of the form xml-dsig\n"), "{found}");
}

#[test]
fn a_client_that_an_endpoint_speaks_for_may_hand_in_or_fetch() {
    let shop = shop(&format!("{PLAIN}{TABLE}clients = [\"leser\"]\n"));
    let client = |role: &str| {
        format!(
            "name = \"leser\"\ntoken-sha256 = \"{}\"\n[[grant]]\ntenants = \"lk-beispiel\"\nroles = [\"{role}\"]\n",
            "ab".repeat(32)
        )
    };
    for (role, right) in [("submit", true), ("fetch", true), ("view", false)] {
        write(&shop, "clients/leser.toml", &client(role));
        let found = told(&shop);
        assert_eq!(found.is_empty(), right, "{role}: {found}");
        assert!(
            right || found.starts_with("listeners/in.toml:5:12: the client `leser` may neither"),
            "{found}"
        );
    }
}

#[test]
fn without_tls_only_loopback_or_named_proxies_are_served() {
    let open = "adapter = \"echo\"\nlisten = \"0.0.0.0:8443\"\n";
    let proxy = "[[proxy]]\naddress = \"10.0.0.7\"\nheader = \"X-Client-Cert\"\n";
    one(&format!("{open}{TABLE}"), "2:10", "a demo configuration serves loopback addresses only");
    let serious = |text: &str| {
        let shop = shop(text);
        let path = shop.path().join("config/hub.toml");
        let hub = std::fs::read_to_string(&path).unwrap().replace("demo = true", "demo = false");
        std::fs::write(path, hub).unwrap();
        told(&shop)
    };
    let told = serious(&format!("{open}{TABLE}"));
    assert!(told.starts_with("listeners/in.toml:2:10: plain HTTP is served on loopback"), "{told}");
    assert!(told.contains("name as [[proxy]]") && told.lines().count() == 1, "{told}");
    assert_eq!(serious(&format!("{open}{proxy}{TABLE}")), "");
    assert_eq!(serious(&format!("{open}{TLS}{TABLE}")), "");
}

#[test]
fn certificates_and_anchors_are_judged() {
    let with = |more: &str| format!("{PLAIN}{TLS}{more}{TABLE}");
    one(&with("client-certificate = \"required\"\n"), "6:22", "no `client-ca` says whose is taken");
    one(&with("client-ca = \"hub.toml\"\n"), "6:13", "holds no certificates in PEM");
    one(&with("client-ca = \"fehlt.pem\"\n"), "6:13", "fehlt.pem cannot be read");
    one(&with("").replace("siegel.key", "quittung.key"), "4:15", "does not belong to the key");
}

#[test]
fn nobody_shares_an_address() {
    let listener = |address: &str| format!("adapter = \"echo\"\nlisten = \"{address}\"\n{TABLE}");
    let shop = shop(&listener("127.0.0.1:8443"));
    write(&shop, "listeners/zwei.toml", &listener("127.0.0.1:8444"));
    assert_eq!(told(&shop), "");
    write(&shop, "listeners/zwei.toml", &listener("127.0.0.1:8443"));
    let found = told(&shop);
    assert!(
        found
            .starts_with("listeners/zwei.toml:2:10: 127.0.0.1:8443 is the address of listeners/in.toml:2:10")
    );
    let path = shop.path().join("config/hub.toml");
    let hub = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, hub.replacen("127.0.0.1:0", "127.0.0.1:8443", 1)).unwrap();
    let found = told(&shop);
    assert!(found.contains("is the address of `listen.api` in hub.toml"), "{found}");
}

/// The keys of a table in a schema, those of adapters left out.
fn allowed(schema: &Value, path: &[&str]) -> BTreeSet<String> {
    let table = path.iter().fold(schema, |schema, key| {
        let next = &schema["properties"][*key];
        if next["items"].is_object() { &next["items"] } else { next }
    });
    let keys = table["properties"].as_object().unwrap().keys();
    keys.filter(|key| *key != "echo").cloned().collect()
}

#[test]
fn the_schema_for_editors_allows_the_keys_that_are_read_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    crate::scaffold::write_schemas(folder.path()).unwrap();
    let text = std::fs::read_to_string(folder.path().join(".schema/listener.json")).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(schema["properties"]["adapter"]["enum"], serde_json::json!(["echo"]));
    assert_eq!(schema["properties"]["echo"]["required"][0], "path");
    let proxy = "[[proxy]]\naddress = \"10.0.0.7\"\nheader = \"a\"\n";
    let unknown = "zzz-unbekannt = 1\n";
    for (text, path) in [
        (format!("{unknown}{PLAIN}{TABLE}"), &[][..]),
        (format!("{PLAIN}{TLS}{unknown}{TABLE}"), &["tls"][..]),
        (format!("{PLAIN}{proxy}{unknown}{TABLE}"), &["proxy"][..]),
    ] {
        let found = faults(&text);
        let known = found.lines().next().unwrap().split("known keys: ").nth(1).unwrap();
        let known: BTreeSet<_> = known.split(", ").map(str::to_owned).collect();
        assert_eq!(known, allowed(&schema, path), "{path:?}");
    }
}

#[test]
fn a_new_listener_has_no_fault() {
    let shop = shipped();
    let sheets = crate::scaffold::listener(&"neu".parse().unwrap(), &crate::echo::Echo);
    crate::scaffold::write_new(&shop.path().join("config"), &sheets).unwrap();
    assert_eq!(told(&shop), "");
    let text = std::fs::read_to_string(shop.path().join("config/listeners/neu.toml")).unwrap();
    assert!(text.contains("name = \"neu\"") && !text.contains("{{"), "{text}");
    // What stands there as a comment is right, too.
    let whole = text.replace("# [", "[").replace("# certificate", "certificate").replace("# key", "key");
    let whole = whole
        .replace("# client-ca", "client-ca")
        .replace("# address", "address")
        .replace("# header", "header");
    let whole = whole.replace("secrets/neu", "secrets/siegel").replace("ca/clients", "secrets/trust/demo-ca");
    write(&shop, "listeners/neu.toml", &whole);
    let configuration = load(&shop).unwrap_or_else(|faults| panic!("{faults:?}"));
    let listener = &configuration.listeners["neu"];
    assert!(listener.tls.as_ref().is_some_and(|tls| tls.clients.is_some()) && listener.proxies.len() == 1);
}
