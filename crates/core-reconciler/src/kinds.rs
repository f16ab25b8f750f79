//! The kinds that core-reconciler owns objects of.

use k8s_openapi::api::core::v1::{ResourceQuota, ServiceAccount};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use restapi_resources::third_party::ThirdPartyKind;
use workloads::kinds::{OwnedKind, Role, built_in, of_workloads};

/// Every kind that core-reconciler owns objects of.
#[must_use]
pub fn owned() -> Vec<OwnedKind> {
    use Role::Companions;
    let companions = [
        built_in::<ServiceAccount>(Companions),
        built_in::<NetworkPolicy>(Companions),
        built_in::<PodDisruptionBudget>(Companions),
        built_in::<Ingress>(Companions),
        built_in::<ResourceQuota>(Companions),
    ];
    let third_party = ThirdPartyKind::ALL.map(|kind| OwnedKind {
        resource: kind.resource(),
        role: Companions,
        is_optional: true,
    });
    let all = of_workloads().into_iter().chain(companions);
    all.chain(third_party).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn kinds_are_told_apart_by_name() {
        let all = owned();
        let names: BTreeSet<_> = all.iter().map(|k| k.resource.kind.clone()).collect();
        assert_eq!(names.len(), all.len());
    }
}
