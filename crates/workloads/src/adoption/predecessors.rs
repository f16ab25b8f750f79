//! The Deployments whose pods a Service selected before it was taken over.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt as _;
use restapi_types::keys;

use super::record::selects;
use super::{Adoption, Record};

/// What is to become of a Deployment whose pods served before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Its pods may still be asked: it stays as it is.
    Waits,
    /// Nobody asks its pods any more: it is scaled to 0.
    Goes,
    /// It was scaled to 0, by us or by somebody before. What becomes of it then is its owner's matter.
    Gone,
    /// Another Service, of that name, selects its pods too.
    Serves(String),
    /// It is made by something else, which would make it again: kind and name.
    Made(String),
}

/// The Deployments whose pods a Service with that record selected before, except those of the application with that
/// uid, and what is to become of each.
pub fn predecessors<'a, 'r>(
    adoption: &'a Adoption,
    record: &'r Record,
    uid: &'r str,
) -> impl Iterator<Item = (&'a Deployment, Fate)> + use<'a, 'r> {
    let all = adoption.deployments.iter();
    all.filter(move |deployment| record.selected(labels(deployment)) && !is_of(deployment, uid))
        .map(|deployment| (deployment, fate(adoption, deployment)))
}

fn is_of(deployment: &Deployment, uid: &str) -> bool {
    deployment.owner_references().iter().any(|o| o.uid == uid)
}

fn fate(adoption: &Adoption, deployment: &Deployment) -> Fate {
    let mut owners = deployment.owner_references().iter();
    if let Some(maker) = owners.find(|o| o.controller == Some(true)) {
        return Fate::Made(format!("{} {}", maker.kind, maker.name));
    }
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas);
    if wanted == Some(0) || deployment.annotations().contains_key(keys::REPLACED) {
        return Fate::Gone;
    }
    // A Service that is taken over too, and still has to move, is among those that select.
    let mut services = adoption.services.iter();
    if let Some(other) = services.find(|service| is_selected_by(service, deployment)) {
        return Fate::Serves(other.name_any());
    }
    let records = adoption.services.iter().filter_map(Record::on_any);
    let mut concerned = records.filter(|record| record.selected(labels(deployment)));
    if concerned.all(|record| record.is_drained(adoption.at)) {
        Fate::Goes
    } else {
        Fate::Waits
    }
}

fn is_selected_by(service: &Service, deployment: &Deployment) -> bool {
    let selector = service.spec.as_ref().and_then(|s| s.selector.as_ref());
    selector.is_some_and(|selector| selects(selector, labels(deployment)))
}

/// The labels of its pods.
fn labels(deployment: &Deployment) -> Option<&std::collections::BTreeMap<String, String>> {
    let spec = deployment.spec.as_ref()?;
    spec.template.metadata.as_ref()?.labels.as_ref()
}
