//! What every part of a manager is given.

use std::fmt::Debug;
use std::num::NonZeroU32;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource};

use crate::args::KitArgs;
use crate::bus::Bus;
use crate::clock::Clock;
use crate::events::EventRecorder;
use crate::lease::{LeaseConfig, LeaseTask, Shards};
use crate::metrics::Metrics;
use crate::readiness::Readiness;
use crate::shell::ManagerInfo;
use crate::shutdown::Shutdown;
use crate::telemetry::spans::Spans;

/// How many shards there are.
const SHARDS: NonZeroU32 = NonZeroU32::MIN;

/// The shell's services. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Context {
    /// For everything but leases; every request ends, see [`crate::client`].
    pub client: Client,
    /// For leases only: own connections, no repeats, short limits.
    pub lease_client: Client,
    /// Which manager this is.
    pub info: ManagerInfo,
    /// The arguments it was started with.
    pub args: Arc<KitArgs>,
    /// Its metrics.
    pub metrics: Metrics,
    /// Its gates for `/readyz` and watchdogs for `/livez`.
    pub readiness: Readiness,
    /// The shards of the objects, and which are held here.
    pub shards: Shards,
    /// The time.
    pub clock: Clock,
    /// Tells when to stop.
    pub shutdown: Shutdown,
    /// Publishes Kubernetes Events.
    pub events: EventRecorder,
    /// Exports spans of what has ended.
    pub spans: Spans,
    /// Tells events to other managers, and hears theirs.
    pub bus: Bus,
}

impl Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("manager", &self.info.name)
            .finish_non_exhaustive()
    }
}

/// The two clients of a manager.
#[derive(Clone)]
pub struct Clients {
    /// For everything but leases.
    pub main: Client,
    /// For leases.
    pub lease: Client,
}

/// What there is before there is a connection.
#[derive(Clone, Debug)]
pub struct Base {
    /// The manager's metrics.
    pub metrics: Metrics,
    /// Its gates and watchdogs.
    pub readiness: Readiness,
    /// The time.
    pub clock: Clock,
    /// Where spans go.
    pub spans: Spans,
}

/// A task that must run as long as the process; its future ends only after the stop it was given.
pub type BackgroundTask = (&'static str, BoxFuture<'static, ()>);

impl Context {
    /// Puts the services together and returns the tasks that have to run for them to work.
    ///
    /// `shutdown` asks to stop reconciling, `release` comes after it, when nothing writes any more:
    /// only then are leases released and the last events published.
    #[must_use]
    pub fn assemble(
        info: ManagerInfo,
        args: KitArgs,
        clients: Clients,
        base: Base,
        (shutdown, release): (Shutdown, &Shutdown),
    ) -> (Self, Vec<BackgroundTask>) {
        let Base {
            metrics,
            readiness,
            clock,
            spans,
        } = base;
        let (events, publisher) = EventRecorder::new(
            clients.main.clone(),
            info.name,
            &args.pod_name,
            metrics.clone(),
        );
        let mut tasks: Vec<BackgroundTask> =
            vec![("events", publisher.run(release.clone()).boxed())];
        let shards = if args.no_lease {
            Shards::without_leases(SHARDS, metrics.clone())
        } else {
            let shards = Shards::new(SHARDS, metrics.clone());
            let config = lease_config(info, &args);
            for shard in shards.ids() {
                let (client, config) = (clients.lease.clone(), config.clone());
                let task = LeaseTask::new(client, config, shard, shards.clone(), readiness.clone());
                tasks.push(("lease", task.run(release.clone()).boxed()));
            }
            shards
        };
        let (nats, namespace) = (&args.nats, args.namespace());
        let (bus, on_bus) = Bus::assemble(info, nats, namespace, &shards, &metrics.bus, release);
        tasks.extend(on_bus);
        let (client, lease_client, args) = (clients.main, clients.lease, Arc::new(args));
        let context = Self {
            client,
            lease_client,
            info,
            args,
            metrics,
            readiness,
            shards,
            clock,
            shutdown,
            events,
            spans,
            bus,
        };
        (context, tasks)
    }

    /// Objects of a namespaced kind: of all namespaces, or of the one that the manager is limited to.
    #[must_use]
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        match self.args.namespace() {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        }
    }
}

fn lease_config(info: ManagerInfo, args: &KitArgs) -> LeaseConfig {
    LeaseConfig {
        manager: info.name.to_owned(),
        namespace: args.pod_namespace.clone(),
        identity: args.pod_name.clone(),
        duration: args.lease_duration,
    }
}
