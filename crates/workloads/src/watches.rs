//! What is watched besides the `RestAPI`s, and whom a change concerns.

use futures::stream::{BoxStream, SelectAll, StreamExt as _, select_all};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use kube::core::{DynamicObject, PartialObjectMeta};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher;
use kube::{Api, Resource};
use manager_kit::cache::{Cache, feed};
use manager_kit::context::Context;
use manager_kit::tracker::Owner;
use manager_kit::watch::{optional, resilient, resilient_of};
use restapi_resources::references::ReferenceKind;
use restapi_types::{RestAPI, keys};

use crate::autoscalers::Autoscalers;
use crate::config::References;
use crate::kinds::OwnedKind;
use crate::observe::{Caches, Owned};
use crate::pods;

/// The applications that something changed for.
pub type Triggers = SelectAll<BoxStream<'static, ObjectRef<RestAPI>>>;

/// What a manager can be told of its watches.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct WatchArgs {
    /// Watch Secrets, so that a change is seen at once instead of within 50 seconds. Needs the right to list
    /// and watch Secrets, which is the right to read all of them: kustomize/components/watch-secrets.
    #[arg(long, env = "WATCH_SECRETS", value_parser = clap::builder::FalseyValueParser::new(),
          action = clap::ArgAction::SetTrue)]
    pub watch_secrets: bool,
}

/// All watches, with those of objects of `kinds`: the caches that they fill, and the applications that changes
/// concern, or that somebody told something of.
pub fn all(ctx: &Context, kinds: Vec<OwnedKind>, args: &WatchArgs) -> (Caches, Triggers) {
    let mut triggers = Vec::new();
    let mut all = Vec::new();
    for kind in kinds {
        let (owned, changed) = owned(ctx, kind);
        all.push(owned);
        triggers.push(changed);
    }
    let caches = Caches {
        owned: all,
        pods: Cache::default(),
        autoscalers: Autoscalers::default(),
        references: References::new(args.watch_secrets),
    };
    triggers.push(pods(ctx, &caches));
    triggers.push(autoscalers(ctx, &caches));
    triggers.push(references::<ConfigMap>(
        ctx,
        &caches,
        ReferenceKind::ConfigMap,
    ));
    triggers.push(ctx.bus.hints().map(reference).boxed());
    if args.watch_secrets {
        triggers.push(references::<Secret>(ctx, &caches, ReferenceKind::Secret));
    }
    (caches, select_all(triggers))
}

/// Only what the operator made: a cluster has many objects.
fn ours() -> watcher::Config {
    let selector = format!("{}={}", keys::MANAGED_BY, keys::MANAGED_BY_VALUE);
    watcher::Config::default().labels(&selector)
}

fn owned(ctx: &Context, kind: OwnedKind) -> (Owned, BoxStream<'static, ObjectRef<RestAPI>>) {
    let cache = Cache::default();
    let resource = &kind.resource;
    let api: Api<DynamicObject> = match ctx.args.namespace() {
        Some(namespace) => Api::namespaced_with(ctx.client.clone(), namespace, resource),
        None => Api::all_with(ctx.client.clone(), resource),
    };
    let (events, served) = if kind.is_optional {
        let (events, served) = optional(ctx, api, resource, ours());
        (events.boxed(), Some(served))
    } else {
        (resilient_of(ctx, api, resource, ours()).boxed(), None)
    };
    let changed = feed(cache.clone(), events).map(reference).boxed();
    let owned = Owned {
        kind,
        cache,
        served,
    };
    (owned, changed)
}

fn pods(ctx: &Context, caches: &Caches) -> BoxStream<'static, ObjectRef<RestAPI>> {
    let events = resilient(ctx, ctx.api::<Pod>(), ours());
    let events = events.map(|event| event.modify(pods::keep_what_is_read));
    feed(caches.pods.clone(), events).map(reference).boxed()
}

fn autoscalers(ctx: &Context, caches: &Caches) -> BoxStream<'static, ObjectRef<RestAPI>> {
    let api = ctx.api::<HorizontalPodAutoscaler>();
    let events = resilient(ctx, api, watcher::Config::default());
    caches
        .autoscalers
        .clone()
        .feed(events)
        .map(reference)
        .boxed()
}

/// All ConfigMaps or Secrets, by metadata alone.
fn references<K>(
    ctx: &Context,
    caches: &Caches,
    kind: ReferenceKind,
) -> BoxStream<'static, ObjectRef<RestAPI>>
where
    K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + Send
        + 'static,
{
    let api = ctx.api::<PartialObjectMeta<K>>();
    let events = resilient_of(ctx, api, &(), watcher::Config::default());
    let references = caches.references.clone();
    events
        .flat_map(move |event| futures::stream::iter(references.changed(kind, &event)))
        .map(reference)
        .boxed()
}

fn reference((namespace, name): Owner) -> ObjectRef<RestAPI> {
    ObjectRef::new(&name).within(&namespace)
}
