use super::configure;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::PKey;
use openssl::x509::X509;
use std::fs;

fn table(further: &str) -> String {
    format!(
        "[smtp]\nhost = \"mail.example.org\"\nfrom = \"hub@example.org\"\nto = [\"Bauamt <a@example.org>\"]\n{further}\n"
    )
}

fn faults(text: &str) -> Vec<String> {
    configure(text).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

#[test]
fn good_settings_have_no_faults() {
    for further in [
        "",
        "security = \"tls\"\nuser = \"hub\"\npassword = { env = \"PASSWORD\" }",
        "attach = true\nopen-mail-is-acceptable = true\nsize-limit = \"50 MB\"",
        "security = \"none\"\nallow-plain = true",
        "subject = \"{service} {received-at:%d.%m.%Y}\"\ntext = \"{case}\"\nhello = \"hub.example.org\"",
        "[smtp.tls]\nsystem-ca = false",
    ] {
        assert_eq!(faults(&table(further)), Vec::<String>::new(), "{further}");
    }
}

#[test]
fn every_fault_is_told_with_its_place() {
    for (further, told) in [
        (
            "attach = true",
            "a.toml:5:10: the content would be readable wherever the mail passes or lies; leave it out for a notice",
        ),
        ("attach = true\nopen-mail-is-acceptable = false", "a.toml:5:10: the content would be readable"),
        ("open-mail-is-acceptable = true", "a.toml:5:27: nothing is attached"),
        (
            "security = \"none\"",
            "a.toml:5:12: mail in clear is only for this machine; write \"starttls\" or \"tls\"",
        ),
        ("user = \"hub\"", "a.toml:5:8: `password` is missing"),
        ("password = { env = \"PASSWORD\" }", "a.toml:5:12: `user` is missing"),
        ("subject = \"{receipt:dms}\"", "a.toml:5:11: unknown placeholder {receipt:dms}"),
        ("text = \"{attachment-name}\"", "a.toml:5:8: unknown placeholder {attachment-name}"),
        ("subject = \"a\\nb\"", "a.toml:5:11: a subject is one line"),
        ("hello = \"a b\"", "a.toml:5:9: this is no name of a host"),
        ("[smtp.tls]\nca = [\"nirgends.pem\"]", "no certificates can be read"),
        ("secutity = \"tls\"", "unknown key `secutity`; did you mean `security`?"),
    ] {
        let found = faults(&table(further));
        assert!(found.iter().any(|fault| fault.contains(told)), "{told}: {found:#?}");
    }
    let text = table("").replace("hub@example.org", "hub").replace("[\"Bauamt <a@example.org>\"]", "[]");
    assert_eq!(faults(&text).len(), 2, "all at once: {:#?}", faults(&text));
    assert!(faults(&table("").replace("hub@", "größe@"))[0].contains("this is no mail address"));
}

#[test]
fn whom_a_submission_names_gets_a_notice_alone() {
    let to = |to: &str, further: &str| faults(&table(further).replace("\"Bauamt <a@example.org>\"", to));
    assert_eq!(to("\"{reply.mail}\"", ""), Vec::<String>::new());
    let both = to("\"{reply.mail}\", \"a@example.org\"", "");
    assert!(both[0].contains("gets a mail alone"), "{both:?}");
    let attached = to("\"{reply.mail}\"", "attach = true\nopen-mail-is-acceptable = true");
    assert!(attached[0].contains("only a notice without content"), "{attached:?}");
    assert!(to("\"{reply.fax}\"", "")[0].contains("this is no mail address"));
}

#[test]
fn a_client_certificate_may_come_as_pkcs12() {
    let home = tempfile::tempdir().unwrap();
    super::peer::certificate("hub", home.path());
    let certificate = X509::from_pem(&fs::read(home.path().join("hub.pem")).unwrap()).unwrap();
    let key = PKey::private_key_from_pem(&fs::read(home.path().join("hub.key")).unwrap()).unwrap();
    let mut packed = Pkcs12::builder();
    let packed = packed.name("hub").cert(&certificate).pkey(&key).build2(super::PASSWORD).unwrap();
    fs::write(home.path().join("hub.p12"), packed.to_der().unwrap()).unwrap();
    let with = |password: &str| {
        let file = home.path().join("hub.p12");
        faults(&table(&format!(
            "[smtp.tls]\nclient-pkcs12 = \"{}\"\nclient-pkcs12-password = {{ env = \"{password}\" }}",
            file.display()
        )))
    };
    assert_eq!(with("PASSWORD"), Vec::<String>::new());
    let wrong = with("WRONG");
    assert!(wrong[0].contains("a.toml:6:17: it cannot be opened"), "{wrong:#?}");
}
