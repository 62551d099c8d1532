//! `rohrpost queue …`: what waits at the running hub and why, and what to do about it.
//!
//! | To find | Look in |
//! |---|---|
//! | lists of deliveries, and one whole | [`list`] |
//! | orders for deliveries, by their ids or by a filter | [`deliveries`] |
//! | orders for many that run | [`orders`] |
//! | destinations | [`destinations`] |
//! | sources | [`sources`] |
//! | cases by what others call them | [`search`] |
//!
//! Operators read German, so the tables are German; `--json` prints what the API answers. Nothing asks back: what takes
//! a confirmation takes an option.

mod deliveries;
mod destinations;
mod list;
mod orders;
mod search;
mod sources;

use super::Context;
use super::api::{Access, Api, Content};
use crate::faults::Stop;
use rohrpost_kit::http::Method;
use rohrpost_kit::settings::Duration;
use rohrpost_model::{CommandId, DeliveryId, DestinationName, Timestamp};
use serde_json::Value;

/// See what waits at a running hub and why; retry, discard, hold back, for one or for many.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    task: Task,
    #[command(flatten)]
    access: Access,
}

#[derive(clap::Subcommand)]
enum Task {
    /// List deliveries, oldest first.
    List(list::Filter),
    /// Show one delivery with its attempts and its history.
    Show {
        /// Its id.
        id: DeliveryId,
    },
    /// Look for a case by what somebody else calls it, by a receipt or by a file name.
    Search(search::Wanted),
    /// Try deliveries again, now: those with these ids, or all that fit a filter.
    Retry {
        #[command(flatten)]
        which: deliveries::Which,
        /// Make them anew under the configuration that is active: route step, mapping and form of seal. Without this the
        /// same bytes are sent again.
        #[arg(long)]
        current: bool,
    },
    /// Give deliveries up: those with these ids, or all that fit a filter.
    Discard {
        #[command(flatten)]
        which: deliveries::Which,
        /// What becomes of the steps that wait for them: made all the same, or given up too.
        #[arg(long, value_enum)]
        dependents: Option<deliveries::Dependents>,
    },
    /// Hold deliveries back: those with these ids, or all that fit a filter. Nothing is sent and nothing is asked until
    /// they are released.
    Hold {
        #[command(flatten)]
        which: deliveries::Which,
    },
    /// Let deliveries go on that are held back: those with these ids, or all that fit a filter.
    Release {
        #[command(flatten)]
        which: deliveries::Which,
    },
    /// Show how destinations stand: what holds each back, what is under way, and how much waits.
    Destinations {
        /// Only this one, and what persons asked for it lately: who, when and why.
        name: Option<DestinationName>,
    },
    /// Show places that the hub fetches from: when it did last, and what it left there.
    Sources,
    /// Pause destinations: nothing is sent and nothing is asked. What is being sent ends.
    Pause(destinations::Named),
    /// Let destinations run empty: nothing new is sent, and what was sent is asked about until its outcome is known.
    Drain {
        #[command(flatten)]
        named: destinations::Named,
        #[command(flatten)]
        patience: Patience,
    },
    /// Let destinations go on that are paused or drained.
    Resume(destinations::Named),
    /// List orders for many deliveries, the newest first, and how far each is; or show one, with why it was given and
    /// cancelled.
    Commands {
        /// Only this one.
        id: Option<CommandId>,
        /// At most so many.
        #[arg(long, default_value_t = 100, conflicts_with = "id")]
        limit: usize,
    },
    /// Stop an order for many deliveries. What it did stays done.
    Cancel {
        /// Its id, as `queue commands` shows it.
        id: CommandId,
        /// Why; it is recorded with your name.
        #[arg(long)]
        reason: String,
    },
}

/// Whether to wait for the end, and how long.
#[derive(clap::Args)]
#[group(id = "patience", multiple = true)]
pub(super) struct Patience {
    /// Wait until it is through.
    #[arg(long)]
    wait: bool,
    /// Wait so long at most; what was ordered goes on all the same.
    #[arg(long, requires = "wait", default_value = "1h", value_name = "TIME")]
    timeout: Duration,
}

impl Patience {
    /// Until when to wait.
    fn until(&self, now: Timestamp) -> Timestamp {
        now.checked_add(self.timeout.get()).unwrap_or(Timestamp::MAX)
    }
}

/// Runs the command.
pub fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Stop> {
    use destinations::Order;
    let api = &Api::open(&arguments.access, "operator", context)?;
    match &arguments.task {
        Task::List(filter) => list::list(filter, api, context),
        Task::Show { id } => list::show(id, api, context),
        Task::Search(wanted) => search::search(wanted, api, context),
        Task::Retry { which, current } => which.retry(*current, api, context),
        Task::Discard { which, dependents } => which.discard(*dependents, api, context),
        Task::Hold { which } => which.pause(api, context),
        Task::Release { which } => which.resume(api, context),
        Task::Destinations { name } => destinations::list(name.as_ref(), api, context),
        Task::Sources => sources::list(api, context),
        Task::Pause(named) => named.order(Order::Pause, None, api, context),
        Task::Drain { named, patience } => named.order(Order::Drain, Some(patience), api, context),
        Task::Resume(named) => named.order(Order::Resume, None, api, context),
        Task::Commands { id, limit } => orders::list(id.as_ref(), *limit, api, context),
        Task::Cancel { id, reason } => orders::cancel(id, reason, api, context),
    }
}

fn get(path: &[&str], api: &Api) -> Result<Value, Stop> {
    Api::json(&api.send(Method::GET, path, &[], Content::none())?)
}

fn post(path: &[&str], body: &Value, api: &Api) -> Result<Value, Stop> {
    Api::json(&api.send(Method::POST, path, &[], Content::json(body))?)
}

/// Does the same for each, and goes on where the hub refuses one. Returns what it refused.
fn each<T: std::fmt::Display>(
    all: &[T],
    mut one: impl FnMut(&T) -> Result<(), Stop>,
) -> Result<Vec<String>, Stop> {
    let mut refused = Vec::new();
    for it in all {
        match one(it) {
            Ok(()) => {}
            Err(Stop::Failed(message)) => refused.push(format!("{it}: {message}")),
            Err(stop) => return Err(stop),
        }
    }
    Ok(refused)
}

/// How a command ends that did the same for each.
fn unless_refused(refused: &[String]) -> Result<(), Stop> {
    if refused.is_empty() { Ok(()) } else { Err(Stop::Failed(refused.join("\n"))) }
}

/// A value as a cell; times to the second.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".into(),
        Value::String(text) => match text.parse::<Timestamp>() {
            Ok(time) => time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            Err(_) => text.clone(),
        },
        other => other.to_string(),
    }
}

/// The German sentence of a reason, of the first that is there.
fn reason(values: &[&Value]) -> String {
    let text = values.iter().find_map(|value| value["text"]["de"].as_str());
    text.unwrap_or("-").to_owned()
}
