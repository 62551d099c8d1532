//! From the door to the last step.

use super::{RouteTrace, RouteVerdict, StepTrace, Trace, Trial};
use crate::accept::{Found, Intent, Refusal, check_data, new_case, stage_takes};
use crate::catalog::Catalog;
use crate::routing::{self, Facts, NoRoute};
use crate::trace::steps::Tried;
use crate::workers::Workers;
use rohrpost_model::ports::StoreFault;
use rohrpost_model::route::{Route, Step};
use rohrpost_model::submission::Role;
use rohrpost_model::{
    CaseId, Client, Digest, MappingName, Reason, StepName, Submission, TenantName, Timestamp,
};
use std::sync::Arc;

/// Where a submission is tried.
pub(super) struct Path<'a> {
    pub(super) catalog: &'a Arc<Catalog>,
    /// Where work runs that keeps a processor busy; without them in the caller's thread.
    pub(super) workers: Option<&'a Workers>,
}

impl Path<'_> {
    /// Follows it from the door to the last step.
    pub(super) async fn follow(&self, trial: Trial) -> Trace {
        let (id, at) = (trial.ids.submission(), trial.ids.now());
        let case = trial.intent.case.clone().or_else(|| new_case(id).ok());
        let day = self.catalog.responsibilities.day(at);
        let Intent { service, area, .. } = &trial.intent;
        let tenant = routing::responsible(self.catalog, service, area, day).cloned();
        let (routes, found) = self.routes(tenant.as_ref(), &trial.intent, at);
        let door = self.door(&trial, tenant.as_ref(), found.as_ref().ok().copied()).await;
        let steps = match (&found, &tenant, &case) {
            (Ok(route), Some(tenant), Some(case)) => match submission(&trial, tenant, case) {
                Some(submission) => self.steps(route, &submission, &trial).await,
                None => Vec::new(),
            },
            _ => Vec::new(),
        };
        let route = found.map(|route| route.name.clone());
        let Trial { intent, client, data, parts, .. } = trial;
        let client = client.map(|client| client.name);
        Trace { id, at, case, intent, client, tenant, data, parts, door, routes, route, steps }
    }

    /// Every route and why it takes the submission or does not.
    fn routes(
        &self,
        tenant: Option<&TenantName>,
        intent: &Intent,
        now: Timestamp,
    ) -> (Vec<RouteTrace>, Result<&Route, Option<Reason>>) {
        let Intent { kind, service, area, test, .. } = intent;
        let Some(tenant) = tenant else { return (self.without_tenant(intent), Err(None)) };
        let facts = Facts { tenant, kind, service, area };
        let planned = |route| routing::plan(self.catalog, route, (&facts, *test), now).map(|_| route);
        let found = routing::route_for(self.catalog, &facts).and_then(planned);
        let judged = |route: &Route| {
            let fits = routing::fits(route, &facts);
            let verdict = match &found {
                _ if fits.iter().any(|(_, fits)| !fits) => RouteVerdict::Differs,
                Ok(taking) if taking.name == route.name => RouteVerdict::Takes,
                Err(NoRoute::Nobody(taking)) if *taking == route.name => RouteVerdict::Takes,
                Err(NoRoute::Tie(tied)) if tied.contains(&route.name) => RouteVerdict::Tie,
                _ => RouteVerdict::LessSpecific,
            };
            RouteTrace { route: route.clone(), fits, verdict }
        };
        let routes = self.catalog.routes.values().map(judged).collect();
        (routes, found.map_err(|none| Some(none.reason(&facts))))
    }

    /// No route serves a tenant that is not there.
    fn without_tenant(&self, intent: &Intent) -> Vec<RouteTrace> {
        let Intent { kind, service, area, .. } = intent;
        let judged = |route: &Route| {
            let any = route.tenants.iter().next()?;
            let mut fits = routing::fits(route, &Facts { tenant: any, kind, service, area });
            fits[0].1 = false;
            Some(RouteTrace { route: route.clone(), fits, verdict: RouteVerdict::Differs })
        };
        self.catalog.routes.values().filter_map(judged).collect()
    }

    /// Whether it would be taken in.
    async fn door(
        &self,
        trial: &Trial,
        tenant: Option<&TenantName>,
        route: Option<&Route>,
    ) -> Result<(), Refusal> {
        let Intent { service, area, .. } = &trial.intent;
        let tenant = tenant.ok_or_else(|| Refusal::UnknownArea(area.clone()))?;
        if trial.client.as_ref().is_some_and(|client: &Client| !client.may_submit(tenant, service)) {
            return Err(Refusal::NotGranted(service.clone(), area.clone()));
        }
        stage_takes(self.catalog, tenant, &trial.intent)?;
        let data = trial.parts.iter().find(|part| part.role == Role::Data).ok_or(Refusal::NoData)?;
        let steps = route.into_iter().flat_map(|route| route.steps_for(tenant));
        let checks: Vec<MappingName> = steps.filter_map(|step| step.mapping.clone()).collect();
        let (catalog, data, media_type) =
            (Arc::clone(self.catalog), trial.data.clone(), data.media_type.clone());
        let checked = move || check_data(&catalog, &media_type, &data, &checks).map(|_: Found| ());
        let failed = || Refusal::Trouble(StoreFault::Unavailable("a worker failed".into()));
        self.run(None, checked).await.map_err(|_| failed())?
    }

    /// The steps, each after those that it waits for, in the order written.
    async fn steps(&self, route: &Route, submission: &Submission, trial: &Trial) -> Vec<StepTrace> {
        let mut done: Vec<(usize, StepTrace)> = Vec::new();
        let steps = route.steps_for(&submission.tenant);
        while let Some((index, step)) = next(steps, &done) {
            let tried = Tried { path: self, route, step, submission, trial, key: trial.ids.delivery(index) };
            let traced = tried.trace(done.iter().map(|(_, traced)| traced)).await;
            done.push((index, traced));
        }
        done.sort_by_key(|(index, _)| *index);
        done.into_iter().map(|(_, traced)| traced).collect()
    }

    /// Does work that keeps a processor busy; a `mapping` that takes long leaves room to others here, too.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        mapping: Option<Digest>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Reason> {
        match self.workers {
            Some(workers) => workers.run_mapping(mapping, work).await,
            None => Ok(work()),
        }
    }
}

