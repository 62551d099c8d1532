//! Envelopes as bytes: the published samples, what is broken in many ways, and a message of 250 MB in parts.

use super::{House, SERVICE, find};
use crate::support::client::{Client, until};
use crate::support::hub::{Setup, root};
use crate::support::peers;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

const SOAP: &str = "http://www.w3.org/2003/05/soap-envelope";
const TYPE: &str = "application/soap+xml; charset=utf-8";

/// What came of one request: the status and the body.
struct Came {
    status: String,
    body: String,
}

impl Came {
    /// The code of the fault, if it is one of XTA's.
    fn code(&self) -> Option<&str> {
        self.body.split_once("<code>")?.1.split_once("</code>").map(|(code, _)| code)
    }
}

impl House {
    fn address(&self, port: &str) -> String {
        format!("{}/xta/{port}", self.hub.listeners["xta"].replace("http://", "https://"))
    }

    /// Posts a file with curl as a partner; `None` where curl is missing.
    fn post(&self, partner: &str, port: &str, content_type: &str, file: &Path, out: &Path) -> Option<Came> {
        peers::run(Command::new("curl").arg("--version"))?;
        let pem = |end: &str| self.partner.join(format!("{partner}.{end}"));
        let ran = Command::new("curl")
            .args(["-sS", "-X", "POST", "-w", "%{http_code}", "-H", &format!("Content-Type: {content_type}")])
            .arg("--cacert")
            .arg(self.partner.join("ca.pem"))
            .arg("--cert")
            .arg(pem("pem"))
            .arg("--key")
            .arg(pem("key"))
            .arg("-T")
            .arg(file)
            .arg("-o")
            .arg(out)
            .arg(self.address(port))
            .output()
            .expect("curl runs");
        let status = String::from_utf8(ran.stdout).expect("text");
        Some(Came { status, body: String::new() })
    }

    /// The same with a short body and a short answer.
    fn say(&self, partner: &str, port: &str, content_type: &str, body: &[u8]) -> Option<Came> {
        let (file, out) = (self.setup.path("said"), self.setup.path("came"));
        fs::write(&file, body).expect("a file");
        fs::write(&out, "").expect("a file");
        let came = self.post(partner, port, content_type, &file, &out)?;
        Some(Came { body: String::from_utf8_lossy(&fs::read(&out).expect("an answer")).into_owned(), ..came })
    }

    async fn deliveries(&self) -> Value {
        Client::of(&self.hub, "portal").get("/v1/deliveries").await["deliveries"].clone()
    }
}

fn port_of(operation: &str) -> &'static str {
    match operation {
        "sendMessage" | "sendMessageSync" => "send",
        "getStatusList" | "getNextStatusList" | "getMessage" | "getNextMessage" | "close" => "msgbox",
        _ => "management",
    }
}

fn envelope(action: &str, header: &str, body: &str) -> String {
    format!(
        "<e:Envelope xmlns:e=\"{SOAP}\" xmlns:a=\"http://www.w3.org/2005/08/addressing\" \
         xmlns:m=\"http://www.osci.eu/ws/2014/10/transport\"><e:Header><a:Action>{action}</a:Action>{header}\
         </e:Header><e:Body>{body}</e:Body></e:Envelope>"
    )
}

const AUTHOR: &str = "<m:Author><m:Identifier type=\"xoev\">lap:15000000</m:Identifier></m:Author>";
const ACTIVE: &str = "http://www.xta.de/XTA/CheckAccountActive";

