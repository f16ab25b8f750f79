//! The RestAPI custom resource and everything its managers agree on by name.
#![forbid(unsafe_code)]
