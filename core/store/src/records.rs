//! Reading what is kept, always through a [`Scope`].

use crate::fault::{Fault, damaged};
use crate::identifiers;
use crate::keys::{Column, Keys};
use crate::rows::{
    DELIVERY, FROM_DELIVERIES, Stored, as_word, digest, number, open_column, optional_json, optional_time,
    optional_word, stored, text, time, word,
};
use crate::scope::{ScopeParams, VISIBLE, VISIBLE_SUBMISSION};
use crate::store::SqliteStore;
use crate::work::recorded;
use async_trait::async_trait;
use rohrpost_model::foreign::{Hit, KnownAs, Sought};
use rohrpost_model::ports::{
    Answer, AttemptView, CaseView, Cursor, DeliveryDetail, DeliveryFilter, HistoryEntry, Origin, Records,
    Scope, StateCount, StoreFault, SubmissionView, Versions, WrappedKey,
};
use rohrpost_model::submission::{Part, Properties, TrustLevel};
use rohrpost_model::version::VersionKind;
use rohrpost_model::{
    CaseId, Delivery, DeliveryId, Digest, Receipt, StepName, Submission, SubmissionId, TenantName, Timestamp,
};
use rusqlite::{Connection, OptionalExtension, Row};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[async_trait]
impl Records for SqliteStore {
    async fn submission(
        &self,
        scope: &Scope,
        id: SubmissionId,
    ) -> Result<Option<SubmissionView>, StoreFault> {
        let (scope, look) = (ScopeParams::from(scope), self.look());
        self.readers
            .snapshot(move |connection| {
                let (tenants, client) = scope.as_sql();
                let condition = format!("{VISIBLE_SUBMISSION} AND s.id = ?3");
                Ok(look.submissions(connection, &condition, (tenants, client, id.as_bytes()))?.pop())
            })
            .await
    }

    async fn origin(&self, id: SubmissionId) -> Result<Option<Arc<Origin>>, StoreFault> {
        if let Some(fresh) = self.fresh.get(id) {
            return Ok(Some(fresh));
        }
        let (look, fresh) = (self.look(), Arc::clone(&self.fresh));
        self.readers
            .snapshot(move |connection| {
                let Some(origin) = look.origin(connection, id)?.map(Arc::new) else { return Ok(None) };
                fresh.keep(Arc::clone(&origin));
                Ok(Some(origin))
            })
            .await
    }

    async fn handed_in(&self, key: &Digest) -> Result<Option<SubmissionView>, StoreFault> {
        let (look, key) = (self.look(), *key);
        self.readers
            .snapshot(move |connection| {
                let condition = "s.seq = (SELECT submission FROM idempotency WHERE key = ?1)";
                Ok(look.submissions(connection, condition, [key.as_bytes()])?.pop())
            })
            .await
    }

    async fn receipts(&self, id: SubmissionId) -> Result<BTreeMap<StepName, Receipt>, StoreFault> {
        let look = self.look();
        self.readers
            .snapshot(move |connection| {
                let sql = format!(
                    "SELECT {DELIVERY} FROM {FROM_DELIVERIES} WHERE d.submission =                      (SELECT seq FROM submissions WHERE id = ?1) AND d.sealed_receipt IS NOT NULL"
                );
                let found = look.read(connection, &sql, [id.as_bytes()])?;
                Ok(found.into_iter().filter_map(|(_, of)| Some((of.step, of.receipt?))).collect())
            })
            .await
    }

    async fn recorded(&self, id: DeliveryId) -> Result<BTreeMap<String, String>, StoreFault> {
        let keys = Arc::clone(&self.keys);
        self.readers.snapshot(move |connection| recorded(connection, &keys, id)).await
    }

    async fn case(&self, scope: &Scope, case: &CaseId) -> Result<Vec<CaseView>, StoreFault> {
        let (scope, look, case) = (ScopeParams::from(scope), self.look(), case.clone());
        self.readers
            .snapshot(move |connection| {
                let (tenants, client) = scope.as_sql();
                let condition =
                    format!("{VISIBLE_SUBMISSION} AND s.case_id = ?3 ORDER BY s.tenant, s.case_sequence");
                let found = look.submissions(connection, &condition, (tenants, client, case.as_str()))?;
                let known = identifiers::of_case(connection, &look.keys, &scope, &case)?;
                Ok(by_tenant(found, &known))
            })
            .await
    }

