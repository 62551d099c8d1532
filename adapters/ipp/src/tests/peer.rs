//! A real printer behind a proxy, for the suite.

use super::proxy::Proxy;
use super::spooler::Spooler;
use super::{PASSWORD, SETTINGS, StepClock, configured};
use async_trait::async_trait;
use rohrpost_kit::conformance::{Cut, Mood, Peer, Sample};
use rohrpost_model::ports::{Piece, Preview, Target};
use rohrpost_model::{DeliveryId, Digest};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(super) struct IppPeer {
    spooler: Arc<Spooler>,
    pub(super) proxy: Proxy,
    clock: Arc<StepClock>,
    broken: Mutex<String>,
    /// What it had printed before this case.
    before: usize,
}

impl IppPeer {
    pub(super) async fn new(spooler: Arc<Spooler>) -> Self {
        let (proxy, before) = (Proxy::to(spooler.port()).await, spooler.printed().len());
        Self { spooler, proxy, clock: Arc::default(), broken: Mutex::default(), before }
    }

    fn address(&self) -> String {
        match self.broken.lock().unwrap().as_str() {
            "lookup" => format!("{}:{}", "x".repeat(64), self.proxy.port),
            "connect" => TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string(),
            _ => format!("127.0.0.1:{}", self.proxy.port),
        }
    }
}

#[async_trait]
impl Peer for IppPeer {
    fn target(&self) -> Arc<dyn Target> {
        let text = SETTINGS.replace("{address}", &self.address());
        configured(&text, Arc::clone(&self.clock) as _).unwrap()
    }

    async fn behave(&self, mood: Mood) -> bool {
        self.proxy.behave(mood);
        true
    }

    async fn arrived(&self, key: DeliveryId) -> Vec<(Vec<Digest>, Digest)> {
        let of_key = |(name, _): &(String, Vec<u8>)| name.contains(&key.to_string());
        let printed = self.spooler.printed().into_iter().filter(of_key);
        printed.map(|(_, bytes)| (vec![Digest::of(&bytes)], Digest::of(&bytes))).collect()
    }

    fn foreseen(&self, preview: &Preview, _: &dyn Fn(&Piece) -> Vec<u8>) -> (Vec<Digest>, Digest) {
        panic!("it previews nothing: {preview:?}")
    }

    async fn reached(&self) {
        self.proxy.reached.notified().await;
    }

    fn sample(&self) -> Sample {
        Sample::letter()
    }

    fn inquires(&self) -> bool {
        true
    }

    fn takes_signatures(&self) -> bool {
        false
    }

    /// They are left out where the message is printed.
    fn takes_attachments(&self) -> bool {
        false
    }

    async fn takes(&self) -> usize {
        self.spooler.printed().len() - self.before
    }

    async fn break_step(&self, word: &str) {
        *self.broken.lock().unwrap() = word.to_owned();
        self.proxy.break_step(word);
    }

    async fn cut(&self, request: usize, cut: Cut) -> bool {
        self.proxy.cut(request, cut);
        true
    }

    fn requests(&self) -> usize {
        self.proxy.requests()
    }

    async fn time_passes(&self, by: Duration) {
        self.clock.advance(by);
    }

    fn secrets(&self) -> Vec<String> {
        vec![PASSWORD.into()]
    }
}
