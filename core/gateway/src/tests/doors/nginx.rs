//! A real nginx that ends mutual TLS in front of the hub and hands the client's certificate on.

use super::papers::{HOLDS, Paper, Purpose};
use super::{Served, ask, beside, proxy, told};
use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

struct Nginx {
    process: Child,
    port: u16,
    folder: PathBuf,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Nginx {
    /// Before `served`, with clients of `anchor`; `None` where there is no nginx.
    fn start(served: &Served, anchor: &Paper) -> Option<Self> {
        let folder = std::env::temp_dir().join(format!("rohrpost-nginx-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        // The port is free again when nginx takes it.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let own = Paper::anchor("proxy");
        for (name, content) in [("own.pem", own.pem()), ("own.key", own.key_pem()), ("ca.pem", anchor.pem())]
        {
            std::fs::write(folder.join(name), content).unwrap();
        }
        std::fs::write(folder.join("nginx.conf"), configuration(&folder, port, served)).unwrap();
        // An ordinary user's path does not lead to where Debian puts it.
        let debians = Path::new("/usr/sbin/nginx");
        let started = Command::new(if debians.exists() { debians } else { Path::new("nginx") })
            .args(["-e", "stderr", "-c"])
            .arg(folder.join("nginx.conf"))
            .arg("-p")
            .arg(&folder)
            .stderr(Stdio::null())
            .spawn();
        match started {
            Ok(process) => Some(Self { process, port, folder }),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                missing();
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Waits until it serves.
    async fn ready(&self) {
        let reached = async {
            while tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), reached).await.expect("nginx starts");
    }

    /// Asks as a client with this certificate, and with a header that it made up.
    fn ask(&self, paper: Option<&Paper>, header: &str) -> Result<(u16, String), String> {
        let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
        connector.set_verify(SslVerifyMode::NONE);
        if let Some(paper) = paper {
            connector.set_certificate(&paper.certificate).unwrap();
            connector.set_private_key(&paper.key).unwrap();
        }
        let mut tls = connector
            .build()
            .connect("localhost", TcpStream::connect(("127.0.0.1", self.port)).unwrap())
            .map_err(|fault| fault.to_string())?;
        ask(&mut tls, "/who", &[("X-Client-Cert", header)])
    }
}

#[allow(clippy::disallowed_methods)] // whether peers are required is said by whoever runs the tests
fn missing() {
    let required = std::env::var("REQUIRE_PEERS").is_ok_and(|value| !value.is_empty() && value != "0");
    assert!(!required, "REQUIRE_PEERS is set, and nginx cannot be run");
    eprintln!("SKIPPED: nginx is not installed");
}

fn configuration(folder: &Path, port: u16, served: &Served) -> String {
    let folder = folder.display();
    format!(
        "daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n\
         access_log off;\nclient_body_temp_path {folder}/body;\nproxy_temp_path {folder}/proxy;\n\
         fastcgi_temp_path {folder}/a;\nuwsgi_temp_path {folder}/b;\nscgi_temp_path {folder}/c;\n\
         server {{\nlisten 127.0.0.1:{port} ssl;\nssl_certificate {folder}/own.pem;\nssl_certificate_key {folder}/own.key;\n\
         ssl_client_certificate {folder}/ca.pem;\nssl_verify_client optional;\n\
         location / {{\nproxy_pass http://{};\nproxy_set_header X-Client-Cert $ssl_client_escaped_cert;\n}}\n}}\n}}\n",
        served.address
    )
}

#[tokio::test]
async fn nginx_hands_the_clients_certificate_on_and_no_client_makes_one_up() {
    let anchor = Paper::anchor("CA");
    let served = Served::plain(vec![proxy("127.0.0.1", "X-Client-Cert")]).await;
    let Some(nginx) = Nginx::start(&served, &anchor) else { return };
    nginx.ready().await;
    let client = anchor.issue("portal", Purpose::Client, HOLDS);
    let foreign = Paper::anchor("another CA").issue("portal", Purpose::Client, HOLDS);
    beside(move || {
        let with = nginx.ask(Some(&client), "made up");
        assert_eq!(with, Ok((200, told("127.0.0.1", Some(&client.der()), false))));
        assert_eq!(nginx.ask(None, "made up"), Ok((200, told("127.0.0.1", None, false))));
        assert_eq!(nginx.ask(Some(&foreign), "").map(|(status, _)| status), Ok(400), "nginx refuses it");
    })
    .await;
}
