//! Which submissions go where.

use crate::submission::ReplyWay;
use crate::{
    AreaPattern, DestinationName, Digest, DocumentName, Kind, MappingName, RouteName, SealName, ServiceKey,
    StepName, TenantName,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Stands in a destination for what the table of responsibilities names.
pub const RESPONSIBLE: &str = "{responsible}";

/// The name of the hub's own step, on which a submission waits that no route takes. No route may use it.
pub const UNROUTED: &str = "unrouted";

/// A municipality or authority with the areas that it is responsible for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Its name in the configuration.
    pub name: TenantName,
    /// What people call it.
    pub title: String,
    /// The areas it is responsible for. The most specific tenant takes an area.
    pub areas: Vec<AreaPattern>,
    /// Where it stands on its way into service.
    pub stage: Stage,
}

/// Where a tenant, or a route for a tenant, stands on its way into service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Takes all submissions.
    #[default]
    Live,
    /// Takes submissions with the test flag only, and reaches destinations marked test only.
    Test,
}

impl Stage {
    /// Whether a submission is taken whose test flag is `test`.
    pub fn takes(self, test: bool) -> bool {
        test || self == Self::Live
    }

    /// The word in the configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }
}

/// Which submissions a route takes, and the deliveries it makes of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its name.
    pub name: RouteName,
    /// The tenants it serves.
    pub tenants: BTreeSet<TenantName>,
    /// What it takes.
    pub matches: Match,
    /// What it does, in the order written.
    pub steps: Vec<Step>,
    /// What it does for a tenant for whom that is something else.
    pub special: BTreeMap<TenantName, Vec<Step>>,
    /// The tenants for whom it stands in the stage test, whatever their own stage is.
    pub testing: BTreeSet<TenantName>,
    /// How long after the application of their case amendments are taken; `None`: always. A document-request prolongs it to
    /// its own deadline.
    pub amendments: Option<Duration>,
}

impl Route {
    /// What it does for `tenant`, in the order written.
    pub fn steps_for(&self, tenant: &TenantName) -> &[Step] {
        self.special.get(tenant).unwrap_or(&self.steps)
    }

    /// Every step that a delivery can be made on, each with its name within the route: `STEP`, or `STEP@TENANT` where it
    /// is special.
    pub fn all_steps(&self) -> impl Iterator<Item = (String, &Step)> {
        let common = self.steps.iter().map(|step| (step.name.to_string(), step));
        let special = self.special.iter().flat_map(|(tenant, steps)| {
            steps.iter().map(move |step| (format!("{}@{tenant}", step.name), step))
        });
        common.chain(special)
    }

    /// Its stage for `tenant`: the more careful of both.
    pub fn stage_for(&self, tenant: &Tenant) -> Stage {
        if self.testing.contains(&tenant.name) { Stage::Test } else { tenant.stage }
    }
}

/// What a route takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// The kinds; empty for all.
    pub kinds: BTreeSet<Kind>,
    /// The services; empty for all.
    pub services: BTreeSet<ServiceKey>,
    /// The area, or a prefix of areas.
    pub area: AreaPattern,
}

impl Match {
    /// How narrowly it says what it takes: a named service before any service, then a named kind before any kind,
    /// then the narrower area. The greater tuple wins.
    pub fn specificity(&self) -> (bool, bool, usize) {
        (!self.services.is_empty(), !self.kinds.is_empty(), self.area.specificity())
    }

    /// Whether some submission is taken by both.
    pub fn overlaps(&self, other: &Self) -> bool {
        fn meet<T: Ord>(left: &BTreeSet<T>, right: &BTreeSet<T>) -> bool {
            left.is_empty() || right.is_empty() || !left.is_disjoint(right)
        }
        meet(&self.kinds, &other.kinds)
            && meet(&self.services, &other.services)
            && self.area.overlaps(&other.area)
    }
}

