//! The names of generated objects: deterministic, injective and at most 63 characters long.
//!
//! A `RestAPI`'s name has at most [`MAX_APP`] characters and a component's at most 15, without `-`, and
//! neither `blue` nor `green`. Read from the right, every name below can then mean one thing only.

use sha2::{Digest as _, Sha256};

use crate::{ComponentName, Environment};

/// The longest name of a `RestAPI`: the longest name derived from it, `APP-COMPONENT-COLOUR`, has
/// at most 40 + 1 + 15 + 1 + 5 = 62 characters.
pub const MAX_APP: usize = 40;

/// The longest name of a StatefulSet: its pods have a label with the name, `-` and a hash of ten characters,
/// and a label has at most 63.
pub const MAX_STATEFUL_SET: usize = 52;

/// The Deployment and the Service of one component in one environment: `APP-COMPONENT-COLOUR`.
#[must_use]
pub fn coloured(app: &str, component: ComponentName, environment: Environment) -> String {
    format!("{app}-{component}-{environment}")
}

/// The StatefulSet of one component in one environment: `APP-COMPONENT-COLOUR`, or, where that is longer than
/// [`MAX_STATEFUL_SET`], its beginning and a hash.
#[must_use]
pub fn stateful_set(app: &str, component: ComponentName, environment: Environment) -> String {
    within(coloured(app, component, environment), MAX_STATEFUL_SET)
}

/// What belongs to one component in both environments, the stable Service first of all: `APP-COMPONENT`.
#[must_use]
pub fn stable(app: &str, component: ComponentName) -> String {
    format!("{app}-{component}")
}

/// What an application has one of, its `ServiceAccount` for example: `APP`.
#[must_use]
pub fn application(app: &str) -> String {
    app.to_owned()
}

/// The `ServiceAccount` of a component that has one of its own: `APP.COMPONENT`, since another application
/// may be called `APP-COMPONENT`.
#[must_use]
pub fn component_account(app: &str, component: ComponentName) -> String {
    format!("{app}.{component}")
}

/// The Secret with the certificate of an application's Ingress: `APP-tls`.
#[must_use]
pub fn tls_secret(app: &str) -> String {
    format!("{app}-tls")
}

/// What is named after its content: a `ControllerRevision` or a `ConfigMap`: `APP-HASH`.
#[must_use]
pub fn content(app: &str, hash: &str) -> String {
    format!("{app}-{hash}")
}

/// The Job of a gate: `APP-GATE-HASH`, or, where that is longer than a label may be, its beginning and a hash. The hash
/// is of the gate, the application and the attempt, so that no two Jobs have the same name.
#[must_use]
pub fn gate_job(app: &str, gate: &str, hash: &str) -> String {
    within(format!("{app}-{gate}-{hash}"), 63)
}

/// `name`, or, where it is longer than `limit` characters, its beginning and a hash of all of it.
fn within(name: String, limit: usize) -> String {
    const DIGITS: usize = 12;
    if name.len() <= limit {
        return name;
    }
    let digest = Sha256::digest(name.as_bytes());
    let hash = digest
        .iter()
        .take(DIGITS / 2)
        .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let end = name.floor_char_boundary(limit.saturating_sub(DIGITS + 1));
    let (kept, _) = name.split_at(end);
    format!("{kept}-{hash:0DIGITS$x}")
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use proptest::prelude::*;

    use super::*;

    fn app() -> impl Strategy<Value = String> {
        // Names made of the words that could confuse a reader of names, and any other valid ones.
        let words = prop::collection::vec(
            prop::sample::select(vec![
                "model",
                "view",
                "blue",
                "green",
                "a",
                "controller",
                "repository",
            ]),
            1..4,
        )
        .prop_map(|w| w.join("-"));
        prop_oneof![words, "[a-z]([-a-z0-9]{0,38}[a-z0-9])?"]
            .prop_filter("as long as admission allows", |n| n.len() <= MAX_APP)
    }

    fn component() -> impl Strategy<Value = ComponentName> {
        let additional =
            "[a-z][a-z0-9]{0,14}".prop_filter_map("a free name", |n| ComponentName::additional(&n));
        prop_oneof![
            prop::sample::select(ComponentName::ALL.to_vec()),
            additional
        ]
    }

    /// Every Service name of an application: Services share one namespace of names.
    fn services(app: &str, additional: &[ComponentName]) -> Vec<(String, String)> {
        let components: BTreeSet<_> = ComponentName::ALL
            .into_iter()
            .chain(additional.iter().copied())
            .collect();
        components
            .into_iter()
            .flat_map(|c| {
                [
                    (stable(app, c), format!("{app}/{c}/stable")),
                    (
                        coloured(app, c, Environment::Blue),
                        format!("{app}/{c}/blue"),
                    ),
                    (
                        coloured(app, c, Environment::Green),
                        format!("{app}/{c}/green"),
                    ),
                ]
            })
            .collect()
    }

    proptest! {
        #[test]
        fn names_are_short_and_injective(
            apps in prop::collection::hash_set(app(), 1..12),
            additional in prop::collection::vec(component(), 0..3),
        ) {
            let mut meanings: HashMap<String, String> = HashMap::new();
            for (name, meaning) in apps.iter().flat_map(|a| services(a, &additional)) {
                prop_assert!(name.len() <= 63, "{name} has {} characters", name.len());
                prop_assert!(within(name.clone(), MAX_STATEFUL_SET).len() <= MAX_STATEFUL_SET);
                if let Some(other) = meanings.insert(name.clone(), meaning.clone()) {
                    prop_assert!(false, "{name} means both {other} and {meaning}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn stateful_sets_of_different_components_have_different_names(
            apps in prop::collection::hash_set(app(), 1..12), component in component(),
        ) {
            let names: BTreeSet<_> =
                apps.iter().map(|a| stateful_set(a, component, Environment::Blue)).collect();
            prop_assert_eq!(names.len(), apps.len());
        }
    }
}
