//! Power cuts: what is on disk at any moment, with everything that was not yet synced dropped, in part or whole.
//!
//! A real hub runs under a shim that writes down every change of its data and keys ([`shim`], [`log`]). A model of the
//! disk follows that log to any position ([`disk`], [`file`]) and rebuilds the folders as a cut there would leave them
//! ([`fate`]). A hub is started on them and must have everything that had been acknowledged ([`check`]).

mod check;
mod classes;
mod clock;
mod cuts;
mod disk;
mod failing;
mod fate;
mod file;
mod leftovers;
mod load;
mod log;
mod model;
mod scene;
mod shim;
