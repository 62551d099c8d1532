use super::configure;
use super::peer::{is_there, keygen};

const PIN: &str = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";
const LINE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
const RSA: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQCqGKukO1De7zhZj6+H0qtjTkVxwTCpvKe4eCZ0FPqri0cb2JZfXJ/DgYSF6vUp\
                   wmJG8wVQZKjeGcjDOL5UlsuusFncCzWBQ7RKNUSesmQRMSGkVb1/3j+skZ6UtW+5u09lHNsj6tQ51s1SPrCBkedbNf0Tp0GbMJDyR4e9T04ZZw==";

fn table(further: &str) -> String {
    format!("[sftp]\nhost = \"sftp.example.org\"\nuser = \"hub\"\nfolder = \"/eingang\"\n{further}\n")
}

fn faults(text: &str) -> Vec<String> {
    configure(text).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

#[test]
fn good_settings_have_no_faults() {
    for keys in [
        format!("\"{PIN}\""),
        format!("\"{LINE}\""),
        format!("\"{PIN}\", \"sftp.example.org,10.0.0.1 {LINE} alt\""),
    ] {
        assert_eq!(faults(&table(&format!("host-keys = [{keys}]"))), Vec::<String>::new(), "{keys}");
    }
    let more = format!(
        "host-keys = [\"{PIN}\"]\nport = 2222\npassword = {{ env = \"PASSWORD\" }}\nunit = \"subfolder\"\nconnect-timeout = \"3s\""
    );
    assert_eq!(faults(&table(&more)), Vec::<String>::new());
}

#[test]
fn every_fault_is_told_with_its_place() {
    for (further, told) in [
        ("", "the key `host-keys` is missing"),
        (
            "host-keys = []",
            "a.toml:5:13: no host key is believed; ask the server's operator for its fingerprint",
        ),
        (
            "host-keys = [\"MD5:00\"]",
            "a.toml:5:14: this is no host key; write a fingerprint as `ssh-keygen -lf`",
        ),
        ("host-keys = [\"SHA256:x\"]", "a.toml:5:14: this is no host key"),
        (
            &format!("host-keys = [\"{RSA}\"]"),
            "a.toml:5:14: host keys of the kind ssh-rsa are not known here",
        ),
        (
            &format!("host-keys = [\"{PIN}\"]\npassphrase = {{ env = \"PASSWORD\" }}"),
            "a.toml:6:14: `key` is missing",
        ),
        (
            &format!("host-keys = [\"{PIN}\"]\nkey = {{ env = \"PASSWORD\" }}"),
            "a.toml:6:7: this is no private key",
        ),
        (
            &format!("host-keys = [\"{PIN}\"]\nname = \"{{case}}\""),
            "a.toml:6:8: the placeholder {delivery-id} is missing",
        ),
        (&format!("host-keys = [\"{PIN}\"]\nport = 0"), "a.toml:6:8: there is no port 0"),
        (&format!("host-keys = [\"{PIN}\"]\npasword = {{ env = \"PASSWORD\" }}"), "unknown key `pasword`"),
    ] {
        let found = faults(&table(further));
        assert!(found.iter().any(|fault| fault.contains(told)), "{told}: {found:#?}");
    }
    let text = table(&format!("host-keys = [\"{PIN}\"]"))
        .replace("sftp.example.org", "sftp example")
        .replace("hub", "");
    let found = faults(&text);
    assert_eq!(found.len(), 2, "all at once: {found:#?}");
}

#[test]
fn keys_that_cannot_be_used_are_told_without_quoting_them() {
    if !is_there() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let of = |name: &str, more: &str| {
        let path = home.path().join(name);
        faults(&table(&format!("host-keys = [\"{PIN}\"]\nkey = {{ file = \"{}\" }}\n{more}", path.display())))
    };
    keygen(&home.path().join("ecdsa"), "", "ecdsa");
    keygen(&home.path().join("rsa"), "", "rsa");
    keygen(&home.path().join("locked"), "another", "ed25519");
    assert_eq!(of("ecdsa", ""), Vec::<String>::new());
    assert!(of("rsa", "")[0].contains("RSA keys are not known here"), "{:?}", of("rsa", ""));
    assert!(
        of("locked", "")[0].contains("the key is encrypted; give its `passphrase`"),
        "{:?}",
        of("locked", "")
    );
    let wrong = of("locked", "passphrase = { env = \"PASSWORD\" }\n");
    assert!(
        wrong[0].contains("cannot be read with this passphrase") && !wrong[0].contains("geheim"),
        "{wrong:?}"
    );
}
