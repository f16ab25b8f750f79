//! What there is to watch the operator by: the reference of its metrics, dashboards, alerts. All of it is checked in;
//! here is what makes and checks it.

pub(crate) mod alerts;
pub(crate) mod dashboards;
#[cfg(test)]
mod known;
pub(crate) mod picture;
pub(crate) mod prometheus;
pub(crate) mod reference;
