//! How many applications there are, by where they stand, and why those stand still that do.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource as _;
use manager_kit::Metrics;
use manager_kit::clock::Clock;
use manager_kit::lease::Shards;
use manager_kit::metrics::tally::{Sort, Tally, Words};
use manager_kit::watch::Guarded;
use restapi_types::status::Phase;
use restapi_types::{RestAPI, conditions};

const APPLICATIONS: Words = Words {
    metric: "restapi_applications",
    help: "Applications by phase; Unknown: nothing was written yet into their status",
    label: "phase",
    sorts: &[
        "Pending",
        "Progressing",
        "Ready",
        "Degraded",
        "Failed",
        "Deleting",
        "Unknown",
    ],
    longest: Some((
        "restapi_applications_longest_not_ready_seconds",
        "How long that application of a phase has not been Ready which has not been for longest, in seconds",
    )),
};

/// Of the reasons, those that the runbook has a cure for; what is rarer counts as `other`.
const STALLED: Words = Words {
    metric: "restapi_applications_stalled",
    help: "Applications for which nothing more happens until somebody changes something, by the reason",
    label: "reason",
    sorts: &[
        "AdoptionUnclear",
        "ConfigMissing",
        "Conflict",
        "ContainerRefused",
        "CrashLooping",
        "DeadlineExceeded",
        "ImagePullFailed",
        "InvalidSpec",
        "KindMissing",
        "NameTaken",
        "NotAdoptable",
        "PodRejected",
        "PodsRefused",
        "RevisionHeld",
        "StorageUnbound",
        "Unschedulable",
        "WriteRefused",
        OTHER,
    ],
    longest: None,
};

const OTHER: &str = "other";

/// Registers them; the result keeps them, as they are watched.
#[must_use]
pub fn register(metrics: &Metrics, shards: &Shards, clock: &Clock) -> Vec<Tally<RestAPI>> {
    let by = (shards, clock);
    vec![
        Tally::register(metrics, by, APPLICATIONS, phase),
        Tally::register(metrics, by, STALLED, stalled),
    ]
}

fn phase(object: &Guarded<RestAPI>) -> Vec<Sort> {
    let phase = object
        .valid()
        .and_then(|restapi| restapi.status.as_ref()?.phase);
    let name = match phase {
        Some(Phase::Pending) => "Pending",
        Some(Phase::Progressing) => "Progressing",
        Some(Phase::Ready) => "Ready",
        Some(Phase::Degraded) => "Degraded",
        Some(Phase::Failed) => "Failed",
        Some(Phase::Deleting) => "Deleting",
        None => "Unknown",
    };
    vec![Sort {
        name,
        since: not_ready_since(object),
    }]
}

/// Since when its condition says so; of one without conditions, since it was made.
fn not_ready_since(object: &Guarded<RestAPI>) -> Option<Timestamp> {
    let restapi = object.valid();
    let Some(ready) = restapi.and_then(|restapi| condition(restapi, conditions::READY)) else {
        let created = object.meta().creation_timestamp.as_ref();
        return created.map(|time| time.0);
    };
    (ready.status != "True").then_some(ready.last_transition_time.0)
}

fn stalled(object: &Guarded<RestAPI>) -> Vec<Sort> {
    let Some(restapi) = object.valid() else {
        // It does not decode, which only a change of it mends.
        return vec![sort("InvalidSpec")];
    };
    let stalled = condition(restapi, conditions::STALLED);
    let Some(stalled) = stalled.filter(|stalled| stalled.status == "True") else {
        return Vec::new();
    };
    let mut known = STALLED.sorts.iter();
    let known = known.find(|reason| **reason == stalled.reason);
    vec![sort(known.copied().unwrap_or(OTHER))]
}

const fn sort(name: &'static str) -> Sort {
    Sort { name, since: None }
}

