//! What the bus counts.

use prometheus_client::encoding::EncodeLabelSet;
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

/// A word of few, as the value of a label.
trait Word: Copy + 'static {
    /// Every word.
    const ALL: &'static [Self];

    /// As it stands in the label.
    fn word(self) -> &'static str;
}

macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$meaning:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum $name {
            $($(#[$meaning])* $variant),+
        }

        impl Word for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }
    };
}

words! {
    /// Something that events need.
    Dependency {
        /// The connection to a server.
        Nats = "nats",
        /// The stream, as events need it.
        Stream = "nats_stream",
    }
}

words! {
    /// Why an event was lost.
    Lost {
        /// Too many were waiting.
        Full = "full",
        /// The server would not take it.
        Refused = "refused",
    }
}

words! {
    /// What became of a message.
    Received {
        /// The application was looked at again.
        Hint = "hint",
        /// Nobody could read it, and it was put aside.
        Dead = "dead",
    }
}

words! {
    /// What failed.
    Step {
        /// Connecting, or staying so.
        Connect = "connect",
        /// Finding the stream, or making it.
        Stream = "stream",
        /// Telling an event.
        Publish = "publish",
        /// Hearing those of others.
        Consume = "consume",
    }
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct DependencyLabels {
    dependency: &'static str,
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

    /// Gives every series a value, so that one that never counted anything is there as well.
    pub(crate) fn announce(&self) {
        for dependency in Dependency::ALL {
            self.up(*dependency, false);
        }
        for repeated in [false, true] {
            drop(self.published_of(repeated));
        }
        for reason in Lost::ALL {
            drop(self.lost_of(*reason));
        }
        for result in Received::ALL {
            drop(self.received_of(*result));
        }
        for step in Step::ALL {
            drop(self.failures_of(*step));
        }
    }

    pub(super) fn up(&self, dependency: Dependency, is_up: bool) {
        let dependency = dependency.word();
        let labels = DependencyLabels { dependency };
        self.up.get_or_create(&labels).set(i64::from(is_up));
    }

    pub(super) fn published(&self, is_repeated: bool) {
        self.published_of(is_repeated).inc();
    }

    pub(super) fn lost(&self, reason: Lost) {
        self.lost_of(reason).inc();
    }

    pub(super) fn received(&self, result: Received) {
        self.received_of(result).inc();
    }

    pub(super) fn redelivered(&self) {
        self.redelivered.inc();
    }

    pub(super) fn failed(&self, step: Step) {
        self.failures_of(step).inc();
    }

    pub(super) fn waiting(&self, number: usize) {
        self.waiting.set(i64::try_from(number).unwrap_or(i64::MAX));
    }

    fn published_of(&self, is_repeated: bool) -> Counter {
        let repeated = if is_repeated { "true" } else { "false" };
        let labels = PublishedLabels { repeated };
        self.published.get_or_create_owned(&labels)
    }

    fn lost_of(&self, reason: Lost) -> Counter {
        let reason = reason.word();
        self.lost.get_or_create_owned(&LostLabels { reason })
    }

    fn received_of(&self, result: Received) -> Counter {
        let result = result.word();
        self.received
            .get_or_create_owned(&ReceivedLabels { result })
    }

    fn failures_of(&self, step: Step) -> Counter {
        let step = step.word();
        self.failures.get_or_create_owned(&FailureLabels { step })
    }

    #[cfg(test)]
    pub(super) fn count_lost(&self, reason: Lost) -> u64 {
        self.lost_of(reason).get()
    }
}
