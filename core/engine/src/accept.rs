//! Takes in what a sender hands in: nothing is acknowledged before it is kept (promise H1), and what a step could not
//! map is refused at the door, with nothing stored.

mod amendments;
mod check;
mod intake;

pub(crate) use check::{Found, check_data, xml_limits};
use intake::Keeping;
pub(crate) use intake::blinded;
pub use intake::{Incoming, Intake};

use crate::Engine;
use crate::ahead::{Planned, Promise};
use crate::answers::BadReply;
use crate::catalog::Catalog;
use crate::routing::{self, Facts, NoTenant};
use bytes::Bytes;
use rohrpost_mappings::{NotJson, NotWellFormed, Violation};
use rohrpost_model::ports::{Acceptance, Answer, Issued, NewSubmission, Statement, StoreFault};
pub use rohrpost_model::ports::{HandedIn as Accepted, Intent};
use rohrpost_model::submission::{Part, Role};
use rohrpost_model::{
    Area, CaseId, Client, Date, Digest, MappingName, ServiceKey, Submission, SubmissionId, TenantName,
};
use std::sync::Arc;

/// Why a submission is not taken. Nothing of it was stored. The texts inside may quote what was handed in: they go to
/// the sender and into no log.
#[derive(Debug)]
pub enum Refusal {
    /// No tenant is responsible for the area.
    UnknownArea(Area),
    /// The client may not hand in this service for this area.
    NotGranted(ServiceKey, Area),
    /// The tenant takes submissions with the test flag only, for this service and area.
    TestStage(TenantName, ServiceKey, Area),
    /// There is no data part.
    NoData,
    /// There is a second data part.
    SecondData,
    /// The data are not of a kind that can be checked here.
    MediaType(String),
    /// A part is too large: its kind and the limit in bytes.
    TooLarge(Role, u64),
    /// Too many attachments: the limit.
    TooMany(u32),
    /// The data are not well-formed XML, or XML of a kind that is refused outright.
    NotWellFormed(NotWellFormed),
    /// The data are not well-formed JSON.
    NotJson(NotJson),
    /// The route's steps map XML, and the data are not.
    WantsXml,
    /// The route maps JSON, and the data are something else.
    WantsJson,
    /// The data do not fit the schema.
    Invalid(Vec<Violation>),
    /// The idempotency key was used with other content.
    OtherContent,
    /// No case is called so, as far as the client may answer.
    NoCase,
    /// So many cases are called so.
    SeveralCases(usize),
    /// It is an amendment, and they were taken until this day.
    TooLate(Date),
    /// What came is no answer.
    BadReply(BadReply),
    /// The hub cannot take it now.
    Trouble(StoreFault),
}

impl From<StoreFault> for Refusal {
    fn from(fault: StoreFault) -> Self {
        Self::Trouble(fault)
    }
}

impl Engine {
    /// Admits a submission of `client`: finds its tenant, checks the grant, and makes its data key.
    pub fn admit(&self, client: &Client, intent: Intent) -> Result<Intake, Refusal> {
        let (catalog, now) = (self.catalog(), self.ports.clock.now());
        let not_granted = || Refusal::NotGranted(intent.service.clone(), intent.area.clone());
        let tenant = match &intent.tenant {
            Some(tenant) if client.may_submit(tenant, &intent.service) => tenant.clone(),
            Some(_) => return Err(not_granted()),
            None => {
                let asked = (&intent.service, &intent.area);
                routing::tenant_for(&catalog, client, asked, now).map_err(|none| match none {
                    NoTenant::UnknownArea => Refusal::UnknownArea(intent.area.clone()),
                    NoTenant::NotGranted => not_granted(),
                })?
            }
        };
        self.admit_to(catalog, client, tenant, intent)
    }

    fn admit_to(
        &self,
        catalog: Arc<Catalog>,
        client: &Client,
        tenant: TenantName,
        intent: Intent,
    ) -> Result<Intake, Refusal> {
        stage_takes(&catalog, &tenant, &intent)?;
        let key = self.ports.vault.issue(&tenant, self.ports.clock.now()).map_err(StoreFault::from)?;
        let keeping = Keeping { blobs: Arc::clone(&self.ports.blobs), key };
        Ok(self.intake(catalog, Some(keeping), client, tenant, intent))
    }

    /// Admits what is only tried (see [`trace`](crate::trace)): nothing of it is kept. Whoever asks is not asked for grants
    /// to hand in; what the tenant's configuration may be shown to is the caller's business.
    pub fn admit_trial(&self, client: &Client, intent: Intent) -> Result<Intake, Refusal> {
        let catalog = self.catalog();
        let day = catalog.responsibilities.day(self.ports.clock.now());
        let tenant = routing::responsible(&catalog, &intent.service, &intent.area, day).cloned();
        let tenant = tenant.ok_or_else(|| Refusal::UnknownArea(intent.area.clone()))?;
        Ok(self.intake(catalog, None, client, tenant, intent))
    }

    fn intake(
        &self,
        catalog: Arc<Catalog>,
        keeping: Option<Keeping>,
        client: &Client,
        tenant: TenantName,
        intent: Intent,
    ) -> Intake {
        Intake {
            catalog,
            keeping,
            intent,
            client: client.clone(),
            tenant,
            id: SubmissionId::new(self.ports.clock.now()),
            parts: Vec::new(),
            contents: Vec::new(),
            data: None,
        }
    }

