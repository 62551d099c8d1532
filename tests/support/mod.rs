//! What end-to-end tests share: a real hub on a configuration of its own, a recording target, a client, real peers.

#![allow(dead_code, reason = "every test takes what it needs")]

pub mod client;
pub mod hub;
pub mod multipart;
pub mod peers;
pub mod provider;
pub mod several;
pub mod sink;
pub mod wire;
