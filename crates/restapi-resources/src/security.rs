//! The restricted Pod Security Standard and a read-only root file system, for every container of every pod,
//! unless its author says otherwise; and the list of where he did.

use k8s_openapi::api::core::v1::{
    Capabilities, Container, PodSecurityContext, PodTemplateSpec, SELinuxOptions, SeccompProfile,
    SecurityContext,
};

use crate::Component;
use crate::origin::{Origin, containers};

/// The group of files on persistent volumes, so that a container that is not root can write them.
pub const FS_GROUP: i64 = 65532;

/// The capability that the restricted standard lets a container add.
const BIND: &str = "NET_BIND_SERVICE";

/// The SELinux types that the restricted standard lets a container have.
const CONTAINER_TYPES: [&str; 4] = [
    "container_t",
    "container_init_t",
    "container_kvm_t",
    "container_engine_t",
];

/// Fills what the author left open of the pod's and every container's security context.
pub(crate) fn restrict(component: &Component, template: &mut PodTemplateSpec) {
    let Some(pod) = template.spec.as_mut() else {
        return;
    };
    restrict_pod(
        component,
        pod.security_context.get_or_insert_with(Default::default),
    );
    for container in pod
        .init_containers
        .iter_mut()
        .flatten()
        .chain(&mut pod.containers)
    {
        restrict_container(
            container
                .security_context
                .get_or_insert_with(Default::default),
        );
    }
}

fn restrict_pod(component: &Component, context: &mut PodSecurityContext) {
    let restricted = restricted_pod();
    context.run_as_non_root = context.run_as_non_root.or(restricted.run_as_non_root);
    let profile = context.seccomp_profile.take();
    context.seccomp_profile = profile.or(restricted.seccomp_profile);
    if component.spec.persistence.is_some() {
        context.fs_group.get_or_insert(FS_GROUP);
        // Walking through a large volume at each start would take minutes.
        context
            .fs_group_change_policy
            .get_or_insert_with(|| "OnRootMismatch".to_owned());
    }
}

/// The security context of a pod whose author says nothing.
pub(crate) fn restricted_pod() -> PodSecurityContext {
    PodSecurityContext {
        run_as_non_root: Some(true),
        seccomp_profile: Some(SeccompProfile {
            type_: "RuntimeDefault".to_owned(),
            localhost_profile: None,
        }),
        ..PodSecurityContext::default()
    }
}

/// Fills what the author left open of a container's security context.
pub(crate) fn restrict_container(context: &mut SecurityContext) {
    context.allow_privilege_escalation.get_or_insert(false);
    context.read_only_root_filesystem.get_or_insert(true);
    let capabilities = context
        .capabilities
        .get_or_insert_with(Capabilities::default);
    capabilities
        .drop
        .get_or_insert_with(|| vec!["ALL".to_owned()]);
}

/// Whether a container's root file system can be written.
pub(crate) fn is_root_writable(container: &Container) -> bool {
    let context = container.security_context.as_ref();
    context.is_some_and(|c| c.read_only_root_filesystem == Some(false))
}

/// Every deviation of a component's rendered pod template from the restricted defaults, in plain words, each with
/// the path of the field that says so. Empty for a component that changes nothing.
#[must_use]
pub fn opt_outs(component: &Component, template: &PodTemplateSpec) -> Vec<String> {
    let origin = Origin(component);
    let mut found = Vec::new();
    let Some(pod) = &template.spec else {
        return found;
    };
    if pod.automount_service_account_token == Some(true) {
        let place = origin.token();
        found.push(format!("{place}: pods have a token for the API server"));
    }
    if let Some(context) = &pod.security_context {
        let place = origin.pod_security();
        found.extend(of_pod(context).map(|(field, what)| format!("{place}.{field}: {what}")));
    }
    for (container, is_init) in containers(pod) {
        let Some(context) = &container.security_context else {
            continue;
        };
        let place = origin.container_security(&container.name, is_init);
        found.extend(of_container(context).map(|(field, what)| format!("{place}.{field}: {what}")));
    }
    for volume in pod.volumes.iter().flatten() {
        let sources = volume
            .projected
            .iter()
            .flat_map(|p| p.sources.iter().flatten());
        if sources
            .into_iter()
            .any(|s| s.service_account_token.is_some())
        {
            let place = origin.volume(&volume.name);
            found.push(format!("{place}: has a token for the API server"));
        }
    }
    found
}

