//! Whose replicas an autoscaler decides, whoever made it.
//!
//! A HorizontalPodAutoscaler names its target in its spec, so all of them are watched, and only that is
//! kept. KEDA scales through one as well.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::{Stream, StreamExt as _, stream};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::ResourceExt as _;
use kube::runtime::watcher::Event;
use manager_kit::tracker::{Owner, Target};
use restapi_types::{ComponentName, Environment};
use tokio::sync::SetOnce;

/// The targets of one namespace, by autoscaler.
type Targets = HashMap<String, Target>;

/// The targets of all autoscalers. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Autoscalers {
    targets: Arc<Mutex<HashMap<String, Targets>>>,
    synced: Arc<SetOnce<()>>,
}

impl Autoscalers {
    /// The workloads of `namespace` that have an autoscaler.
    #[must_use]
    pub fn of(&self, namespace: &str) -> BTreeSet<Target> {
        let targets = self.lock();
        let found = targets.get(namespace).into_iter().flat_map(HashMap::values);
        found.cloned().collect()
    }

    /// Completes when the first list is complete.
    pub async fn synced(&self) {
        self.synced.wait().await;
    }

    /// Follows `events` and yields the applications whose workloads gained or lost an autoscaler.
    pub fn feed(
        self,
        events: impl Stream<Item = Event<HorizontalPodAutoscaler>>,
    ) -> impl Stream<Item = Owner> {
        let mut listed: HashMap<String, Targets> = HashMap::new();
        events.flat_map(move |event| stream::iter(self.note(&mut listed, event)))
    }

    fn note(
        &self,
        listed: &mut HashMap<String, Targets>,
        event: Event<HorizontalPodAutoscaler>,
    ) -> Vec<Owner> {
        match event {
            Event::Init => {
                listed.clear();
                Vec::new()
            }
            Event::InitApply(hpa) => {
                insert(listed, &hpa);
                Vec::new()
            }
            Event::InitDone => {
                let before = std::mem::replace(&mut *self.lock(), std::mem::take(listed));
                // An error says that it was synced before.
                let _ = self.synced.set(());
                let targets = self.lock();
                let all = before.iter().chain(targets.iter());
                all.flat_map(|(namespace, t)| t.values().filter_map(|t| owner(namespace, t)))
                    .collect()
            }
            Event::Apply(hpa) => {
                let before = insert(&mut self.lock(), &hpa);
                told(&hpa, before.as_ref(), target(&hpa).as_ref())
            }
            Event::Delete(hpa) => {
                let namespace = hpa.namespace().unwrap_or_default();
                let mut targets = self.lock();
                let named = targets.get_mut(&namespace);
                let before = named.and_then(|t| t.remove(&hpa.name_any()));
                told(&hpa, before.as_ref(), None)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Targets>> {
        self.targets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts the target of an autoscaler in; returns the one that it had.
fn insert(targets: &mut HashMap<String, Targets>, hpa: &HorizontalPodAutoscaler) -> Option<Target> {
    let target = target(hpa)?;
    let named = targets.entry(hpa.namespace().unwrap_or_default());
    named.or_default().insert(hpa.name_any(), target)
}

fn target(hpa: &HorizontalPodAutoscaler) -> Option<Target> {
    let reference = &hpa.spec.as_ref()?.scale_target_ref;
    Some(Target {
        kind: reference.kind.clone(),
        name: reference.name.clone(),
    })
}

/// The applications to tell when an autoscaler's target went from one to the other.
fn told(
    hpa: &HorizontalPodAutoscaler,
    before: Option<&Target>,
    after: Option<&Target>,
) -> Vec<Owner> {
    if before == after {
        return Vec::new();
    }
    let namespace = hpa.namespace().unwrap_or_default();
    let targets = before.into_iter().chain(after);
    targets.filter_map(|t| owner(&namespace, t)).collect()
}

/// The application that a workload of that name belongs to, if it is named like one of ours.
fn owner(namespace: &str, target: &Target) -> Option<Owner> {
    let (rest, environment) = target.name.rsplit_once('-')?;
    let (app, component) = rest.rsplit_once('-')?;
    Environment::parse(environment)?;
    ComponentName::of(component)?;
    Some((namespace.to_owned(), app.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hpa(name: &str, target: &str) -> HorizontalPodAutoscaler {
        serde_json::from_value(json!({
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": target}},
        }))
        .unwrap()
    }

    async fn fed(events: Vec<Event<HorizontalPodAutoscaler>>) -> (Vec<String>, Vec<String>) {
        let autoscalers = Autoscalers::default();
        let owners = autoscalers.clone().feed(stream::iter(events));
        let owners = owners.map(|(_, name)| name).collect().await;
        let targets = autoscalers.of("shop").into_iter().map(|t| t.name).collect();
        (owners, targets)
    }

    #[tokio::test]
    async fn applications_are_told_when_their_autoscalers_come_and_go() {
        let (owners, targets) = fed(vec![
            Event::Init,
            Event::InitApply(hpa("a", "my-orders-view-blue")),
            Event::InitDone,
            Event::Apply(hpa("a", "my-orders-view-blue")),
            Event::Apply(hpa("b", "other-worker-green")),
            Event::Apply(hpa("c", "nothing-of-ours")),
            Event::Delete(hpa("a", "my-orders-view-blue")),
        ])
        .await;
        assert_eq!(owners, ["my-orders", "other", "my-orders"]);
        assert_eq!(targets, ["nothing-of-ours", "other-worker-green"]);
    }
}
