//! Fills the store of a hub that is not running, by the store's own ports: every submission is accepted, claimed,
//! marked and settled as the hub does it, so that chain, indexes and counts are those of a store that grew. Only the
//! groups are larger, and the contents smaller.

use crate::clock::{instant, since, timestamp};
use crate::{Result, small_runtime};
use bytes::Bytes;
use futures::future::try_join_all;
use rohrpost_model::delivery::{KeptDocument, KeptPart};
use rohrpost_model::ports::{
    Answer, Attempted, Blobs as _, Claim, ContentKey, Idempotency, Mark, NewDelivery, NewSubmission,
    Outbox as _, Settlement, Slot, Staged, StagedContent, Vault, Wanted, Work,
};
use rohrpost_model::route::On;
use rohrpost_model::submission::{Part, Role};
use rohrpost_model::transition::Event;
use rohrpost_model::{
    DeliveryId, DestinationName, Digest, Receipt, State, Submission, SubmissionId, Timestamp,
};
use rohrpost_seal::{KeyFolder, parse_hub_key};
use rohrpost_store::{SqliteStore, StoreOptions};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// So many submissions share a commit.
const BATCH: usize = 4096;

/// A day far after every run of a bench: 2100-01-01.
const FAR: i64 = 4_102_444_800;

/// A receipt is about as long as this.
const RECEIPT_LENGTH: usize = 750;

/// What is filled in.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// The folder of a run: `data`, `keys` and `config` in it.
    #[arg(long)]
    pub(crate) folder: PathBuf,
    /// So many delivered submissions.
    #[arg(long, default_value_t = 0)]
    pub(crate) finished: usize,
    /// So many that wait and are not due.
    #[arg(long, default_value_t = 0)]
    pub(crate) waiting: usize,
}

/// What is asked.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct LookArguments {
    /// The folder of a run: `data`, `keys` and `config` in it.
    #[arg(long)]
    pub(crate) folder: PathBuf,
}

/// Runs the command `fill`.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let begun = instant();
    let filler = Filler::open(&arguments.folder)?;
    small_runtime()?.block_on(async {
        filler.finished(arguments.finished).await?;
        filler.waiting(arguments.waiting).await
    })?;
    drop(filler);
    let (all, seconds) = (arguments.finished + arguments.waiting, since(begun));
    println!("{all} submissions in {seconds:.1} s, {:.0} per second", all as f64 / seconds);
    Ok(())
}

