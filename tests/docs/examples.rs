//! Every example can be followed: configuration passes `check`, commands run.

use super::{Block, blocks, handbook};
use crate::cli::Workshop;
use crate::support::client::{http, until};
use crate::support::hub::{Hub, PROGRAM, Setup, root};
use crate::support::peers;
use crate::support::sink::Sink;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::PKey;
use openssl::x509::X509;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tokio::task::block_in_place;

/// The first line of a block of commands that is run in a copy of the shipped configuration.
const TRIED: &str = "geprüft";

/// The same, where a hub runs on that configuration.
const TRIED_LIVE: &str = "geprüft, bei laufendem Rohrpost";

/// The page that begins with an empty folder.
const FIRST_STEPS: &str = "erste-schritte.md";

/// The same of a command that goes on until it is asked to end.
const GOES_ON: &str = "geprüft, läuft weiter";

/// The same of commands that are right after a while.
const AFTER_A_WHILE: &str = "geprüft, nach einem Augenblick";

/// A copy of the shipped configuration with the secrets that examples name.
fn workshop() -> Workshop {
    let shop = Workshop::new();
    let secret = |name: &str| shop.read(&format!("config/secrets/{name}"));
    let (key, certificate) = (secret("siegel.key"), secret("siegel.pem"));
    shop.write("config/secrets/api.key", &key);
    shop.write("config/secrets/api.pem", &certificate);
    shop.write("config/secrets/client.key", &key);
    shop.write("config/secrets/smtp.password", "geheim");
    shop.write("config/secrets/giro.password", "geheim");
    shop.write("config/secrets/epay.password", "geheim");
    shop.write("config/secrets/epay.return", "0123456789abcdef0123456789abcdef");
    shop.write("config/secrets/sftp.key", &key);
    shop.write("config/secrets/client.pem", &certificate);
    shop.write("config/secrets/siegel.password", "geheim");
    shop.write("config/secrets/siegel.p12", pkcs12(&key, &certificate, "geheim"));
    shop.write("config/secrets/dms.token", "0123456789abcdef0123456789abcdef");
    shop.write("config/secrets/portal-rueckruf.key", "0123456789abcdef0123456789abcdef");
    shop.write("config/secrets/portal-rueckruf-neu.key", "fedcba9876543210fedcba9876543210");
    shop.write("config/ca/dms-ca.pem", secret("trust/demo-ca.pem"));
    shop
}

fn pkcs12(key: &str, certificate: &str, password: &str) -> Vec<u8> {
    let key = PKey::private_key_from_pem(key.as_bytes()).expect("a key");
    let certificate = X509::from_pem(certificate.as_bytes()).expect("a certificate");
    let container = Pkcs12::builder().name("siegel").pkey(&key).cert(&certificate).build2(password);
    container.and_then(|container| container.to_der()).expect("a container")
}

/// The examples of one page build on each other, in its order; what one page adds, the next one does not have.
fn check_all(page: &PathBuf) -> usize {
    let shop = workshop();
    let examples: Vec<_> = blocks(page).into_iter().filter(|block| block.language == "toml").collect();
    for example in &examples {
        shop.write(example.title().expect("a file's name"), &example.text);
        let ran = shop.run(&["check"]);
        assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{}", example.place);
    }
    examples.len()
}

#[test]
fn the_configuration_in_the_handbook_has_no_fault() {
    let checked: usize = handbook().iter().map(check_all).sum();
    assert!(checked >= 10, "only {checked} examples were found");
}

#[test]
fn the_route_in_the_readme_has_no_fault() {
    assert_eq!(check_all(&root().join("README.md")), 1);
}

fn tried(page: &PathBuf, how: &str) -> Vec<Block> {
    let mut found = blocks(page);
    found.retain(|block| block.language == "sh" && block.title() == Some(how));
    found
}

/// A block as a person would type it, with the program on the path. The first command that fails ends it.
fn typed(folder: &Path, text: &str) -> Command {
    let programs = Path::new(PROGRAM).parent().expect("a folder");
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", programs.display());
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", text]).current_dir(folder);
    command.env("PATH", path).env_remove("ROHRPOST_TOKEN");
    command
}

fn type_in(block: &Block, folder: &Path, text: &str) {
    let Some(output) = peers::run(&mut typed(folder, text)) else { return };
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}:\n{out}{errors}", block.place);
}

fn curl_is_there() -> bool {
    peers::run(Command::new("curl").arg("--version")).is_some()
}

#[test]
fn the_commands_in_the_handbook_run() {
    let mut count = 0;
    for page in handbook() {
        if page.ends_with(FIRST_STEPS) {
            continue;
        }
        let shop = workshop();
        for block in tried(&page, TRIED) {
            type_in(&block, shop.path(), &block.text);
            count += 1;
        }
    }
    assert!(count >= 5, "only {count} blocks of commands were found");
}