    async fn search(
        &self,
        tenants: &BTreeSet<TenantName>,
        sought: &Sought,
        limit: usize,
    ) -> Result<Vec<Hit>, StoreFault> {
        let (tenants, sought, keys) = (tenants.clone(), sought.clone(), Arc::clone(&self.keys));
        let limit = limit.clamp(1, 1000);
        self.readers
            .snapshot(move |connection| {
                let mut hits = Vec::new();
                for tenant in &tenants {
                    hits.extend(identifiers::search(connection, &keys, tenant, &sought, limit)?);
                }
                hits.sort_by_key(|hit| std::cmp::Reverse(hit.received_at));
                hits.truncate(limit);
                Ok(hits)
            })
            .await
    }

    async fn deliveries(
        &self,
        scope: &Scope,
        filter: &DeliveryFilter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<(Cursor, Delivery)>, StoreFault> {
        let (scope, filter, look) = (ScopeParams::from(scope), filter.clone(), self.look());
        self.readers
            .snapshot(move |connection| {
                look.deliveries(connection, &scope, &filter, after, limit.clamp(1, 1000))
            })
            .await
    }

    async fn delivery(&self, scope: &Scope, id: DeliveryId) -> Result<Option<DeliveryDetail>, StoreFault> {
        let (scope, look) = (ScopeParams::from(scope), self.look());
        self.readers.snapshot(move |connection| look.detail(connection, &scope, id)).await
    }

    async fn counts(&self) -> Result<Vec<StateCount>, StoreFault> {
        Ok(self.counts.show(&self.claims))
    }
}

#[async_trait]
impl Versions for SqliteStore {
    async fn keep(&self, kind: VersionKind, content: &[u8]) -> Result<Digest, StoreFault> {
        let digest = Digest::of(content);
        let kind = as_word(&kind).map_err(Fault::into_store)?;
        let work = crate::work::KeepVersion { kind, digest, content: content.to_owned() };
        self.writer.submit(work).await?;
        Ok(digest)
    }

    async fn load(&self, kind: VersionKind, digest: &Digest) -> Result<Option<Vec<u8>>, StoreFault> {
        let digest = *digest;
        let load = move |connection: &Connection| {
            let sql = "SELECT content FROM versions WHERE kind = ?1 AND digest = ?2";
            let content = connection
                .prepare_cached(sql)?
                .query_row((as_word(&kind)?, digest.as_bytes()), |row| row.get::<_, Vec<u8>>(0))
                .optional()?;
            let altered = content.as_ref().is_some_and(|content| Digest::of(content) != digest);
            if altered { Err(damaged("a kept version").into()) } else { Ok(content) }
        };
        self.readers.read(load).await
    }
}

/// What is needed to make nouns of rows.
#[derive(Clone)]
pub(crate) struct Look {
    pub(crate) keys: Arc<Keys>,
    pub(crate) claims: Arc<crate::claims::Claims>,
}

/// The columns that [`kept`] reads, of `submissions s`.
const SUBMISSION: &str = "s.seq, s.id, s.tenant, s.client, s.kind, s.service, s.area, s.case_id, s.case_sequence, \
     s.received_at, s.trust_level, s.test, s.traceparent, s.sha256, s.receipt, s.epoch, s.wrapped_key, s.erased_at, \
     s.sealed_reply, s.sealed_properties, s.not_before";

/// A submission as its row stands: without its parts, its reply channel and properties still encrypted.
struct Kept {
    place: i64,
    submission: Submission,
    answer: Answer,
    key: WrappedKey,
    erased_at: Option<Timestamp>,
    sealed_reply: Option<Vec<u8>>,
    sealed_properties: Option<Vec<u8>>,
}

/// What a submission says of itself, without what is encrypted: parts without names, no reply channel, no
/// properties.
pub(crate) fn facts(connection: &Connection, place: i64) -> Result<Submission, Fault> {
    let sql = format!("SELECT {SUBMISSION} FROM submissions s WHERE s.seq = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([place])?;
    let Some(row) = rows.next()? else { return Err(damaged("a submission that is not there").into()) };
    let mut submission = kept(row)?.submission;
    submission.parts = parts(connection, place)?.into_iter().map(|(part, _)| part).collect();
    Ok(submission)
}

fn kept(row: &Row<'_>) -> Result<Kept, Fault> {
    let level: Option<u8> = row.get(10)?;
    let level = level.map(TrustLevel::try_from).transpose().map_err(|_| damaged("trust level"))?;
    let submission = Submission {
        id: SubmissionId::from_bytes(row.get(1)?),
        tenant: text(row, 2, "tenant")?,
        client: text(row, 3, "client")?,
        kind: text(row, 4, "kind")?,
        service: text(row, 5, "service")?,
        area: text(row, 6, "area")?,
        case: text(row, 7, "case")?,
        sequence: number(row, 8, "sequence")?,
        received_at: time(row, 9)?,
        trust_level: level,
        reply: None,
        test: row.get(11)?,
        traceparent: row.get(12)?,
        not_before: optional_time(row, 20)?,
        properties: Properties::new(),
        parts: Vec::new(),
    };
    let answer = Answer {
        id: submission.id,
        case: submission.case.clone(),
        received_at: submission.received_at,
        sha256: digest(row, 13)?,
        receipt: row.get(14)?,
    };
    let key = WrappedKey { epoch: row.get(15)?, bytes: row.get(16)? };
    let (place, erased_at) = (row.get(0)?, optional_time(row, 17)?);
    let (sealed_reply, sealed_properties) = (row.get(18)?, row.get(19)?);
    Ok(Kept { place, submission, answer, key, erased_at, sealed_reply, sealed_properties })
}

/// A part without its name, and the name as it is kept.
type SealedPart = (Part, Option<Vec<u8>>);

/// The parts in order.
fn parts(connection: &Connection, place: i64) -> Result<Vec<SealedPart>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT number, role, media_type, size, sha256, location, sealed_name FROM parts \
         WHERE submission = ?1 ORDER BY number",
    )?;
    let mut rows = statement.query([place])?;
    let mut parts = Vec::new();
    while let Some(row) = rows.next()? {
        let part = Part {
            number: number(row, 0, "part number")?,
            role: word(row, 1, "role")?,
            name: None,
            media_type: row.get(2)?,
            size: number(row, 3, "size")?,
            sha256: digest(row, 4)?,
            location: optional_json(row, 5, "location")?,
        };
        parts.push((part, row.get(6)?));
    }
    Ok(parts)
}

