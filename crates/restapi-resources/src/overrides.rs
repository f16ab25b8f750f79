//! `podOverrides`: a pod template of the author's, merged over the generated one.

use k8s_openapi::DeepMerge as _;
use k8s_openapi::api::core::v1::PodTemplateSpec;

/// Merges `own` over `template`: objects field by field, containers, volumes, variables and what else has a name
/// by name, other lists as a whole.
pub(crate) fn merge(template: &mut PodTemplateSpec, own: PodTemplateSpec) {
    template.merge_from(own);
}
