//! How everything is, at a glance.

use super::Unit::{Bytes, Number, PerSecond, Seconds, Share};
use super::{Dashboard, MANAGERS, Row, alerts, areas, figure, job, lines, quantiles};

/// Rollouts that are on their way.
const UNDER_WAY: &str =
    "sum(restapi_rollouts_current{@, phase=~\"TakingOver|Starting|Verifying|Awaiting|Switching\"})";

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: "restapi-overview",
        title: "RestAPI / Overview",
        description: "How applications, rollouts and managers are.",
        variables: job("label_values(restapi_manager_info, job)", MANAGERS).to_vec(),
        rows: vec![now(), applications(), managers()],
    }
}

fn now() -> Row {
    Row {
        title: "Now",
        panels: vec![
            figure(
                ("Applications", "All RestAPIs."),
                Number,
                "sum(restapi_applications{@})",
            ),
            figure(
                (
                    "Ready",
                    "The share of RestAPIs that are as their specs ask for.",
                ),
                Share,
                "sum(restapi_applications{@, phase=\"Ready\"}) / sum(restapi_applications{@})",
            ),
            figure(
                (
                    "Failed",
                    "RestAPIs that do not serve, and will not without a change.",
                ),
                Number,
                "sum(restapi_applications{@, phase=\"Failed\"})",
            ),
            figure(
                (
                    "Rollouts under way",
                    "Those that wait for a promotion included.",
                ),
                Number,
                UNDER_WAY,
            ),
            figure(
                ("Ready managers", "Replicas of all managers that are ready."),
                Number,
                "sum(restapi_ready{@})",
            ),
            figure(
                (
                    "Leases held",
                    "The share of shards of applications that a replica works on.",
                ),
                Share,
                "sum(restapi_shards_held{@}) / sum(max by (job) (restapi_shards{@}))",
            ),
            alerts(),
        ],
    }
}

fn applications() -> Row {
    Row {
        title: "Applications",
        panels: vec![
            areas(
                (
                    "Applications by phase",
                    "Where each RestAPI stands, in a word.",
                ),
                Number,
                ("{{phase}}", "sum by (phase) (restapi_applications{@})"),
            ),
            areas(
                (
                    "Applications that stand still",
                    "By the reason; docs/runbook.md says what to do about each.",
                ),
                Number,
                (
                    "{{reason}}",
                    "sum by (reason) (restapi_applications_stalled{@})",
                ),
            ),
            areas(
                (
                    "Rollouts that ended",
                    "By how they ended, within each interval.",
                ),
                Number,
                (
                    "{{outcome}}",
                    "sum by (outcome) (increase(restapi_rollouts_total{@}[$__rate_interval]))",
                ),
            ),
            quantiles(
                (
                    "Duration of rollouts",
                    "From the first workload to the end; a point opens the trace of a rollout.",
                ),
                Seconds,
                "restapi_rollout_duration_seconds",
                ("", ["half of them", "99 of 100"]),
            ),
        ],
    }
}

fn managers() -> Row {
    Row {
        title: "Managers",
        panels: vec![
            lines(
                ("Reconciles", "How many end."),
                PerSecond,
                &[(
                    "{{job}}",
                    "sum by (job) (rate(controller_runtime_reconcile_total{@}[$__rate_interval]))",
                )],
            ),
            lines(
                ("Reconciles that fail", "Each is tried again."),
                PerSecond,
                &[(
                    "{{job}}",
                    "sum by (job) (rate(controller_runtime_reconcile_errors_total{@}[$__rate_interval]))",
                )],
            ),
            lines(
                ("Waiting", "Applications that wait for their turn."),
                Number,
                &[("{{job}}", "sum by (job) (workqueue_depth{@})")],
            ),
            lines(
                ("Memory", "What is in RAM, of each replica."),
                Bytes,
                &[("{{instance}}", "process_resident_memory_bytes{@}")],
            ),
        ],
    }
}
