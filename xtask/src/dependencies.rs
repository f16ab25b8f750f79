//! What the product is linked with, as `Cargo.lock` has it: more than what is built for any one platform.

use std::collections::BTreeSet;
use std::fs;

use crate::paths;

/// Crates that bring a second implementation of cryptography or of TLS.
const SECOND_PROVIDERS: &[&str] = &[
    "aws-lc-rs",
    "aws-lc-sys",
    "boring",
    "boring-sys",
    "native-tls",
    "openssl",
    "openssl-sys",
    "rustls-openssl",
];

fn locked() -> BTreeSet<String> {
    let lock = paths::repository().join("Cargo.lock");
    fs::read_to_string(lock)
        .unwrap()
        .lines()
        .filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn ring_is_the_one_crypto_provider() {
    let locked = locked();
    assert!(locked.contains("ring"), "ring is gone from Cargo.lock");
    assert!(locked.contains("rustls"), "rustls is gone from Cargo.lock");
    let second: Vec<_> = SECOND_PROVIDERS
        .iter()
        .filter(|name| locked.contains(**name))
        .collect();
    assert!(
        second.is_empty(),
        "a second crypto provider is linked: {second:?}"
    );
}
