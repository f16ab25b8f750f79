//! Laws of inheriting, over many specs.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// Variables with few names, so that many collide; none has a name in both forms, as admission demands.
fn variables_of(
    value: &'static str,
) -> impl Strategy<Value = (BTreeMap<String, String>, Vec<EnvVar>)> {
    let names = prop::sample::subsequence(vec!["A", "B", "C", "D", "E"], 0..5);
    (names, any::<u8>()).prop_map(move |(names, forms)| {
        let mut plain = BTreeMap::new();
        let mut env = Vec::new();
        for (i, name) in names.into_iter().enumerate() {
            if forms >> i & 1 == 0 {
                plain.insert(name.to_owned(), value.to_owned());
            } else {
                env.push(EnvVar {
                    name: name.to_owned(),
                    value: Some(value.to_owned()),
                    value_from: None,
                });
            }
        }
        (plain, env)
    })
}

fn own() -> impl Strategy<Value = ComponentSpec> {
    let image = prop::option::of("[a-c]:1");
    (variables_of("own"), image, prop::option::of(0..5)).prop_map(
        |((plain, env), image, replicas)| ComponentSpec {
            env_vars: (!plain.is_empty()).then_some(plain),
            env: (!env.is_empty()).then_some(env),
            image,
            replicas,
            ..ComponentSpec::default()
        },
    )
}

fn all() -> impl Strategy<Value = RestAPISpec> {
    let image = prop::option::of("[d-f]:1");
    (variables_of("all"), image, prop::option::of(5..9)).prop_map(
        |((plain, env), image, replicas)| RestAPISpec {
            env_vars: (!plain.is_empty()).then_some(plain),
            env: (!env.is_empty()).then_some(env),
            image,
            replicas,
            ..RestAPISpec::default()
        },
    )
}

/// Every variable with its value, in whichever form.
fn values(
    plain: Option<&BTreeMap<String, String>>,
    env: Option<&Vec<EnvVar>>,
) -> Vec<(String, String)> {
    let plain = plain
        .into_iter()
        .flatten()
        .map(|(k, v)| (k.clone(), v.clone()));
    let env = env.into_iter().flatten();
    let env = env.map(|v| (v.name.clone(), v.value.clone().unwrap_or_default()));
    plain.chain(env).collect()
}

proptest! {
    #[test]
    fn what_is_said_stays_and_nothing_is_taken_from_nothing(own in own()) {
        prop_assert_eq!(component(&own, &RestAPISpec::default()), own);
    }

    #[test]
    fn inheriting_once_more_changes_nothing(own in own(), all in all()) {
        let once = component(&own, &all);
        prop_assert_eq!(component(&once, &all), once);
    }

    #[test]
    fn every_variable_is_there_once_and_the_component_s_own_wins(own in own(), all in all()) {
        let merged = component(&own, &all);
        let merged = values(merged.env_vars.as_ref(), merged.env.as_ref());
        let of_own = values(own.env_vars.as_ref(), own.env.as_ref());
        let of_all = values(all.env_vars.as_ref(), all.env.as_ref());
        let mut expected: BTreeMap<String, String> = of_all.into_iter().collect();
        expected.extend(of_own);
        let names: BTreeSet<_> = merged.iter().map(|(name, _)| name).collect();
        prop_assert_eq!(names.len(), merged.len());
        prop_assert_eq!(merged.into_iter().collect::<BTreeMap<_, _>>(), expected);
    }
}
