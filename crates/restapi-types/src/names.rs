//! The names of generated objects: deterministic, injective and at most 63 characters long.
//!
//! A `RestAPI`'s name has at most [`MAX_APP`] characters and a component's at most 15, without `-`, and
//! neither `blue` nor `green`. Read from the right, every name below can then mean one thing only.

use crate::{ComponentName, Environment};

/// The longest name of a `RestAPI`: the longest name derived from it, `APP-COMPONENT-COLOUR`, has
/// at most 40 + 1 + 15 + 1 + 5 = 62 characters.
pub const MAX_APP: usize = 40;

/// The Deployment and the Service of one component in one environment: `APP-COMPONENT-COLOUR`.
#[must_use]
pub fn coloured(app: &str, component: ComponentName, environment: Environment) -> String {
    format!("{app}-{component}-{environment}")
}

/// The stable Service of one component, which selects one environment: `APP-COMPONENT`.
#[must_use]
pub fn stable(app: &str, component: ComponentName) -> String {
    format!("{app}-{component}")
}

/// The `ServiceAccount` that the application's pods run as: `APP`.
#[must_use]
pub fn service_account(app: &str) -> String {
    app.to_owned()
}

/// The `ControllerRevision` that records one revision: `APP-HASH`.
#[must_use]
pub fn controller_revision(app: &str, revision: &str) -> String {
    format!("{app}-{revision}")
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

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

    /// Every Service name of an application: Services share one namespace of names.
    fn services(app: &str) -> Vec<(String, String)> {
        ComponentName::ALL
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
        fn names_are_short_and_injective(apps in prop::collection::hash_set(app(), 1..12)) {
            let mut meanings: HashMap<String, String> = HashMap::new();
            for (name, meaning) in apps.iter().flat_map(|a| services(a)) {
                prop_assert!(name.len() <= 63, "{name} has {} characters", name.len());
                if let Some(other) = meanings.insert(name.clone(), meaning.clone()) {
                    prop_assert!(false, "{name} means both {other} and {meaning}");
                }
            }
        }
    }
}
