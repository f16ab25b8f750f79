//! What is counted and measured of rollouts. Which of them it was, the exemplar says: the id of its trace.

mod standing;

use std::time::{Duration, SystemTime};

use manager_kit::Metrics;
use manager_kit::clock::Clock;
use manager_kit::lease::Shards;
use manager_kit::metrics::TraceLabels;
use manager_kit::metrics::tally::Tally;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::family::Family;
use restapi_types::{RestAPI, RolloutMark, RolloutOutcome};

use crate::plan::rollout::Ended;

/// From a rollout that waits for nothing to one that waits for somebody over night, in seconds.
const SECONDS: [f64; 12] = [
    5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 14400.0, 43200.0,
];

/// Every end that is counted.
const OUTCOMES: [RolloutOutcome; 4] = [
    RolloutOutcome::Succeeded,
    RolloutOutcome::GivenUp,
    RolloutOutcome::RolledBack,
    RolloutOutcome::Superseded,
];

type Seconds = HistogramWithExemplars<TraceLabels>;

/// The metrics of rollouts. Clones share them.
#[derive(Clone, Debug)]
pub struct RolloutMetrics {
    total: Family<OutcomeLabels, Counter>,
    seconds: Family<OutcomeLabels, Seconds, fn() -> Seconds>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

/// Registers all of them: what is told of rollouts that ended, and what is kept of those that stand somewhere.
#[must_use]
pub fn register(
    metrics: &Metrics,
    shards: &Shards,
    clock: &Clock,
) -> (RolloutMetrics, Vec<Tally<RestAPI>>) {
    let tallies = standing::register(metrics, (shards, clock));
    (RolloutMetrics::register(metrics), tallies)
}

impl RolloutMetrics {
    /// Registers them among the manager's.
    #[must_use]
    pub fn register(metrics: &Metrics) -> Self {
        let own = Self {
            total: Family::default(),
            seconds: Family::new_with_constructor(|| Seconds::new(SECONDS.into_iter())),
        };
        // With zeros, so that the first failure shows as an increase.
        for outcome in OUTCOMES {
            drop(own.total.get_or_create(&labels(outcome)));
            drop(own.seconds.get_or_create(&labels(outcome)));
        }
        metrics.register("restapi", |registry| {
            registry.register("rollouts", "Rollouts that ended, by how", own.total.clone());
            registry.register(
                "rollout_duration_seconds",
                "How long rollouts took from their first workload to their end, in seconds",
                own.seconds.clone(),
            );
        });
        own
    }

    /// Counts and measures a rollout that has ended.
    pub fn ended(&self, ended: &Ended) {
        let Some((outcome, took)) = measured(&ended.mark) else {
            return;
        };
        let labels = labels(outcome);
        self.total.get_or_create(&labels).inc();
        let exemplar = TraceLabels {
            trace_id: ended.trace.to_string(),
        };
        let seconds = self.seconds.get_or_create(&labels);
        seconds.observe(took.as_secs_f64(), Some(exemplar), Some(SystemTime::now()));
    }
}

fn measured(mark: &RolloutMark) -> Option<(RolloutOutcome, Duration)> {
    let end = mark.ended?;
    let took = end.at.duration_since(mark.started);
    Some((end.outcome, Duration::try_from(took).unwrap_or_default()))
}

const fn labels(outcome: RolloutOutcome) -> OutcomeLabels {
    let outcome = match outcome {
        RolloutOutcome::Succeeded => "succeeded",
        RolloutOutcome::GivenUp => "given_up",
        RolloutOutcome::RolledBack => "rolled_back",
        RolloutOutcome::Superseded => "superseded",
        RolloutOutcome::TakenOver => "taken_over",
    };
    OutcomeLabels { outcome }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use manager_kit::ManagerInfo;
    use restapi_types::RolloutEnd;
    use restapi_types::trace::TraceId;

    use super::*;

    #[test]
    fn an_end_is_counted_and_measured_and_names_its_trace() {
        let metrics = Metrics::new(ManagerInfo {
            name: "test",
            version: "0",
        });
        let rollouts = RolloutMetrics::register(&metrics);
        let id = "0af7651916cd43dd8448eb211c80319c";
        rollouts.ended(&Ended {
            mark: RolloutMark {
                attempt: 1,
                revision: 1,
                retried: None,
                started: Timestamp::UNIX_EPOCH,
                available: None,
                ended: Some(RolloutEnd {
                    at: Timestamp::from_second(42).unwrap(),
                    outcome: RolloutOutcome::RolledBack,
                }),
                cause: None,
            },
            trace: TraceId::parse(id).unwrap(),
        });
        let text = metrics.encode();
        for line in [
            "restapi_rollouts_total{outcome=\"rolled_back\"} 1",
            "restapi_rollouts_total{outcome=\"succeeded\"} 0",
            "restapi_rollout_duration_seconds_sum{outcome=\"rolled_back\"} 42.0",
        ] {
            assert!(text.lines().any(|l| l == line), "no {line} in:\n{text}");
        }
        let exemplar = format!("# {{trace_id=\"{id}\"}} 42.0");
        assert!(text.contains(&exemplar), "{text}");
    }
}
