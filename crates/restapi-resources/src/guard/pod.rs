//! Rules about the pod as a whole.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Rule, Subject};

const NODES: &str = "is the node's";
const REMOVE: &str = "remove it";

pub(super) const RULES: &[Rule] = &[
    Rule {
        broken: |s| set(s, "hostNetwork", s.pod.host_network == Some(true)),
        problem: NODES,
        fix: REMOVE,
    },
    Rule {
        broken: |s| set(s, "hostPID", s.pod.host_pid == Some(true)),
        problem: NODES,
        fix: REMOVE,
    },
    Rule {
        broken: |s| set(s, "hostIPC", s.pod.host_ipc == Some(true)),
        problem: NODES,
        fix: REMOVE,
    },
    Rule {
        broken: |s| set(s, "nodeName", s.pod.node_name.is_some()),
        problem: "passes the scheduler by",
        fix: "use nodeSelector or affinity",
    },
    Rule {
        broken: account,
        problem: "pods run as the account that the operator makes",
        fix: "use serviceAccount",
    },
    Rule {
        broken: |s| {
            let names = s.pod.subdomain.is_some() || s.pod.set_hostname_as_fqdn == Some(true);
            set(s, "subdomain", names || s.pod.hostname.is_some())
        },
        problem: "hostname, subdomain and setHostnameAsFQDN give pods names that other components may have",
        fix: "remove them; pods are reached by their Services",
    },
    Rule {
        broken: |s| {
            let other = s.pod.restart_policy.as_ref().is_some_and(|p| p != "Always");
            set(
                s,
                "restartPolicy",
                other || s.pod.active_deadline_seconds.is_some(),
            )
        },
        problem: "restartPolicy and activeDeadlineSeconds end pods, and a workload's pods run until they are replaced",
        fix: "remove them",
    },
    Rule {
        broken: |s| {
            set(
                s,
                "ephemeralContainers",
                s.pod.ephemeral_containers.is_some(),
            )
        },
        problem: "can't be in a template",
        fix: "use `kubectl debug`",
    },
    Rule {
        broken: |s| {
            let class = s.pod.priority_class_name.as_ref();
            let is_system = class.is_some_and(|c| c.starts_with("system-"));
            set(
                s,
                "priorityClassName",
                is_system || s.pod.priority.is_some(),
            )
        },
        problem: "a class of the system, or a number without a class, pushes other applications aside",
        fix: "name another priority class in priorityClassName",
    },
    Rule {
        broken: windows,
        problem: "Windows is not supported",
        fix: REMOVE,
    },
    Rule {
        broken: labels,
        problem: "is a label of the operator's: selectors are made of these",
        fix: "use a key that does not start with restapi.dev/ or app.kubernetes.io/, nor is pod-template-hash",
    },
    Rule {
        broken: annotations,
        problem: "is an annotation of the operator's",
        fix: "use a key that does not start with restapi.dev/",
    },
    Rule {
        broken: metadata,
        problem: "has more than labels and annotations",
        fix: "remove the rest: Kubernetes names pods itself",
    },
];

fn set(subject: &Subject<'_>, field: &str, is: bool) -> Option<String> {
    is.then(|| subject.origin.overrides(&format!("spec.{field}")))
}

fn account(subject: &Subject<'_>) -> Option<String> {
    let wanted = subject.generated.spec.as_ref()?;
    let is_other = subject.pod.service_account_name != wanted.service_account_name
        || subject.pod.service_account.is_some();
    set(subject, "serviceAccountName", is_other)
}

fn windows(subject: &Subject<'_>) -> Option<String> {
    let pod = subject.pod;
    let os = pod.os.as_ref().is_some_and(|os| os.name != "linux");
    let context = pod.security_context.as_ref();
    let options = context.is_some_and(|c| c.windows_options.is_some());
    set(subject, "os", os).or_else(|| {
        let place = format!("{}.windowsOptions", subject.origin.pod_security());
        options.then_some(place)
    })
}

/// A label of the operator's that the author sets: also one that the operator would have replaced.
fn labels(subject: &Subject<'_>) -> Option<String> {
    let is_ours = |key: &str| {
        let prefixes = ["restapi.dev/", "app.kubernetes.io/"];
        prefixes.iter().any(|prefix| key.starts_with(prefix))
            || matches!(key, "pod-template-hash" | "controller-revision-hash")
    };
    let own = subject.component.spec.pod_labels.as_ref();
    let own = first(own, is_ours).map(|key| subject.origin.field(&format!("podLabels[{key}]")));
    own.or_else(|| {
        let overrides = overrides(subject).and_then(|m| m.labels.as_ref());
        let key = first(overrides, is_ours)?;
        Some(subject.origin.overrides(&format!("metadata.labels[{key}]")))
    })
}

fn annotations(subject: &Subject<'_>) -> Option<String> {
    let is_ours = |key: &str| key.starts_with("restapi.dev/");
    let own = subject.component.spec.pod_annotations.as_ref();
    let own =
        first(own, is_ours).map(|key| subject.origin.field(&format!("podAnnotations[{key}]")));
    own.or_else(|| {
        let overrides = overrides(subject).and_then(|m| m.annotations.as_ref());
        let key = first(overrides, is_ours)?;
        Some(
            subject
                .origin
                .overrides(&format!("metadata.annotations[{key}]")),
        )
    })
}

fn metadata(subject: &Subject<'_>) -> Option<String> {
    let known = |metadata: &ObjectMeta| ObjectMeta {
        labels: metadata.labels.clone(),
        annotations: metadata.annotations.clone(),
        ..ObjectMeta::default()
    };
    let last = subject.last.metadata.as_ref()?;
    (*last != known(last)).then(|| subject.origin.overrides("metadata"))
}

fn overrides<'a>(subject: &Subject<'a>) -> Option<&'a ObjectMeta> {
    subject
        .component
        .parts
        .overrides
        .as_ref()?
        .metadata
        .as_ref()
}

fn first(map: Option<&BTreeMap<String, String>>, is: impl Fn(&str) -> bool) -> Option<&String> {
    map?.keys().find(|key| is(key))
}
