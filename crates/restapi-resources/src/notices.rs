//! What an author should know about what he asked for, in plain words: nothing of it is wrong.

use crate::deployment::is_recreated;
use crate::{Component, container};

/// The notices about a component, each with the path of the field that it is about.
#[must_use]
pub fn notices(component: &Component) -> Vec<String> {
    let path = component.name.path();
    let interrupts = component.claim_per_replica().is_none() && is_recreated(component);
    let why = if component.shared_claim().is_some() {
        format!(
            "{path}.persistence: pods share a claim that one node can mount, so an update stops the old pods before \
             it starts new ones and interrupts the component; ReadWriteMany avoids that"
        )
    } else {
        format!("{path}.strategy: Recreate interrupts the component at every update")
    };
    let lifecycle = component.spec.lifecycle.as_ref();
    let has_own_end = lifecycle.is_some_and(|l| l.pre_stop.is_some()) && component.port.is_some();
    let end = format!(
        "{path}.lifecycle.preStop: takes the place of the operator's wait of {} s, so it must itself wait until no \
         proxy sends requests any more",
        container::PRE_STOP_SECONDS
    );
    interrupts
        .then_some(why)
        .into_iter()
        .chain(has_own_end.then_some(end))
        .collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures::application;

    #[rstest]
    #[case(json!({}), &[])]
    #[case(json!({"persistence": {"size": "1", "mountPath": "/d", "retention": "Delete"}}), &["spec.view.persistence: "])]
    #[case(json!({"persistence": {"size": "1", "mountPath": "/d", "retention": "Delete", "accessMode": "ReadWriteMany"}}), &[])]
    #[case(json!({"persistence": {"size": "1", "mountPath": "/d", "retention": "Delete", "mode": "PerReplica"}}), &[])]
    #[case(json!({"strategy": {"type": "Recreate"}}), &["spec.view.strategy: "])]
    #[case(json!({"lifecycle": {"preStop": {"exec": {"command": ["x"]}}}}), &["spec.view.lifecycle.preStop: "])]
    fn what_interrupts_is_said(#[case] view: Value, #[case] starts: &[&str]) {
        let app = application(&json!({"image": "a", "view": view}).to_string());
        let notices = notices(&app.components[0]);
        assert_eq!(notices.len(), starts.len(), "{notices:?}");
        assert!(
            notices
                .iter()
                .zip(starts)
                .all(|(n, start)| n.starts_with(start))
        );
    }
}
