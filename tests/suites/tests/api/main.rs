//! core-reconciler and the CRD against a real API server, etcd and controller-manager, without nodes.
//!
//! Each test has a namespace and a core-reconciler of its own, limited to that namespace, so that they
//! run at the same time.

#[cfg(test)]
mod adopt;
#[cfg(test)]
mod autoscaled;
#[cfg(test)]
mod blue_green;
#[cfg(test)]
mod config;
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod creates;
#[cfg(test)]
mod deletion;
#[cfg(test)]
mod disputes;
#[cfg(test)]
mod drift;
#[cfg(test)]
mod foreign;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod kustomizations;
#[cfg(test)]
mod leases;
#[cfg(test)]
mod load_balancers;
#[cfg(test)]
mod ownership;
#[cfg(test)]
mod paused;
#[cfg(test)]
mod pruning;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod rollback;
#[cfg(test)]
mod rollouts;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod settled;
#[cfg(test)]
mod start;
#[cfg(test)]
mod status;
#[cfg(test)]
mod support;
