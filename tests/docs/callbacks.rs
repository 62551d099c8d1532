//! A portal that follows `docs/handbuch/portal-rueckruf.md` takes what the hub sends, and nothing that another made of it.

use super::blocks;
use crate::support::client::Client;
use crate::support::hub::{AREA, SERVICE, Setup, root};
use crate::support::peers;
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::extension::SubjectAlternativeName;
use openssl::x509::{X509, X509Name};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};

const KEY: &str = "schluessel-der-signatur-0123456789abcdef";
const NEXT: &str = "der-naechste-schluessel-0123456789abcdef";

/// A call as the portal got it: its path, its headers by names in lower case, and its body.
#[derive(Clone, Debug)]
struct Call {
    path: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

/// A portal with TLS on this machine.
struct Portal {
    address: SocketAddr,
    certificate: Vec<u8>,
    calls: Receiver<Call>,
}

impl Portal {
    fn start() -> Self {
        let (key, certificate) = identity();
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).expect("TLS");
        acceptor.set_private_key(&key).expect("a key");
        acceptor.set_certificate(&certificate).expect("a certificate");
        let acceptor = acceptor.build();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (sender, calls) = sync_channel(16);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Ok(mut stream) = acceptor.accept(stream) else { continue };
                let Some(call) = read_call(&mut stream) else { continue };
                let _ = stream.write_all(b"HTTP/1.1 204 X\r\nConnection: close\r\n\r\n");
                let _ = stream.shutdown();
                if sender.send(call).is_err() {
                    return;
                }
            }
        });
        Self { address, certificate: certificate.to_pem().expect("PEM"), calls }
    }
}

/// A key, and a certificate of its own for 127.0.0.1.
fn identity() -> (PKey<Private>, X509) {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("a curve");
    let key = PKey::from_ec_key(EcKey::generate(&group).expect("a key")).expect("a key");
    let mut name = X509Name::builder().expect("a name");
    name.append_entry_by_nid(Nid::COMMONNAME, "Portal").expect("a name");
    let name = name.build();
    let mut builder = X509::builder().expect("a certificate");
    builder.set_version(2).expect("a version");
    builder.set_subject_name(&name).expect("a subject");
    builder.set_issuer_name(&name).expect("an issuer");
    builder.set_pubkey(&key).expect("its key");
    builder.set_not_before(&Asn1Time::days_from_now(0).expect("a time")).expect("its begin");
    builder.set_not_after(&Asn1Time::days_from_now(2).expect("a time")).expect("its end");
    let names = SubjectAlternativeName::new().ip("127.0.0.1").build(&builder.x509v3_context(None, None));
    builder.append_extension(names.expect("an extension")).expect("its address");
    builder.sign(&key, MessageDigest::sha256()).expect("a signature");
    (key, builder.build())
}

fn read_call(stream: &mut impl Read) -> Option<Call> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.extend(byte);
    }
    let head = String::from_utf8(head).ok()?;
    let path = head.split(' ').nth(1)?.to_owned();
    let headers: BTreeMap<_, _> = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    stream.read_exact(&mut body).ok()?;
    Some(Call { path, headers, body })
}

/// The shipped configuration with a route for notices and a destination that calls the portal back.
fn calling(portal: &Portal) -> Setup {
    let setup = Setup::new("127.0.0.1:1");
    fs::create_dir_all(setup.config().join("secrets")).expect("a folder");
    setup.write("secrets/portal-rueckruf.key", KEY);
    setup.write("secrets/portal-rueckruf-neu.key", NEXT);
    fs::write(setup.config().join("portal.pem"), &portal.certificate).expect("a certificate");
    let page = root().join("docs/handbuch/adapter-callback.md");
    for block in blocks(&page).iter().filter(|block| block.language == "toml") {
        let name = block.title().expect("a file's name").trim_start_matches("config/").to_owned();
        let text = block.text.replace("\"portal.example.org\"", &format!("\"{}\"", portal.address));
        let text = text.replace("[\"10.1.2.0/24\"]", "[\"127.0.0.1\"]\nca = [\"portal.pem\"]");
        setup.write(&name, &text);
    }
    setup
}

