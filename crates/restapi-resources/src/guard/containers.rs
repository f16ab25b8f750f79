//! Rules about containers.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, LifecycleHandler, Probe};

use super::{Rule, Subject};

pub(super) const RULES: &[Rule] = &[
    Rule {
        broken: |s| s.in_container("image", |c| c.image.as_ref().is_none_or(String::is_empty)),
        problem: "is absent, and there is no such container to change",
        fix: "correct the name, or set an image to add a container",
    },
    Rule {
        broken: same_name,
        problem: "is the name of two containers",
        fix: "give each container a name of its own, which no component's container has",
    },
    Rule {
        broken: |s| {
            s.in_container("ports", |c| {
                let mut ports = c.ports.iter().flatten();
                ports.any(|p| p.host_port.is_some_and(|port| port != 0) || p.host_ip.is_some())
            })
        },
        problem: "hostPort and hostIP are the node's",
        fix: "use a Service",
    },
    Rule {
        broken: |s| {
            s.in_container("securityContext.privileged", |c| {
                context(c).is_some_and(|c| c.privileged == Some(true))
            })
        },
        problem: "the container would have the whole node",
        fix: "remove it, and name the capabilities that it needs in capabilities.add",
    },
    Rule {
        broken: |s| {
            s.in_container("securityContext.procMount", |c| {
                let mount = context(c).and_then(|c| c.proc_mount.as_deref());
                mount.is_some_and(|mount| mount != "Default")
            })
        },
        problem: "uncovers what Kubernetes hides of /proc",
        fix: "remove it",
    },
    Rule {
        broken: |s| {
            s.in_container("securityContext.windowsOptions", |c| {
                context(c).is_some_and(|c| c.windows_options.is_some())
            })
        },
        problem: "Windows is not supported",
        fix: "remove it",
    },
    Rule {
        broken: |s| s.in_container("livenessProbe", |c| probes(c).any(probe_names_host)),
        problem: "a probe names a host, so that the node would call it",
        fix: "remove host: a probe asks the pod itself",
    },
    Rule {
        broken: |s| s.in_container("lifecycle", |c| handlers(c).any(handler_names_host)),
        problem: "a hook names a host, so that the node would call it",
        fix: "remove host: a hook asks the pod itself",
    },
    Rule {
        broken: own_ports,
        problem: "Services lead to the ports that port and extraPorts name, so these must stay as they are",
        fix: "use port and extraPorts, and other names and numbers for further ports",
    },
    Rule {
        broken: other_ports,
        problem: "has a port with a name that a port of the component has, so Services could lead to the wrong one",
        fix: "give the port another name",
    },
    Rule {
        broken: restart,
        problem: "a sidecar runs as long as the pod",
        fix: "remove restartPolicy, or move the container to initContainers",
    },
];

fn context(container: &Container) -> Option<&k8s_openapi::api::core::v1::SecurityContext> {
    container.security_context.as_ref()
}

fn probes(container: &Container) -> impl Iterator<Item = &Probe> {
    let probes = [
        &container.liveness_probe,
        &container.readiness_probe,
        &container.startup_probe,
    ];
    probes.into_iter().flatten()
}

fn probe_names_host(probe: &Probe) -> bool {
    let http = probe.http_get.as_ref().and_then(|a| a.host.as_ref());
    let tcp = probe.tcp_socket.as_ref().and_then(|a| a.host.as_ref());
    http.or(tcp).is_some()
}

fn handlers(container: &Container) -> impl Iterator<Item = &LifecycleHandler> {
    let lifecycle = container.lifecycle.as_ref().into_iter();
    lifecycle
        .flat_map(|l| [&l.post_start, &l.pre_stop])
        .flatten()
}

fn handler_names_host(handler: &LifecycleHandler) -> bool {
    let http = handler.http_get.as_ref().and_then(|a| a.host.as_ref());
    let tcp = handler.tcp_socket.as_ref().and_then(|a| a.host.as_ref());
    http.or(tcp).is_some()
}

fn same_name(subject: &Subject<'_>) -> Option<String> {
    let mut seen = BTreeSet::new();
    let mut all: Vec<_> = subject.containers().collect();
    // The component's own container has its name by right.
    all.reverse();
    let twice = all.into_iter().find(|(_, c)| !seen.insert(&c.name));
    twice.map(|(path, _)| format!("{path}.name"))
}

fn own_ports(subject: &Subject<'_>) -> Option<String> {
    let (generated, last) = subject.own()?;
    let key = |c: &Container| -> Vec<_> {
        let ports = c.ports.iter().flatten();
        ports
            .map(|p| (p.name.clone(), p.container_port, p.protocol.clone()))
            .collect()
    };
    let last = key(last);
    let is_kept = key(generated).iter().all(|port| last.contains(port));
    let names = last.iter().filter_map(|(name, ..)| name.as_ref());
    let is_unique = names.clone().collect::<BTreeSet<_>>().len() == names.count();
    let name = subject.component.name;
    let path = subject
        .origin
        .overrides(&format!("spec.containers[{name}].ports"));
    (!is_kept || !is_unique).then_some(path)
}

fn other_ports(subject: &Subject<'_>) -> Option<String> {
    let (generated, _) = subject.own()?;
    let names = generated.ports.iter().flatten();
    let names: BTreeSet<_> = names.filter_map(|p| p.name.as_deref()).collect();
    let own = subject.component.name.as_str();
    let mut others = subject.containers().filter(|(_, c)| c.name != own);
    let found = others.find(|(_, c)| {
        let mut ports = c.ports.iter().flatten().filter_map(|p| p.name.as_deref());
        ports.any(|name| names.contains(name))
    });
    found.map(|(path, _)| format!("{path}.ports"))
}

fn restart(subject: &Subject<'_>) -> Option<String> {
    let sidecars = &subject.component.parts.sidecars;
    let found = sidecars
        .iter()
        .find(|s| s.restart_policy.as_ref().is_some_and(|p| p != "Always"))?;
    Some(
        subject
            .origin
            .field(&format!("sidecars[{}].restartPolicy", found.name)),
    )
}
