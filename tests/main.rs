//! End to end: the binary, on real files and against real peers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails says so loudly"
)]

mod cli;
mod docs;
mod durability;
mod face;
mod house;
mod scenarios;
mod support;
