//! `rohrpost demo`: the hub on the shipped configuration, with a simulated DMS, three submissions, and a word on where
//! to look. What it does stands in [`story`].

mod dms;
mod story;

pub use story::tell;
