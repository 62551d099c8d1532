//! Prints deliveries on a printer or a print server that speaks IPP 1.1 (RFC 8010, RFC 8011).
//!
//! ```toml
//! adapter = "ipp"
//!
//! [ipp]
//! printer = "ipps://drucker.example.org/ipp/print"    # ipp: without TLS; port 631 unless another is given
//! user = "rohrpost"                                   # requesting-user-name
//! auth = { basic = { user = "hub", password = { file = "secrets/drucker" } } }
//! print = "message"                                   # or attachments: each that is a PDF, as a job of its own
//! copies = 1
//! sides = "two-sided-long-edge"                       # what is left out, the printer decides
//! media = "iso_a4_210x297mm"
//! colour = "monochrome"
//! tray = "tray-2"                                     # A4 from there; in the place of media
//! history = "1h"                                      # so long the printer names finished jobs
//! longest-call = "1m"                                 # a call that tore may be at work there for so long
//! forgotten = "park"                                  # or done: a job that the printer took and does not name any more
//!
//! [ipp.pdf]                                           # see rohrpost_kit::pdf::Rules
//! [ipp.connection]                                    # see rohrpost_kit::http::Connection
//! ```
//!
//! Every document is checked before the first job is made: Validate-Job, then Print-Job, one job for one document. A job's
//! name is a mark of the delivery, the document and its bytes; nothing personal stands in it. The intent is recorded before
//! Print-Job and the job's id after it.
//!
//! # What can go wrong, and what it is
//! | | |
//! |---|---|
//! | busy, not accepting jobs, temporary error | unavailable: no job was made |
//! | a client error, an operation or version that is not known | refused |
//! | Print-Job tore, or ended with an internal or device error | unknown: Get-Jobs is asked for the mark |
//! | … and the mark is not found after `longest-call` and within `history` | surely absent: printed again |
//! | … later, or without `history` | no word: printed jobs may have been forgotten |
//! | the job is cancelled or aborted | refused; a person's retry prints it anew |

mod answer;
mod jobs;
mod papers;
mod printer;
mod probe;
mod settings;

use answer::{Job, Stage};
use async_trait::async_trait;
use jobs::{Begun, Ledger};
use papers::{Paper, What};
use printer::Printer;
use rohrpost_kit::pdf::Rules;
use rohrpost_kit::probe::Endpoint;
use rohrpost_kit::{Adapter, AdapterSource, parcel};
use rohrpost_model::ports::{Inquiry, Parcel, Probe, Target};
use rohrpost_model::{Failure, Fault, Outcome, Reason, ReasonCode, Receipt};
use std::sync::Arc;
use std::time::Duration;

/// The adapter of kind `ipp`.
pub struct Ipp;

impl Adapter for Ipp {
    fn kind(&self) -> &'static str {
        "ipp"
    }

    fn example(&self) -> &'static str {
        include_str!("example.toml")
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.json")
    }

    fn configure(&self, source: &AdapterSource<'_>) -> Result<Arc<dyn Target>, Vec<Fault>> {
        Ok(Arc::new(settings::configure(source, self.kind())?))
    }
}

struct IppTarget {
    printer: Printer,
    endpoint: Endpoint,
    what: What,
    rules: Rules,
    /// How long the printer names finished jobs; `None`: nobody knows.
    history: Option<Duration>,
    longest_call: Duration,
    /// Whether a job that the printer took and does not name any more counts as printed.
    forgotten_is_done: bool,
}

/// How it stands with one document.
enum Standing {
    /// No job was ever begun.
    NotBegun,
    /// One was begun, and the printer surely does not have it.
    Absent,
    /// One was begun, and the printer may have forgotten it.
    NoWord,
    /// The printer has it, or has ended it.
    There(Job),
    /// The printer took it and does not name it any more.
    Forgotten(i32),
}

