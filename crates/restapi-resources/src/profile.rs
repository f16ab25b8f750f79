//! What each resource profile stands for: one table, which the reference repeats.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use restapi_types::ComponentName;
use restapi_types::spec::pods::ResourceProfile;

use crate::Component;

/// What a profile stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Which profile.
    pub profile: ResourceProfile,
    /// CPU that is set aside.
    pub cpu: &'static str,
    /// CPU that may be used.
    pub cpu_limit: &'static str,
    /// Memory that is set aside.
    pub memory: &'static str,
    /// Memory that may be used.
    pub memory_limit: &'static str,
}

/// Every profile, spelled as the API server spells quantities.
pub const TABLE: [Row; 4] = [
    Row {
        profile: ResourceProfile::CpuIntensive,
        cpu: "200m",
        cpu_limit: "2",
        memory: "128Mi",
        memory_limit: "512Mi",
    },
    Row {
        profile: ResourceProfile::MemoryIntensive,
        cpu: "100m",
        cpu_limit: "500m",
        memory: "256Mi",
        memory_limit: "1Gi",
    },
    Row {
        profile: ResourceProfile::Balanced,
        cpu: "100m",
        cpu_limit: "1",
        memory: "128Mi",
        memory_limit: "512Mi",
    },
    Row {
        profile: ResourceProfile::IoIntensive,
        cpu: "100m",
        cpu_limit: "1",
        memory: "256Mi",
        memory_limit: "512Mi",
    },
];

/// The profile of a component that names none.
#[must_use]
pub const fn default_of(component: ComponentName) -> ResourceProfile {
    match component {
        ComponentName::Model => ResourceProfile::CpuIntensive,
        ComponentName::View => ResourceProfile::MemoryIntensive,
        ComponentName::Repository => ResourceProfile::IoIntensive,
        ComponentName::Controller | ComponentName::Additional(_) => ResourceProfile::Balanced,
    }
}

/// What a component's container asks for: its `resources` if there are any, else what its profile stands for.
#[must_use]
pub fn resources(component: &Component) -> ResourceRequirements {
    if let Some(explicit) = &component.spec.resources {
        return explicit.to_kube();
    }
    let profile = component.spec.resource_profile;
    let profile = profile.unwrap_or(default_of(component.name));
    let row = TABLE.iter().find(|row| row.profile == profile);
    row.map(requirements).unwrap_or_default()
}

fn requirements(row: &Row) -> ResourceRequirements {
    let quantities = |cpu: &str, memory: &str| {
        Some(BTreeMap::from([
            ("cpu".to_owned(), Quantity(cpu.to_owned())),
            ("memory".to_owned(), Quantity(memory.to_owned())),
        ]))
    };
    ResourceRequirements {
        requests: quantities(row.cpu, row.memory),
        limits: quantities(row.cpu_limit, row.memory_limit),
        claims: None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures::application;

    #[test]
    fn every_profile_is_in_the_table_once() {
        for profile in [
            ResourceProfile::CpuIntensive,
            ResourceProfile::MemoryIntensive,
            ResourceProfile::Balanced,
            ResourceProfile::IoIntensive,
        ] {
            assert_eq!(TABLE.iter().filter(|row| row.profile == profile).count(), 1);
        }
    }

    #[test]
    fn the_reference_has_the_table() {
        let reference = include_str!("../../../docs/reference.md");
        for row in TABLE {
            let figures = [row.cpu, row.memory, row.cpu_limit, row.memory_limit].join(" | ");
            let is_row = |line: &str| {
                line.starts_with(&format!("| `{:?}` |", row.profile))
                    && line.ends_with(&format!("| {figures} |"))
            };
            assert!(reference.lines().any(is_row), "no row of {:?}", row.profile);
        }
    }

    #[rstest]
    #[case("model", json!({}), "200m")]
    #[case("view", json!({}), "100m")]
    #[case("view", json!({"resourceProfile": "CpuIntensive"}), "200m")]
    fn a_component_has_the_profile_of_its_place_unless_it_names_one(
        #[case] component: &str,
        #[case] fields: Value,
        #[case] cpu: &str,
    ) {
        let app = application(&json!({"image": "a", component: fields}).to_string());
        let resources = resources(&app.components[0]);
        assert_eq!(json!(resources)["requests"]["cpu"], cpu);
        assert!(resources.limits.is_some());
    }

    #[test]
    fn explicit_resources_replace_the_whole_profile() {
        let app = application(
            r#"{"image": "a", "view": {"resourceProfile": "Balanced", "resources": {"limits": {"memory": "1Gi"}}}}"#,
        );
        assert_eq!(
            json!(resources(&app.components[0])),
            json!({"limits": {"memory": "1Gi"}})
        );
    }
}
