use super::{TOKEN, configure};

fn faults(text: &str) -> Vec<String> {
    configure(text).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

#[test]
fn the_example_in_the_documentation_is_good() {
    let source = include_str!("../lib.rs");
    let lines = source.lines().filter_map(|line| line.strip_prefix("//! ").or(line.strip_prefix("//!")));
    let example: Vec<&str> =
        lines.skip_while(|line| *line != "```toml").skip(1).take_while(|line| *line != "```").collect();
    let text = example.join("\n").replace("secrets/dms\"", "token\"");
    let text = text.replace("ca = [\"certs/dms-ca.pem\"]", "");
    assert!(text.contains("[http.inquire]"), "{text}");
    assert_eq!(faults(&text), Vec::<String>::new(), "{text}");
}

#[test]
fn every_fault_is_told_with_its_place() {
    let found = faults(
        r#"[http]
url = "http://dms.example/{case}"
headers = { "X Y" = "a", "Host" = "b", "X-Ok" = "{cse}" }
auth = { bearer = { token = { env = "FEHLT" } } }
[[http.part]]
name = "a"
content = "text"
[[http.part]]
name = "b"
content = "message"
content-type = "xml"
[http.answer]
reference = { json-pointer = "id" }
[http.inquire]
url = "https://{tenant}.example/"
found = [200]
absent = [200]
absent-when = { json-pointer = "/n", equals = 1.5 }
reference = { json-pointer = "/id", header = "Location" }
[http.connection]
ca = ["fehlt.pem"]
client-key = { file = "token" }
"#,
    );
    let expected = [
        "2:7: plain http is only for this machine",
        "3:21: `X Y` is no name of a header",
        "3:35: `Host` is set by the hub itself",
        "3:49: unknown placeholder {cse}; did you mean {case}?",
        "4:29: the environment variable FEHLT is not set",
        "6:8: the part's `text` is missing",
        "11:16: this is no media type",
        "13:30: this is no JSON pointer",
        "15:7: this is no address",
        "15:7: the status 200 cannot mean both",
        "18:32: `equals` has the wrong type",
        "19:13: exactly one way to read it is needed",
        "21:7: no certificates can be read",
        "22:14: client-certificate is missing",
    ];
    for text in expected {
        assert!(found.iter().any(|fault| fault.contains(text)), "{text} is not in {found:#?}");
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

#[test]
fn h10_a_secret_that_is_written_in_clear_is_not_quoted() {
    let text =
        format!("[http]\nurl = \"https://a.example/\"\nauth = {{ bearer = {{ token = \"{TOKEN}\" }} }}\n");
    let found = faults(&text);
    assert!(found[0].contains("3:29: a secret is written as"), "{found:#?}");
    assert!(!found.concat().contains(TOKEN), "{found:#?}");
}

#[test]
fn no_value_decides_where_it_goes() {
    for url in [
        "https://{tenant}",
        "https://a.example{case}/",
        "https://{case}@a.example/",
        "https://a.example:{sequence}/",
        "https://u:p@a.example/",
    ] {
        assert_eq!(faults(&format!("[http]\nurl = \"{url}\"\n")).len(), 1, "{url}");
    }
    assert!(
        faults("[http]\nurl = \"http://fachverfahren/x\"\n[http.connection]\nallow-plain-http = true\n")
            .is_empty()
    );
}
