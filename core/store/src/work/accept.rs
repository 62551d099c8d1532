//! Accepting a submission: everything of it in one transaction, or the answer of the first time (H1, H3).

use crate::blobs::Recent;
use crate::change::may_begin;
use crate::fault::{Fault, damaged};
use crate::fresh::Fresh;
use crate::history::Entry;
use crate::identifiers::{self, Learned};
use crate::keys::{Column, Keys};
use crate::ledger::Ledger;
use crate::rows::{as_json, as_word, digest, first, nanos, size, text, time};
use crate::writer::{Ended, Work};
use rohrpost_model::ports::{
    Acceptance, Answer, ContentKey, Idempotency, Location, NewSubmission, Origin, StagedContent, StoreFault,
};
use rohrpost_model::submission::Part;
use rohrpost_model::{State, SubmissionId};
use rusqlite::params;
use std::sync::Arc;

pub(crate) struct Accept {
    new: NewSubmission,
    sealed_reply: Option<Vec<u8>>,
    sealed_properties: Option<Vec<u8>>,
    sealed_names: Vec<Option<Vec<u8>>>,
    learned: Vec<Learned>,
    places: Vec<Location>,
    sequence: u64,
    keys: Arc<Keys>,
    recent: Arc<Recent>,
    fresh: Arc<Fresh>,
}

impl Accept {
    /// Encrypts what is private while still on the caller's side.
    pub(crate) fn prepare(
        new: NewSubmission,
        keys: Arc<Keys>,
        recent: Arc<Recent>,
        fresh: Arc<Fresh>,
    ) -> Result<Self, StoreFault> {
        let (key, id) = (&*new.key, new.submission.id);
        if new.contents.len() != new.submission.parts.len() {
            return Err(damaged("a submission whose parts and contents differ in number"));
        }
        let reply = new.submission.reply.as_ref().map(|reply| Column::Reply.seal(key, id, reply));
        let sealed_reply = reply.transpose()?;
        let properties = Some(&new.submission.properties).filter(|properties| !properties.is_empty());
        let sealed_properties =
            properties.map(|properties| Column::Properties.seal(key, id, properties)).transpose()?;
        let names = new.submission.parts.iter().map(|part| seal_name(key, id, part));
        let sealed_names = names.collect::<Result<_, _>>()?;
        let learned = identifiers::of_submission((&keys, key), &new.submission, &new.foreign)?;
        let (places, sequence) = (Vec::new(), 0);
        Ok(Self {
            new,
            sealed_reply,
            sealed_properties,
            sealed_names,
            learned,
            places,
            sequence,
            keys,
            recent,
            fresh,
        })
    }

    /// The place in the table.
    fn insert(&mut self, ledger: &Ledger) -> Result<i64, Fault> {
        let submission = &self.new.submission;
        let (case, tenant) = (submission.case.as_str(), submission.tenant.as_str());
        let sequence: i64 = first(
            &ledger.connection,
            "SELECT coalesce(max(case_sequence), 0) + 1 FROM submissions WHERE case_id = ?1 AND tenant = ?2",
            (case, tenant),
        )?;
        self.sequence = u64::try_from(sequence).unwrap_or(0);
        let mut insert = ledger.connection.prepare_cached(
            "INSERT INTO submissions (id, tenant, client, kind, service, area, case_id, case_sequence, received_at, \
             trust_level, sealed_reply, test, traceparent, sha256, receipt, epoch, wrapped_key, \
             sealed_properties, not_before) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
        )?;
        insert.execute(params![
            submission.id.as_bytes(),
            tenant,
            submission.client.as_str(),
            submission.kind.as_str(),
            submission.service.as_str(),
            submission.area.as_str(),
            case,
            sequence,
            nanos(submission.received_at),
            submission.trust_level.map(u8::from),
            self.sealed_reply,
            submission.test,
            submission.traceparent,
            self.new.answer.sha256.as_bytes(),
            self.new.answer.receipt,
            self.new.wrapped_key.epoch,
            self.new.wrapped_key.bytes,
            self.sealed_properties,
            submission.not_before.map(nanos),
        ])?;
        Ok(ledger.connection.last_insert_rowid())
    }

