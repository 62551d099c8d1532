//! Orders for deliveries: for those with these ids one by one, or for all that fit a filter at the hub's own pace.

use super::{Patience, cell, each, orders, post, unless_refused};
use crate::commands::Context;
use crate::commands::api::Api;
use crate::faults::Stop;
use rohrpost_model::{CaseId, DeliveryId, DestinationName, ServiceKey, TenantName};
use serde_json::{Map, Value, json};

/// Which deliveries, why, and for many of them how.
#[derive(clap::Args)]
pub(super) struct Which {
    /// Their ids. Instead of ids, options say which are meant: --state, --destination and so on, or --all.
    #[arg(required_unless_present = "filter", conflicts_with = "filter")]
    ids: Vec<DeliveryId>,
    /// Why; it is recorded with your name.
    #[arg(long, required_unless_present = "preview")]
    reason: Option<String>,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    manner: Manner,
    #[command(flatten)]
    patience: Patience,
}

#[derive(clap::Args)]
#[group(id = "filter", multiple = true)]
struct Filter {
    /// All in this state: blocked, due, unknown, awaiting, parked; may be given often.
    #[arg(long = "state", value_name = "STATE")]
    states: Vec<String>,
    /// All to this destination.
    #[arg(long)]
    destination: Option<DestinationName>,
    /// All for this service.
    #[arg(long)]
    service: Option<ServiceKey>,
    /// All of this case.
    #[arg(long)]
    case: Option<CaseId>,
    /// All of this tenant.
    #[arg(long)]
    tenant: Option<TenantName>,
    /// All whose reason has this code, for instance target-refused.
    #[arg(long, value_name = "CODE")]
    reason_code: Option<String>,
    /// All that you may operate.
    #[arg(long)]
    all: bool,
}

/// How an order for many is carried out.
#[derive(clap::Args)]
#[group(id = "manner", multiple = true)]
struct Manner {
    /// Only say how many deliveries fit.
    #[arg(long, requires = "filter", conflicts_with = "yes")]
    preview: bool,
    /// Carry the order out. Without it nothing is done for many deliveries.
    #[arg(long, requires = "filter")]
    yes: bool,
    /// At most so many deliveries in a second, 1 to 1000; 100 if not given.
    #[arg(long, value_name = "N", requires = "filter", value_parser = clap::value_parser!(u32).range(1..=1000))]
    per_second: Option<u32>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
pub(super) enum Dependents {
    /// They are made as if it had been delivered.
    Release,
    /// They are given up too.
    Discard,
}

/// An order as the API wants it: for one delivery, and for many.
struct Order {
    /// The last segment of the path for one delivery.
    one: &'static str,
    /// The word for many.
    many: &'static str,
    /// What goes with the reason for one, and for many.
    more: (Map<String, Value>, Map<String, Value>),
}

impl Order {
    fn plain(word: &'static str) -> Self {
        Self { one: word, many: word, more: Default::default() }
    }
}

impl Which {
    pub(super) fn retry(&self, current: bool, api: &Api, context: &mut Context<'_>) -> Result<(), Stop> {
        let mut order = Order::plain("retry");
        if current {
            order.many = "retry-current";
            order.more.0.insert("current".into(), json!(true));
        }
        self.order(order, api, context)
    }

    pub(super) fn discard(
        &self,
        dependents: Option<Dependents>,
        api: &Api,
        context: &mut Context<'_>,
    ) -> Result<(), Stop> {
        let mut order = Order::plain("discard");
        if let Some(dependents) = dependents {
            let word = match dependents {
                Dependents::Release => "release",
                Dependents::Discard => "discard",
            };
            order.more.0.insert("dependents".into(), json!(word));
            order.more.1.insert("dependents".into(), json!(word));
        }
        self.order(order, api, context)
    }

    pub(super) fn pause(&self, api: &Api, context: &mut Context<'_>) -> Result<(), Stop> {
        self.order(Order::plain("pause"), api, context)
    }

    pub(super) fn resume(&self, api: &Api, context: &mut Context<'_>) -> Result<(), Stop> {
        self.order(Order::plain("resume"), api, context)
    }

    fn order(&self, order: Order, api: &Api, context: &mut Context<'_>) -> Result<(), Stop> {
        if !self.ids.is_empty() {
            if self.patience.wait {
                return Err(Stop::Usage(
                    "--wait is for orders by a filter; those by ids are through at once".into(),
                ));
            }
            return self.one_by_one(order, api, context);
        }
        let many = self.many(order);
        let preview = json!({ "order": many["order"], "filter": many["filter"], "preview": true });
        let counted = post(&["commands"], &preview, api)?;
        if self.manner.preview || counted["count"] == 0 {
            return if context.json { context.json(&counted) } else { context.line(told(&counted)) };
        }
        if !context.json {
            context.line(told(&counted))?;
        }
        if !self.manner.yes {
            return Err(Stop::Usage(
                "nothing was done; add --yes to carry the order out, or --preview to see the count only"
                    .into(),
            ));
        }
        let begun = post(&["commands"], &many, api)?;
        orders::begun(begun, Some(&self.patience), api, context)
    }

    /// Gives one order for each delivery. A delivery that refuses does not keep the others from theirs.
    fn one_by_one(&self, order: Order, api: &Api, context: &mut Context<'_>) -> Result<(), Stop> {
        let mut body = order.more.0;
        body.insert("reason".into(), json!(self.reason));
        let (body, mut done) = (Value::from(body), Vec::new());
        let refused = each(&self.ids, |id| {
            let answer = post(&["deliveries", &id.to_string(), order.one], &body, api)?;
            if context.json {
                done.push(json!({ "id": id, "answer": answer }));
                return Ok(());
            }
            context.line(format!("{id}  {}", cell(&answer["state"])))
        })?;
        if context.json {
            context.json(&done)?;
        }
        unless_refused(&refused)
    }

    /// The order for many.
    fn many(&self, order: Order) -> Value {
        let mut many = order.more.1;
        many.insert("order".into(), json!(order.many));
        many.insert("filter".into(), self.filter.body());
        many.insert("all".into(), json!(self.filter.all));
        many.insert("reason".into(), json!(self.reason));
        many.insert("perSecond".into(), json!(self.manner.per_second));
        many.into()
    }
}

impl Filter {
    fn body(&self) -> Value {
        let states = (!self.states.is_empty()).then(|| json!(self.states));
        let pairs = [
            ("state", states),
            ("destination", self.destination.as_ref().map(|name| json!(name))),
            ("service", self.service.as_ref().map(|key| json!(key))),
            ("case", self.case.as_ref().map(|case| json!(case))),
            ("tenant", self.tenant.as_ref().map(|tenant| json!(tenant))),
            ("reason", self.reason_code.as_ref().map(|code| json!(code))),
        ];
        let pairs = pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        pairs.collect::<Map<_, _>>().into()
    }
}

fn told(counted: &Value) -> String {
    match counted["count"].as_u64() {
        Some(0) => "Es gibt keine Lieferung, die passt.".into(),
        Some(1) => "Betroffen ist 1 Lieferung.".into(),
        _ => format!("Betroffen sind {} Lieferungen.", counted["count"]),
    }
}
