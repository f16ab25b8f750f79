//! The plain values of `envVars`, in a ConfigMap that never changes: other values are another ConfigMap, so that
//! an old pod that starts again finds what it was made with.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use restapi_types::names;
use serde_json::json;

use crate::{Application, Component, canonical, labels};

/// Whether Kubernetes would change the value if it stood in the template, where `$(NAME)` is replaced and `$$`
/// means `$`. Such a value must stand there.
pub(crate) fn is_expanded(value: &str) -> bool {
    value.contains("$(") || value.contains("$$")
}

/// The values that are the same wherever they stand.
fn plain(component: &Component) -> BTreeMap<String, String> {
    let values = component.spec.env_vars.iter().flatten();
    values
        .filter(|(_, value)| !is_expanded(value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// The name of a component's ConfigMap, `APP-HASH`, if it has plain values. Components with the same values have
/// ConfigMaps of their own, so that each goes with its component.
#[must_use]
pub fn name(app: &Application, component: &Component) -> Option<String> {
    named(app, component, &plain(component))
}

fn named(
    app: &Application,
    component: &Component,
    values: &BTreeMap<String, String>,
) -> Option<String> {
    let content = json!({"component": component.name.as_str(), "values": values});
    (!values.is_empty()).then(|| names::content(&app.name, &canonical::hash(&content)))
}

/// The ConfigMap of a component's plain values, if it has any.
#[must_use]
pub fn config_map(app: &Application, component: &Component) -> Option<ConfigMap> {
    let values = plain(component);
    let name = named(app, component, &values)?;
    Some(ConfigMap {
        metadata: labels::owned(app, name, labels::component(&app.name, component.name)),
        data: Some(values),
        immutable: Some(true),
        binary_data: None,
    })
}

#[cfg(test)]
mod tests {
    use restapi_types::ComponentName;

    use super::*;
    use crate::fixtures::application;

    fn rendered(spec: &str, component: ComponentName) -> Option<ConfigMap> {
        let app = application(spec);
        config_map(&app, app.component(component).unwrap())
    }

    #[test]
    fn it_holds_what_kubernetes_would_not_expand() {
        let map = rendered(
            r#"{"image": "a", "view": {"envVars": {"A": "1", "B": "$(A)", "C": "a$$b", "D": "$5"}}}"#,
            ComponentName::View,
        );
        let values = map.unwrap().data.unwrap();
        assert_eq!(values.keys().collect::<Vec<_>>(), ["A", "D"]);
        let none = r#"{"image": "a", "view": {"envVars": {"B": "$(A)"}}}"#;
        assert_eq!(rendered(none, ComponentName::View), None);
    }

    #[test]
    fn its_name_follows_component_and_values() {
        let name = |spec: &str, component| rendered(spec, component).unwrap().metadata.name;
        let spec = r#"{"image": "a", "envVars": {"A": "1"}, "view": {}, "model": {}}"#;
        let other = r#"{"image": "b", "envVars": {"A": "1"}, "view": {"replicas": 2}}"#;
        let view = name(spec, ComponentName::View);
        assert_ne!(view, name(spec, ComponentName::Model));
        assert_eq!(view, name(other, ComponentName::View));
        let changed = spec.replace('1', "2");
        assert_ne!(view, name(&changed, ComponentName::View));
    }
}