    fn insert_parts(&mut self, ledger: &mut Ledger, place: i64) -> Result<(), Fault> {
        self.places.clear();
        for (index, part) in self.new.submission.parts.iter().enumerate() {
            let location = ledger.place(&self.new.contents[index])?;
            let mut insert = ledger.connection.prepare_cached(
                "INSERT INTO parts (submission, number, role, sealed_name, media_type, size, sha256, location) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?;
            insert.execute(params![
                place,
                part.number,
                as_word(&part.role)?,
                self.sealed_names[index],
                part.media_type,
                size(part.size),
                part.sha256.as_bytes(),
                as_json(&location)?,
            ])?;
            self.places.push(location);
        }
        Ok(())
    }

    /// Whoever works on it next finds it in memory.
    fn hand_on(&self) {
        let mut submission = self.new.submission.clone();
        submission.sequence = self.sequence;
        for (part, place) in submission.parts.iter_mut().zip(&self.places) {
            part.location = Some(place.clone());
        }
        self.fresh.keep(Arc::new(Origin { submission, key: Arc::clone(&self.new.key) }));
    }

    fn insert_deliveries(&self, ledger: &mut Ledger, place: i64) -> Result<(), Fault> {
        let begins = Entry {
            at: self.new.submission.received_at,
            event: None,
            state: State::Due,
            cause: "acceptance",
            who: self.new.submission.client.as_str(),
            why: None,
            reason: None,
            evidence: Some(self.new.answer.sha256),
        };
        for delivery in &self.new.deliveries {
            ledger.begin_delivery(&self.new.submission, place, delivery, &begins)?;
        }
        Ok(())
    }
}

fn seal_name(key: &dyn ContentKey, id: SubmissionId, part: &Part) -> Result<Option<Vec<u8>>, StoreFault> {
    part.name.as_ref().map(|name| Column::PartName(part.number).seal(key, id, name)).transpose()
}

impl Work for Accept {
    type Output = Acceptance;

    fn weight(&self) -> usize {
        self.new.contents.iter().map(weight).sum()
    }

    fn run(&mut self, ledger: &mut Ledger) -> Result<Acceptance, Fault> {
        if let Some(idempotency) = &self.new.idempotency
            && let Some(before) = kept_before(ledger, idempotency)?
        {
            return Ok(before);
        }
        self.new.deliveries.iter().try_for_each(may_begin)?;
        let place = self.insert(ledger)?;
        self.insert_parts(ledger, place)?;
        if let Some(idempotency) = &self.new.idempotency {
            remember(ledger, idempotency, place)?;
        }
        self.insert_deliveries(ledger, place)?;
        identifiers::keep(ledger, &self.learned, place, self.new.submission.received_at)?;
        Ok(Acceptance::Stored(self.new.answer.clone()))
    }

    fn ended(&mut self, ended: Ended<'_, Acceptance>) {
        let contents = std::mem::take(&mut self.new.contents);
        match ended {
            Ended::Done(Acceptance::Stored(_)) => {
                self.keys.remember(self.new.submission.id, Arc::clone(&self.new.key));
                self.hand_on();
                self.recent.keep(contents, &self.places);
            }
            Ended::Uncertain => keep_files(contents),
            // Files go with the work, on the caller's side.
            Ended::Done(_) | Ended::Undone => self.new.contents = contents,
        }
    }
}

/// Bytes that go through the writer.
pub(crate) fn weight(content: &StagedContent) -> usize {
    match content {
        StagedContent::Small(bytes) => bytes.len(),
        StagedContent::File(_) => 0,
    }
}

/// Leaves files where they are: the sweep at the next start sees whether a row names them.
pub(crate) fn keep_files(contents: Vec<StagedContent>) {
    for content in contents {
        if let StagedContent::File(file) = content {
            file.keep();
        }
    }
}

fn kept_before(ledger: &Ledger, idempotency: &Idempotency) -> Result<Option<Acceptance>, Fault> {
    let mut statement = ledger.connection.prepare_cached(
        "SELECT i.content, s.id, s.case_id, s.received_at, s.sha256, s.receipt \
         FROM idempotency i JOIN submissions s ON s.seq = i.submission WHERE i.key = ?1",
    )?;
    let mut rows = statement.query([idempotency.key.as_bytes()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    if digest(row, 0)? != idempotency.content {
        return Ok(Some(Acceptance::OtherContent));
    }
    let answer = Answer {
        id: SubmissionId::from_bytes(row.get(1)?),
        case: text(row, 2, "case")?,
        received_at: time(row, 3)?,
        sha256: digest(row, 4)?,
        receipt: row.get(5)?,
    };
    Ok(Some(Acceptance::Repeated(answer)))
}

fn remember(ledger: &Ledger, idempotency: &Idempotency, place: i64) -> Result<(), Fault> {
    let mut insert = ledger
        .connection
        .prepare_cached("INSERT INTO idempotency (key, content, submission) VALUES (?1, ?2, ?3)")?;
    insert.execute((idempotency.key.as_bytes(), idempotency.content.as_bytes(), place))?;
    Ok(())
}
