//! A manager that starts before the CRD, and one that meets objects which it can't read.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::support::prepare::prepared;

#[tokio::test]
async fn a_manager_without_the_crd_is_not_ready_says_so_and_recovers() -> Result<()> {
    let seen = prepared().await?;
    let (code, text) = &seen.readyz_without_crd;
    ensure!(*code == 503, "/readyz answers {code}: {text}");
    let told = "the CRD restapis.restapi.dev is not installed: apply kustomize/crd";
    ensure!(text.contains(told), "/readyz says {text}");
    ensure!(
        seen.ready_after < Duration::from_secs(10),
        "ready after {:?}",
        seen.ready_after
    );
    Ok(())
}

#[tokio::test]
async fn an_object_that_cannot_be_read_is_stalled_once_and_hinders_no_other() -> Result<()> {
    let seen = prepared().await?;
    let (reason, message) = &seen.undecodable;
    ensure!(reason == "InvalidSpec", "the reason is {reason}");
    ensure!(message.contains("the object can't be read"), "{message}");
    ensure!(
        message.contains("three"),
        "the message does not name what can't be read: {message}"
    );
    ensure!(
        seen.repeated_writes < 1.0,
        "{} more writes in 2 s",
        seen.repeated_writes
    );
    Ok(())
}
