//! Dispatch in scenarios: what an operator sees of office hours, limits, outages, orders and clocks, without waiting for
//! any of them. The engine and the store are the real ones, only time is the test's.

mod bulk;
mod clocks;
mod expiry;
mod hours;
mod limits;
mod order;
mod outage;
mod patience;
mod pause;
#[allow(dead_code, reason = "every scenario takes what it needs")]
mod rig;
mod several_calls;
mod stop;
mod unknown;