/// A hub on the shipped configuration, as `rohrpost --config config` in its folder finds it.
struct Running {
    setup: Setup,
    hub: Hub,
}

impl Running {
    async fn new() -> Self {
        let dms = Sink::start().await;
        let setup = Setup::new(dms.address);
        let samples = setup.config().join("samples");
        fs::create_dir_all(&samples).expect("a folder");
        for sample in fs::read_dir(root().join("config/samples")).expect("the samples").flatten() {
            fs::copy(sample.path(), samples.join(sample.file_name())).expect("a sample");
        }
        let hub = block_in_place(|| setup.start());
        let port = |url: &str| url.replace("http://", "");
        setup.edit("hub.toml", "api = \"127.0.0.1:0\"", &format!("api = \"{}\"", port(&hub.api)));
        Self { setup, hub }
    }

    /// The block for this hub, which has other ports.
    fn for_us(&self, text: &str) -> String {
        text.replace("http://127.0.0.1:8480", &self.hub.api)
            .replace("http://127.0.0.1:8481", &self.hub.operations)
            .replace("demo-data/partner/fachverfahren", "fachverfahren")
            .replace("target/release/rohrpost", "rohrpost")
    }

    fn type_in(&self, block: &Block) {
        block_in_place(|| type_in(block, &self.setup.path(""), &self.for_us(&block.text)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_in_the_handbook_run_against_a_hub() {
    if !curl_is_there() {
        return;
    }
    let mut count = 0;
    for page in handbook() {
        let tried = tried(&page, TRIED_LIVE);
        if tried.is_empty() {
            continue;
        }
        let running = Running::new().await;
        tried.iter().for_each(|block| running.type_in(block));
        count += tried.len();
    }
    assert!(count >= 5, "only {count} blocks of commands were found");
}

/// The README's first route, as it is told there: after `make demo`, the commands and the route in their order.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_route_in_the_readme_can_be_followed() {
    if !curl_is_there() {
        return;
    }
    let running = Running::new().await;
    let story = blocks(&root().join("README.md"));
    let story = story.iter().filter(|block| !block.text.contains("make "));
    for block in story {
        match block.language.as_str() {
            "sh" => running.type_in(block),
            "toml" => {
                let name =
                    block.title().and_then(|name| name.strip_prefix("config/")).expect("a file's name");
                running.setup.write(name, &block.text);
            }
            _ => {}
        }
    }
}

/// A port that nobody has now.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// Other ports than the page's, which somebody else may have; nothing else is changed.
fn with_free_ports(folder: &Path) -> u16 {
    let hub = folder.join("config/hub.toml");
    let (text, operations) = (fs::read_to_string(&hub).expect("hub.toml"), free_port());
    let text = text.replace("127.0.0.1:8480", &format!("127.0.0.1:{}", free_port()));
    fs::write(hub, text.replace("127.0.0.1:8481", &format!("127.0.0.1:{operations}"))).expect("hub.toml");
    operations
}

/// Ends the hub of the first steps also where a command failed.
struct GoingOn(std::process::Child);

impl Drop for GoingOn {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn until_ready(operations: u16) {
    let url = format!("http://127.0.0.1:{operations}/readyz");
    let ready = async || http().get(&url).send().await.is_ok_and(|answer| answer.status().is_success());
    until(ready).await;
}

/// The first steps as they are told, in an empty folder.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_steps_lead_from_an_empty_folder_to_a_delivered_submission() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let page = root().join("docs/handbuch").join(FIRST_STEPS);
    let (mut operations, mut going_on) = (0, None);
    let steps = blocks(&page).into_iter().filter(|block| block.language == "sh");
    for (number, block) in steps.enumerate() {
        match block.title() {
            Some(TRIED) => block_in_place(|| type_in(&block, folder.path(), &block.text)),
            Some(GOES_ON) => {
                let mut command = Command::new(PROGRAM);
                let words = block.text.lines().last().expect("a command").split_whitespace().skip(1);
                let child = command.args(words).current_dir(folder.path()).spawn().expect("it runs");
                going_on = Some(GoingOn(child));
                until_ready(operations).await;
            }
            Some(AFTER_A_WHILE) => {
                let mut command = typed(folder.path(), &block.text);
                until(async || block_in_place(|| command.output().expect("bash").status.success())).await;
            }
            other => panic!("{}: no block of this page is left out: {other:?}", block.place),
        }
        if number == 0 {
            operations = with_free_ports(folder.path());
        }
    }
    assert!(going_on.is_some(), "a hub ran");
}
