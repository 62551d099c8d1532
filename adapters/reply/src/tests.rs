use super::*;
use async_trait::async_trait;
use bytes::Bytes;
use rohrpost_kit::conformance::{self, Cut, FixedClock, Mood, Peer, Sample};
use rohrpost_kit::settings::Secrets;
use rohrpost_model::digest::Hasher;
use rohrpost_model::ports::{
    Answer, CalledOff, HandedIn, Intent, Piece, Preview, StoreFault, SubmissionView, TakingIn, TurnedAway,
    Why, WrappedKey,
};
use rohrpost_model::submission::Role;
use rohrpost_model::{DeliveryId, Digest};
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

struct NoSecrets;

impl Secrets for NoSecrets {
    fn file(&self, _: &Path) -> Result<SecretString, String> {
        Err("none".into())
    }
    fn env(&self, _: &str) -> Result<SecretString, String> {
        Err("none".into())
    }
}

fn configure(text: &str) -> Result<Arc<dyn Target>, Vec<Fault>> {
    Reply.configure(&AdapterSource {
        file: "destinations/a.toml",
        text,
        folder: Path::new("/nowhere"),
        secrets: &NoSecrets,
        clock: Arc::new(FixedClock::default()),
    })
}

const SETTINGS: &str =
    "[reply]\nclient = 'amt'\nkind = 'notice'\ntext = 'Vorgang {case}'\nattach = 'bescheid.xml'\n";

/// What was handed in under a key: the digests of its attachments, and its data.
#[derive(Clone)]
struct Kept {
    digests: Vec<Digest>,
    said: Said,
    intent: Intent,
}

#[derive(Default)]
struct State {
    mood: Mutex<Option<Mood>>,
    kept: Mutex<BTreeMap<String, Kept>>,
    takes: AtomicUsize,
    reached: Notify,
}

/// A desk that keeps in memory.
#[derive(Clone, Default)]
struct FakeDesk(Arc<State>);

struct Taking {
    state: Arc<State>,
    intent: Intent,
    data: Vec<u8>,
    digests: Vec<Digest>,
    open: Option<(Role, Hasher)>,
}

fn turned(why: Why) -> TurnedAway {
    TurnedAway { why, english: "no".into(), german: "nein".into() }
}

#[async_trait]
impl Desk for FakeDesk {
    fn admit(&self, client: &ClientName, intent: Intent) -> Result<Box<dyn TakingIn>, TurnedAway> {
        assert_eq!(client.as_str(), "amt");
        self.0.takes.fetch_add(1, Ordering::Relaxed);
        match *self.0.mood.lock().unwrap() {
            Some(Mood::Unavailable) => return Err(turned(Why::Unavailable)),
            Some(Mood::Refusing) => return Err(turned(Why::OtherContent)),
            _ => {}
        }
        let state = Arc::clone(&self.0);
        Ok(Box::new(Taking { state, intent, data: Vec::new(), digests: Vec::new(), open: None }))
    }
    async fn handed_in(&self, _: &ClientName, key: &str) -> Result<Option<SubmissionView>, StoreFault> {
        Ok(self.0.kept.lock().unwrap().contains_key(key).then(view))
    }
    async fn call_off(&self, _: &ClientName, _: &str) -> Result<CalledOff, StoreFault> {
        Ok(CalledOff::NotFound)
    }
}

#[async_trait]
impl TakingIn for Taking {
    fn begin(&mut self, role: Role, _: Option<String>, _: String) -> Result<(), TurnedAway> {
        self.open = Some((role, Hasher::default()));
        Ok(())
    }
    async fn write(&mut self, piece: Bytes) -> Result<(), TurnedAway> {
        let (role, hasher) = self.open.as_mut().unwrap();
        hasher.update(&piece);
        if *role == Role::Data {
            self.data.extend_from_slice(&piece);
        }
        Ok(())
    }
    async fn end(&mut self) -> Result<(), TurnedAway> {
        if let Some((Role::Attachment, hasher)) = self.open.take() {
            self.digests.push(hasher.finish());
        }
        Ok(())
    }
    fn note(&mut self, _: String, _: String) {}
    async fn accept(self: Box<Self>) -> Result<HandedIn, TurnedAway> {
        let Self { state, intent, data, mut digests, .. } = *self;
        let mood = *state.mood.lock().unwrap();
        if mood == Some(Mood::BreaksBefore) {
            return Err(turned(Why::Unavailable));
        }
        digests.sort();
        let key = intent.idempotency_key.clone().unwrap();
        let said = serde_json::from_slice(&data).unwrap();
        let repeated = state.kept.lock().unwrap().contains_key(&key);
        state.kept.lock().unwrap().entry(key).or_insert(Kept { digests, said, intent });
        if mood == Some(Mood::Silent) {
            state.reached.notify_one();
            std::future::pending::<()>().await;
        }
        Ok(HandedIn { answer: view().answer, repeated })
    }
}