/// One delivery to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its name, unique in the route.
    pub name: StepName,
    /// The destination; `{tenant}` stands for the tenant's name, [`RESPONSIBLE`] for what the table of responsibilities says.
    pub destination: String,
    /// The same for submissions with the test flag; without one they go where the others go, if that may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_destination: Option<String>,
    /// The mapping that makes its document; without one the data goes as it came.
    pub mapping: Option<MappingName>,
    /// Which of the mapping's documents is the message here; without one it is the mapping's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<DocumentName>,
    /// Which of the mapping's other documents go along.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<DocumentName>,
    /// Values for the mapping's parameters, in place of its defaults.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
    /// How the document is signed.
    pub seal: Option<SealName>,
    /// Whether deliveries of one case leave in order of acceptance (promise H11).
    pub ordered: bool,
    /// Steps of the same route that come first.
    pub after: Vec<StepName>,
    /// When a step in `after` counts as done.
    pub on: On,
    /// Whether the step is made at all; decided when its turn comes.
    pub when: Option<When>,
    /// Whether the attachments go with the document.
    pub attachments: bool,
    /// When a delivery that has not left is given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry: Option<Expiry>,
}

/// When a delivery that has not left is given up, and how long before that people are warned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiry {
    /// So long after acceptance.
    pub after: Duration,
    /// So long before that; the longest first.
    pub warn: Vec<Duration>,
}

impl Step {
    /// What a name in [`Self::with`] means among the documents of the mapping: `None` for the mapping's own message, which
    /// can go along where another document is the message of this step.
    pub fn enclosed<'n>(&self, name: &'n DocumentName) -> Option<&'n DocumentName> {
        Some(name).filter(|name| name.as_str() != crate::document::MESSAGE)
    }

    /// Its mapping as it is written: `NAME`, or `NAME#DOCUMENT`.
    pub fn mapping_written(&self) -> Option<String> {
        let mapping = self.mapping.as_ref()?;
        let document = self.document.as_ref().map(|document| format!("#{document}"));
        Some(format!("{mapping}{}", document.unwrap_or_default()))
    }

    /// The template of the destination for submissions whose test flag is `test`.
    pub fn template_for(&self, test: bool) -> &str {
        self.test_destination.as_ref().filter(|_| test).unwrap_or(&self.destination)
    }

    /// The destination's name for a submission of `tenant` whose test flag is `test`, for which the table names
    /// `responsible`. `None` where the template gives no name, or asks the table and it has none.
    pub fn destination_for(
        &self,
        tenant: &TenantName,
        test: bool,
        responsible: Option<&DestinationName>,
    ) -> Option<DestinationName> {
        let named = self.template_for(test).replace("{tenant}", tenant.as_str());
        match responsible {
            Some(name) => named.replace(RESPONSIBLE, name.as_str()).parse().ok(),
            None => named.parse().ok(),
        }
    }
}

/// When a step that others wait for counts as done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum On {
    /// When the target has said its final word.
    #[default]
    Delivered,
    /// As soon as the target took it.
    Accepted,
}

/// A step's condition. A step whose condition is false ends as skipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// The receipt of each step in `after` has this result, for instance `paid`.
    Result(String),
    /// An XPath 1.0 expression over the submission's data is true.
    Xpath {
        /// The expression.
        expression: String,
        /// Prefix → namespace.
        namespaces: BTreeMap<String, String>,
    },
    /// The submission wants its answers by one of these ways.
    Reply(BTreeSet<ReplyWay>),
}

/// A step with everything that decides which bytes it sends: what a delivery pins at acceptance. Its digest names it.
/// Address, credentials, keys, limits and hours are not in it: those are always the current ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedStep {
    /// The format of this record.
    pub version: u32,
    /// The route that the step belongs to.
    pub route: RouteName,
    /// The step as it was written.
    pub step: Step,
    /// The content of its mapping, schemas included.
    pub mapping: Option<Digest>,
    /// The form of its seal.
    pub seal_form: Option<crate::ports::SealForm>,
}
