//! TLS: as BSI TR-02102-2 asks, and with a certificate that can be replaced while the hub runs.

use crate::support::client::until;
use crate::support::hub::{Hub, Setup};
use crate::support::peers;
use crate::support::sink::Sink;
use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Name};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A certificate for this machine that vouches for itself, with an RSA key: certificate and key in PEM.
fn certificate() -> (String, String) {
    let key = PKey::from_rsa(Rsa::generate(3072).expect("a key")).expect("a key");
    let mut name = X509Name::builder().expect("a name");
    name.append_entry_by_text("CN", "Rohrpost Test").expect("a name");
    let name = name.build();
    let mut builder = X509::builder().expect("a certificate");
    builder.set_version(2).expect("version 3");
    builder.set_subject_name(&name).expect("a subject");
    builder.set_issuer_name(&name).expect("an issuer");
    builder.set_pubkey(&key).expect("a key");
    builder.set_not_before(&Asn1Time::days_from_now(0).expect("a time")).expect("a begin");
    builder.set_not_after(&Asn1Time::days_from_now(30).expect("a time")).expect("an end");
    let names = SubjectAlternativeName::new().ip("127.0.0.1").build(&builder.x509v3_context(None, None));
    builder.append_extension(names.expect("names")).expect("an extension");
    let ca = BasicConstraints::new().critical().ca().build().expect("an extension");
    builder.append_extension(ca).expect("an extension");
    builder.sign(&key, MessageDigest::sha256()).expect("a signature");
    let pem = |bytes: Vec<u8>| String::from_utf8(bytes).expect("PEM");
    let key = key.private_key_to_pem_pkcs8().expect("PEM");
    (pem(builder.build().to_pem().expect("PEM")), pem(key))
}

struct House {
    setup: Setup,
    hub: Hub,
}

impl House {
    async fn new() -> Self {
        let setup = Setup::new(Sink::start().await.address);
        let tls =
            "[listen.tls]\ncertificate = \"secrets/tls.pem\"\nkey = { file = \"secrets/tls.key\" }\n[log]";
        setup.edit("hub.toml", "[log]", tls);
        present(&setup, &certificate());
        Self { hub: setup.start(), setup }
    }

    fn address(&self) -> &str {
        self.hub.api.split("://").nth(1).expect("an address")
    }

    /// What curl gets over `scheme`, trusting only the certificate that lies there now; `Err` where it does not come to
    /// an answer. `None` without curl.
    fn curl(&self, scheme: &str) -> Option<Result<String, i32>> {
        let url = format!("{scheme}://{}/openapi.json", self.address());
        let anchor = self.anchor();
        let output = peers::run(Command::new("curl").args(["-sS", "--cacert"]).arg(anchor).arg(url))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Some(if output.status.success() { Ok(text) } else { Err(output.status.code().unwrap_or(-1)) })
    }

    fn anchor(&self) -> PathBuf {
        self.setup.config().join("secrets/tls.pem")
    }

    /// Whether `openssl s_client` comes to a connection, and what it says.
    fn openssl(&self, arguments: &[&str]) -> Option<(bool, String)> {
        let mut command = Command::new("openssl");
        command.args(["s_client", "-connect", self.address(), "-verify_return_error", "-CAfile"]);
        let output = peers::run(command.arg(self.anchor()).args(arguments).stdin(Stdio::null()))?;
        let said = [output.stdout, output.stderr].concat();
        Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
    }

    fn hang_up(&self) {
        let sent = Command::new("kill").args(["-HUP", &self.hub.pid().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }
}

fn present(setup: &Setup, (certificate, key): &(String, String)) {
    setup.write("secrets/tls.pem", certificate);
    setup.write("secrets/tls.key", key);
}

#[tokio::test(flavor = "multi_thread")]
async fn https_is_served_and_plain_http_is_not() {
    let house = House::new().await;
    let Some(served) = house.curl("https") else { return };
    assert!(served.expect("an answer").contains("/v1/submissions"));
    assert!(house.curl("http").expect("curl").is_err(), "plain HTTP on a listener with TLS");
    present(&house.setup, &certificate());
    assert_eq!(
        house.curl("https").expect("curl"),
        Err(60),
        "curl takes no certificate but the one it trusts"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_the_guideline_names_is_spoken() {
    let house = House::new().await;
    let taken: [&[&str]; 4] = [
        &["-tls1_3"],
        &["-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256"],
        &["-tls1_2", "-cipher", "ECDHE-RSA-AES256-GCM-SHA384"],
        &["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"],
    ];
    for arguments in taken {
        let Some((connected, said)) = house.openssl(arguments) else { return };
        assert!(connected && said.contains("Verify return code: 0"), "{arguments:?}: {said}");
    }
    let refused: [&[&str]; 8] = [
        &["-tls1_2", "-cipher", "ECDHE-RSA-CHACHA20-POLY1305"],
        &["-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"],
        &["-tls1_2", "-cipher", "AES256-GCM-SHA384"],
        &["-tls1_2", "-cipher", "DHE-RSA-AES256-GCM-SHA384"],
        &["-tls1_2", "-cipher", "ECDHE-RSA-AES256-SHA384"],
        &["-tls1_3", "-groups", "X25519"],
        &["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"],
        &["-tls1", "-cipher", "DEFAULT@SECLEVEL=0"],
    ];
    for arguments in refused {
        let (connected, said) = house.openssl(arguments).expect("openssl");
        assert!(!connected, "{arguments:?}: {said}");
        assert!(said.contains(" alert "), "{arguments:?}: the hub refuses it, not the peer: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_presented_after_sighup_and_a_broken_one_is_not() {
    let house = House::new().await;
    let Some(served) = house.curl("https") else { return };
    served.expect("an answer");
    let (old, new) = (std::fs::read_to_string(house.anchor()).expect("PEM"), certificate());
    // The key of another certificate: refused, and the old one is presented further on.
    house.setup.write("secrets/tls.key", &new.1);
    house.hang_up();
    until(async || house.setup.log().contains("configuration refused")).await;
    assert_eq!(std::fs::read_to_string(house.anchor()).expect("PEM"), old);
    house.curl("https").expect("curl").expect("the old certificate");
    present(&house.setup, &new);
    house.hang_up();
    until(async || house.curl("https").expect("curl").is_ok()).await;
}
