//! What no pod of an application may have, whoever asks for it: one table of rules over the final template.
//!
//! Admission sees most of it; fields that the CRD does not describe in full, and what was stored before a rule
//! existed, are seen here, before anything is written.

mod containers;
mod pod;
mod variables;
mod volumes;

use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec};
use restapi_types::Environment;
use serde_json::Value;

use crate::origin::{Origin, containers as containers_of};
use crate::{Application, Component, Invalid, pod as template};

/// The most that a component's opaque fields may have, as JSON. A pod has them once more, and so have the records
/// of up to ten revisions.
pub const MAX_OPAQUE_BYTES: usize = 64 * 1024;

/// One rule.
struct Rule {
    /// The path of the first field that breaks it.
    broken: fn(&Subject<'_>) -> Option<String>,
    /// What is wrong with the field.
    problem: &'static str,
    /// What to write instead.
    fix: &'static str,
}

/// What the rules look at.
struct Subject<'a> {
    app: &'a Application,
    component: &'a Component,
    /// What the fields say.
    generated: &'a PodTemplateSpec,
    /// The template as pods would get it.
    last: &'a PodTemplateSpec,
    /// Its pods.
    pod: &'a PodSpec,
    origin: Origin<'a>,
}

impl<'a> Subject<'a> {
    /// Every container with its path.
    fn containers(&self) -> impl Iterator<Item = (String, &'a Container)> {
        let origin = self.origin;
        containers_of(self.pod).map(move |(c, is_init)| (origin.container(&c.name, is_init), c))
    }

    /// The component's own container, as the fields say and as its pods would get it.
    fn own(&self) -> Option<(&'a Container, &'a Container)> {
        let name = self.component.name.as_str();
        let of = |pod: &'a PodSpec| pod.containers.iter().find(|c| c.name == name);
        Some((of(self.generated.spec.as_ref()?)?, of(self.pod)?))
    }

    /// The path of a field inside a container for which this is true.
    fn in_container(&self, field: &str, is: fn(&Container) -> bool) -> Option<String> {
        let found = self.containers().find(|(_, container)| is(container));
        found.map(|(path, _)| format!("{path}.{field}"))
    }
}

/// Checks every component of `app`.
///
/// # Errors
/// [`Invalid`] names the field that breaks a rule, and the fix.
pub(crate) fn check(app: &Application) -> Result<(), Invalid> {
    app.components
        .iter()
        .try_for_each(|component| check_component(app, component))
}

fn check_component(app: &Application, component: &Component) -> Result<(), Invalid> {
    check_size(component)?;
    // The rules read nothing that differs between the environments.
    let generated = template::generated(app, component, Environment::Blue);
    let last = template::template(app, component, Environment::Blue);
    let Some(pod) = &last.spec else {
        return Ok(());
    };
    let subject = Subject {
        app,
        component,
        generated: &generated,
        last: &last,
        pod,
        origin: Origin(component),
    };
    let tables = [
        variables::RULES,
        pod::RULES,
        containers::RULES,
        volumes::RULES,
    ];
    for rule in tables.into_iter().flatten() {
        if let Some(path) = (rule.broken)(&subject) {
            return Err(Invalid::new(path, rule.problem, rule.fix));
        }
    }
    Ok(())
}

/// Opaque fields have few bounds of their own.
fn check_size(component: &Component) -> Result<(), Invalid> {
    let spec = &component.spec;
    let lists = [&spec.volumes, &spec.init_containers, &spec.sidecars];
    let lists = lists.into_iter().flatten().flatten();
    let single = [&spec.affinity, &spec.pod_overrides];
    let policy = spec.network_policy.iter();
    let rules = policy
        .flat_map(|p| [&p.ingress, &p.egress])
        .flatten()
        .flatten();
    let bytes: usize = lists
        .chain(single.into_iter().flatten())
        .chain(rules)
        .map(|value: &Value| value.to_string().len())
        .sum();
    if bytes <= MAX_OPAQUE_BYTES {
        return Ok(());
    }
    Err(Invalid::new(
        component.name.path(),
        format!(
            "volumes, initContainers, sidecars, affinity, podOverrides and networkPolicy have {bytes} bytes together"
        ),
        format!("keep them below {MAX_OPAQUE_BYTES} bytes: move scripts and files into ConfigMaps"),
    ))
}

#[cfg(test)]
mod tests;
