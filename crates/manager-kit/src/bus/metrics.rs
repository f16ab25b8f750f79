//! What the bus counts.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What the bus counts. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct BusMetrics {
    up: Family<DependencyLabels, Gauge>,
    published: Family<PublishedLabels, Counter>,
    lost: Family<LostLabels, Counter>,
    received: Family<ReceivedLabels, Counter>,
    redelivered: Counter,
    failures: Family<FailureLabels, Counter>,
    waiting: Gauge,
}

/// Something that events need.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, EncodeLabelValue)]
pub(super) enum Dependency {
    /// The connection to a server.
    #[allow(non_camel_case_types)]
    nats,
    /// The stream, as events need it.
    #[allow(non_camel_case_types)]
    nats_stream,
}

/// Why an event was lost.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub(super) enum Lost {
    /// Too many were waiting.
    Full,
    /// The server would not take it.
    Refused,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub(super) enum Received {
    /// The application was looked at again.
    Hint,
    /// Nobody could read it, and it was put aside.
    Dead,
}

/// What failed.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub(super) enum Step {
    Connect,
    Stream,
    Publish,
    Consume,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct DependencyLabels {
    dependency: Dependency,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct PublishedLabels {
    repeated: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct LostLabels {
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReceivedLabels {
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct FailureLabels {
    step: &'static str,
}

impl BusMetrics {
    /// Puts them into a registry.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "restapi_dependency_up",
            "Whether something that is used is there and as it should be: the connection to NATS, its stream of events",
            self.up.clone(),
        );
        registry.register(
            "restapi_bus_published",
            "Events that NATS took; repeated: it had them already",
            self.published.clone(),
        );
        registry.register(
            "restapi_bus_lost",
            "Events that never reached NATS: queue full, or refused",
            self.lost.clone(),
        );
        registry.register(
            "restapi_bus_received",
            "Events of others: looked at again, or put aside since nobody could read them",
            self.received.clone(),
        );
        registry.register(
            "restapi_bus_redelivered",
            "Events of others that NATS delivered again",
            self.redelivered.clone(),
        );
        registry.register(
            "restapi_bus_failures",
            "What failed at NATS and was tried again, by step",
            self.failures.clone(),
        );
        registry.register(
            "restapi_bus_waiting",
            "Events that wait to go out",
            self.waiting.clone(),
        );
    }

    pub(super) fn up(&self, dependency: Dependency, is_up: bool) {
        let labels = DependencyLabels { dependency };
        self.up.get_or_create(&labels).set(i64::from(is_up));
    }

    pub(super) fn published(&self, is_repeated: bool) {
        let repeated = if is_repeated { "true" } else { "false" };
        self.published
            .get_or_create(&PublishedLabels { repeated })
            .inc();
    }

    pub(super) fn lost(&self, reason: Lost) {
        let reason = match reason {
            Lost::Full => "full",
            Lost::Refused => "refused",
        };
        self.lost.get_or_create(&LostLabels { reason }).inc();
    }

    pub(super) fn received(&self, result: Received) {
        let result = match result {
            Received::Hint => "hint",
            Received::Dead => "dead",
        };
        self.received
            .get_or_create(&ReceivedLabels { result })
            .inc();
    }

    pub(super) fn redelivered(&self) {
        self.redelivered.inc();
    }

    pub(super) fn failed(&self, step: Step) {
        let step = match step {
            Step::Connect => "connect",
            Step::Stream => "stream",
            Step::Publish => "publish",
            Step::Consume => "consume",
        };
        self.failures.get_or_create(&FailureLabels { step }).inc();
    }

    pub(super) fn waiting(&self, number: usize) {
        self.waiting.set(i64::try_from(number).unwrap_or(i64::MAX));
    }

    #[cfg(test)]
    pub(super) fn count_lost(&self, reason: Lost) -> u64 {
        let reason = match reason {
            Lost::Full => "full",
            Lost::Refused => "refused",
        };
        self.lost.get_or_create(&LostLabels { reason }).get()
    }
}
