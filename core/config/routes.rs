//! `routes/*.toml`: which submissions go where. Here each route is read and checked by itself; what it has to do with
//! other items is [`super::crosscheck`]'s.

use super::files::name_of;
use super::mapping_ref::MappingRef;
use super::overrides::OverrideDraft;
use super::placeholders::{for_tenant, pinned_destination};
use super::reader::{Entry, Faults, Placed, Source, Table};
use super::references::check_unique;
use super::tenants::{STAGES, TenantDraft};
use rohrpost_kit::settings::{Duration, nearest};
use rohrpost_mappings::Condition;
use rohrpost_model::route::{Expiry, Match, On, Route, Stage, Step, UNROUTED, When};
use rohrpost_model::submission::ReplyWay;
use rohrpost_model::{AreaPattern, DocumentName, Fault, Kind, RouteName, SealName, StepName, TenantName};
use std::collections::BTreeMap;

/// A route as written.
pub struct RouteDraft {
    /// Its name.
    pub name: Placed<RouteName>,
    /// The tenants it serves.
    pub tenants: Vec<Placed<TenantName>>,
    /// What it takes, as far as it can be read; and where that stands.
    pub matches: Option<Placed<Match>>,
    /// What it does.
    pub steps: Vec<StepDraft>,
    /// What is different for some tenants.
    pub overrides: Vec<OverrideDraft>,
    /// Its own stage, for tenants without another one.
    pub stage: Option<Placed<Stage>>,
    /// The rule of the route, for steps without one of their own.
    expiry: Option<Expiry>,
    /// How long amendments are taken.
    amendments: Option<Placed<Duration>>,
}

/// A step as written.
#[derive(Clone)]
pub struct StepDraft {
    /// Its name, if it can be read.
    pub name: Option<Placed<StepName>>,
    /// The template of its destination's name.
    pub destination: Option<Placed<String>>,
    /// The same for test submissions.
    pub test_destination: Option<Placed<String>>,
    /// Its mapping.
    pub mapping: Option<Placed<MappingRef>>,
    /// Which other documents of the mapping go along.
    pub with: Vec<Placed<DocumentName>>,
    /// Values for the mapping's parameters.
    pub params: BTreeMap<String, Placed<String>>,
    /// Its seal.
    pub seal: Option<Placed<SealName>>,
    /// Its condition.
    pub when: Option<Placed<When>>,
    /// Steps that come first.
    pub after: Vec<Placed<StepName>>,
    on: On,
    ordered: bool,
    attachments: bool,
    expiry: Option<Expiry>,
}

impl RouteDraft {
    /// Reads one file and checks what can be checked without the others.
    pub fn read(source: &Source, faults: &Faults) -> Option<Self> {
        let tree = source.parse(faults);
        let table = Table::whole(source, &tree, faults);
        let name = name_of(source, &table);
        let tenants = table.must("tenants").some_texts("tenant");
        let matches = read_match(table.must("match"));
        let expiry = read_expiry(table.may("expiry"));
        let amendments = table.may("amendments-until").text::<Duration>();
        let listed = table.may("step");
        let steps: Vec<_> = listed.tables().into_iter().map(StepDraft::read).collect();
        let pulled = table.may("pull").flag().is_some_and(|pull| pull.value);
        if listed.items().is_empty() && !pulled {
            let fault = table.place().fault("the route has no step, so it would deliver nothing");
            faults.note(fault.hint(
                "add [[step]] with name and destination; or, for answers that portals pull, pull = true",
            ));
        }
        let stage = table.may("stage").word(&STAGES);
        let overrides = table.may("override").tables().into_iter().map(OverrideDraft::read).collect();
        table.end(&[]);
        check_steps(&steps, faults);
        let route = Self { name: name?, tenants, matches, steps, overrides, stage, expiry, amendments };
        route.check_overrides(faults);
        route.check_amendments(faults);
        Some(route)
    }

    /// The noun; `None` where something is missing, which has been noted.
    pub fn build(self, tenants: &[TenantDraft]) -> Option<Route> {
        let build = |step: StepDraft, tenant| step.build(self.expiry.as_ref(), tenant);
        let steps: Vec<_> =
            self.steps.iter().cloned().map(|step| build(step, None)).collect::<Option<_>>()?;
        let mut special = BTreeMap::new();
        for tenant in tenants.iter().filter(|tenant| self.serves(&tenant.name)) {
            let own = self.steps_for(&tenant.name).into_iter().map(|step| build(step, Some(tenant)));
            let own: Vec<_> = own.collect::<Option<_>>()?;
            if own != steps {
                special.insert(tenant.name.value.clone(), own);
            }
        }
        let names = self.tenants.iter().map(|tenant| tenant.value.clone());
        let testing = names.clone().filter(|name| self.own_stage_for(name) == Stage::Test).collect();
        let tenants = names.collect();
        let (matches, amendments) = (self.matches?.value, self.amendments.map(|length| length.value.get()));
        Some(Route { name: self.name.value, tenants, matches, steps, special, testing, amendments })
    }

