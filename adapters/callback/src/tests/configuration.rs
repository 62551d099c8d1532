use super::{KEY, configure};
use crate::Callback;
use rohrpost_kit::Adapter;

fn faults(text: &str) -> Vec<String> {
    configure(text).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

#[test]
fn the_example_in_the_documentation_is_good() {
    let source = include_str!("../lib.rs");
    let lines = source.lines().filter_map(|line| line.strip_prefix("//! ").or(line.strip_prefix("//!")));
    let example: Vec<&str> =
        lines.skip_while(|line| *line != "```toml").skip(1).take_while(|line| *line != "```").collect();
    let text = example.join("\n").replace("secrets/portal-callback.key", "key");
    let text = text.replace("secrets/portal-callback-next.key", "next");
    assert!(text.contains("allow-addresses"), "{text}");
    assert_eq!(faults(&text), Vec::<String>::new(), "{text}");
    let other: Vec<_> = text.lines().filter(|line| !line.starts_with("url =")).collect();
    let other = other.join("\n").replace("# url-from", "url-from").replace("# allow", "allow");
    assert_eq!(faults(&other), Vec::<String>::new(), "{other}");
}

#[test]
fn the_example_of_a_new_destination_needs_only_the_secrets_that_it_names() {
    let [secret] = Callback.secrets() else { panic!("one secret") };
    let named = format!("secrets/{secret}");
    assert!(Callback.example().contains(&format!("key = {{ file = \"{named}\" }}")), "{named}");
    assert_eq!(faults(&Callback.example().replace(&named, "key")), Vec::<String>::new());
}

#[test]
fn where_calls_go_is_said_exactly_once() {
    let fault = |text: &str| faults(&format!("[callback]\nkey = {{ file = \"key\" }}\n{text}")).join("\n");
    let url = "url = \"https://portal.example.org/\"\n";
    let allow = "allow = [\"portal.example.org\"]\n";
    assert_eq!(fault(url), "");
    assert_eq!(fault(&format!("{url}url-from-submission = false\n")), "");
    assert_eq!(fault(&format!("url-from-submission = true\n{allow}")), "");
    assert!(fault("").contains("nothing says where calls go"));
    assert!(fault(allow).contains("nothing says where calls go"));
    assert!(fault("url-from-submission = true\n").contains("3:23: `allow` is missing"));
    assert!(fault("url-from-submission = true\nallow = []\n").contains("4:9: without a host nobody"));
    assert!(fault(&format!("{url}url-from-submission = true\n")).contains("4:23: `url` says already"));
    assert!(fault(&format!("{url}{allow}")).contains("4:9: `allow` belongs to"));
    let hosts = fault("url-from-submission = true\nallow = [\"a.example\", \"https://b.example\", \"*\"]\n");
    assert!(hosts.contains("4:23: this is no host") && hosts.contains("4:44: this is no host"), "{hosts}");
}

#[test]
fn every_fault_is_told_with_its_place() {
    let found = faults(
        "[callback]\nurl = \"http://portal.example.org/\"\nkey = { file = \"short\" }\nnext-key = { file = \"fehlt\" }\n\
         [callback.connection]\npublic-only = false\nallow-addresses = [\"10.1.2.3/24\", \"intranet\"]\n",
    );
    // What cannot be read is told alone.
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(
        found[0].contains("7:19: `10.1.2.3/24` does not begin a network; write `10.1.2.0/24`"),
        "{found:#?}"
    );
    let found = faults(
        "[callback]\nurl = \"http://portal.example.org/\"\nkey = { file = \"short\" }\nnext-key = { file = \"fehlt\" }\n\
         [callback.connection]\npublic-only = false\nproxy = \"http://proxy.example.org:3128\"\n",
    );
    let expected = [
        "2:7: plain http is only for this machine",
        "3:7: the key has fewer than 32 characters",
        "4:12: the file is not there",
        "6:15: this adapter connects to public addresses only",
    ];
    for text in expected {
        assert!(found.iter().any(|fault| fault.contains(text)), "{text} is not in {found:#?}");
    }
    let proxied = "[callback]\nurl = \"https://a.example/\"\nkey = { file = \"key\" }\n\
                   [callback.connection]\nproxy = \"http://proxy.example.org:3128\"\n";
    assert!(faults(proxied)[0].contains("5:9: behind a proxy nobody here sees"), "{:#?}", faults(proxied));
}

#[test]
fn an_address_is_a_public_one_without_credentials() {
    let fault =
        |url: &str| faults(&format!("[callback]\nurl = \"{url}\"\nkey = {{ file = \"key\" }}\n")).join("\n");
    for (url, expected) in [
        ("https://u:p@portal.example.org/", "2:7: credentials do not stand in the address"),
        ("https://portal.example.org/#a", "2:7: what follows the # is never sent"),
        ("https://10.1.2.3/", "2:7: the address is not a public one; name its network in allow-addresses"),
        ("https://0x7f.1/", "2:7: the address is not a public one"),
        ("http://127.0.0.1:8080/", "2:7: the address is not a public one"),
        ("https://[fd00::1]/", "2:7: the address is not a public one"),
        ("portal", "2:7: this is no address"),
    ] {
        assert!(fault(url).contains(expected), "{url}: {}", fault(url));
    }
    assert_eq!(fault("https://9.9.9.9/"), "");
    let same =
        "[callback]\nurl = \"https://a.example/\"\nkey = { file = \"key\" }\nnext-key = { file = \"key\" }\n";
    assert!(faults(same)[0].contains("4:12: it is the same as `key`"), "{:#?}", faults(same));
}

#[test]
fn h10_a_key_that_is_written_in_clear_is_not_quoted() {
    let found = faults(&format!("[callback]\nurl = \"https://a.example/\"\nkey = \"{KEY}\"\n"));
    assert!(found[0].contains("3:7: a secret is written as"), "{found:#?}");
    assert!(!found.concat().contains(KEY), "{found:#?}");
}
