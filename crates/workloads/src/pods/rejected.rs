//! Pods that their node refused, or that it put out: they have failed for ever, and others are made at once, so
//! that there can be hundreds.

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use restapi_resources::Component;

use super::template::created;
use super::{Cause, has_failed};

/// How old a failed pod may be, in seconds before the newest pod: those of an earlier try say nothing about now.
const RECENT: i64 = 60;

/// Reasons of which nothing comes by waiting: the node can't do what the pod asks for.
const FINAL: [&str; 3] = ["AppArmor", "SysctlForbidden", "PodOSNotSupported"];

/// Why the newest of these pods, all of one template, to have failed did, if that was about the time of the newest
/// of all.
pub(super) fn cause(component: &Component, pods: &[&Pod]) -> Option<Cause> {
    let newest = pods.iter().max_by_key(|pod| created(pod))?;
    let mut failed: Vec<_> = pods
        .iter()
        .filter(|pod| has_failed(pod) && created(newest) - created(pod) <= RECENT)
        .collect();
    failed.sort_by_key(|pod| (created(pod), pod.name_any()));
    let status = failed.pop()?.status.as_ref()?;
    let reason = status.reason.as_deref().unwrap_or("no reason is given");
    let said = status.message.as_deref().unwrap_or("no more is said");
    Some(Cause {
        reason: "PodRejected",
        message: format!(
            "its node refuses a pod of it, or put it out: {reason}: {said}; change what that names in spec.{}, or the node",
            component.name
        ),
        is_final: FINAL.contains(&reason),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::component;
    use super::*;

    fn pod(number: i64, phase: &str) -> Pod {
        let created = jiff::Timestamp::from_second(number).unwrap();
        let pod = json!({
            "metadata": {"name": format!("p-{number}"), "creationTimestamp": created.to_string()},
            "status": {"phase": phase, "reason": "AppArmor", "message": format!("refused {number}")},
        });
        let mut pod = serde_json::from_value(pod).unwrap();
        super::super::keep_what_is_read(&mut pod);
        pod
    }

    fn told(pods: &[Pod]) -> Option<String> {
        let pods: Vec<_> = pods.iter().collect();
        cause(&component(), &pods).map(|cause| {
            assert!(cause.is_final && cause.reason == "PodRejected");
            cause.message
        })
    }

    #[test]
    fn the_newest_refusal_is_told_with_the_nodes_words() {
        let pods = [pod(1, "Failed"), pod(3, "Failed"), pod(4, "Pending")];
        let told = told(&pods).unwrap();
        let expected = "AppArmor: refused 3; change what that names in spec.view";
        assert!(told.contains(expected), "{told}");
    }

    #[test]
    fn those_of_an_earlier_try_say_nothing() {
        assert_eq!(told(&[pod(1, "Failed"), pod(90, "Pending")]), None);
        assert_eq!(told(&[pod(1, "Running")]), None);
        assert_eq!(told(&[]), None);
    }
}
