//! `[[override]]` in a route: what is different for some of its tenants, so that nobody copies a route for one of them.

use super::mapping_ref::MappingRef;
use super::reader::{Faults, Placed, Table};
use super::routes::{RouteDraft, StepDraft, unknown_step};
use super::tenants::STAGES;
use rohrpost_model::route::{Stage, When};
use rohrpost_model::{DocumentName, SealName, StepName, TenantName};
use std::collections::{BTreeMap, BTreeSet};

/// One override as written: of the route's stage, or of one step.
pub struct OverrideDraft {
    /// For whom.
    tenants: Vec<Placed<TenantName>>,
    /// The route's stage for them.
    stage: Option<Placed<Stage>>,
    step: Option<Placed<StepName>>,
    leave_out: bool,
    destination: Option<Placed<String>>,
    test_destination: Option<Placed<String>>,
    mapping: Option<Placed<MappingRef>>,
    with: Option<Vec<Placed<DocumentName>>>,
    seal: Option<Placed<SealName>>,
    params: BTreeMap<String, Placed<String>>,
}

impl OverrideDraft {
    /// Reads one.
    pub fn read(table: Table<'_>) -> Self {
        let it = Self {
            tenants: table.must("tenants").some_texts("tenant"),
            stage: table.may("stage").word(&STAGES),
            step: table.may("step").text(),
            leave_out: table.may("leave-out").flag().is_some_and(|flag| flag.value),
            destination: table.may("destination").text(),
            test_destination: table.may("test-destination").text(),
            mapping: table.may("mapping").text(),
            with: table.may("with").is_there().then(|| table.may("with").texts()),
            seal: table.may("seal").text(),
            params: table.may("params").pairs().into_iter().collect(),
        };
        it.check(&table);
        table.end(&[]);
        it
    }

    fn check(&self, table: &Table<'_>) {
        let fault = |what: &str, hint: &str| table.faults().note(table.place().fault(what).hint(hint));
        let changes = self.changes_the_step();
        match (&self.stage, &self.step) {
            (None, None) if !table.leave("stage") && !table.leave("step") => {
                fault("the override changes nothing", "name a `step` with what is different, or a `stage`");
            }
            (Some(_), _) if changes || self.leave_out || self.step.is_some() => {
                fault("the stage is the whole route's", "give the stage an [[override]] of its own");
            }
            (None, Some(_)) if changes && self.leave_out => {
                fault("what is left out cannot be different, too", "take `leave-out` away, or the rest");
            }
            (None, Some(step)) if !changes && !self.leave_out => {
                let what = format!("the override changes nothing of the step `{}`", **step);
                fault(&what, "give it another destination, mapping or seal, params, or `leave-out = true`");
            }
            _ => {}
        }
    }

    fn changes_the_step(&self) -> bool {
        self.destination.is_some()
            || self.test_destination.is_some()
            || self.mapping.is_some()
            || self.with.is_some()
            || self.seal.is_some()
            || !self.params.is_empty()
    }

    fn is_for(&self, tenant: &TenantName) -> bool {
        self.tenants.iter().any(|listed| listed.value == *tenant)
    }

    fn is_of(&self, step: &StepDraft) -> bool {
        self.step.as_ref().is_some_and(|name| step.is_called(name))
    }

    /// What it is about: the stage, or a step. Two of one tenant may not be about the same.
    fn subject(&self) -> Option<&str> {
        self.step.as_ref().map(|step| step.as_str()).or_else(|| self.stage.as_ref().map(|_| ""))
    }

    fn change(&self, step: &mut StepDraft) {
        let Self { destination, test_destination, mapping, with, seal, params, .. } = self;
        step.destination = destination.clone().or_else(|| step.destination.take());
        step.test_destination = test_destination.clone().or_else(|| step.test_destination.take());
        step.mapping = mapping.clone().or_else(|| step.mapping.take());
        step.with = with.clone().unwrap_or_else(|| std::mem::take(&mut step.with));
        step.seal = seal.clone().or_else(|| step.seal.take());
        step.params.extend(params.clone());
    }
}

