//! What waits to be fetched: deliveries to a mailbox, seen through its reader.

use crate::Engine;
use crate::attempt::Sending;
use crate::catalog::Catalog;
use crate::prepare::{Ready, Stop};
use async_trait::async_trait;
use rohrpost_model::client::Role;
use rohrpost_model::ports::{
    Asked, Closed, Command, CommandOutcome, Cursor, DeliveryFilter, Fetched, Mailbox, Order, PauseMode,
    Reader, Scope, StoreFault, Waiting,
};
use rohrpost_model::{Client, Delivery, DeliveryId, State};
use std::time::Duration;

/// How many rows are looked through at one time.
const PAGE: usize = 500;

/// A delivery is held for a moment while the hub looks at it by itself. So often is it tried again, after so long.
pub(crate) const TRIES: u32 = 40;
pub(crate) const PAUSE: Duration = Duration::from_millis(50);

#[async_trait]
impl Mailbox for Engine {
    async fn waiting(&self, of: &Reader, asked: &Asked) -> Result<Vec<Waiting>, StoreFault> {
        let mut found = Vec::new();
        for (cursor, delivery) in self.matching(of, asked, asked.limit).await? {
            found.extend(self.shown(cursor, &delivery).await?);
        }
        Ok(found)
    }

    async fn pending(&self, of: &Reader, asked: &Asked, most: usize) -> Result<usize, StoreFault> {
        Ok(self.matching(of, asked, most).await?.len())
    }

    async fn fetch(&self, of: &Reader, id: DeliveryId) -> Result<Option<Fetched>, StoreFault> {
        let Some(scope) = self.scope_of(of) else { return Ok(None) };
        let Some(delivery) = self.in_mailbox(&scope, of, id).await? else { return Ok(None) };
        if delivery.state != State::Awaiting {
            return Ok(None);
        }
        let Some(fetched) = self.contents(&delivery).await? else { return Ok(None) };
        if delivery.fetched_at.is_none()
            && self.reader_orders(&scope, of, id, Order::Fetched).await?.is_none()
        {
            return Ok(None);
        }
        Ok(Some(fetched))
    }

    async fn close(&self, of: &Reader, id: DeliveryId) -> Result<Closed, StoreFault> {
        let Some(scope) = self.scope_of(of) else { return Ok(Closed::NotThere) };
        let Some(delivery) = self.in_mailbox(&scope, of, id).await? else { return Ok(Closed::NotThere) };
        match delivery.state {
            State::Delivered => Ok(Closed::Before),
            State::Awaiting => {
                let closed = self.reader_orders(&scope, of, id, Order::Close).await?;
                Ok(closed.map_or(Closed::NotThere, |_| Closed::Now))
            }
            _ => Ok(Closed::NotThere),
        }
    }
}

impl Engine {
    /// What a reader sees; `None` where that is nothing: a mailbox that it may not read, or one that a person holds back.
    fn scope_of(&self, of: &Reader) -> Option<Scope> {
        let paused = self.lanes.pause(&Some(of.mailbox.clone()));
        let held_back = paused.is_some_and(|pause| pause.mode == PauseMode::Paused);
        scope(&self.catalog(), of).filter(|_| !held_back)
    }

    /// What waits and is asked for, at most `most`.
    async fn matching(
        &self,
        of: &Reader,
        asked: &Asked,
        most: usize,
    ) -> Result<Vec<(Cursor, Delivery)>, StoreFault> {
        let Some(scope) = self.scope_of(of) else { return Ok(Vec::new()) };
        let filter = DeliveryFilter {
            states: [State::Awaiting].into(),
            destination: Some(of.mailbox.clone()),
            paused: Some(false),
            ..DeliveryFilter::default()
        };
        let (mut found, mut after) = (Vec::new(), asked.after);
        while found.len() < most {
            let page = self.ports.records.deliveries(&scope, &filter, after, PAGE).await?;
            let (Some((last, _)), whole) = (page.last(), page.len() == PAGE) else { break };
            after = Some(*last);
            found.extend(page.into_iter().filter(|(_, delivery)| asked.fits(delivery)));
            if !whole {
                break;
            }
        }
        found.truncate(most);
        Ok(found)
    }