    /// A time for amendments says nothing on a route that takes none.
    fn check_amendments(&self, faults: &Faults) {
        let (Some(length), Some(matches)) = (&self.amendments, &self.matches) else { return };
        if !matches.kinds.is_empty() && !matches.kinds.iter().any(Kind::is_amendment) {
            let fault = length.at.fault("this route takes no amendments");
            faults.note(fault.hint("write it on the route whose `kind` is amendment"));
        }
    }

    /// Whether it lists the tenant.
    pub fn serves(&self, tenant: &TenantName) -> bool {
        self.tenants.iter().any(|listed| listed.value == *tenant)
    }
}

/// `None` where a part cannot be read: what is left would take more than was meant, and seem to meet other routes.
fn read_match(entry: Entry<'_>) -> Option<Placed<Match>> {
    let at = entry.place()?;
    let table = entry.table();
    let (kinds, services) = (table.may("kind"), table.may("service"));
    let area = table.may("area");
    let kind_texts = kinds.texts();
    let service_texts = services.texts();
    let pattern =
        if area.is_there() { area.text::<AreaPattern>().map(|area| area.value) } else { "*".parse().ok() };
    table.end(&[]);
    let whole = kind_texts.len() == kinds.items().len() && service_texts.len() == services.items().len();
    let values = |texts: Vec<Placed<_>>| texts.into_iter().map(|text| text.value).collect();
    let services = service_texts.into_iter().map(|text| text.value).collect();
    pattern
        .filter(|_| whole)
        .map(|area| Placed { value: Match { kinds: values(kind_texts), services, area }, at })
}

impl StepDraft {
    fn read(table: Table<'_>) -> Self {
        let flag = |key, default| table.may(key).flag().map_or(default, |flag| flag.value);
        let step = Self {
            name: table.must("name").text(),
            destination: table.must("destination").text(),
            test_destination: table.may("test-destination").text(),
            mapping: table.may("mapping").text(),
            with: table.may("with").texts(),
            params: table.may("params").pairs().into_iter().collect(),
            seal: table.may("seal").text(),
            ordered: flag("ordered", false),
            after: table.may("after").texts(),
            on: read_on(&table),
            when: read_when(table.may("when")),
            attachments: flag("attachments", true),
            expiry: read_expiry(table.may("expiry")),
        };
        table.end(&[]);
        step
    }

    /// For a tenant, or as it is written where a tenant has no part in it.
    fn build(self, of_route: Option<&Expiry>, tenant: Option<&TenantDraft>) -> Option<Step> {
        let named = |template: String| match tenant {
            Some(tenant) => pinned_destination(&template, tenant).ok(),
            None => Some(template),
        };
        let value = |text: String| match tenant {
            Some(tenant) => for_tenant(&text, tenant).ok(),
            None => Some(text),
        };
        let params = self.params.into_iter().map(|(name, text)| Some((name, value(text.value)?)));
        let test_destination = match self.test_destination {
            Some(template) => Some(named(template.value)?),
            None => None,
        };
        Some(Step {
            name: self.name?.value,
            destination: named(self.destination?.value)?,
            test_destination,
            document: self.mapping.as_ref().and_then(|mapping| mapping.document.clone()),
            mapping: self.mapping.map(|mapping| mapping.value.name),
            with: self.with.into_iter().map(|name| name.value).collect(),
            params: params.collect::<Option<_>>()?,
            seal: self.seal.map(|seal| seal.value),
            ordered: self.ordered,
            after: self.after.into_iter().map(|step| step.value).collect(),
            on: self.on,
            when: self.when.map(|when| when.value),
            attachments: self.attachments,
            expiry: self.expiry.or_else(|| of_route.cloned()),
        })
    }

    /// Whether this is its name.
    pub fn is_called(&self, name: &StepName) -> bool {
        self.name.as_ref().is_some_and(|own| own.value == *name)
    }
}

/// When a delivery that has not left is given up.
fn read_expiry(entry: Entry<'_>) -> Option<Expiry> {
    entry.place()?;
    let table = entry.table();
    let after = table.must("after").text::<Duration>();
    let warn = table.may("warn").texts::<Duration>();
    let faults = table.faults();
    table.end(&[]);
    let after = after?;
    if after.get().is_zero() {
        let fault = after.at.fault("with no time at all everything would expire at once");
        faults.note(fault.hint("give a time like 30d"));
    }
    for early in warn.iter().filter(|warn| warn.get() >= after.get()) {
        let fault = early.at.fault("this warning would come before the submission does");
        faults.note(fault.hint("warn less long before than `after`"));
    }
    for late in warn.iter().filter(|warn| warn.get().is_zero()) {
        let fault = late.at.fault("this warning would come when it is too late");
        faults.note(fault.hint("give a time before the end, like 1d"));
    }
    let mut warn: Vec<_> = warn.iter().map(|warn| warn.get()).collect();
    warn.sort_by(|one, other| other.cmp(one));
    Some(Expiry { after: after.get(), warn })
}

