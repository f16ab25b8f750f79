//! The kit against a stand-in for the API server that can be told to misbehave.

#[cfg(test)]
mod client;
#[cfg(test)]
mod events;
#[cfg(test)]
mod failures;
#[cfg(test)]
mod leases;
#[cfg(test)]
mod runner;
#[cfg(test)]
mod shards;
#[cfg(test)]
mod shell;
#[cfg(test)]
mod support;
#[cfg(test)]
mod watch;