/// What the portal is sent where a notice with an attachment is given to an application that wants its answers there; the
/// notice's id.
async fn called_back(portal: &Portal, setup: &Setup) -> (Call, String) {
    let hub = setup.start();
    let client = Client::of(&hub, "portal");
    let reply = json!({ "callback": { "url": format!("https://{}/rueckruf?antrag=0815", portal.address) } });
    let metadata = json!({ "service": SERVICE, "area": AREA, "case": "V-1", "reply": reply });
    let application = fs::read(root().join("config/samples/brunnenbohrung-1.xml")).expect("a sample");
    let part =
        |bytes: Vec<u8>, media_type: &str| Part::bytes(bytes).mime_str(media_type).expect("a media type");
    let form = Form::new()
        .part("metadata", part(metadata.to_string().into(), "application/json"))
        .part("data", part(application, "application/xml"));
    let answer = client.request("POST", "/v1/submissions").multipart(form).send().await.expect("an answer");
    assert_eq!(answer.status(), 202);
    let notice = json!({ "kind": "notice", "text": "Nr. 7 für Erika Mustermann" });
    let form = Form::new()
        .part("reply", part(notice.to_string().into(), "application/json"))
        .part("attachment", part(b"%PDF-1.4".to_vec(), "application/pdf").file_name("Bescheid.pdf"));
    let answer = client.request("POST", "/v1/cases/V-1/replies").multipart(form).send().await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.status(), 202);
    let accepted: Value = answer.json().await.expect("JSON");
    let id = accepted["id"].as_str().expect("an id").to_owned();
    let submission = client.completed(&id).await;
    let call = portal.calls.recv().expect("a call");
    assert_eq!(call.headers["rohrpost-delivery"], submission["deliveries"][0]["id"].as_str().expect("an id"));
    let attachment = client.request("GET", &format!("/v1/submissions/{id}/attachments/1")).send().await;
    assert_eq!(attachment.expect("an answer").bytes().await.expect("bytes"), "%PDF-1.4");
    (call, id)
}

/// What a portal is asked to verify.
struct Asked {
    called: &'static str,
    accepted: bool,
    call: Call,
    keys: &'static [&'static str],
    /// Seconds after the call.
    later: i64,
}

fn asked(good: &Call) -> Vec<Asked> {
    let with = |called, accepted, keys, later, change: &dyn Fn(&mut Call)| {
        let mut call = good.clone();
        change(&mut call);
        Asked { called, accepted, call, keys, later }
    };
    let header = |name: &'static str, value: &'static str| {
        move |call: &mut Call| drop(call.headers.insert(name.to_owned(), value.to_owned()))
    };
    let same = |_: &mut Call| {};
    vec![
        with("as it came", true, &[KEY], 0, &same),
        with("with the next key", true, &[NEXT], 0, &same),
        with("with both keys", true, &["another-key-of-at-least-32-characters", KEY], 0, &same),
        with("at the end of the window", true, &[KEY], 299, &same),
        with("before its time, within the window", true, &[KEY], -299, &same),
        with("after the window", false, &[KEY], 301, &same),
        with("before its time", false, &[KEY], -301, &same),
        with("by another key", false, &["another-key-of-at-least-32-characters"], 0, &same),
        with("without any key", false, &[], 0, &same),
        with("another body", false, &[KEY], 0, &|call| call.body[1] ^= 1),
        with("a longer body", false, &[KEY], 0, &|call| call.body.push(b'\n')),
        with("a later time", false, &[KEY], 0, &|call| {
            let time: i64 = call.headers["rohrpost-timestamp"].parse().expect("a number");
            call.headers.insert("rohrpost-timestamp".into(), (time + 1).to_string());
        }),
        with(
            "another delivery",
            false,
            &[KEY],
            0,
            &header("rohrpost-delivery", "0195f3a2-7c4e-7d11-9a55-2f0c8e1b6d90"),
        ),
        with("bytes moved from the body to the delivery", false, &[KEY], 0, &|call| {
            let body = String::from_utf8(call.body.clone()).expect("text");
            let moved = format!("{}.{body}", call.headers["rohrpost-delivery"]);
            let (delivery, rest) = moved.rsplit_once('.').expect("a dot in the body");
            call.headers.insert("rohrpost-delivery".into(), delivery.to_owned());
            call.body = rest.as_bytes().to_vec();
        }),
        with("no time", false, &[KEY], 0, &header("rohrpost-timestamp", "jetzt")),
        with("no signature", false, &[KEY], 0, &header("rohrpost-signature", "")),
        with("a short signature", false, &[KEY], 0, &header("rohrpost-signature", "v1=00,v1=")),
        with("a signature that is no text", false, &[KEY], 0, &header("rohrpost-signature", "v1=ü,ü")),
        with("a signature of another version", false, &[KEY], 0, &|call| {
            let signatures = call.headers["rohrpost-signature"].replace("v1=", "v0=");
            call.headers.insert("rohrpost-signature".into(), signatures);
        }),
    ]
}