impl RouteDraft {
    /// The steps for one tenant: those of the route, changed and left out as its overrides say. What waited for a step
    /// that is left out waits for what that one waited for.
    pub fn steps_for(&self, tenant: &TenantName) -> Vec<StepDraft> {
        let mut steps = self.steps.clone();
        for different in self.overrides.iter().filter(|different| different.is_for(tenant)) {
            steps.iter_mut().filter(|step| different.is_of(step)).for_each(|step| different.change(step));
        }
        let left_out = |step: &StepDraft| {
            let of_it = |one: &&OverrideDraft| one.leave_out && one.is_for(tenant) && one.is_of(step);
            self.overrides.iter().find(of_it).is_some()
        };
        let (gone, mut rest): (Vec<_>, Vec<_>) = steps.into_iter().partition(left_out);
        rest.iter_mut().for_each(|step| wait_for_others(step, &gone));
        rest
    }

    /// The route's own stage for a tenant.
    pub fn own_stage_for(&self, tenant: &TenantName) -> Stage {
        let of_it = |one: &&OverrideDraft| one.stage.is_some() && one.is_for(tenant);
        let different = self.overrides.iter().find(of_it).and_then(|one| one.stage.as_ref());
        different.or(self.stage.as_ref()).map(|stage| stage.value).unwrap_or_default()
    }

    /// Notes overrides of what is not there, and two that say different things of the same.
    pub fn check_overrides(&self, faults: &Faults) {
        let mut seen = BTreeMap::new();
        for different in &self.overrides {
            if let Some(step) = &different.step {
                check_step(step, &self.steps, faults);
            }
            for tenant in &different.tenants {
                self.check_served(tenant, faults);
                let Some(subject) = different.subject() else { continue };
                if let Some(first) = seen.insert((&tenant.value, subject), &tenant.at) {
                    let what = format!("for the tenant `{}` {first} says the same already", **tenant);
                    faults.note(tenant.at.fault(what).hint("put what is different into one [[override]]"));
                }
            }
        }
        self.tenants.iter().for_each(|tenant| self.check_rest(tenant, faults));
    }

    fn check_served(&self, tenant: &Placed<TenantName>, faults: &Faults) {
        if !self.tenants.iter().any(|served| served.value == tenant.value) {
            let what = format!("the route does not serve the tenant `{}`", **tenant);
            faults.note(tenant.at.fault(what).hint("add it to the route's `tenants`, or take it out here"));
        }
    }

    /// What is left when steps are left out: something, and nothing that asks for the result of a step that is not made.
    fn check_rest(&self, tenant: &Placed<TenantName>, faults: &Faults) {
        let rest = self.steps_for(tenant);
        if rest.is_empty() && !self.steps.is_empty() {
            let what = format!("every step is left out for the tenant `{}`", **tenant);
            faults.note(tenant.at.fault(what).hint("take the tenant out of the route instead"));
        }
        for step in rest {
            let whole =
                self.steps.iter().find(|one| step.name.as_ref().is_some_and(|name| one.is_called(name)));
            let (Some(when), Some(whole)) = (&step.when, whole) else { continue };
            if matches!(when.value, When::Result(_)) && step.after.len() != whole.after.len() {
                let what = format!(
                    "for the tenant `{}` a step is left out whose result this condition asks for",
                    **tenant
                );
                faults.note(when.at.fault(what).hint("leave this step out for the tenant, too"));
            }
        }
    }
}

fn check_step(name: &Placed<StepName>, steps: &[StepDraft], faults: &Faults) {
    if !steps.iter().any(|step| step.is_called(name)) {
        faults.note(unknown_step(name, steps));
    }
}

/// Puts in the place of each step that is gone those that it waited for.
fn wait_for_others(step: &mut StepDraft, gone: &[StepDraft]) {
    let (mut after, mut seen) = (Vec::new(), BTreeSet::new());
    let mut ahead: Vec<_> = step.after.iter().rev().cloned().collect();
    while let Some(name) = ahead.pop() {
        if !seen.insert(name.value.clone()) {
            continue;
        }
        match gone.iter().find(|one| one.is_called(&name)) {
            Some(left_out) => ahead.extend(left_out.after.iter().rev().cloned()),
            None => after.push(name),
        }
    }
    step.after = after;
}