/// Runs the command `look`: medians in microseconds, of a look for the next work that reads the disk, and of one that finds it in
/// memory.
pub(crate) fn look(arguments: &LookArguments) -> Result<()> {
    const LOOKS: usize = 201;
    let filler = Filler::open(&arguments.folder)?;
    let (claims, next) = small_runtime()?.block_on(filler.look(LOOKS))?;
    println!("{}", serde_json::json!({ "claim": median(claims), "next_due": median(next) }));
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

struct Filler {
    store: Arc<SqliteStore>,
    vault: Arc<dyn Vault>,
    now: Timestamp,
    /// The data keys of what is accepted and not yet delivered.
    keys: Mutex<HashMap<SubmissionId, Arc<dyn ContentKey>>>,
}

impl Filler {
    fn open(folder: &Path) -> Result<Self> {
        let key = parse_hub_key(&std::fs::read_to_string(folder.join("config/secrets/hub.key"))?)?;
        let vault: Arc<dyn Vault> = Arc::new(KeyFolder::open(&folder.join("keys"), &key)?);
        let options = StoreOptions {
            group: 2 * BATCH,
            group_bytes: 64 << 20,
            queue: 4 * BATCH,
            ..StoreOptions::default()
        };
        let store = SqliteStore::open(&folder.join("data"), Arc::clone(&vault), options)?;
        Ok(Self { store, vault, now: timestamp(), keys: Mutex::default() })
    }

    fn wanted(&self, destination: &str, limit: usize) -> Result<Wanted> {
        Ok(Wanted {
            destination: Some(destination.parse()?),
            work: Work::All,
            limit,
            now: self.now,
            beyond: Timestamp::MAX,
            after: None,
        })
    }

    /// Microseconds of a look that has to read the disk (another kind of work was wanted before), and of one that finds
    /// the next work in memory.
    async fn look(&self, looks: usize) -> Result<(Vec<f64>, Vec<f64>)> {
        let (mut read, mut known) = (Vec::new(), Vec::new());
        let all = self.wanted("senke-fern", 16)?;
        let inquiries = Wanted { work: Work::Inquiries, ..all.clone() };
        for _ in 0..looks {
            self.store.claim(&inquiries).await?;
            for times in [&mut read, &mut known] {
                let begun = instant();
                let found = self.store.claim(&all).await?;
                times.push(since(begun) * 1e6);
                if !found.claims.is_empty() || found.next_due.is_none() {
                    return Err("what is far away is due, or not seen".into());
                }
            }
        }
        Ok((read, known))
    }

    /// While one batch is delivered, the next is taken in.
    async fn finished(&self, count: usize) -> Result<()> {
        let mut accepted = 0;
        loop {
            let batch = BATCH.min(count - accepted);
            let (_, delivered) =
                futures::try_join!(self.accept(batch, "senke-plain", self.now), self.deliver(BATCH))?;
            accepted += batch;
            if accepted == count && batch == 0 && delivered == 0 {
                return Ok(());
            }
        }
    }

    async fn waiting(&self, count: usize) -> Result<()> {
        let far = Timestamp::from_second(FAR)?;
        let mut accepted = 0;
        while accepted < count {
            let batch = BATCH.min(count - accepted);
            self.accept(batch, "senke-fern", far).await?;
            accepted += batch;
        }
        Ok(())
    }

    async fn accept(&self, count: usize, destination: &str, due: Timestamp) -> Result<()> {
        let destination: DestinationName = destination.parse()?;
        let one = async |_| {
            let new = self.submission(&destination, due).await?;
            self.store.accept(new).await?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
        };
        try_join_all((0..count).map(one)).await?;
        Ok(())
    }

    async fn submission(&self, destination: &DestinationName, due: Timestamp) -> Result<NewSubmission> {
        let id = SubmissionId::new(self.now);
        let issued = self.vault.issue(&"stadt-messlingen".parse()?, self.now)?;
        let data = self.stage(&issued.key, Slot::Part(id, 0), format!("<anzeige>{id}</anzeige>")).await?;
        let submission = submission(id, self.now, &data)?;
        let answer = Answer {
            id,
            case: submission.case.clone(),
            received_at: self.now,
            sha256: data.sha256,
            receipt: format!("{id:-<RECEIPT_LENGTH$}"),
        };
        if due <= self.now {
            self.keys.lock().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::clone(&issued.key));
        }
        let key = self.vault.blind("filled", id.as_bytes());
        Ok(NewSubmission {
            submission,
            contents: vec![data.content],
            key: issued.key,
            wrapped_key: issued.wrapped,
            foreign: Vec::new(),
            idempotency: Some(Idempotency { key, content: data.sha256 }),
            answer,
            deliveries: vec![delivery(self.now, destination, due)?],
        })
    }

    async fn stage(&self, key: &Arc<dyn ContentKey>, slot: Slot, text: String) -> Result<Staged> {
        let mut stage = self.store.stage(Arc::clone(key), slot);
        stage.write(Bytes::from(text)).await?;
        Ok(stage.finish().await?)
    }

    /// Delivers what is due, at most so many. Returns how many it were.
    async fn deliver(&self, limit: usize) -> Result<usize> {
        let claims = self.store.claim(&self.wanted("senke-plain", limit)?).await?.claims;
        let count = claims.len();
        try_join_all(claims.into_iter().map(|claim| self.deliver_one(claim))).await?;
        Ok(count)
    }

    async fn deliver_one(&self, mut claim: Claim) -> Result<()> {
        let (submission, id) = (claim.delivery.submission, claim.delivery.id);
        let key = self.keys.lock().unwrap_or_else(PoisonError::into_inner).remove(&submission);
        let key = key.ok_or("something was due before the filler began")?;
        let message =
            self.stage(&key, Slot::Message(submission, id), format!("<nachricht>{id}</nachricht>")).await?;
        let mark = Mark { at: self.now, document: Some(document(message)), key };
        self.store.mark(&mut claim, mark).await?;
        let receipt = Receipt { reference: None, at: Some(self.now), code: Some("200".into()), result: None };
        let settlement = Settlement {
            at: self.now,
            event: Event::Taken,
            cause: Attempted::Attempt,
            reason: None,
            due_at: None,
            receipt: Some(receipt),
            begins: Vec::new(),
        };
        self.store.settle(claim, &settlement).await?;
        Ok(())
    }
}

fn submission(id: SubmissionId, now: Timestamp, data: &Staged) -> Result<Submission> {
    let part = Part {
        number: 0,
        role: Role::Data,
        name: None,
        media_type: "application/xml".into(),
        size: data.size,
        sha256: data.sha256,
        location: None,
    };
    Ok(Submission {
        id,
        tenant: "stadt-messlingen".parse()?,
        client: "portal".parse()?,
        kind: "application".parse()?,
        service: "99999000000001".parse()?,
        area: "159990000000".parse()?,
        case: id.to_string().parse()?,
        sequence: 0,
        received_at: now,
        trust_level: None,
        reply: None,
        test: false,
        traceparent: None,
        not_before: None,
        properties: Default::default(),
        parts: vec![part],
    })
}

fn delivery(now: Timestamp, destination: &DestinationName, due: Timestamp) -> Result<NewDelivery> {
    Ok(NewDelivery {
        id: DeliveryId::new(now),
        step: "abgabe".parse()?,
        destination: Some(destination.clone()),
        pinned: Some(Digest::of(b"filled")),
        ordered: false,
        after: Vec::new(),
        on: On::Delivered,
        state: State::Due,
        reason: None,
        due_at: Some(due),
        expires_at: None,
        warn_at: Vec::new(),
    })
}

fn document(message: Staged) -> (KeptDocument, Vec<StagedContent>) {
    let kept = KeptDocument {
        enclosed: Vec::new(),
        content_sha256: message.sha256,
        sent_sha256: message.sha256,
        media_type: "application/xml".into(),
        message: KeptPart { size: message.size, sha256: message.sha256, location: None },
        signature: None,
        attachments: false,
    };
    (kept, vec![message.content])
}
