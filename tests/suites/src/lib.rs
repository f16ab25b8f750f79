//! What the suites and benches share.
#![forbid(unsafe_code)]
