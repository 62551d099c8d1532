use super::*;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::path::Path;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    name: Spanned<String>,
    #[serde(rename = "retry-after")]
    retry_after: Duration,
    limit: Option<ByteSize>,
    port: u16,
    mode: Mode,
    token: Option<SecretRef>,
    #[serde(default, rename = "step")]
    steps: Vec<Step>,
    #[serde(default)]
    auth: Option<Auth>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    Quick,
    Slow,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only read")]
struct Step {
    name: String,
    area: rohrpost_model::AreaPattern,
    kind: rohrpost_model::Kind,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[expect(dead_code, reason = "only read")]
enum Auth {
    Basic { user: String, password: SecretRef },
}

fn faults(text: &str) -> Vec<String> {
    read::<Example>("a.toml", text, None).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn a_right_file_is_read() {
    let text = "name = 'a'\nretry-after = '15m'\nlimit = '2 GiB'\nport = 80\nmode = 'slow'\n\
                token = { env = 'T' }\n[auth.basic]\nuser='u'\npassword = { file = 'p' }\n";
    let read: Example = read("a.toml", text, None).unwrap();
    assert_eq!((read.name.get_ref().as_str(), read.name.span()), ("a", 7..10));
    assert_eq!(read.retry_after.get(), std::time::Duration::from_secs(900));
    assert_eq!(read.limit.map(ByteSize::get), Some(2 << 30));
    assert_eq!((read.port, read.mode, read.steps.len()), (80, Mode::Slow, 0));
    assert_eq!(
        format!("{:?} {:?}", read.token, read.auth.unwrap()),
        "Some(***) Basic { user: \"u\", password: *** }"
    );
}

#[test]
fn all_faults_are_reported_at_once_with_their_places() {
    let text = "name = 7\nretry-aftr = '1s'\nretry-after = '1 week'\nlimit = '3 apples'\nport = 70000\nmode = 'slw'\n\
                token = 'geheim-4711'\n\n[[step]]\nname = 'ä'\narea = 'x'\nkind = 'application'\n\n[[step]]\nname = 'b'\n\
                area = '15*'\nkind = 'K'\ncolour = 'red'\n\n[auth.basic]\nusr = 'u'\npassword = { file = 'p' }\n";
    let found = faults(text);
    let expected = [
        "a.toml:1:8: invalid type: integer `7`; expected a string",
        "a.toml:2:1: unknown key `retry-aftr`; did you mean `retry-after`? Known keys: ",
        "a.toml:3:15: a duration is a whole number",
        "a.toml:4:9: a size is a whole number",
        "a.toml:5:8: invalid value: integer `70000`; expected u16",
        "a.toml:6:8: unknown variant `slw`; expected `quick` or `slow`; did you mean `slow`?",
        "a.toml:7:9: a secret is written as",
        "a.toml:11:8: an area is an ARS",
        "a.toml:17:8: a name has 1 to 100 characters",
        "a.toml:18:1: unknown key `colour`; known keys: name, area, kind",
        "a.toml:20:1: the key `user` is missing",
        "a.toml:21:1: unknown key `usr`; did you mean `user`?",
    ];
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\nis not\n{expected}");
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    assert!(!found.concat().contains("4711"), "{found:#?}");
}

#[test]
fn missing_keys_do_not_hide_other_faults() {
    let text = "[[step]]\n\n[[step]]\nname = 'b'\narea = 5\n\n[auth.basic]\n";
    let expected = [
        "a.toml:1:1: the key `area` is missing",
        "a.toml:1:1: the key `kind` is missing",
        "a.toml:1:1: the key `mode` is missing",
        "a.toml:1:1: the key `name` is missing",
        "a.toml:1:1: the key `port` is missing",
        "a.toml:1:1: the key `retry-after` is missing",
        "a.toml:3:1: the key `kind` is missing",
        "a.toml:5:8: invalid type: integer `5`; expected a string",
        "a.toml:7:1: the key `password` is missing",
        "a.toml:7:1: the key `user` is missing",
    ];
    let found = faults(text);
    assert_eq!(found, expected, "{found:#?}");
}

#[test]
fn a_syntax_error_is_the_only_fault() {
    let found = faults("name = 'a'\nport = = 5\n");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with("a.toml:2:8: not TOML: "), "{found:#?}");
    assert!(faults("name = 'a'\nname = 'b'\n")[0].starts_with("a.toml:2:1: not TOML: duplicate key"));
}

#[test]
fn one_table_is_read_or_left_out() {
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        port: u16,
    }
    let text = "name = 'x'\n[http]\nport = 5\n[other]\n";
    assert_eq!(read::<Inner>("a.toml", text, Some("http")).unwrap().port, 5);
    let missing = read::<Inner>("a.toml", text, Some("folder")).unwrap_err();
    assert_eq!(missing[0].message, "the table [folder] is missing");
    let wrong = read::<Inner>("a.toml", "[http]\nport = 'x'\nprt = 1", Some("http")).unwrap_err();
    assert_eq!(wrong.iter().map(|fault| (fault.line, fault.column)).collect::<Vec<_>>(), [(2, 8), (3, 1)]);
    let rest = read_without::<Inner>("a.toml", text, &["http", "other"]).unwrap_err();
    assert_eq!(rest.len(), 2, "{rest:?}");
}

struct Fixed(&'static str);

impl Secrets for Fixed {
    fn file(&self, _: &Path) -> Result<SecretString, String> {
        Ok(self.0.into())
    }
    fn env(&self, name: &str) -> Result<SecretString, String> {
        Err(format!("the environment variable {name} is not set"))
    }
}

#[test]
fn secrets_are_resolved_without_their_line_end_and_never_empty() {
    let file = SecretRef::File("p".into());
    assert_eq!(file.resolve(&Fixed("geheim\r\n")).unwrap().expose_secret(), "geheim");
    assert_eq!(file.resolve(&Fixed("\n")).unwrap_err(), "the secret is empty");
    assert!(SecretRef::Env("T".into()).resolve(&Fixed("")).unwrap_err().contains("T is not set"));
}

#[test]
fn columns_count_characters() {
    assert_eq!(Places::new("f", "ab\nä = 'ö' x").of(3 + 9), (2, 8));
    assert_eq!(Places::new("f", "").of(0), (1, 1));
}

#[test]
fn faults_in_tagged_enums_stand_where_they_are() {
    #[derive(Debug, Deserialize)]
    #[serde(tag = "form", rename_all = "kebab-case", deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    enum Form {
        Xml { depth: u16 },
    }
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Outer {
        form: Form,
        port: u16,
    }
    let text = "port = 'x'\n[form]\nform = 'xml'\ndepth = 3\n\ncolour = 'red'\n";
    let found: Vec<String> =
        read::<Outer>("a.toml", text, None).unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].starts_with("a.toml:1:8: invalid type"), "{found:#?}");
    assert!(found[1].starts_with("a.toml:6:1: unknown key `colour`; known keys: depth"), "{found:#?}");
}
