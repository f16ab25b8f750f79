//! bluegreen-manager: replaces an application's revision as a whole, without losing or mixing one request.
//!
//! [`plan::situation`] is where an application stands, without any object; [`mod@plan::decide`] is what to do next, and a
//! function of that alone. Both are apart from Kubernetes so that every interleaving of two managers, people, pods and
//! time can be tried out: `plan/model.rs`.
#![forbid(unsafe_code)]

pub mod account;
pub mod args;
pub mod controller;
pub mod facts;
pub mod kinds;
pub mod metrics;
pub mod plan;
pub mod probe;
pub mod report;
pub mod trace;
pub mod tries;
pub mod verdict;
pub mod words;