#[async_trait]
impl Target for IppTarget {
    async fn deliver(&self, parcel: &Parcel<'_>) -> Result<Outcome, Failure> {
        parcel::check(parcel)?;
        let papers = self.what.papers(parcel)?;
        for paper in &papers {
            paper.check(&self.rules).await?;
        }
        self.print_all(parcel, &papers).await?;
        let ledger = |paper| Ledger { progress: parcel.progress, paper };
        let ids: Vec<_> = papers.iter().filter_map(|paper| ledger(paper).job()).collect();
        Ok(self.accepted(parcel, &papers, &ids, None))
    }

    async fn inquire(&self, parcel: &Parcel<'_>, _: Option<&str>) -> Result<Inquiry, Failure> {
        let papers = self.what.papers(parcel)?;
        let mut standings = Vec::new();
        for paper in &papers {
            standings.push(self.standing(parcel, paper).await?);
        }
        self.conclude(parcel, &papers, &standings)
    }

    /// A printer prints what it is sent.
    fn deduplicates(&self) -> bool {
        false
    }

    async fn probe(&self, probe: &mut Probe) {
        self.probes(probe).await;
    }
}

impl IppTarget {
    /// A job that ended badly is replaced only where every document had its job before: then it was a person who had it
    /// sent again, and not the hub that goes on with what is outstanding.
    async fn print_all(&self, parcel: &Parcel<'_>, papers: &[Paper<'_>]) -> Result<(), Failure> {
        let ledger = |paper| Ledger { progress: parcel.progress, paper };
        let all_have_jobs = papers.iter().all(|paper| ledger(paper).job().is_some());
        for paper in papers {
            let ledger = ledger(paper);
            match ledger.job() {
                Some(_) if !all_have_jobs => continue,
                Some(id) => {
                    let job = self.printer.job(id, &paper.mark).await?;
                    if job.is_none_or(|job| job.stage != Stage::EndedBadly) {
                        continue;
                    }
                    ledger.give_up(id).await?;
                }
                None => {}
            }
            self.print(&ledger).await?;
        }
        Ok(())
    }

    /// One document: the job that bears its mark, or a new one.
    async fn print(&self, ledger: &Ledger<'_, '_>) -> Result<(), Failure> {
        if let Some(begun) = ledger.begun() {
            let found = self.printer.find(&ledger.paper.mark).await?.into_iter();
            if let Some(job) = found.filter(|job| job.stage != Stage::EndedBadly).max_by_key(|job| job.id) {
                return ledger.made(job.id).await;
            }
            self.nothing_is_at_work(begun)?;
        }
        let bytes = ledger.paper.bytes(&self.rules).await?;
        self.printer.validate(&ledger.paper.mark).await?;
        ledger.begin(self.printer.clock.now()).await?;
        match self.printer.print(&ledger.paper.mark, bytes).await {
            Ok(id) => ledger.made(id).await,
            Err(failure @ Failure::Unknown(_)) => Err(failure),
            Err(failure) => {
                ledger.nothing_made().await?;
                Err(failure)
            }
        }
    }

    async fn standing(&self, parcel: &Parcel<'_>, paper: &Paper<'_>) -> Result<Standing, Failure> {
        let ledger = Ledger { progress: parcel.progress, paper };
        if let Some(id) = ledger.job() {
            let job = self.printer.job(id, &paper.mark).await.map_err(to_be_asked_again)?;
            return Ok(job.map_or(Standing::Forgotten(id), Standing::There));
        }
        let Some(begun) = ledger.begun() else { return Ok(Standing::NotBegun) };
        let found = self.printer.find(&paper.mark).await.map_err(to_be_asked_again)?.into_iter();
        // One that is under way or printed goes before one that ended badly.
        let best = found.filter(|job| !ledger.gave_up(job.id)).max_by_key(|job| {
            let ended_badly = job.stage == Stage::EndedBadly;
            (!ended_badly, job.id)
        });
        if let Some(job) = best {
            return Ok(Standing::There(job));
        }
        self.nothing_is_at_work(begun)?;
        let passed = begun.passed(self.printer.clock.now());
        let kept = self.history.is_some_and(|history| passed.is_some_and(|passed| passed < history));
        Ok(if kept { Standing::Absent } else { Standing::NoWord })
    }

    /// What was not found may still come, from a call that tore.
    fn nothing_is_at_work(&self, begun: Begun) -> Result<(), Failure> {
        // Where the clock was put back since, nobody knows how long ago it was.
        let passed = begun.passed(self.printer.clock.now()).unwrap_or_default();
        let remaining = self.longest_call.checked_sub(passed).filter(|remaining| !remaining.is_zero());
        if remaining.is_none() {
            return Ok(());
        }
        let reason = Reason::new(ReasonCode::CallOutstanding);
        Err(Failure::Unavailable { reason, retry_after: remaining })
    }

    fn conclude(
        &self,
        parcel: &Parcel<'_>,
        papers: &[Paper<'_>],
        standings: &[Standing],
    ) -> Result<Inquiry, Failure> {
        if standings.iter().any(|one| matches!(one, Standing::NoWord)) {
            return Ok(Inquiry::NoWord);
        }
        let missing = |one: &Standing| matches!(one, Standing::NotBegun | Standing::Absent);
        if standings.iter().any(missing) {
            let all = standings.iter().all(missing);
            return Ok(if all { Inquiry::Absent } else { Inquiry::Unfinished });
        }
        let (mut ids, mut slowest) = (Vec::new(), None);
        for standing in standings {
            match standing {
                Standing::There(job) => {
                    job.not_ended_badly()?;
                    ids.push(job.id);
                    slowest = slowest.or_else(|| (job.stage == Stage::UnderWay).then_some(job));
                }
                Standing::Forgotten(id) => {
                    self.may_forget(*id)?;
                    ids.push(*id);
                }
                _ => {}
            }
        }
        Ok(Inquiry::Found(match slowest {
            Some(job) => self.accepted(parcel, papers, &ids, Some(job)),
            None => Outcome::Done(self.receipt(&ids, Some("completed".to_owned()))),
        }))
    }

    fn may_forget(&self, id: i32) -> Result<(), Failure> {
        if self.forgotten_is_done {
            return Ok(());
        }
        Err(Failure::Refused(Reason::new(ReasonCode::PrintJobForgotten).with("job", id)))
    }

    /// Taken, not printed yet. The older the job, the less often it is asked for.
    fn accepted(&self, parcel: &Parcel<'_>, papers: &[Paper<'_>], ids: &[i32], job: Option<&Job>) -> Outcome {
        let now = self.printer.clock.now();
        let begun = papers.iter().filter_map(|paper| Ledger { progress: parcel.progress, paper }.begun());
        let age = begun.filter_map(|begun| begun.passed(now)).max().unwrap_or_default();
        let pause = (age / 4).clamp(ASK_SOONEST, ASK_LATEST);
        let ask_again_at = now.checked_add(pause).unwrap_or(now);
        Outcome::Accepted { receipt: self.receipt(ids, job.map(Job::shown)), ask_again_at }
    }

    fn receipt(&self, ids: &[i32], code: Option<String>) -> Receipt {
        let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
        let reference = Some(ids.join(","));
        Receipt { reference, at: Some(self.printer.clock.now()), code, result: None }
    }
}

/// The shortest and the longest time between two questions for a job.
const ASK_SOONEST: Duration = Duration::from_secs(2);
const ASK_LATEST: Duration = Duration::from_secs(900);

/// A question that failed is asked again, whatever went wrong with it.
fn to_be_asked_again(failure: Failure) -> Failure {
    match failure {
        Failure::Unavailable { .. } => failure,
        other => Failure::unavailable(other.reason().clone()),
    }
}

#[cfg(test)]
mod tests;
