//! Dispatch in scenarios: what an operator sees of office hours, limits, outages, orders and clocks, without waiting for
//! any of them. The engine and the store are the real ones, only time is the test's.

mod limits;
mod outage;
#[allow(dead_code, reason = "every scenario takes what it needs")]
mod rig;
