//! `podOverrides`: a pod template of the author's, merged over the generated one.

use k8s_openapi::DeepMerge as _;
use k8s_openapi::api::core::v1::PodTemplateSpec;

/// Merges `own` over `template`: objects field by field, containers, volumes, variables and what else has a name
/// by name, other lists as a whole.
pub(crate) fn merge(template: &mut PodTemplateSpec, own: PodTemplateSpec) {
    template.merge_from(own);
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::PodSpec;
    use proptest::prelude::*;
    use restapi_types::Environment;
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures::{FULL, application};
    use crate::pod;

    /// Overrides of what has a name, of what is replaced as a whole, and of single values.
    fn overrides() -> impl Strategy<Value = Value> {
        let name = || prop::sample::select(vec!["model", "proxy", "more"]);
        let container = (name(), "[x-z]{1,3}", "[A-C]").prop_map(|(name, value, variable)| {
            json!({"name": name, "image": value, "env": [{"name": variable, "value": value}]})
        });
        let unique = prop::collection::vec(container, 0..3).prop_map(|mut all| {
            all.sort_by_key(|c| c["name"].to_string());
            all.dedup_by_key(|c| c["name"].to_string());
            all
        });
        let toleration = "[a-c]".prop_map(|key| json!({"key": key, "operator": "Exists"}));
        let tolerations = prop::collection::vec(toleration, 0..3);
        let grace = prop::option::of(0..99);
        (unique, tolerations, grace).prop_map(|(containers, tolerations, grace)| {
            json!({"spec": {
                "containers": containers,
                "tolerations": tolerations,
                "terminationGracePeriodSeconds": grace,
            }})
        })
    }

    fn generated() -> PodTemplateSpec {
        let app = application(FULL);
        let model = app.components.iter().find(|c| c.name.as_str() == "model");
        pod::generated(&app, model.unwrap(), Environment::Blue)
    }

    #[test]
    fn an_empty_override_changes_nothing() {
        let mut template = generated();
        let own = PodTemplateSpec {
            metadata: None,
            spec: Some(PodSpec::default()),
        };
        merge(&mut template, own);
        assert_eq!(template, generated());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn an_override_takes_nothing_away_and_is_the_same_the_second_time(own in overrides()) {
            let own: PodTemplateSpec = serde_json::from_value(own).unwrap();
            let mut once = generated();
            merge(&mut once, own.clone());
            let mut twice = once.clone();
            merge(&mut twice, own);
            prop_assert_eq!(&twice, &once);
            let names = |t: &PodTemplateSpec| -> Vec<String> {
                let containers = t.spec.iter().flat_map(|s| &s.containers);
                containers.flat_map(|c| c.env.iter().flatten().map(|v| v.name.clone())).collect()
            };
            let after = names(&once);
            prop_assert!(names(&generated()).iter().all(|name| after.contains(name)));
        }
    }
}
