//! What others see of core-reconciler's code: its metrics, for their reference.
#![forbid(unsafe_code)]

pub mod metrics;
