//! End to end: the binary, on real files and against real peers.

mod cli;
mod house;
