//! One manager: what it does, and what all managers have.

mod common;

use self::common::{events, now, queue, reconciles, surroundings};
use super::Unit::{Number, Seconds};
use super::{Dashboard, Row, areas, job, lines, quantiles};

const JOBS: &str = "label_values(restapi_manager_info, job)";

pub(super) fn core_reconciler() -> Dashboard {
    Dashboard {
        uid: "restapi-core-reconciler",
        title: "RestAPI / core-reconciler",
        description: "What makes applications as their specs ask for.",
        variables: job(JOBS, "core-reconciler").to_vec(),
        rows: vec![
            now(),
            applications(),
            reconciles(),
            queue(),
            events(),
            surroundings(),
        ],
    }
}

pub(super) fn bluegreen_manager() -> Dashboard {
    Dashboard {
        uid: "restapi-bluegreen-manager",
        title: "RestAPI / bluegreen-manager",
        description: "What replaces the revisions of applications as a whole.",
        variables: job(JOBS, "bluegreen-manager").to_vec(),
        rows: vec![
            now(),
            rollouts(),
            reconciles(),
            queue(),
            events(),
            surroundings(),
        ],
    }
}

fn applications() -> Row {
    Row {
        title: "Applications",
        panels: vec![
            areas(
                ("By phase", "Where each RestAPI stands, in a word."),
                Number,
                ("{{phase}}", "sum by (phase) (restapi_applications{@})"),
            ),
            areas(
                (
                    "Standing still",
                    "By the reason; docs/runbook.md says what to do about each.",
                ),
                Number,
                (
                    "{{reason}}",
                    "sum by (reason) (restapi_applications_stalled{@})",
                ),
            ),
            lines(
                (
                    "Longest without Ready",
                    "How long that application of each phase has not been Ready which has not been for longest.",
                ),
                Seconds,
                &[(
                    "{{phase}}",
                    "max by (phase) (restapi_applications_longest_not_ready_seconds{@})",
                )],
            ),
        ],
    }
}

fn rollouts() -> Row {
    Row {
        title: "Rollouts",
        panels: vec![
            areas(
                (
                    "By phase",
                    "Where the rollout of each application with blue/green stands.",
                ),
                Number,
                ("{{phase}}", "sum by (phase) (restapi_rollouts_current{@})"),
            ),
            lines(
                (
                    "Longest",
                    "How long that rollout of each phase has been under way, awaited somebody or been held which has for longest.",
                ),
                Seconds,
                &[(
                    "{{phase}}",
                    "max by (phase) (restapi_rollouts_current_longest_seconds{@})",
                )],
            ),
            areas(
                ("Ended", "By how they ended, within each interval."),
                Number,
                (
                    "{{outcome}}",
                    "sum by (outcome) (increase(restapi_rollouts_total{@}[$__rate_interval]))",
                ),
            ),
            quantiles(
                (
                    "Duration",
                    "From the first workload to the end, by how they ended; a point opens the trace of a rollout.",
                ),
                Seconds,
                "restapi_rollout_duration_seconds",
                (
                    "outcome, ",
                    ["half of {{outcome}}", "99 of 100 of {{outcome}}"],
                ),
            ),
            areas(
                (
                    "Gates",
                    "What the gates of the revisions that specs ask for have come to.",
                ),
                Number,
                ("{{state}}", "sum by (state) (restapi_gates_current{@})"),
            ),
        ],
    }
}
