//! What the writer does: one work for each call of the outbox that changes rows.

mod accept;
mod bulk;
mod command;
mod configuration;
mod dependents;
mod expire;
mod hold;
mod keep_version;
mod mark;
mod record;
mod recover;
mod settle;

pub(crate) use accept::Accept;
pub(crate) use bulk::{BeginBulk, EndBulk, OrderDestination, Progress, about};
pub(crate) use command::Commanded;
pub(crate) use configuration::{ForgetConfigurations, KeepActivation};
pub(crate) use expire::Expire;
#[cfg(test)]
pub(crate) use expire::{NEXT_RULE, RULE_APPLIES};
pub(crate) use keep_version::KeepVersion;
pub(crate) use mark::SetMark;
pub(crate) use record::{Record, recorded};
pub(crate) use recover::Recover;
pub(crate) use settle::Settle;
