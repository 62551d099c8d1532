//! What orders for many deliveries look like, asked and answered.

use rohrpost_model::ports::{BulkCommand, BulkEnded, BulkOrder, BulkState, DeliveryFilter, Dependents};
use rohrpost_model::{
    CaseId, CommandId, DestinationName, ReasonCode, ServiceKey, State, TenantName, Timestamp,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// An order for all deliveries that fit a filter.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OrderMany {
    /// What is asked.
    pub(crate) order: OrderWord,
    /// For `discard`: what becomes of the steps that wait for a discarded one, `discard` (the default) or `release`.
    #[schema(value_type = Option<String>)]
    pub(crate) dependents: Option<Dependents>,
    /// For which deliveries. It is cut to the states in which the order makes sense.
    #[serde(default)]
    pub(crate) filter: Filter,
    /// Confirms a filter that restricts nothing.
    #[serde(default)]
    pub(crate) all: bool,
    /// Why, in 1 to 1000 characters; it stands in the history of every delivery. Only a preview needs none.
    pub(crate) reason: Option<String>,
    /// At most so many deliveries in a second, 1 to 1000; 100 if not given.
    pub(crate) per_second: Option<u32>,
    /// Whether to say only how many deliveries fit now.
    #[serde(default)]
    pub(crate) preview: bool,
}

/// What is asked for each of many deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OrderWord {
    /// Another attempt, now, with the same bytes.
    Retry,
    /// Made anew under the configuration that is active when its turn comes.
    RetryCurrent,
    /// Given up.
    Discard,
    /// Held back: nothing is sent and nothing is asked until it is resumed.
    Pause,
    /// Let go on.
    Resume,
}

/// Which deliveries; everything that is given must fit.
#[derive(Default, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = DeliveryFilter)]
pub(crate) struct Filter {
    /// In one of these states.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub(crate) state: BTreeSet<State>,
    /// Of this tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) tenant: Option<TenantName>,
    /// To this destination.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) destination: Option<DestinationName>,
    /// Of a submission for this service (LeiKa key).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) service: Option<ServiceKey>,
    /// Of this case.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) case: Option<CaseId>,
    /// Whose reason has this code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) reason: Option<ReasonCode>,
    /// That somebody holds back by themselves (`true`), or that nobody does (`false`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) paused: Option<bool>,
}

impl Filter {
    /// Whether it restricts nothing.
    pub(crate) fn is_empty(&self) -> bool {
        let Self { state, tenant, destination, service, case, reason, paused } = self;
        state.is_empty()
            && tenant.is_none()
            && destination.is_none()
            && service.is_none()
            && case.is_none()
            && reason.is_none()
            && paused.is_none()
    }
}

impl From<DeliveryFilter> for Filter {
    fn from(filter: DeliveryFilter) -> Self {
        let DeliveryFilter { states, tenant, reason, paused, destination, service, case } = filter;
        Self { state: states, tenant, destination, service, case, reason, paused }
    }
}

/// How many deliveries an order would concern.
#[derive(Serialize, ToSchema)]
pub(crate) struct Counted {
    pub(crate) count: u64,
}

/// Why an order is stopped.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cancel {
    /// Why, in 1 to 1000 characters; it stands in the audit log.
    pub(crate) reason: String,
}

/// A page of orders for many deliveries.
#[derive(Serialize, ToSchema)]
pub(crate) struct CommandList {
    /// The newest first.
    pub(crate) commands: Vec<Command>,
    /// The `cursor` of the next page; null on the last one.
    pub(crate) next: Option<String>,
}

/// An order for many deliveries, and how far it is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Command {
    #[schema(value_type = String, format = Uuid)]
    id: CommandId,
    /// What was asked.
    order: OrderWord,
    /// For `discard`: what becomes of the steps that wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    dependents: Option<Dependents>,
    /// For which deliveries; later ones are not meant.
    filter: Filter,
    per_second: u32,
    /// The client's name.
    who: String,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The person's words; only for those who have the role `audit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// `running`, `finished`, `cancelled`.
    #[schema(value_type = String)]
    state: BulkState,
    /// How many deliveries fitted when it began.
    total: u64,
    /// For how many it was carried out.
    done: u64,
    /// How many did not fit any more when their turn came.
    refused: u64,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
    /// Who ended it: the client's name, or `rohrpost` where it was through.
    ended_by: Option<String>,
    /// The words of who cancelled it; only for those who have the role `audit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_why: Option<String>,
}

impl Command {
    pub(crate) fn new(command: BulkCommand, with_words: bool) -> Self {
        let (order, dependents) = words(command.order);
        let (ended, ended_why) = match command.ended {
            Some(BulkEnded { at, who, why }) => (Some((at, who)), why.filter(|_| with_words)),
            None => (None, None),
        };
        let (ended_at, ended_by) = ended.unzip();
        Self {
            id: command.id,
            order,
            dependents,
            filter: command.filter.into(),
            per_second: command.per_second,
            who: command.who,
            at: command.at,
            why: command.why.filter(|_| with_words),
            state: command.state,
            total: command.total,
            done: command.done,
            refused: command.refused,
            ended_at,
            ended_by,
            ended_why,
        }
    }
}

const fn words(order: BulkOrder) -> (OrderWord, Option<Dependents>) {
    match order {
        BulkOrder::Retry => (OrderWord::Retry, None),
        BulkOrder::Mend => (OrderWord::RetryCurrent, None),
        BulkOrder::Discard { dependents } => (OrderWord::Discard, Some(dependents)),
        BulkOrder::Pause => (OrderWord::Pause, None),
        BulkOrder::Resume => (OrderWord::Resume, None),
    }
}