fn read_on(table: &Table<'_>) -> On {
    let words = [("delivered", On::Delivered), ("accepted", On::Accepted)];
    table.may("on").word(&words).map(|on| on.value).unwrap_or_default()
}

/// A text is the result that a receipt must have; a table asks the submission's data, or where it wants its answers.
fn read_when(entry: Entry<'_>) -> Option<Placed<When>> {
    if entry.is_text() {
        let Placed { value, at } = entry.text::<String>()?;
        return Some(Placed { value: When::Result(value), at });
    }
    entry.place()?;
    let table = entry.table();
    // A table has the keys of one kind of condition: of the other it need not be told.
    if table.leave("reply") {
        let ways = table.must("reply");
        let at = ways.place()?;
        table.end(&[]);
        let ways: Vec<Placed<ReplyWay>> = ways.some_texts("way");
        let ways = ways.into_iter().map(|way| way.value).collect();
        return Some(Placed { value: When::Reply(ways), at });
    }
    let expression = table.must("xpath").text::<String>();
    let namespaces: BTreeMap<_, _> =
        table.may("namespaces").pairs().into_iter().map(|(prefix, uri)| (prefix, uri.value)).collect();
    table.end(&[]);
    let Placed { value: expression, at } = expression?;
    Some(Placed { value: When::Xpath { expression, namespaces }, at })
}

fn check_steps(steps: &[StepDraft], faults: &Faults) {
    check_unique("step", steps.iter().filter_map(|step| step.name.as_ref()), faults);
    for step in steps {
        if let Some(name) = step.name.as_ref().filter(|name| name.as_str() == UNROUTED) {
            let what =
                format!("`{UNROUTED}` is the hub's own step, on which submissions wait that no route takes");
            faults.note(name.at.fault(what).hint("give the step another name"));
        }
        step.after.iter().for_each(|after| check_after(after, steps, faults));
        check_condition(step, faults);
    }
    check_cycles(steps, faults);
}

fn check_after(after: &Placed<StepName>, steps: &[StepDraft], faults: &Faults) {
    if steps.iter().any(|step| step.is_called(after)) {
        return;
    }
    faults.note(unknown_step(after, steps));
}

/// A reference to a step that is not there.
pub fn unknown_step(name: &Placed<StepName>, steps: &[StepDraft]) -> Fault {
    let names: Vec<_> =
        steps.iter().filter_map(|step| step.name.as_ref()).map(|name| name.as_str()).collect();
    let known = names.join(", ");
    let hint = match nearest(name.as_str(), names) {
        Some(meant) => format!("did you mean `{meant}`? Steps of this route: {known}"),
        None => format!("steps of this route: {known}"),
    };
    name.at.fault(format!("unknown step `{}`", **name)).hint(hint)
}

fn check_condition(step: &StepDraft, faults: &Faults) {
    let Some(Placed { value: when, at }) = &step.when else { return };
    match when {
        When::Result(result) if step.after.is_empty() => {
            let what = format!(
                "the condition asks whether earlier steps ended with `{result}`, and no step is named"
            );
            faults.note(at.fault(what).hint("name those steps in `after`"));
        }
        When::Result(_) | When::Reply(_) => {}
        When::Xpath { expression, namespaces } => {
            if let Err(fault) = Condition::compile(expression, namespaces) {
                faults.note(at.fault(fault.to_string()).hint("write an XPath 1.0 expression"));
            }
        }
    }
}

/// A step that waits for itself, directly or by way of others, would wait for ever. Each circle is one fault, at the
/// first of its steps.
fn check_cycles(steps: &[StepDraft], faults: &Faults) {
    for (first, step) in steps.iter().enumerate() {
        for after in &step.after {
            if let Some(path) = way_back(steps, first, after, &mut vec![false; steps.len()]) {
                let path = path.iter().rev().map(|name| name.as_str()).collect::<Vec<_>>().join(" → ");
                let own = step.name.as_ref().map_or("", |name| name.as_str());
                let fault =
                    after.at.fault(format!("the steps wait for each other in a circle: {own} → {path}"));
                faults.note(fault.hint("take one of them out of `after`"));
            }
        }
    }
}

/// The steps from `name` to step `first`, last to first, over steps that stand behind `first` only: a circle with an
/// earlier step is told there.
fn way_back(steps: &[StepDraft], first: usize, name: &StepName, seen: &mut [bool]) -> Option<Vec<StepName>> {
    let index = steps.iter().position(|step| step.is_called(name))?;
    if index == first {
        return Some(vec![name.clone()]);
    }
    if index < first || std::mem::replace(seen.get_mut(index)?, true) {
        return None;
    }
    let mut path = steps.get(index)?.after.iter().find_map(|after| way_back(steps, first, after, seen))?;
    path.push(name.clone());
    Some(path)
}
