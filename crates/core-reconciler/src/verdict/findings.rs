//! The conditions that core-reconciler writes.

use restapi_types::conditions::{AVAILABLE, Finding, PROGRESSING, READY, RECONCILING, STALLED};

use super::issue::{Issue, Weight};

/// Reason and message of a condition.
type Words<'a> = (&'a str, &'a str);

/// All conditions, from what stands between the application and Ready.
pub(super) fn findings(issue: Option<&Issue>, available: bool, progressing: bool) -> Vec<Finding> {
    let synced = ("Synced", "everything exists, is synced and is available");
    let said = issue.map_or(synced, |issue| (&issue.reason, &issue.message));
    let weighs = |weight| issue.is_some_and(|issue| issue.weight == weight);
    let (stalled, reconciling) = (weighs(Weight::Final), weighs(Weight::Progress));
    vec![
        finding(READY, issue.is_none(), said, said),
        finding(
            RECONCILING,
            reconciling,
            said,
            ("Settled", "nothing is under way"),
        ),
        finding(
            STALLED,
            stalled,
            said,
            ("NotStalled", "nothing needs a change by somebody"),
        ),
        finding(
            AVAILABLE,
            available,
            ("Serving", "every component serves"),
            ("NotServing", "a component has no pod that serves"),
        ),
        finding(
            PROGRESSING,
            progressing,
            ("RollingOut", "pods are being created or replaced"),
            ("RolledOut", "no pod is being created or replaced"),
        ),
    ]
}

fn finding(type_: &'static str, holds: bool, yes: Words<'_>, no: Words<'_>) -> Finding {
    let (reason, message) = if holds { yes } else { no };
    Finding {
        type_,
        verdict: holds.into(),
        reason: reason.to_owned(),
        message: message.to_owned(),
    }
}
