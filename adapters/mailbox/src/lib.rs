//! A mailbox of the hub's own, for a Fachverfahren that can only fetch.
//!
//! ```toml
//! adapter = "mailbox"
//!
//! [mailbox]
//! readers = ["wasserbehoerde"]          # clients with the role `fetch` for this destination's tenants
//! ```
//!
//! Nothing leaves the house when something is delivered to a mailbox: the document is marked and kept as for any other
//! target, and the delivery waits (`awaiting`) until its reader closes it, over REST or XTA. Everything that a reader
//! sees and does goes through the port [`Mailbox`](rohrpost_model::ports::Mailbox), which the hub itself implements; so
//! this target has nobody to talk to, and no outcome of it is ever in doubt.

use async_trait::async_trait;
use rohrpost_kit::{Adapter, AdapterSource};
use rohrpost_model::ports::{Clock, Finding, Inquiry, Parcel, Probe, Target, Words};
use rohrpost_model::{ClientName, Failure, Fault, Outcome, Receipt};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// The adapter of kind `mailbox`.
pub struct Mailbox;

/// The table `[mailbox]` of a destination.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Who reads it.
    readers: BTreeSet<ClientName>,
}

impl Adapter for Mailbox {
    fn kind(&self) -> &'static str {
        "mailbox"
    }

    fn example(&self) -> &'static str {
        include_str!("example.toml")
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.json")
    }

    fn configure(&self, source: &AdapterSource<'_>) -> Result<Arc<dyn Target>, Vec<Fault>> {
        let Settings { readers } = source.read(self.kind())?;
        Ok(Arc::new(MailboxTarget { readers, clock: Arc::clone(&source.clock) }))
    }
}

struct MailboxTarget {
    readers: BTreeSet<ClientName>,
    clock: Arc<dyn Clock>,
}

/// Nobody needs to be asked: the reader's word comes by itself. The destination's deadline comes first.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

impl MailboxTarget {
    fn placed(&self, parcel: &Parcel<'_>) -> Outcome {
        let now = self.clock.now();
        let ask_again_at = now.checked_add(FAR).unwrap_or(now);
        let receipt =
            Receipt { reference: Some(parcel.key.to_string()), at: Some(now), ..Receipt::default() };
        Outcome::Accepted { receipt, ask_again_at }
    }
}

#[async_trait]
impl Target for MailboxTarget {
    async fn deliver(&self, parcel: &Parcel<'_>) -> Result<Outcome, Failure> {
        Ok(self.placed(parcel))
    }

    /// What was marked is in the mailbox: the mark put it there.
    async fn inquire(&self, parcel: &Parcel<'_>, reference: Option<&str>) -> Result<Inquiry, Failure> {
        match reference {
            Some(_) => Ok(Inquiry::NoWord),
            None => Ok(Inquiry::Found(self.placed(parcel))),
        }
    }

    fn deduplicates(&self) -> bool {
        true
    }

    async fn probe(&self, probe: &mut Probe) {
        probe.plan("mailbox", Words::new("Postfach des Hubs", "mailbox of the hub"));
        let readers: Vec<_> = self.readers.iter().map(ClientName::as_str).collect();
        let readers = readers.join(", ");
        probe.end(match readers.as_str() {
            "" => Finding::Warns(Words::new(
                "Niemand darf es lesen. Unter `readers` die Clients eintragen, die abholen.",
                "Nobody may read it. List the clients that fetch under `readers`.",
            )),
            _ => Finding::Works(Words::new(format!("Leser: {readers}"), format!("readers: {readers}"))),
        });
    }

    fn readers(&self) -> Option<&BTreeSet<ClientName>> {
        Some(&self.readers)
    }
}
