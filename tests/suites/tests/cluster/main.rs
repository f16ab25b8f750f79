//! The operator and the demo application on a whole cluster: pods, nodes, Services and traffic.
//!
//! Tests run at the same time, each in a namespace of its own, against the managers that are installed
//! in `restapi-system`. Those that disturb what all share run alone.

#[cfg(test)]
mod adopt;
#[cfg(test)]
mod blue_green;
#[cfg(test)]
mod chain;
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod deletion;
#[cfg(test)]
mod gates;
#[cfg(test)]
mod installation;
#[cfg(test)]
mod local_cluster;
#[cfg(test)]
mod mistakes;
#[cfg(test)]
mod nodes;
#[cfg(test)]
mod persistence;
#[cfg(test)]
mod ports;
#[cfg(test)]
mod rollout;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod setting;
#[cfg(test)]
mod tutorials;
#[cfg(test)]
mod undo;
#[cfg(test)]
mod volumes;