const PYTHON: &str = "import json, sys\nfrom portal_rueckruf import verify\n\
    asked = json.load(sys.stdin)\n\
    print(json.dumps([verify(it['headers'], it['body'].encode(), it['keys'], it['now']) for it in asked]))\n";
const NODE: &str = "const { verify } = require('./portal-rueckruf.js');\n\
    const asked = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));\n\
    console.log(JSON.stringify(asked.map((it) => verify(it.headers, Buffer.from(it.body), it.keys, it.now))));\n";

/// Puts the page's code into a folder, with a program that calls it, and has that answer.
fn verified(
    program: &str,
    language: &str,
    driver: (&str, &str),
    asked: &Value,
    folder: &Path,
) -> Option<Vec<bool>> {
    peers::run(Command::new(program).arg("--version"))?;
    let page = root().join("docs/handbuch/portal-rueckruf.md");
    let code: Vec<_> = blocks(&page).into_iter().filter(|block| block.language == language).collect();
    let [code] = code.as_slice() else { panic!("the page has one block of {language}") };
    let first = code.text.lines().next().expect("a line");
    let name = first.trim_start_matches(['#', '/', ' ']);
    fs::write(folder.join(name), &code.text).expect("a file");
    fs::write(folder.join(driver.0), driver.1).expect("a file");
    let mut running = Command::new(program)
        .arg(driver.0)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    running.stdin.take().expect("its input").write_all(asked.to_string().as_bytes()).expect("it reads");
    let output = running.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{program} ended with {}", output.status);
    Some(serde_json::from_slice(&output.stdout).expect("JSON"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_follows_the_page_takes_the_hubs_calls_and_no_others() {
    let portal = Portal::start();
    let setup = calling(&portal);
    let (call, id) = called_back(&portal, &setup).await;
    assert_eq!(
        (call.path.as_str(), call.headers["rohrpost-kind"].as_str()),
        ("/rueckruf?antrag=0815", "notice")
    );
    assert_eq!((&call.headers["rohrpost-submission"], call.headers["rohrpost-case"].as_str()), (&id, "V-1"));
    assert_eq!(call.headers["rohrpost-attachments"], "1");
    assert_eq!(call.headers["content-type"], "application/json");
    let body: Value = serde_json::from_slice(&call.body).expect("JSON");
    assert_eq!(body["text"], "Nr. 7 für Erika Mustermann");
    let asked = asked(&call);
    let told: Vec<_> = asked
        .iter()
        .map(|it| {
            let time: i64 = call.headers["rohrpost-timestamp"].parse().expect("a number");
            let body = String::from_utf8_lossy(&it.call.body);
            json!({ "headers": it.call.headers, "body": body, "keys": it.keys, "now": time + it.later })
        })
        .collect();
    let folder = tempfile::tempdir().expect("a folder");
    for (program, language, driver) in
        [("python3", "python", ("ask.py", PYTHON)), ("node", "js", ("ask.js", NODE))]
    {
        let Some(verified) = verified(program, language, driver, &json!(told), folder.path()) else {
            continue;
        };
        assert_eq!(verified.len(), asked.len());
        for (it, accepted) in asked.iter().zip(verified) {
            assert_eq!(accepted, it.accepted, "{program}: {}", it.called);
        }
    }
    for file in crate::face::files(&setup.path("data")) {
        let kept = fs::read(&file).expect("a file of the store");
        let clear = memchr::memmem::find(&kept, b"rueckruf?antrag").is_some();
        assert!(!clear, "the address that a submission names is kept encrypted: {}", file.display());
    }
    let log = setup.log();
    for secret in [KEY, NEXT, "rueckruf?antrag", "Mustermann", &call.headers["rohrpost-signature"]] {
        assert!(!log.contains(secret), "h10: {secret} is in the log: {log}");
    }
}
