//! A portal or an operator, as an HTTP client.

use super::hub::{AREA, Hub, SERVICE};
use reqwest::multipart::{Form, Part};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;
use std::time::{Duration, Instant};

/// A client with its token.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    api: String,
    token: String,
}

/// How long a test waits for something that must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client of any HTTP.
#[allow(clippy::disallowed_methods)] // a test is no adapter
pub fn http() -> reqwest::Client {
    // The library asks for a provider of TLS even where none is used; a second one is refused, which does no harm.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::new()
}

/// A browser that goes nowhere by itself.
#[allow(clippy::disallowed_methods)] // a test is no adapter
pub fn browser() -> reqwest::Client {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
    browser.build().expect("a client")
}

impl Client {
    /// A client of `hub` with the token of a client of the demo.
    pub fn of(hub: &Hub, name: &str) -> Self {
        Self::with_token(hub, hub.token(name))
    }

    /// A client of `hub` with this token.
    pub fn with_token(hub: &Hub, token: String) -> Self {
        Self { http: http(), api: hub.api.clone(), token }
    }

    /// The same client for a hub that came back at another address.
    pub fn moved_to(&self, api: &str) -> Self {
        Self { api: api.to_owned(), ..self.clone() }
    }

    /// A request to a path of the API.
    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = method.parse().expect("a method");
        self.http.request(method, format!("{}{path}", self.api)).bearer_auth(&self.token)
    }

    /// The JSON at a path, which must be there.
    pub async fn get(&self, path: &str) -> Value {
        let response = self.request("GET", path).send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK, "GET {path}");
        response.json().await.expect("JSON")
    }

    /// Hands in XML with attachments.
    pub async fn submit(
        &self,
        xml: &[u8],
        attachments: &[(&str, Vec<u8>)],
        key: Option<&str>,
    ) -> reqwest::Result<Response> {
        let metadata = format!(r#"{{"service":"{SERVICE}","area":"{AREA}"}}"#);
        let part =
            |bytes: Vec<u8>, media_type: &str| Part::bytes(bytes).mime_str(media_type).expect("a media type");
        let mut form = Form::new()
            .part("metadata", part(metadata.into_bytes(), "application/json"))
            .part("data", part(xml.to_vec(), "application/xml"));
        for (name, bytes) in attachments {
            form =
                form.part("attachment", part(bytes.clone(), "application/pdf").file_name((*name).to_owned()));
        }
        let mut request = self.request("POST", "/v1/submissions").multipart(form);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        request.send().await
    }

    /// Asks for a submission until `enough`, and returns it.
    #[allow(clippy::disallowed_methods)] // how long a test waits is measured by the test
    pub async fn follow(&self, id: &str, enough: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        loop {
            looks.tick().await;
            let submission = self.get(&format!("/v1/submissions/{id}")).await;
            if enough(&submission) {
                return submission;
            }
            assert!(begun.elapsed() < PATIENCE, "it did not come to that: {submission:#}");
        }
    }

    /// Waits until all deliveries of a submission are delivered.
    pub async fn completed(&self, id: &str) -> Value {
        self.follow(id, |submission| submission["state"] == "completed").await
    }
}

/// Whether something is so within 30 seconds.
pub async fn soon(so: impl AsyncFnMut() -> bool) -> bool {
    within(1500, so).await
}

/// Waits until something is so.
pub async fn until(so: impl AsyncFnMut() -> bool) {
    assert!(soon(so).await, "it did not come to that within 30 seconds");
}

async fn within(looks: u32, mut so: impl AsyncFnMut() -> bool) -> bool {
    let mut pauses = tokio::time::interval(Duration::from_millis(20));
    for _ in 0..looks {
        pauses.tick().await;
        if so().await {
            return true;
        }
    }
    false
}
