//! The kit against a stand-in for the API server that can be told to misbehave.

mod client;
mod events;
mod leases;
mod runner;
mod shell;
mod support;
mod watch;
