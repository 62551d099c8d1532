//! Debian's Exim, started on loopback.

use super::lines::Lines;
use super::{configure, missing};
use async_trait::async_trait;
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};
use rohrpost_kit::conformance::{Cut, Mood, Peer, Proxy};
use rohrpost_model::ports::{Piece, Preview, Target};
use rohrpost_model::{DeliveryId, Digest};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

const EXIM: &str = "/usr/sbin/exim4";
const READ: &str = include_str!("read.py");
pub(super) const PASSWORD: &str = "geheim-4711";

/// How it is spoken to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// In clear, through a proxy that cuts.
    Relayed,
    /// STARTTLS, with a log-in.
    StartTls,
    /// TLS from the start, with a log-in.
    Tls,
}

/// A mail as it arrived.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Mail {
    pub(super) id: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) defects: Vec<String>,
    pub(super) text: String,
    pub(super) names: Vec<String>,
    pub(super) types: Vec<String>,
    pub(super) digests: Vec<Digest>,
    pub(super) sha256: Digest,
}

/// A running server.
pub(super) struct Exim {
    home: TempDir,
    process: Child,
    ports: (u16, u16),
    way: Way,
    attach: bool,
    proxy: Proxy,
    broken: Mutex<String>,
}

impl Drop for Exim {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Whether it is installed; says so where it is not.
pub(super) fn is_there() -> bool {
    let absent = [EXIM, "/usr/bin/python3"].into_iter().find(|program| !Path::new(program).exists());
    absent.is_none_or(|program| missing(&format!("{program} is not there")))
}

fn told(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A certificate for 127.0.0.1 that vouches for itself.
pub(super) fn certificate(name: &str, home: &Path) {
    let key = EcKey::generate(&EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap()).unwrap();
    let key = PKey::from_ec_key(key).unwrap();
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("CN", name).unwrap();
    let subject = subject.build();
    let mut made = X509::builder().unwrap();
    made.set_version(2).unwrap();
    made.set_subject_name(&subject).unwrap();
    made.set_issuer_name(&subject).unwrap();
    made.set_pubkey(&key).unwrap();
    made.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    made.set_not_after(&Asn1Time::days_from_now(300).unwrap()).unwrap();
    let names =
        SubjectAlternativeName::new().ip("127.0.0.1").build(&made.x509v3_context(None, None)).unwrap();
    made.append_extension(names).unwrap();
    made.append_extension(BasicConstraints::new().build().unwrap()).unwrap();
    made.sign(&key, MessageDigest::sha256()).unwrap();
    fs::write(home.join(format!("{name}.pem")), made.build().to_pem().unwrap()).unwrap();
    fs::write(home.join(format!("{name}.key")), key.private_key_to_pem_pkcs8().unwrap()).unwrap();
}

impl Exim {
    pub(super) async fn start(way: Way, attach: bool) -> Self {
        let home = tempfile::tempdir().unwrap();
        let path = home.path();
        for folder in ["spool", "log", "mail"] {
            fs::create_dir(path.join(folder)).unwrap();
        }
        certificate("server", path);
        certificate("other", path);
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        let user = told(Command::new("id").arg("-un")).trim().to_owned();
        // Root is on Exim's list of those who never get mail.
        let user = if user == "root" { "Debian-exim".to_owned() } else { user };
        let ports = (free_port(), free_port());
        fs::write(path.join("exim.conf"), settings(path, &user, ports)).unwrap();
        let owned = ["spool", "log", "mail", "server.key"].map(|name| path.join(name));
        told(Command::new("chown").arg("-R").arg(&user).args(owned));
        let process = Command::new(EXIM)
            .arg("-C")
            .arg(path.join("exim.conf"))
            .arg("-bdf")
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while TcpStream::connect(("127.0.0.1", ports.1)).is_err() {
            tokio::task::yield_now().await;
        }
        let proxy = Proxy::to(([127, 0, 0, 1], ports.0).into(), Lines::speech).await.unwrap();
        Self { home, process, ports, way, attach, proxy, broken: Mutex::default() }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Makes the server do what the file of this name stands for.
    pub(super) fn wants(&self, name: &str) {
        fs::write(self.path(name), "").unwrap();
    }

    pub(super) fn settings(&self, further: &str) -> String {
        let trusted = self.path("server.pem");
        let (port, security) = match self.way {
            Way::Relayed => (self.proxy.port, "none"),
            Way::StartTls => (self.ports.0, "starttls"),
            Way::Tls => (self.ports.1, "tls"),
        };
        let account = match self.way {
            Way::Relayed => "",
            _ => "user = \"hub\"\npassword = { env = \"PASSWORD\" }\n",
        };
        let attach = if self.attach { "attach = true\nopen-mail-is-acceptable = true\n" } else { "" };
        format!(
            "[smtp]\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"{security}\"\n{account}{attach}from = \"Rohrpost \
             <hub@example.org>\"\nto = [\"bauamt@example.org\"]\nsize-limit = \"400 MB\"\n{further}\n[smtp.tls]\nca = [\"{}\"]\n\
             system-ca = false\n",
            trusted.display()
        )
    }

    pub(super) fn target_with(&self, further: &str) -> Arc<dyn Target> {
        configure(&self.settings(further)).unwrap()
    }

    /// A destination whose only recipient is this.
    pub(super) fn target_to(&self, to: &str) -> Arc<dyn Target> {
        let settings = self.settings("");
        assert!(settings.contains("\"bauamt@example.org\""), "{settings}");
        configure(&settings.replace("bauamt@example.org", to)).unwrap()
    }

    /// All mails, delivered.
    pub(super) fn mails(&self) -> Vec<Mail> {
        told(Command::new(EXIM).arg("-C").arg(self.path("exim.conf")).arg("-qff"));
        let read = told(Command::new("/usr/bin/python3").args(["-c", READ]).arg(self.path("mail")));
        read.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub(super) fn mails_of(&self, key: DeliveryId) -> Vec<Mail> {
        let id = format!("<{key}@example.org>");
        self.mails().into_iter().filter(|mail| mail.id == id).collect()
    }
}

/// Takes everything; what a test wants otherwise is the name of a file. It delivers only when it is told to.
fn settings(home: &Path, user: &str, ports: (u16, u16)) -> String {
    let (home, (plain, tls)) = (home.display(), ports);
    format!(
        "exim_user = {user}\nexim_group = {user}\nnever_users =\nspool_directory = {home}/spool\n\
         log_file_path = {home}/log/%slog\npid_file_path = {home}/spool/pid\ndaemon_smtp_ports = {plain} : {tls}\n\
         tls_on_connect_ports = {tls}\ntls_advertise_hosts = *\ntls_certificate = {home}/server.pem\n\
         tls_privatekey = {home}/server.key\nlocal_interfaces = 127.0.0.1\nprimary_hostname = peer.test\n\
         acl_smtp_connect = connect\nacl_smtp_mail = mail\nacl_smtp_rcpt = rcpt\nacl_smtp_data = accept\n\
         message_size_limit = 500M\ndisable_ipv6 = true\nkeep_environment =\nqueue_only = true\n\
         rfc1413_query_timeout = 0s\n\
         begin acl\n\
         connect:\n  deny condition = ${{if exists{{{home}/no-connection}}}}\n  accept\n\
         mail:\n  deny condition = ${{if exists{{{home}/no-sender}}}}\n  accept\n\
         rcpt:\n  deny condition = ${{if exists{{{home}/no-recipient}}}}\n  defer condition = ${{if exists{{{home}/busy}}}}\n  \
         deny local_parts = nobody\n  accept\n\
         begin routers\nall:\n  driver = accept\n  transport = mail\n\
         begin transports\nmail:\n  driver = appendfile\n  directory = {home}/mail\n  maildir_format\n  user = {user}\n  \
         group = {user}\n\
         begin authenticators\nplain:\n  driver = plaintext\n  public_name = PLAIN\n  server_prompts = :\n  \
         server_condition = ${{if and{{{{eq{{$auth2}}{{hub}}}}{{eq{{$auth3}}{{{PASSWORD}}}}}}}}}\n  server_set_id = $auth2\n  \
         server_advertise_condition = ${{if def:tls_in_cipher}}\n"
    )
}

#[async_trait]
impl Peer for Exim {
    fn target(&self) -> Arc<dyn Target> {
        let settings = self.settings("");
        let port = format!("port = {}", self.proxy.port);
        configure(&match self.broken.lock().unwrap().as_str() {
            // A label of more than 63 characters is in no name server's world, so none is asked.
            "lookup" => settings
                .replace("127.0.0.1", &"x".repeat(64))
                .replace("[smtp]\n", "[smtp]\nallow-plain = true\n"),
            "connect" => settings.replace(&port, &format!("port = {}", free_port())).replace(
                &format!("port = {}", if self.way == Way::Tls { self.ports.1 } else { self.ports.0 }),
                &format!("port = {}", free_port()),
            ),
            "tls" => settings.replace("server.pem", "other.pem"),
            "log-in" => settings.replace("PASSWORD", "WRONG"),
            _ => settings,
        })
        .unwrap()
    }

    async fn behave(&self, mood: Mood) -> bool {
        let _ = ["busy", "no-recipient"].map(|name| fs::remove_file(self.path(name)));
        // That it cannot take anything now is a matter of its answers here.
        self.proxy.behave(if mood == Mood::Unavailable { Mood::Well } else { mood });
        match mood {
            Mood::Unavailable => self.wants("busy"),
            Mood::Refusing => self.wants("no-recipient"),
            _ => {}
        }
        self.way == Way::Relayed || !matches!(mood, Mood::BreaksBefore | Mood::BreaksAfter | Mood::Silent)
    }

    async fn arrived(&self, key: DeliveryId) -> Vec<(Vec<Digest>, Digest)> {
        let mails = self.mails_of(key).into_iter();
        mails
            .map(|mut mail| {
                assert!(mail.defects.is_empty(), "{mail:?}");
                mail.digests.sort();
                (mail.digests, mail.sha256)
            })
            .collect()
    }

    fn foreseen(&self, preview: &Preview, _: &dyn Fn(&Piece) -> Vec<u8>) -> (Vec<Digest>, Digest) {
        panic!("there is no preview: {preview:?}")
    }

    async fn takes(&self) -> usize {
        self.mails().len()
    }

    fn takes_content(&self) -> bool {
        self.attach
    }

    /// Over TLS the proxy sees nothing.
    async fn cut(&self, request: usize, cut: Cut) -> bool {
        self.way == Way::Relayed && self.proxy.cut(request, cut)
    }

    fn requests(&self) -> usize {
        self.proxy.requests()
    }

    fn may_have_arrived(&self) -> bool {
        self.proxy.may_have_arrived()
    }

    async fn break_step(&self, word: &str) {
        match word {
            "greeting" => self.wants("no-connection"),
            "sender" => self.wants("no-sender"),
            "recipients" => self.wants("no-recipient"),
            _ => *self.broken.lock().unwrap() = word.to_owned(),
        }
    }

    async fn reached(&self) {
        self.proxy.reached().await;
    }

    fn inquires(&self) -> bool {
        false
    }

    /// A mail server cannot be asked for a mail that it was sent.
    fn parks(&self) -> bool {
        true
    }

    fn secrets(&self) -> Vec<String> {
        vec![PASSWORD.to_owned()]
    }
}
