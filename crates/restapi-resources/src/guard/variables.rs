//! Rules about environment variables: the operator's are nobody else's.

use restapi_types::{Environment, keys};

use super::{Rule, Subject};
use crate::{config_map, variables};

pub(super) const RULES: &[Rule] = &[
    Rule {
        broken: names,
        problem: "is a variable that the operator sets: its own start with RESTAPI_, and COMPONENT_URL is the address of another component",
        fix: "choose another name",
    },
    Rule {
        broken: sources,
        problem: "replaces the variables of envVars",
        fix: "use envFrom of the component",
    },
];

/// A variable of the author's with a name of the operator's.
fn names(subject: &Subject<'_>) -> Option<String> {
    let component = subject.component;
    let reserved: Vec<_> = variables::operators(subject.app, component, Environment::Blue)
        .into_iter()
        .map(|variable| variable.name)
        .collect();
    let is_reserved =
        |name: &str| name.starts_with(keys::ENV_PREFIX) || reserved.iter().any(|r| r == name);
    let values = component.spec.env_vars.iter().flat_map(|all| all.keys());
    let values = values.map(|name| ("envVars", name.as_str()));
    let env = component.spec.env.iter().flatten();
    let mut own = values.chain(env.map(|v| ("env", v.name.as_str())));
    if let Some((field, name)) = own.find(|(_, name)| is_reserved(name)) {
        return Some(declared(subject, field, name));
    }
    let overrides = component.parts.overrides.as_ref()?.spec.as_ref()?;
    let mut containers = overrides.containers.iter();
    let container = containers.find(|c| c.name == component.name.as_str())?;
    let mut env = container.env.iter().flatten();
    let variable = env.find(|v| is_reserved(&v.name))?;
    Some(subject.origin.overrides(&format!(
        "spec.containers[{}].env[{}]",
        container.name, variable.name
    )))
}

/// The field that sets a variable: the component's, or the application's, from which it has it.
fn declared(subject: &Subject<'_>, field: &str, name: &str) -> String {
    let own = subject.app.spec.component(subject.component.name);
    let is_own = own.is_some_and(|own| {
        let mut env = own.env.iter().flatten();
        env.any(|v| v.name == name) || own.env_vars.as_ref().is_some_and(|v| v.contains_key(name))
    });
    if is_own {
        return subject.origin.field(&format!("{field}[{name}]"));
    }
    format!("spec.{field}[{name}]")
}

/// Kubernetes merges `envFrom` as a whole, so an override would take the ConfigMap of plain values away.
fn sources(subject: &Subject<'_>) -> Option<String> {
    let name = config_map::name(subject.app, subject.component)?;
    let (_, last) = subject.own()?;
    let source = last.env_from.iter().flatten().last();
    let source = source.and_then(|s| s.config_map_ref.as_ref());
    let path = format!("spec.containers[{}].envFrom", subject.component.name);
    source
        .is_none_or(|map| map.name != name)
        .then(|| subject.origin.overrides(&path))
}
