//! RabbitMQ as the counterpart of the conformance suite.

use super::frames::Frames;
use super::{Other, PASSWORD, fresh, shared, target};
use crate::parcel::Envelope;
use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rohrpost_kit::conformance::{self, Cut, Mood, Peer, Proxy};
use rohrpost_model::ports::{Piece, Preview, Target};
use rohrpost_model::{DeliveryId, Digest};
use std::sync::{Arc, Mutex};

struct BrokerPeer {
    proxy: Proxy,
    other: Other,
    exchange: String,
    queue: String,
    broken: Mutex<String>,
    /// Key, digests of the parts, digest of the body.
    seen: Mutex<Vec<(DeliveryId, Vec<Digest>, Digest)>>,
}

impl BrokerPeer {
    async fn at(port: u16) -> Self {
        let (exchange, queue) = (fresh("exchange"), fresh("queue"));
        let other = Other::at(port).await;
        other.exchange(&exchange).await;
        other.queue(&queue).await;
        other.bind(&queue, &exchange).await;
        let proxy = Proxy::to(([127, 0, 0, 1], port).into(), Frames::speech).await.unwrap();
        Self { proxy, other, exchange, queue, broken: Mutex::default(), seen: Mutex::default() }
    }

    async fn look(&self) {
        while let Some(message) = self.other.get(&self.queue).await {
            let envelope: Envelope = serde_json::from_slice(&message.data).unwrap();
            let told = message.properties.message_id().as_ref().unwrap().as_str();
            assert_eq!(told, envelope.delivery_id.to_string(), "h4: the message id is the key");
            let mut digests: Vec<_> = envelope.parts.iter().map(|part| part.sha256).collect();
            for part in &envelope.parts {
                let content = BASE64_STANDARD.decode(&part.content).unwrap();
                assert_eq!((part.size, part.sha256), (content.len() as u64, Digest::of(&content)));
            }
            digests.sort();
            self.seen.lock().unwrap().push((envelope.delivery_id, digests, Digest::of(&message.data)));
        }
    }
}

#[async_trait]
impl Peer for BrokerPeer {
    fn target(&self) -> Arc<dyn Target> {
        let broken = self.broken.lock().unwrap().clone();
        let nobody = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let host = if broken == "lookup" { "x".repeat(64) } else { "127.0.0.1".into() };
        let port = if broken == "connect" { nobody() } else { self.proxy.port };
        let password = if broken == "log-in" { "wrong" } else { "password" };
        let exchange = if broken == "place" { "nirgends" } else { &self.exchange };
        let text = format!(
            "[amqp]\nurl = \"amqp://{host}:{port}\"\nuser = \"hub\"\npassword = {{ file = \"{password}\" }}\n\
             exchange = \"{exchange}\"\nrouting-key = \"{{service}}.{{area}}\"\nform = \"json\"\n\
             allow-plain = true\n"
        );
        target(&text).unwrap()
    }

    async fn behave(&self, mood: Mood) -> bool {
        match mood {
            Mood::Refusing => self.other.unbind(&self.queue, &self.exchange).await,
            _ => self.other.bind(&self.queue, &self.exchange).await,
        }
        self.proxy.behave(mood);
        true
    }

    async fn arrived(&self, key: DeliveryId) -> Vec<(Vec<Digest>, Digest)> {
        self.look().await;
        let seen = self.seen.lock().unwrap();
        let of_key = seen.iter().filter(|(one, ..)| *one == key);
        of_key.map(|(_, digests, body)| (digests.clone(), *body)).collect()
    }

    fn foreseen(&self, _: &Preview, _: &dyn Fn(&Piece) -> Vec<u8>) -> (Vec<Digest>, Digest) {
        unreachable!("there is no preview")
    }

    async fn reached(&self) {
        self.proxy.reached().await;
    }

    fn inquires(&self) -> bool {
        false
    }

    /// A broker cannot be asked for a message that it was sent.
    fn parks(&self) -> bool {
        true
    }

    fn streams(&self) -> bool {
        false
    }

    async fn takes(&self) -> usize {
        self.look().await;
        self.seen.lock().unwrap().len()
    }

    async fn cut(&self, request: usize, cut: Cut) -> bool {
        self.proxy.cut(request, cut)
    }

    fn requests(&self) -> usize {
        self.proxy.requests()
    }

    fn may_have_arrived(&self) -> bool {
        self.proxy.may_have_arrived()
    }

    async fn break_step(&self, word: &str) {
        *self.broken.lock().unwrap() = word.to_owned();
    }

    fn secrets(&self) -> Vec<String> {
        vec![PASSWORD.into(), "falsch-0815".into()]
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_passes_the_conformance_suite() {
    let Some(rabbit) = shared() else { return };
    conformance::run(async || BrokerPeer::at(rabbit.port()).await).await;
}