    /// Checks what was taken in, routes it and keeps it. When this returns `Ok`, it is on disk.
    pub async fn accept(&self, mut intake: Intake) -> Result<Accepted, Refusal> {
        let data = intake.data.take().ok_or(Refusal::NoData)?;
        let keeping = intake.keeping.take().ok_or_else(only_tried)?;
        let Issued { key, wrapped: wrapped_key } = keeping.key;
        let now = self.ports.clock.now();
        let (deliveries, checks) = intake.route(now)?;
        let case = intake.intent.case.clone().map_or_else(|| new_case(intake.id), Ok)?;
        let claims = intake.receipt_claims(&case, now);
        let idempotency = intake.idempotency(self.ports.vault.as_ref());
        self.amendment_in_time(&intake, idempotency.as_ref(), now).await?;
        let foreign = intake.foreign(&data);
        let catalog = Arc::clone(&intake.catalog);
        let (submission, contents) = intake.into_submission(case, now);
        let (promise, planned) =
            self.plan_ahead(&catalog, &submission, &deliveries, data.len()).map_or((None, None), both);
        let (media_type, sha256) = submission.data().map(named).ok_or(Refusal::NoData)?;
        let handed_in = HandedIn { media_type, data, sha256, checks, claims };
        let receipt = self.check_and_sign(catalog, handed_in, planned).await?;
        let Submission { id, ref case, .. } = submission;
        let answer = Answer { id, case: case.clone(), received_at: now, sha256, receipt };
        let new = NewSubmission {
            submission,
            contents,
            key,
            wrapped_key,
            idempotency,
            foreign,
            answer,
            deliveries,
        };
        match self.ports.outbox.accept(new).await? {
            Acceptance::Stored(answer) => {
                promise.into_iter().for_each(Promise::stands);
                self.wake.notify_one();
                Ok(Accepted { answer, repeated: false })
            }
            Acceptance::Repeated(answer) => Ok(Accepted { answer, repeated: true }),
            Acceptance::OtherContent => Err(Refusal::OtherContent),
        }
    }

    /// Checks the data and signs the receipt: one piece of work, so that a sender waits for a thread once. The thread then
    /// goes on with the document that was planned, while the data are at hand.
    async fn check_and_sign(
        &self,
        catalog: Arc<Catalog>,
        handed_in: HandedIn,
        planned: Option<Planned>,
    ) -> Result<String, Refusal> {
        let signer = Arc::clone(&self.ports.receipts);
        let work = move || {
            let HandedIn { media_type, data, sha256, checks, claims } = handed_in;
            let Found { fits, xml } = match check_data(&catalog, &media_type, &data, &checks) {
                Ok(found) => found,
                Err(refusal) => return (Err(refusal), None),
            };
            let signed = signer.sign(Statement::Receipt, &claims);
            let then = planned.zip(xml).map(|(planned, xml)| move || planned.make(xml));
            (Ok((sha256, fits, signed)), then)
        };
        let trouble = |why: String| Refusal::Trouble(StoreFault::Unavailable(why));
        let done: Result<_, Refusal> =
            self.workers.run_at_the_door(work).await.map_err(|reason| trouble(reason.english()))?;
        let (sha256, fits, signed) = done?;
        fits.into_iter().for_each(|schema| self.known_valid.remember(sha256, schema));
        signed.map_err(|fault| trouble(format!("the receipt cannot be signed: {fault}")))
    }
}

/// Refuses what is no test where the tenant, or its route, stands in the stage test.
pub(crate) fn stage_takes(catalog: &Catalog, tenant: &TenantName, intent: &Intent) -> Result<(), Refusal> {
    let Intent { kind, service, area, test, .. } = intent;
    let stage = match routing::route_for(catalog, &Facts { tenant, kind, service, area }) {
        Ok(route) => catalog.stage(tenant, &route.name),
        Err(_) => catalog.tenants.get(tenant).map(|tenant| tenant.stage).unwrap_or_default(),
    };
    if stage.takes(*test) {
        return Ok(());
    }
    Err(Refusal::TestStage(tenant.clone(), service.clone(), area.clone()))
}

/// What is checked at the door, and what its receipt states.
struct HandedIn {
    media_type: String,
    data: Bytes,
    sha256: Digest,
    checks: Vec<MappingName>,
    claims: Vec<u8>,
}

fn both<A, B>((a, b): (A, B)) -> (Option<A>, Option<B>) {
    (Some(a), Some(b))
}

fn named(part: &Part) -> (String, Digest) {
    (part.media_type.clone(), part.sha256)
}

/// What was taken in for a dry run never becomes a submission.
fn only_tried() -> Refusal {
    StoreFault::Unavailable("this was only to be tried".into()).into()
}

/// The case that a submission opens.
pub(crate) fn new_case(id: SubmissionId) -> Result<CaseId, Refusal> {
    id.to_string()
        .parse()
        .map_err(|bad: rohrpost_model::BadName| StoreFault::Unavailable(bad.to_string()).into())
}