fn condition<'a>(restapi: &'a RestAPI, type_: &str) -> Option<&'a Condition> {
    restapi.status.as_ref()?.condition(type_)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::sync::Arc;
    use std::time::Duration;

    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use kube::runtime::watcher::Event;
    use manager_kit::ManagerInfo;
    use restapi_types::RestAPIStatus;

    use super::*;

    const START: Timestamp = Timestamp::UNIX_EPOCH;

    struct Seen {
        metrics: Metrics,
        clock: Clock,
        tallies: Vec<Tally<RestAPI>>,
    }

    impl Seen {
        fn new() -> Self {
            let metrics = Metrics::new(ManagerInfo {
                name: "test",
                version: "0",
            });
            let clock = Clock::manual(START);
            let shards = Shards::without_leases(NonZeroU32::MIN, metrics.clone());
            let tallies = register(&metrics, &shards, &clock);
            Self {
                metrics,
                clock,
                tallies,
            }
        }

        fn watched(&self, restapi: RestAPI) {
            let event = Event::Apply(Guarded::Valid(Arc::new(restapi)));
            for tally in &self.tallies {
                tally.note(&event);
            }
        }

        /// The names of all series, with their labels.
        fn series(&self) -> Vec<String> {
            let text = self.metrics.encode();
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            lines
                .filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned()))
                .collect()
        }

        fn has(&self, line: &str) -> bool {
            self.metrics.encode().lines().any(|found| found == line)
        }
    }

    fn restapi(
        number: usize,
        phase: Phase,
        (type_, status, reason): (&str, &str, &str),
    ) -> RestAPI {
        let mut restapi = RestAPI::new(
            &format!("app-{number}"),
            restapi_types::RestAPISpec::default(),
        );
        restapi.metadata.uid = Some(format!("uid-{number}"));
        restapi.status = Some(RestAPIStatus {
            phase: Some(phase),
            conditions: Some(vec![Condition {
                type_: type_.to_owned(),
                status: status.to_owned(),
                reason: reason.to_owned(),
                message: String::new(),
                observed_generation: None,
                last_transition_time: Time(START),
            }]),
            ..RestAPIStatus::default()
        });
        restapi
    }

    #[test]
    fn a_thousand_applications_add_no_series() {
        let seen = Seen::new();
        let before = seen.series();
        let phases = [Phase::Ready, Phase::Failed, Phase::Degraded];
        for (number, phase) in (0..1000).zip(phases.into_iter().cycle()) {
            let reason = format!("Reason{number}");
            let stalled = (conditions::STALLED, "True", reason.as_str());
            seen.watched(restapi(number, phase, stalled));
        }
        assert_eq!(seen.series(), before);
        assert!(seen.has("restapi_applications{phase=\"Ready\"} 334"));
        assert!(seen.has("restapi_applications_stalled{reason=\"other\"} 1000"));
    }

    #[test]
    fn the_longest_time_without_ready_is_measured_by_phase() {
        let seen = Seen::new();
        let not_ready = (conditions::READY, "False", "CrashLooping");
        seen.watched(restapi(1, Phase::Degraded, not_ready));
        seen.watched(restapi(
            2,
            Phase::Ready,
            (conditions::READY, "True", "Synced"),
        ));
        seen.clock.advance(Duration::from_mins(5));
        let longest = |phase: &str, seconds: &str| {
            let metric = "restapi_applications_longest_not_ready_seconds";
            format!("{metric}{{phase=\"{phase}\"}} {seconds}")
        };
        assert!(seen.has(&longest("Degraded", "300.0")));
        assert!(seen.has(&longest("Ready", "0.0")));
    }

    #[test]
    fn what_stands_still_is_counted_by_its_reason() {
        let seen = Seen::new();
        let conflict = |number, status| {
            restapi(
                number,
                Phase::Degraded,
                (conditions::STALLED, status, "Conflict"),
            )
        };
        seen.watched(conflict(1, "True"));
        seen.watched(conflict(2, "False"));
        assert!(seen.has("restapi_applications_stalled{reason=\"Conflict\"} 1"));
    }
}
