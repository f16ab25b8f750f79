//! Which pods are of the template that is being rolled out.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

/// The labels by which Deployments and StatefulSets tell the pods of one template from those of another.
const TEMPLATE: [&str; 2] = ["pod-template-hash", "controller-revision-hash"];

/// The pods of the newest template: that whose first pod was made last. Those of the one before may go on being
/// made while it lasts (a pod that its node refuses is, again and again), and say nothing about what is asked for.
pub(super) fn newest<'a>(pods: impl IntoIterator<Item = &'a Pod>) -> Vec<&'a Pod> {
    let mut templates: BTreeMap<Option<&str>, Vec<&Pod>> = BTreeMap::new();
    for pod in pods {
        templates.entry(template(pod)).or_default().push(pod);
    }
    let first = |pods: &Vec<&Pod>| pods.iter().map(|pod| created(pod)).min();
    templates
        .into_values()
        .max_by_key(first)
        .unwrap_or_default()
}

fn template(pod: &Pod) -> Option<&str> {
    let mut hashes = TEMPLATE.iter().filter_map(|label| pod.labels().get(*label));
    hashes.next().map(String::as_str)
}

/// When the pod was made, in seconds.
pub(super) fn created(pod: &Pod) -> i64 {
    let created = pod.metadata.creation_timestamp.as_ref();
    created.map_or(0, |created| created.0.as_second())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(seconds: i64, template: &str) -> Pod {
        let created = jiff::Timestamp::from_second(seconds).unwrap();
        let pod = json!({"metadata": {
            "name": format!("{template}-{seconds}"), "creationTimestamp": created.to_string(),
            "labels": {"pod-template-hash": template},
        }});
        serde_json::from_value(pod).unwrap()
    }

    #[test]
    fn the_template_that_began_last_is_the_newest_although_another_still_makes_pods() {
        let pods = [pod(1, "a"), pod(5, "a"), pod(3, "b"), pod(4, "b")];
        let newest: Vec<_> = newest(&pods)
            .into_iter()
            .map(ResourceExt::name_any)
            .collect();
        assert_eq!(newest, ["b-3", "b-4"]);
        assert!(super::newest(&[]).is_empty());
    }
}