/// The next step that waits for nothing any more; `check` has refused circles, and in one the first goes on.
fn next<'r>(steps: &'r [Step], done: &[(usize, StepTrace)]) -> Option<(usize, &'r Step)> {
    let is_done = |name: &StepName| done.iter().any(|(_, traced)| traced.step.name == *name);
    let mut open = steps.iter().enumerate().filter(|(_, step)| !is_done(&step.name));
    let first = open.clone().next();
    open.find(|(_, step)| step.after.iter().all(is_done)).or(first)
}

/// What takes the place of a client where none is asked about. Nothing that is sent names it.
const NOBODY: &str = "trace";

fn submission(trial: &Trial, tenant: &TenantName, case: &CaseId) -> Option<Submission> {
    let intent = trial.intent.clone();
    let client = trial.client.as_ref().map(|client| client.name.clone());
    Some(Submission {
        id: trial.ids.submission(),
        tenant: tenant.clone(),
        client: client.or_else(|| NOBODY.parse().ok())?,
        kind: intent.kind,
        service: intent.service,
        area: intent.area,
        case: case.clone(),
        sequence: 1,
        received_at: trial.ids.now(),
        trust_level: intent.trust_level,
        reply: intent.reply,
        test: intent.test,
        traceparent: intent.traceparent,
        not_before: intent.not_before,
        properties: intent.properties,
        parts: trial.parts.clone(),
    })
}
