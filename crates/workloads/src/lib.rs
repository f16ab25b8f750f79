//! What exists of applications on a cluster, and how their workloads are written.
//!
//! Two managers write workloads: core-reconciler, and bluegreen-manager where an application has it on. Both see
//! the same [`world::World`] and keep the same rules of [`plan`]; which of the objects there are to be, each
//! decides for itself.
//!
//! | module | what it gives |
//! |---|---|
//! | [`kinds`] | which kinds are owned, and in which role they are written |
//! | [`watches`], [`observe`], [`world`] | from watches to caches to one value |
//! | [`config`], [`autoscalers`], [`pods`], [`counts`], [`adoption`] | the parts of that value that are more than objects |
//! | [`plan`] | one object as it should be against the same as it is; replicas, history, going back |
//! | [`apply`] | carries a plan out |
//! | [`hands`], [`report`], [`error`] | what a manager does around its plan, says of it, and what keeps it from its end |
//! | [`rollout`] | a rollout as its trace knows it |
//! | [`alike`], [`disputes`], [`namespaces`] | what experience says against writing |
#![forbid(unsafe_code)]

pub mod adoption;
pub mod alike;
pub mod apply;
pub mod autoscalers;
pub mod config;
pub mod counts;
pub mod disputes;
pub mod error;
pub mod facts;
pub mod hands;
pub mod kinds;
pub mod namespaces;
pub mod observe;
pub mod plan;
pub mod pods;
pub mod report;
pub mod rollout;
pub mod watches;
pub mod world;

#[cfg(any(test, feature = "fixtures"))]
pub mod fixtures;