/// The one that every answer is here.
fn view() -> SubmissionView {
    static ONE: std::sync::LazyLock<Sample> = std::sync::LazyLock::new(Sample::new);
    let submission = ONE.parcel(1).submission.clone();
    let (id, case, received_at) = (submission.id, submission.case.clone(), submission.received_at);
    let answer = Answer { id, case, received_at, sha256: Digest::of(b""), receipt: String::new() };
    let key = WrappedKey { epoch: String::new(), bytes: Vec::new() };
    SubmissionView { submission, answer, key, deliveries: Vec::new(), erased_at: None }
}

struct ReplyPeer {
    desk: FakeDesk,
    shown: Arc<dyn Desk>,
}

impl ReplyPeer {
    async fn new() -> Self {
        let desk = FakeDesk::default();
        Self { shown: Arc::new(desk.clone()), desk }
    }
}

#[async_trait]
impl Peer for ReplyPeer {
    fn target(&self) -> Arc<dyn Target> {
        let target = configure(SETTINGS).unwrap();
        target.meet(&self.shown);
        target
    }
    async fn behave(&self, mood: Mood) -> bool {
        // What breaks off here breaks off with the hub itself.
        let has = mood != Mood::BreaksAfter;
        *self.desk.0.mood.lock().unwrap() = Some(mood);
        has
    }
    async fn arrived(&self, key: DeliveryId) -> Vec<(Vec<Digest>, Digest)> {
        let kept = self.desk.0.kept.lock().unwrap().get(&format!("reply:{key}")).cloned();
        kept.into_iter().map(|kept| (kept.digests, Digest::of(kept.said.text.as_bytes()))).collect()
    }
    fn foreseen(&self, _: &Preview, _: &dyn Fn(&Piece) -> Vec<u8>) -> (Vec<Digest>, Digest) {
        unreachable!("it has no preview")
    }
    async fn reached(&self) {
        self.desk.0.reached.notified().await;
    }
    fn inquires(&self) -> bool {
        true
    }
    async fn takes(&self) -> usize {
        self.desk.0.takes.load(Ordering::Relaxed)
    }
    /// There is no connection that could be cut.
    async fn cut(&self, _: usize, _: Cut) -> bool {
        false
    }
    fn requests(&self) -> usize {
        0
    }
    async fn break_step(&self, _: &str) {}
    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h4_a_reply_behaves_as_every_target_must_but_for_probes() {
    // There is nobody to talk to whose step could fail.
    conformance::run_without_probes(ReplyPeer::new).await;
}

#[tokio::test]
async fn an_answer_stays_in_the_case_of_its_tenant_and_says_the_text() {
    let peer = ReplyPeer::new().await;
    let sample = Sample::new();
    let parcel = sample.parcel(1);
    peer.target().deliver(&parcel).await.unwrap();
    let kept = peer.desk.0.kept.lock().unwrap().values().next().unwrap().clone();
    let (intent, submission) = (kept.intent, parcel.submission);
    assert_eq!(
        (intent.case.as_ref(), intent.tenant.as_ref()),
        (Some(&submission.case), Some(&submission.tenant))
    );
    assert_eq!((intent.test, intent.kind.as_str()), (submission.test, "notice"));
    assert_eq!(kept.said.text, format!("Vorgang {}", submission.case));
}

#[tokio::test]
async fn an_answer_is_never_answered() {
    let peer = ReplyPeer::new().await;
    let sample = Sample::new();
    let parcel = sample.parcel(1);
    let answer = rohrpost_model::Submission { kind: "notice".parse().unwrap(), ..parcel.submission.clone() };
    let parcel = Parcel { submission: &answer, ..sample.parcel(1) };
    let failure = peer.target().deliver(&parcel).await.unwrap_err();
    assert!(matches!(failure, Failure::Defect(_)), "{failure:?}");
    assert_eq!(peer.takes().await, 0);
}

#[test]
fn what_cannot_be_an_answer_is_refused_with_its_place() {
    configure(Reply.example()).unwrap();
    let told = |text: &str| configure(text).err().unwrap()[0].to_string();
    let asked = told("[reply]\nclient = 'amt'\nkind = 'application'\ntext = 'x'\n");
    assert!(asked.contains("a.toml:3:8") && asked.contains("handed in by the portal"), "{asked}");
    let wants = told("[reply]\nclient = 'amt'\nkind = 'document-request'\ntext = 'x'\n");
    assert!(wants.contains("names 1 to 50 documents"), "{wants}");
    let named = told("[reply]\nclient = 'amt'\nkind = 'status'\ntext = '{name}'\n");
    assert!(named.contains("unknown placeholder {name}"), "{named}");
}
