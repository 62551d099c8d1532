//! The API in one piece, against a house in memory.

mod access;
mod commands;
mod document;
mod handing_in;
mod house;
mod operations;
mod probes;
mod sockets;