type Deviation = (&'static str, String);

fn of_pod(context: &PodSecurityContext) -> impl Iterator<Item = Deviation> {
    let groups = context.supplemental_groups.iter().flatten();
    let has_root_group = context.fs_group == Some(0) || groups.into_iter().any(|g| *g == 0);
    [
        user(context.run_as_non_root, context.run_as_user),
        context.seccomp_profile.as_ref().and_then(seccomp),
        has_root_group.then(|| {
            let what = "pods have the files of the group root";
            ("fsGroup", what.to_owned())
        }),
        context.sysctls.as_ref().filter(|s| !s.is_empty()).map(|_| {
            let what = "kernel settings of the pod are changed";
            ("sysctls", what.to_owned())
        }),
        app_armor(context.app_armor_profile.as_ref().map(|p| p.type_.as_str())),
        context.se_linux_options.as_ref().and_then(se_linux),
    ]
    .into_iter()
    .flatten()
}

fn of_container(context: &SecurityContext) -> impl Iterator<Item = Deviation> {
    let escalates = context.allow_privilege_escalation == Some(true);
    let writable = context.read_only_root_filesystem == Some(false);
    [
        user(context.run_as_non_root, context.run_as_user),
        context.seccomp_profile.as_ref().and_then(seccomp),
        escalates.then(|| {
            let what = "programs may get more rights than the one that starts them";
            ("allowPrivilegeEscalation", what.to_owned())
        }),
        writable.then(|| {
            let what = "the root file system can be written";
            ("readOnlyRootFilesystem", what.to_owned())
        }),
        context.capabilities.as_ref().and_then(capabilities),
        app_armor(context.app_armor_profile.as_ref().map(|p| p.type_.as_str())),
        context.se_linux_options.as_ref().and_then(se_linux),
    ]
    .into_iter()
    .flatten()
}

fn user(non_root: Option<bool>, user: Option<i64>) -> Option<Deviation> {
    match (non_root, user) {
        (_, Some(0)) => Some(("runAsUser", "runs as root".to_owned())),
        (Some(false), _) => Some(("runAsNonRoot", "may run as root".to_owned())),
        _ => None,
    }
}

fn seccomp(profile: &SeccompProfile) -> Option<Deviation> {
    let is_open = profile.type_ == "Unconfined";
    is_open.then(|| ("seccompProfile", "every system call is allowed".to_owned()))
}

fn app_armor(profile: Option<&str>) -> Option<Deviation> {
    let is_open = profile == Some("Unconfined");
    is_open.then(|| ("appArmorProfile", "AppArmor does not confine it".to_owned()))
}

/// The standard leaves a container its level, and one of the types that are made for containers.
fn se_linux(options: &SELinuxOptions) -> Option<Deviation> {
    let is_set = |value: &Option<String>| value.as_ref().is_some_and(|value| !value.is_empty());
    let type_ = options.type_.as_deref().unwrap_or_default();
    let is_of_containers = type_.is_empty() || CONTAINER_TYPES.contains(&type_);
    let is_other = is_set(&options.user) || is_set(&options.role) || !is_of_containers;
    let what = "has another SELinux user, role or type than containers have";
    is_other.then(|| ("seLinuxOptions", what.to_owned()))
}

fn capabilities(capabilities: &Capabilities) -> Option<Deviation> {
    let dropped = capabilities.drop.iter().flatten();
    if !dropped.into_iter().any(|name| name == "ALL") {
        let what = "not all capabilities are dropped";
        return Some(("capabilities.drop", what.to_owned()));
    }
    let added = capabilities.add.iter().flatten();
    let added: Vec<&str> = added.map(String::as_str).filter(|c| *c != BIND).collect();
    (!added.is_empty()).then(|| ("capabilities.add", format!("has {}", added.join(", "))))
}

#[cfg(test)]
mod tests {
    use restapi_types::Environment;
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures::application;
    use crate::pod;

    fn opted_out(view: &Value) -> Vec<String> {
        let app = application(&json!({"image": "a", "view": view}).to_string());
        let template = pod::template(&app, &app.components[0], Environment::Blue);
        opt_outs(&app.components[0], &template)
    }

    #[test]
    fn the_default_of_every_container_is_restricted() {
        let app = application(
            r#"{"image": "a", "view": {"initContainers": [{"name": "i", "image": "i"}],
                "sidecars": [{"name": "s", "image": "s"}],
                "podOverrides": {"spec": {"containers": [{"name": "o", "image": "o"}]}}}}"#,
        );
        let template = pod::template(&app, &app.components[0], Environment::Blue);
        let pod = json!(template.spec);
        for container in [
            "/containers/0",
            "/containers/1",
            "/initContainers/0",
            "/initContainers/1",
        ] {
            assert_eq!(
                pod.pointer(container).unwrap()["securityContext"],
                json!({
                    "allowPrivilegeEscalation": false,
                    "capabilities": {"drop": ["ALL"]},
                    "readOnlyRootFilesystem": true,
                }),
                "{container}"
            );
        }
        assert_eq!(
            pod["securityContext"],
            json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}})
        );
        assert_eq!(pod["automountServiceAccountToken"], false);
        assert_eq!(
            opt_outs(&app.components[0], &template),
            Vec::<String>::new()
        );
    }

    #[rstest]
    #[case(json!({"securityContext": {"readOnlyRootFilesystem": false}}), "spec.view.securityContext.readOnlyRootFilesystem: the root file system can be written")]
    #[case(json!({"securityContext": {"allowPrivilegeEscalation": true}}), "spec.view.securityContext.allowPrivilegeEscalation: programs may get more rights than the one that starts them")]
    #[case(json!({"securityContext": {"runAsUser": 0}}), "spec.view.securityContext.runAsUser: runs as root")]
    #[case(json!({"securityContext": {"capabilities": {"add": ["NET_BIND_SERVICE", "NET_RAW"]}}}), "spec.view.securityContext.capabilities.add: has NET_RAW")]
    #[case(json!({"securityContext": {"capabilities": {"drop": []}}}), "spec.view.securityContext.capabilities.drop: not all capabilities are dropped")]
    #[case(json!({"podSecurityContext": {"runAsNonRoot": false}}), "spec.view.podSecurityContext.runAsNonRoot: may run as root")]
    #[case(json!({"podSecurityContext": {"seccompProfile": {"type": "Unconfined"}}}), "spec.view.podSecurityContext.seccompProfile: every system call is allowed")]
    #[case(json!({"podSecurityContext": {"seLinuxOptions": {"role": "a"}}}), "spec.view.podSecurityContext.seLinuxOptions: has another SELinux user, role or type than containers have")]
    #[case(json!({"podSecurityContext": {"seLinuxOptions": {"type": "spc_t"}}}), "spec.view.podSecurityContext.seLinuxOptions: has another SELinux user, role or type than containers have")]
    #[case(json!({"podSecurityContext": {"fsGroup": 0}}), "spec.view.podSecurityContext.fsGroup: pods have the files of the group root")]
    #[case(json!({"serviceAccount": {"automountToken": true}}), "spec.view.serviceAccount.automountToken: pods have a token for the API server")]
    #[case(json!({"sidecars": [{"name": "s", "image": "s", "securityContext": {"runAsNonRoot": false}}]}), "spec.view.sidecars[s].securityContext.runAsNonRoot: may run as root")]
    #[case(json!({"podOverrides": {"spec": {"containers": [{"name": "view", "securityContext": {"runAsUser": 0}}]}}}), "spec.view.podOverrides.spec.containers[view].securityContext.runAsUser: runs as root")]
    #[case(json!({"volumes": [{"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]}), "spec.view.volumes[t]: has a token for the API server")]
    fn every_deviation_is_listed_with_its_field(#[case] view: Value, #[case] expected: &str) {
        assert_eq!(opted_out(&view), [expected]);
    }

    #[test]
    fn an_author_s_context_is_merged_field_by_field() {
        let app = application(
            r#"{"image": "a", "view": {"securityContext": {"runAsUser": 7, "capabilities": {"add": ["NET_BIND_SERVICE"]}}}}"#,
        );
        let template = pod::template(&app, &app.components[0], Environment::Blue);
        assert_eq!(
            json!(template.spec)["containers"][0]["securityContext"],
            json!({
                "allowPrivilegeEscalation": false,
                "capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]},
                "readOnlyRootFilesystem": true,
                "runAsUser": 7,
            })
        );
    }
}
