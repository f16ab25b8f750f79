//! The conditions that core-reconciler writes.

use restapi_types::conditions::{
    AVAILABLE, Finding, PROGRESSING, READY, RECONCILING, STALLED, Words,
};

use super::issue::{Issue, Weight};

/// All conditions, from what stands between the application and Ready.
pub(super) fn findings(issue: Option<&Issue>, available: bool, progressing: bool) -> Vec<Finding> {
    let synced = ("Synced", "everything exists, is synced and is available");
    let said: Words<'_> = issue.map_or(synced, |issue| (&issue.reason, &issue.message));
    let weighs = |weight| issue.is_some_and(|issue| issue.weight == weight);
    let (stalled, reconciling) = (weighs(Weight::Final), weighs(Weight::Progress));
    vec![
        Finding::either(READY, issue.is_none(), said, said),
        Finding::either(
            RECONCILING,
            reconciling,
            said,
            ("Settled", "nothing is under way"),
        ),
        Finding::either(
            STALLED,
            stalled,
            said,
            ("NotStalled", "nothing needs a change by somebody"),
        ),
        Finding::either(
            AVAILABLE,
            available,
            ("Serving", "every component serves"),
            ("NotServing", "a component has no pod that serves"),
        ),
        Finding::either(
            PROGRESSING,
            progressing,
            ("RollingOut", "pods are being created or replaced"),
            ("RolledOut", "no pod is being created or replaced"),
        ),
    ]
}