    /// A delivery of this mailbox, in whatever state; nobody's that a person holds back.
    async fn in_mailbox(
        &self,
        scope: &Scope,
        of: &Reader,
        id: DeliveryId,
    ) -> Result<Option<Delivery>, StoreFault> {
        let found = self.ports.records.delivery(scope, id).await?.map(|detail| detail.delivery);
        Ok(found.filter(|delivery| {
            delivery.destination.as_ref() == Some(&of.mailbox) && delivery.paused_by.is_none()
        }))
    }

    async fn shown(&self, cursor: Cursor, delivery: &Delivery) -> Result<Option<Waiting>, StoreFault> {
        let (Some(kept), Some(origin)) =
            (&delivery.document, self.ports.records.origin(delivery.submission).await?)
        else {
            return Ok(None);
        };
        Ok(Some(Waiting {
            id: delivery.id,
            cursor,
            step: delivery.step.clone(),
            submission: origin.submission.clone(),
            entered_at: delivery.since,
            fetched_at: delivery.fetched_at,
            media_type: kept.media_type.clone(),
            size: kept.message.size,
            attachments: kept.attachments,
        }))
    }

    /// What was marked, byte for byte.
    async fn contents(&self, delivery: &Delivery) -> Result<Option<Fetched>, StoreFault> {
        let Some(kept) = &delivery.document else { return Ok(None) };
        let Some(waiting) = self.shown(Cursor(0), delivery).await? else { return Ok(None) };
        let loaded = self.load(delivery).await.map_err(trouble)?;
        let names = self.attachment_names(&loaded).await.map_err(trouble)?;
        let Ready::Kept { kept, message, signature, enclosed } =
            self.kept(delivery, &loaded, kept).await.map_err(trouble)?
        else {
            return Ok(None);
        };
        let (media_type, sent_sha256) = (kept.media_type, kept.sent_sha256);
        let attachments = kept.attachments;
        let sending =
            Sending { loaded, message, media_type, signature, enclosed, names, sent_sha256, attachments };
        let attachments = self.attached_parts(&sending);
        Ok(Some(Fetched { waiting, message: sending.message, signature: sending.signature, attachments }))
    }

    /// Carries out what the reader asks; `None` if the message is not there any more.
    async fn reader_orders(
        &self,
        scope: &Scope,
        of: &Reader,
        id: DeliveryId,
        order: Order,
    ) -> Result<Option<State>, StoreFault> {
        for _ in 0..TRIES {
            let command = Command {
                delivery: id,
                order: order.clone(),
                who: of.client.to_string(),
                why: String::new(),
                at: self.ports.clock.now(),
                part_of: None,
            };
            match self.ports.outbox.command(scope, command).await? {
                CommandOutcome::Done(state) => {
                    self.wake.notify_one();
                    return Ok(Some(state));
                }
                CommandOutcome::NotFound => return Ok(None),
                CommandOutcome::Refused(State::Awaiting) if order == Order::Close => {
                    self.pause(PAUSE).await;
                }
                // Somebody else fetched it at the same moment, or the hub looks at it: the next fetch is kept.
                CommandOutcome::Refused(State::Awaiting) => return Ok(Some(State::Awaiting)),
                CommandOutcome::Refused(State::Delivered) if order == Order::Close => {
                    return Ok(Some(State::Delivered));
                }
                CommandOutcome::Refused(_) => return Ok(None),
            }
        }
        Err(StoreFault::Unavailable("the message is being looked at".into()))
    }
}

/// What the reader sees: of a mailbox that it may read, what belongs to tenants for which it may fetch (H7).
fn scope(catalog: &Catalog, of: &Reader) -> Option<Scope> {
    let mailbox = catalog.destinations.get(&of.mailbox)?;
    let client: &Client = catalog.clients.get(&of.client)?;
    let reads = mailbox.target.readers()?.contains(&of.client);
    let tenants = client.tenants_as(Role::Fetch);
    let tenants = tenants.intersection(&mailbox.destination.tenants).cloned().collect();
    reads.then_some(Scope::Of { tenants, client: None })
}

fn trouble(stop: Stop) -> StoreFault {
    match stop {
        Stop::Later(fault) => fault,
        Stop::Defect(reason) => StoreFault::Damaged(reason.english()),
        Stop::Skip | Stop::NotYet(_) => StoreFault::Damaged("a message that was not sent".into()),
    }
}
