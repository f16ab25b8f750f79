//! The parts of the bench: what happens while an application is switched.

use std::time::Duration;

use serde_json::{Value, json};
use suites::app;

use super::Args;

/// Longest time for each step.
const LIMIT: Duration = Duration::from_mins(3);

/// The same where hundreds of pods have to start.
const LONG_LIMIT: Duration = Duration::from_mins(15);

/// What happens while an application is switched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub(super) enum Part {
    /// Nothing.
    Calm,
    /// The process of the bluegreen-manager that works is killed (SIGKILL) during each switch, later each time; its
    /// container starts again, or the other pod takes over.
    ManagerKilled,
    /// The `RestAPI` is applied every second, as tools do that keep it in git.
    #[value(name = "gitops")]
    GitOps,
    /// Somebody changes the selector of the view's stable Service after each switch.
    SelectorEdited,
    /// After each switch forward the process of every pod of what serves, of all components, is killed (SIGKILL) in
    /// the same moment, and `rollback` is said at once: what served before is still there at full size, and going
    /// back asks nothing of what was killed. The containers start again by themselves, which nobody waits for; pods
    /// are not deleted.
    GreenKilled,
    /// Autoscalers of both environments change their numbers of pods just before each switch.
    HpaScaling,
    /// The bluegreen-manager reaches the API server late, and one request in twenty fails.
    ApiSlow,
    /// So many pods that the endpoints of each environment take two slices.
    ManyEndpoints,
    /// Requests and streams of a minute are under way.
    LongLived,
    /// NATS is killed (SIGKILL) again and again; needs `cargo xtask bench switch --with nats`.
    NatsKilled,
    /// Jaeger is; needs `--with jaeger`.
    JaegerKilled,
    /// Prometheus is; needs `--with prometheus`.
    PrometheusKilled,
}

/// What is killed again and again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Killed {
    /// Where its pods are.
    pub(super) namespace: &'static str,
    /// Its name, in the label of its pods.
    pub(super) name: &'static str,
    /// The program in its pods.
    pub(super) program: &'static str,
}

impl Part {
    /// What takes no more than a few minutes.
    pub(super) const SHORT: [Self; 8] = [
        Self::Calm,
        Self::ManagerKilled,
        Self::GitOps,
        Self::SelectorEdited,
        Self::GreenKilled,
        Self::HpaScaling,
        Self::ApiSlow,
        Self::LongLived,
    ];

    /// As figures are called.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::ManagerKilled => "manager_killed",
            Self::GitOps => "gitops",
            Self::SelectorEdited => "selector_edited",
            Self::GreenKilled => "green_killed",
            Self::HpaScaling => "hpa_scaling",
            Self::ApiSlow => "api_slow",
            Self::ManyEndpoints => "many_endpoints",
            Self::LongLived => "long_lived",
            Self::NatsKilled => "nats_killed",
            Self::JaegerKilled => "jaeger_killed",
            Self::PrometheusKilled => "prometheus_killed",
        }
    }

    /// What beside the managers is killed: its namespace, and the name that its pods bear.
    pub(super) const fn killed(self) -> Option<Killed> {
        let (namespace, name, program) = match self {
            Self::NatsKilled => ("nats", "nats", "nats-server"),
            Self::JaegerKilled => ("observability", "jaeger", "jaeger"),
            Self::PrometheusKilled => ("observability", "prometheus", "prometheus"),
            _ => return None,
        };
        Some(Killed {
            namespace,
            name,
            program,
        })
    }

    /// How often each revision is switched to or from at most: after a killed manager all waits for its replacement,
    /// who writes the same field three times in a minute is let, and what was killed is not promoted again.
    pub(super) const fn turns(self) -> u32 {
        match self {
            Self::ManagerKilled => 8,
            Self::SelectorEdited => 2,
            Self::GreenKilled => 1,
            _ => u32::MAX,
        }
    }

    /// Longest time for each step.
    pub(super) const fn limit(self) -> Duration {
        match self {
            Self::ManyEndpoints => LONG_LIMIT,
            _ => LIMIT,
        }
    }

    /// Whether requests count during switches alone: where a hundred pods start on a small machine, they take all of it.
    pub(super) fn counts_switches_alone(self) -> bool {
        self == Self::ManyEndpoints
    }

    /// The application.
    pub(super) fn spec(self, args: &Args) -> Value {
        let mut spec = app::four(&args.image);
        merge(
            &mut spec,
            json!({"blueGreen": {
                "stableSeconds": 2, "drainSeconds": 5, "promotion": {"mode": "Manual"},
            }}),
        );
        match self {
            Self::ManyEndpoints => {
                let view = json!({"replicas": args.endpoints, "resources": little()});
                merge(&mut spec, json!({"view": view}));
            }
            Self::HpaScaling => {
                let scaled = json!({"resources": little()});
                merge(&mut spec, json!({"view": scaled, "model": scaled}));
            }
            Self::LongLived => merge(&mut spec, super::long_lived::fields()),
            _ => {}
        }
        spec
    }
}

/// What a component asks for that has many pods, so that a small machine has room for all.
fn little() -> Value {
    json!({"requests": {"cpu": "1m", "memory": "4Mi"}})
}

/// Puts the fields of `more` into `into`; objects are merged.
fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (name, value) in more {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, more) => *into = more,
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn parts_are_asked_for_by_the_names_of_their_figures() {
        for part in Part::value_variants() {
            assert_eq!(Part::from_str(part.name(), false), Ok(*part));
        }
    }

    #[test]
    fn fields_are_merged_into_objects() {
        let mut spec = json!({"view": {"a": 1}, "model": {}});
        merge(&mut spec, json!({"view": {"b": 2}, "model": 3}));
        assert_eq!(spec, json!({"view": {"a": 1, "b": 2}, "model": 3}));
    }
}