/// Submissions come sorted by tenant.
fn by_tenant(found: Vec<SubmissionView>, known: &[(TenantName, KnownAs)]) -> Vec<CaseView> {
    let mut cases: Vec<CaseView> = Vec::new();
    for view in found {
        match cases.last_mut().filter(|case| case.tenant == view.submission.tenant) {
            Some(case) => case.submissions.push(view),
            None => {
                let tenant = view.submission.tenant.clone();
                let of_it =
                    known.iter().filter(|(whose, _)| *whose == tenant).map(|(_, known)| known.clone());
                cases.push(CaseView { foreign: of_it.collect(), tenant, submissions: vec![view] });
            }
        }
    }
    cases
}

impl Look {
    fn submissions(
        &self,
        connection: &Connection,
        condition: &str,
        params: impl rusqlite::Params,
    ) -> Result<Vec<SubmissionView>, Fault> {
        let sql = format!("SELECT {SUBMISSION} FROM submissions s WHERE {condition}");
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(self.view(connection, kept(row)?)?);
        }
        Ok(found)
    }

    /// Adds what stands elsewhere or is encrypted.
    fn complete(&self, connection: &Connection, kept: &mut Kept) -> Result<(), Fault> {
        let id = kept.submission.id;
        if let Some(sealed) = kept.sealed_reply.take() {
            kept.submission.reply = open_column(&self.keys, connection, id, Column::Reply, &sealed)?;
        }
        if let Some(sealed) = kept.sealed_properties.take() {
            let opened = open_column(&self.keys, connection, id, Column::Properties, &sealed)?;
            kept.submission.properties = opened.unwrap_or_default();
        }
        for (mut part, sealed_name) in parts(connection, kept.place)? {
            if let Some(sealed) = sealed_name {
                let column = Column::PartName(part.number);
                part.name = open_column(&self.keys, connection, id, column, &sealed)?;
            }
            kept.submission.parts.push(part);
        }
        Ok(())
    }

    fn origin(&self, connection: &Connection, id: SubmissionId) -> Result<Option<Origin>, Fault> {
        let sql = format!("SELECT {SUBMISSION} FROM submissions s WHERE s.id = ?1");
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query([id.as_bytes()])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let mut kept = kept(row)?;
        self.complete(connection, &mut kept)?;
        Ok(Some(Origin { submission: kept.submission, key: self.keys.of(connection, id)? }))
    }

    fn view(&self, connection: &Connection, mut kept: Kept) -> Result<SubmissionView, Fault> {
        self.complete(connection, &mut kept)?;
        let Kept { place, submission, answer, key, erased_at, .. } = kept;
        let sql = format!("SELECT {DELIVERY} FROM {FROM_DELIVERIES} WHERE d.submission = ?1 ORDER BY d.seq");
        let deliveries =
            self.read(connection, &sql, [place])?.into_iter().map(|(_, delivery)| delivery).collect();
        Ok(SubmissionView { submission, answer, key, deliveries, erased_at })
    }

    /// Deliveries, each whole or not at all.
    pub(crate) fn read(
        &self,
        connection: &Connection,
        sql: &str,
        params: impl rusqlite::Params,
    ) -> Result<Vec<(Cursor, Delivery)>, Fault> {
        self.read_by(connection, sql, params, |stored| stored.open(&self.keys, connection))
    }

    /// Deliveries for a list: one whose receipt cannot be read is shown without it, so that it does not hide the
    /// others from the operator.
    pub(crate) fn read_leniently(
        &self,
        connection: &Connection,
        sql: &str,
        params: impl rusqlite::Params,
    ) -> Result<Vec<(Cursor, Delivery)>, Fault> {
        self.read_by(connection, sql, params, |stored| {
            Ok(stored.open_as_far_as_possible(&self.keys, connection))
        })
    }

    fn read_by(
        &self,
        connection: &Connection,
        sql: &str,
        params: impl rusqlite::Params,
        open: impl Fn(Stored) -> Result<Delivery, Fault>,
    ) -> Result<Vec<(Cursor, Delivery)>, Fault> {
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let stored = stored(row)?;
            let cursor = Cursor(u64::try_from(stored.seq).unwrap_or(0));
            let mut delivery = open(stored)?;
            self.claims.show(&mut delivery);
            found.push((cursor, delivery));
        }
        Ok(found)
    }

    fn detail(
        &self,
        connection: &Connection,
        scope: &ScopeParams,
        id: DeliveryId,
    ) -> Result<Option<DeliveryDetail>, Fault> {
        let (tenants, client) = scope.as_sql();
        let sql = format!("SELECT {DELIVERY} FROM {FROM_DELIVERIES} WHERE {VISIBLE} AND d.id = ?3");
        let found = self.read(connection, &sql, (tenants, client, id.as_bytes()))?.pop();
        let Some((Cursor(place), delivery)) = found else { return Ok(None) };
        let place = i64::try_from(place).unwrap_or(0);
        let attempts = attempts(connection, place)?;
        let history = self.history(connection, place, delivery.submission)?;
        Ok(Some(DeliveryDetail { delivery, attempts, history }))
    }

    fn history(
        &self,
        connection: &Connection,
        place: i64,
        submission: SubmissionId,
    ) -> Result<Vec<HistoryEntry>, Fault> {
        let mut statement = connection.prepare_cached(
            "SELECT seq, at, event, state, cause, who, sealed_why, reason FROM history WHERE delivery = ?1 ORDER BY seq",
        )?;
        let mut rows = statement.query([place])?;
        let mut history = Vec::new();
        while let Some(row) = rows.next()? {
            let (seq, sealed): (i64, Option<Vec<u8>>) = (row.get(0)?, row.get(6)?);
            let why =
                sealed.map(|why| open_column(&self.keys, connection, submission, Column::Why(seq), &why));
            history.push(HistoryEntry {
                at: time(row, 1)?,
                event: optional_word(row, 2, "event")?,
                state: text(row, 3, "state")?,
                cause: row.get(4)?,
                who: row.get(5)?,
                why: why.transpose()?.flatten(),
                reason: optional_json(row, 7, "reason")?,
            });
        }
        Ok(history)
    }
}

fn attempts(connection: &Connection, place: i64) -> Result<Vec<AttemptView>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT number, started_at, ended_at, destination, content_sha256, sent_sha256, outcome, reason \
         FROM attempts WHERE delivery = ?1 ORDER BY number",
    )?;
    let mut rows = statement.query([place])?;
    let mut attempts = Vec::new();
    while let Some(row) = rows.next()? {
        attempts.push(AttemptView {
            number: row.get(0)?,
            started_at: time(row, 1)?,
            ended_at: optional_time(row, 2)?,
            destination: text(row, 3, "destination")?,
            content_sha256: digest(row, 4)?,
            sent_sha256: digest(row, 5)?,
            outcome: optional_word(row, 6, "outcome")?,
            reason: optional_json(row, 7, "reason")?,
        });
    }
    Ok(attempts)
}
