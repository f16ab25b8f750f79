//! Kubernetes events about applications.

use std::time::Duration;

use anyhow::{Result, ensure};
use k8s_openapi::api::events::v1::Event;
use kube::api::ListParams;

use crate::namespace::Namespace;
use crate::wait::eventually;

/// Waits until an event with that reason about the RestAPI `name` says all of `parts` in its note.
///
/// # Errors
/// When that takes longer than `limit`, with the notes of the events that there are.
pub async fn told(
    namespace: &Namespace,
    name: &str,
    reason: &str,
    parts: &[&str],
    limit: Duration,
) -> Result<()> {
    let what = format!("an event {reason} about {name} that tells {parts:?}");
    eventually(limit, &what, async || {
        let events = namespace
            .api::<Event>()
            .list(&ListParams::default())
            .await?;
        let about = |event: &Event| {
            let regarding = event.regarding.as_ref();
            regarding.is_some_and(|object| object.name.as_deref() == Some(name))
        };
        let notes: Vec<_> = events
            .into_iter()
            .filter(|event| about(event) && event.reason.as_deref() == Some(reason))
            .filter_map(|event| event.note)
            .collect();
        ensure!(
            notes
                .iter()
                .any(|note| parts.iter().all(|part| note.contains(part))),
            "events {reason}: {notes:?}"
        );
        Ok(())
    })
    .await
}