#[tokio::test(flavor = "multi_thread")]
async fn every_published_sample_is_answered_as_it_should_be() {
    let house = House::new().await;
    let samples = root().join("../shared/standards/xta/2.1.1/samples");
    if !samples.is_dir() {
        return peers::missing("the samples of XTA 2.1.1");
    }
    // What came of each, in an order that makes sense: `""` is an answer, all else a fault.
    let expected = [
        ("checkAccountActive", ""),
        ("lookupService", ""),
        ("createMessageId", ""),
        ("getTransportReport", "9070"),
        ("sendMessageSync", "9080"),
        ("sendMessage", ""),
        ("sendMessage", "9024"),
        ("getTransportReport", ""),
        ("cancelMessage", "9101"),
        ("getStatusList", ""),
        ("getNextStatusList", ""),
        ("getMessage", "9070"),
        ("getNextMessage", ""),
        ("close", "9070"),
    ];
    for (operation, fault) in expected {
        let text =
            |end: &str| fs::read_to_string(samples.join(format!("{operation}.{end}"))).expect("a sample");
        let headers = text("http-headers.txt");
        let content_type =
            headers.lines().find_map(|line| line.strip_prefix("Content-Type: ")).expect("a type");
        let request = text("request.xml");
        let Some(came) = house.say("samples", port_of(operation), content_type, request.as_bytes()) else {
            return;
        };
        assert_eq!(
            came.code().filter(|code| code.len() == 4).unwrap_or_default(),
            fault,
            "{operation}: {}",
            came.body
        );
        assert_eq!(came.status == "200", fault.is_empty(), "{operation}: {}", came.status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_broken_gets_a_fault_or_an_http_error_and_nothing_is_kept() {
    let house = House::new().await;
    let good = envelope(ACTIVE, AUTHOR, "");
    let send = "http://www.xta.de/XTA/SendMessage";
    let related =
        "multipart/related; type=\"application/xop+xml\"; boundary=b; start-info=\"application/soap+xml\"";
    let xop = envelope(
        send,
        "",
        "<x:GenericContentContainer xmlns:x=\"http://xoev.de/transport/xta/211\"><x:ContentContainer><x:Message>\
         <i:Include xmlns:i=\"http://www.w3.org/2004/08/xop/include\" href=\"cid:fehlt\"/></x:Message>\
         </x:ContentContainer></x:GenericContentContainer>",
    );
    let xop = format!(
        "--b\r\nContent-Type: application/xop+xml; type=\"application/soap+xml\"\r\n\r\n{xop}\r\n--b--\r\n"
    );
    let bomb = format!(
        "<!DOCTYPE e [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>{}",
        good.replace("lap:15000000", "&b;")
    );
    let cases: [(&str, &str, &str, String, &[&str]); 9] = [
        ("good", "management", TYPE, good.clone(), &["200"]),
        ("not XML", "management", TYPE, "nicht".into(), &["400"]),
        ("cut off", "management", TYPE, good[..good.len() - 20].to_owned(), &["500"]),
        ("an unknown action", "management", TYPE, envelope("urn:x", AUTHOR, ""), &["400"]),
        ("another port", "send", TYPE, good.clone(), &["500"]),
        ("no author", "management", TYPE, envelope(ACTIVE, "", ""), &["500"]),
        ("SOAP 1.1", "management", "text/xml", good.clone(), &["415"]),
        ("a bomb", "management", TYPE, bomb, &["400"]),
        ("a part that is not there", "send", related, xop, &["500"]),
    ];
    for (what, port, content_type, body, status) in cases {
        let Some(came) = house.say("portal", port, content_type, body.as_bytes()) else { return };
        assert!(status.contains(&came.status.as_str()), "{what}: {} {}", came.status, came.body);
        assert!(!came.body.contains("aaaaaaaaaaaa"), "{what}: nothing is expanded");
        if what == "an unknown action" {
            assert!(came.body.contains("addressing/soap/fault"), "it answers no operation: {}", came.body);
        }
    }
    assert_eq!(house.deliveries().await, serde_json::json!([]), "nothing was kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn h1_what_was_acknowledged_before_a_kill_is_there_after_it() {
    let mut house = House::new().await;
    let Some(mut zeep) = house.speaker() else { return };
    let first = super::message(&super::id(1));
    zeep.answer("portal", "sendMessage", &first);
    // The next is cut off somewhere: before it is read, while it is read, or after it was kept.
    let second = super::message(&super::id(2));
    let killed = std::thread::spawn({
        let pid = house.hub.pid().to_string();
        move || Command::new("kill").args(["-9", &pid]).status()
    });
    let came = zeep.call("portal", "sendMessage", &second);
    assert!(killed.join().expect("a thread").expect("kill").success());
    let acknowledged = came.get("answer").is_some();
    drop(zeep);
    house = house.started_again();
    let Some(mut zeep) = house.speaker() else { return };
    assert_eq!(zeep.report(&super::id(1)), serde_json::json!(0), "the first waits in the mailbox");
    let asked = serde_json::json!({ "author": "lap:15000000", "id": super::id(2) });
    let told = zeep.call("portal", "getTransportReport", &asked);
    assert!(!acknowledged || find(&told, "Status").is_some(), "acknowledged and lost: {told:#}");
    // Sent again under the same id it is there once, whatever came of it before.
    let again = zeep.call("portal", "sendMessage", &second);
    let taken = again.get("answer").is_some() || again["fault"] == "9024";
    assert!(taken, "{again:#}");
    until(async || house.deliveries().await.as_array().is_some_and(|all| all.len() == 4)).await;
}

/// Writes a message whose one attachment has `size` bytes, in parts.
fn in_parts(path: &Path, xml: &[u8], size: usize) -> String {
    let metadata = format!(
        "<m:MessageMetaData><m:DeliveryAttributes/><m:Originators><m:Author><m:Identifier type=\"xoev\">lap:15000000\
         </m:Identifier></m:Author></m:Originators><m:Destinations><m:Reader><m:Identifier type=\"xoev\">wrb:15091000\
         </m:Identifier></m:Reader></m:Destinations><m:MsgIdentification><a:MessageID>{}</a:MessageID>\
         </m:MsgIdentification><m:Qualifier><m:Service>{SERVICE}</m:Service><m:BusinessScenario><m:Undefined>X\
         </m:Undefined></m:BusinessScenario><m:MessageType listURI=\"urn:x\" listVersionID=\"1\" payloadSchema=\"urn:y\">\
         <code>0201</code></m:MessageType></m:Qualifier><m:MsgSize>1</m:MsgSize></m:MessageMetaData>",
        super::id(250)
    );
    let include = |cid: &str| {
        format!("<i:Include xmlns:i=\"http://www.w3.org/2004/08/xop/include\" href=\"cid:{cid}\"/>")
    };
    let body = format!(
        "<x:GenericContentContainer xmlns:x=\"http://xoev.de/transport/xta/211\"><x:ContentContainer>\
         <x:Message contentType=\"application/xml\" id=\"M\">{}</x:Message>\
         <x:Attachment contentType=\"application/pdf\" filename=\"gross.pdf\" id=\"A\">{}</x:Attachment>\
         </x:ContentContainer></x:GenericContentContainer>",
        include("m"),
        include("a")
    );
    let envelope = envelope("http://www.xta.de/XTA/SendMessage", &metadata, &body);
    let mut out = BufWriter::new(File::create(path).expect("a file"));
    let part =
        |kind: &str, cid: &str| format!("--rand\r\nContent-Type: {kind}\r\nContent-ID: <{cid}>\r\n\r\n");
    let mut write = |bytes: &[u8]| out.write_all(bytes).expect("room");
    write(part("application/xop+xml; charset=UTF-8; type=\"application/soap+xml\"", "root").as_bytes());
    write(envelope.as_bytes());
    write(format!("\r\n{}", part("application/xml", "m")).as_bytes());
    write(xml);
    write(format!("\r\n{}", part("application/pdf", "a")).as_bytes());
    let piece: Vec<u8> =
        (0..1_000_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for _ in 0..size / piece.len() {
        write(&piece);
    }
    write(b"\r\n--rand--\r\n");
    "multipart/related; boundary=rand; type=\"application/xop+xml\"; start=\"<root>\"; start-info=\"application/soap+xml\""
        .to_owned()
}

/// The most memory that a process has taken, in MB.
fn peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_250_mb_goes_through_in_parts_below_150_mb_of_memory() {
    let house = House::with(|setup| setup.edit("listeners/xta.toml", super::MOST, "260 MB")).await;
    let (file, out): (PathBuf, PathBuf) = (house.setup.path("gross"), house.setup.path("gross.out"));
    let content_type = in_parts(&file, &super::sample("brunnenbohrung-1.xml"), 250_000_000 - 1_000_000);
    let Some(came) = house.post("portal", "send", &content_type, &file, &out) else { return };
    assert_eq!(came.status, "200", "{}", String::from_utf8_lossy(&fs::read(&out).expect("an answer")));
    let portal = Client::of(&house.hub, "portal");
    until(async || portal.get("/v1/deliveries?state=awaiting").await["deliveries"] != serde_json::json!([]))
        .await;
    let ask = envelope(
        "http://www.osci.eu/ws/2008/05/transport/urn/messageTypes/MsgBoxFetchRequest",
        &AUTHOR.replace("lap:15000000", "wrb:15091000"),
        "<o:MsgBoxFetchRequest xmlns:o=\"http://www.osci.eu/ws/2008/05/transport\"/>",
    );
    fs::write(
        &file,
        format!("--b\r\nContent-Type: application/xop+xml; type=\"application/soap+xml\"\r\n\r\n{ask}\r\n--b--\r\n"),
    )
    .expect("a file");
    let related =
        "multipart/related; type=\"application/xop+xml\"; boundary=b; start-info=\"application/soap+xml\"";
    let came = house.post("leser", "msgbox", related, &file, &out).expect("curl");
    assert_eq!(came.status, "200");
    assert!(fs::metadata(&out).expect("an answer").len() > 249_000_000, "all of it came back");
    let taken = peak(house.hub.pid());
    assert!(taken < 150, "{taken} MB of memory");
}

/// The second municipality, whose authority reads a mailbox of its own over the same listener.
fn with_town(setup: &Setup) {
    setup.write("tenants/stadt.toml", "name = \"stadt\"\ntitle = \"Stadt\"\nareas = [\"15003*\"]\n");
    setup.edit("routes/brunnenbohrung.toml", "[\"lk-beispiel\"]", "[\"lk-beispiel\", \"stadt\"]");
    setup.edit("routes/brunnenbohrung.toml", "area = \"15091*\"", "area = \"15*\"");
    setup.edit("clients/portal.toml", "[\"lk-beispiel\"]", "[\"lk-beispiel\", \"stadt\"]");
    let read = |name: &str| fs::read_to_string(setup.config().join(name)).expect("a file");
    for system in ["wasserbehoerde", "enaio"] {
        let of_county = read(&format!("destinations/lk-beispiel-{system}.toml"));
        let of_town = of_county.replace("lk-beispiel", "stadt").replace("\"leser\"", "\"leser-stadt\"");
        setup.write(&format!("destinations/stadt-{system}.toml"), &of_town);
    }
    let client = read("clients/leser.toml").replace("leser", "leser-stadt").replace("lk-beispiel", "stadt");
    setup.write("clients/leser-stadt.toml", &client);
    setup.write("secrets/leser-stadt.token", "leser-stadt-mit-einem-langen-wort-0123456789");
    let listener = read("listeners/xta.toml");
    let account = "[[xta.account]]\nclient = \"leser-stadt\"\ncertificates = [\"partner/leser-stadt.pem\"]\n\
                   identifiers = [\"wrb:15003000\"]\n[[xta.reader]]\nidentifier = \"wrb:15003000\"\n\
                   area = \"150030000000\"\n";
    let mailbox = listener.split("[[xta.mailbox]]").nth(1).expect("a mailbox");
    let mailbox = mailbox.replace("lk-beispiel", "stadt").replace("wrb:15091000", "wrb:15003000");
    setup.write("listeners/xta.toml", &format!("{listener}\n{account}[[xta.mailbox]]{mailbox}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn h7_fifty_readers_at_once_get_each_only_their_own_messages() {
    let house = House::with(with_town).await;
    let Some(mut zeep) = house.speaker() else { return };
    for (number, reader) in (1..=6).zip(["wrb:15091000", "wrb:15003000"].into_iter().cycle()) {
        let message = super::with(super::message(&super::id(number)), "reader", serde_json::json!(reader));
        zeep.answer("portal", "sendMessage", &message);
    }
    let waiting = async || {
        let page = Client::of(&house.hub, "portal").get("/v1/deliveries?state=awaiting").await;
        page["deliveries"].as_array().map_or(0, Vec::len)
    };
    until(async || waiting().await == 6).await;
    let action = "http://www.osci.eu/ws/2008/05/transport/urn/messageTypes/MsgBoxStatusListRequest";
    let list = "<o:MsgBoxStatusListRequest xmlns:o=\"http://www.osci.eu/ws/2008/05/transport\" ListForm=\"MessageMetaData\"/>";
    let lists: Vec<(usize, String)> = std::thread::scope(|scope| {
        let one = |number: usize| {
            let (house, list) = (&house, list);
            scope.spawn(move || {
                let (partner, reader) =
                    [("leser", "wrb:15091000"), ("leser-stadt", "wrb:15003000")][number % 2];
                let (file, out) =
                    (house.setup.path(&format!("ask-{number}")), house.setup.path(&format!("got-{number}")));
                let ask = envelope(action, &AUTHOR.replace("lap:15000000", reader), list);
                fs::write(&file, ask).expect("a file");
                let came = house.post(partner, "msgbox", TYPE, &file, &out).expect("curl");
                assert_eq!(came.status, "200");
                (number, fs::read_to_string(&out).expect("an answer"))
            })
        };
        let threads: Vec<_> = (0..50).map(one).collect();
        threads.into_iter().map(|thread| thread.join().expect("a reader")).collect()
    });
    for (number, list) in lists {
        let (own, other) = [("wrb:15091000", "wrb:15003000"), ("wrb:15003000", "wrb:15091000")][number % 2];
        assert_eq!(list.matches(own).count(), 3, "its own three: {list}");
        assert!(!list.contains(other), "nothing of the other: {list}");
    }
    // A reader that names the other's identifier is told that it is not its own.
    let ask = envelope(action, &AUTHOR.replace("lap:15000000", "wrb:15003000"), list);
    let came = house.say("leser", "msgbox", TYPE, ask.as_bytes()).expect("curl");
    assert_eq!(came.code(), Some("9014"), "{}", came.body);
}

/// A message as some partners send it: no times, no scenario, an empty service, a reader without a type; its attachment
/// encoded twice.
fn careless(author: &str) -> String {
    let xml = STANDARD.encode(super::sample("brunnenbohrung-1.xml"));
    let twice = STANDARD
        .encode(STANDARD.encode(b"%PDF-1.7 and so on, long enough to be recognised as what it is, a file"));
    let metadata = format!(
        "<m:MessageMetaData><m:Originators><m:Author><m:Identifier type=\"xoev\">{author}</m:Identifier></m:Author>\
         </m:Originators><m:Destinations><m:Reader><m:Identifier>wrb:15091000</m:Identifier></m:Reader></m:Destinations>\
         <m:MsgIdentification><a:MessageID>{}</a:MessageID></m:MsgIdentification><m:Qualifier><m:Service/>\
         <m:MessageType listURI=\"urn:x\" listVersionID=\"1\" payloadSchema=\"urn:y\"><code>0201</code></m:MessageType>\
         </m:Qualifier><m:MsgSize>1</m:MsgSize></m:MessageMetaData>",
        super::id(9)
    );
    let body = format!(
        "<x:GenericContentContainer xmlns:x=\"http://xoev.de/transport/xta/211\"><x:ContentContainer>\
         <x:Message contentType=\"application/xml\" id=\"M\">{xml}</x:Message>\
         <x:Attachment contentType=\"application/pdf\" filename=\"plan.pdf\" id=\"A\">{twice}</x:Attachment>\
         </x:ContentContainer></x:GenericContentContainer>"
    );
    envelope("http://www.xta.de/XTA/SendMessage", &metadata, &body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_careless_partner_is_refused_or_taken_with_remarks_as_its_account_says() {
    let house = House::with(|setup| {
        let any = "[[xta.service]]\nuri = \"*\"\nservice = \"99128001000000\"\n\n[[xta.mailbox]]";
        setup.edit("listeners/xta.toml", "[[xta.mailbox]]", any);
        setup.edit("listeners/xta.toml", &format!("services = [\"{SERVICE}\", "), "services = [\"\", ");
    })
    .await;
    let Some(strict) = house.say("portal", "send", TYPE, careless("lap:15000000").as_bytes()) else { return };
    assert_eq!(strict.code(), Some("9052"), "{}", strict.body);
    assert!(strict.body.contains("DeliveryAttributes"), "it says what is missing: {}", strict.body);
    assert_eq!(house.deliveries().await, serde_json::json!([]), "nothing was kept");

    let lenient = house.say("lenient", "send", TYPE, careless("lap:99").as_bytes()).expect("curl");
    assert_eq!(lenient.status, "200", "{}", lenient.body);
    let submission = house.deliveries().await[0]["submission"].as_str().expect("an id").to_owned();
    let submission = Client::of(&house.hub, "portal").get(&format!("/v1/submissions/{submission}")).await;
    let remarks = submission["remarks"].to_string();
    for broken in ["DeliveryAttributes", "BusinessScenario", "Service", "@type", "Attachment[1]"] {
        assert!(remarks.contains(broken), "{broken} in {remarks}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transport_profile_holds_for_its_services() {
    let house = House::with(|setup| {
        let profiles = "max-size = \"2 MB\"\nprofiles = [\"xbau-2.6\"]\n[[xta.profile]]\nname = \"eigenes\"\n\
                        services = [\"http://www.example.org/brunnen.wsdl\"]\nmax-size = \"40 kB\"\n\
                        attachment-id = \"urn_uuid\"\nrequires = [\"subject\"]\n";
        setup.edit("listeners/xta.toml", "max-size = \"2 MB\"\n", profiles);
    })
    .await;
    let Some(mut zeep) = house.speaker() else { return };
    let attachment = |id: &str, size: usize| {
        let content = STANDARD.encode(vec![b'x'; size]);
        let attachments = serde_json::json!([{ "name": "a.pdf", "id": id, "content": content }]);
        super::with(super::message(&super::id(1)), "attachments", attachments)
    };
    let good = "urn_uuid_f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
    let violates = ("9052".to_owned(), "MessageSchemaViolationException".to_owned());
    assert_eq!(zeep.fault("portal", "sendMessage", &attachment("anlage-1", 5)), violates);
    assert_eq!(zeep.fault("portal", "sendMessage", &attachment(good, 60_000)).0, "9023");
    assert_eq!(house.deliveries().await, serde_json::json!([]), "nothing was kept");
    zeep.answer("portal", "sendMessage", &attachment(good, 5));
}
