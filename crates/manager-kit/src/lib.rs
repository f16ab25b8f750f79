//! The shell that every manager shares.
#![forbid(unsafe_code)]
