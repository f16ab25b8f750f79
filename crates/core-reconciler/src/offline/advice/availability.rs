//! About what interrupts a component.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use restapi_types::spec::companions::DisruptionSpec;
use restapi_types::spec::pods::AntiAffinity;
use restapi_types::spec::storage::{AccessMode, PersistenceSpec};

use super::{Subject, info, warning};
use crate::offline::findings::Finding;

/// How many of `pods` a number or a percentage stands for. Kubernetes rounds shares up where pods must stay
/// and where pods may be missing from a budget.
fn of(value: &IntOrString, pods: i32) -> Option<i32> {
    match value {
        IntOrString::Int(number) => Some(*number),
        IntOrString::String(share) => {
            let percent: i64 = share.strip_suffix('%')?.parse().ok()?;
            let share = i64::from(pods).checked_mul(percent)?.checked_add(99)? / 100;
            i32::try_from(share).ok()
        }
    }
}

/// A single pod that others call.
pub(super) fn one_replica(subject: &Subject<'_>) -> Vec<Finding> {
    let component = subject.component;
    if component.replicas != 1 || component.port.is_none() {
        return Vec::new();
    }
    vec![warning(
        "one-replica",
        subject.path("replicas", |own| own.replicas.is_some()),
        "one pod: it does not serve while its node is drained or fails, and has no disruption budget",
        "set replicas to 2 or more, if the program can run twice",
    )]
}

/// A budget that lets no pod go, so that nodes can't be drained.
pub(super) fn budget(subject: &Subject<'_>) -> Vec<Finding> {
    let pods = subject.component.replicas;
    let Some(budget) = subject.component.spec.disruption.as_ref() else {
        return Vec::new();
    };
    if pods < 2 || budget.enabled == Some(false) {
        return Vec::new();
    }
    let may_go = |value: &IntOrString| of(value, pods) == Some(0);
    let must_stay = |value: &IntOrString| of(value, pods).is_some_and(|stay| stay >= pods);
    let field = if budget.max_unavailable.as_ref().is_some_and(may_go) {
        "disruption.maxUnavailable"
    } else if budget.min_available.as_ref().is_some_and(must_stay) {
        "disruption.minAvailable"
    } else {
        return Vec::new();
    };
    let has_bound = |b: &DisruptionSpec| b.min_available.is_some() || b.max_unavailable.is_some();
    vec![warning(
        "budget-blocks-drain",
        subject.path(field, |own| own.disruption.as_ref().is_some_and(has_bound)),
        format!("of {pods} pods none may go: a node that runs one can never be drained"),
        "leave it out (one pod may go at a time), or let at least one go",
    )]
}

/// An update that takes every pod away before a new one serves.
pub(super) fn all_at_once(subject: &Subject<'_>) -> Vec<Finding> {
    let pods = subject.component.replicas;
    let strategy = subject.component.spec.strategy.as_ref();
    let missing = strategy.and_then(|s| s.max_unavailable.as_ref());
    if pods == 0 || missing.and_then(|m| of(m, pods)).is_none_or(|m| m < pods) {
        return Vec::new();
    }
    vec![warning(
        "update-stops-all",
        subject.own("strategy.maxUnavailable"),
        format!("an update may take all {pods} pods away before a new one serves"),
        "leave it out (0, with one pod more meanwhile), or set fewer",
    )]
}

/// Pods that can't all have the claim that they share, or can't all find a node.
pub(super) fn claim(subject: &Subject<'_>) -> Vec<Finding> {
    let component = subject.component;
    let mode = component.shared_claim().map(PersistenceSpec::access_mode);
    let mut found = Vec::new();
    if component.replicas > 1 && mode.is_some_and(|mode| !mode.is_many()) {
        let who = match mode {
            Some(AccessMode::ReadWriteOncePod) => "one pod",
            _ => "the pods of one node",
        };
        found.push(warning(
            "claim-not-shared",
            subject.own("persistence.accessMode"),
            format!("only {who} can mount the claim, so others of the {} pods may wait for ever", component.replicas),
            "set accessMode: ReadWriteMany if the storage class can, mode: PerReplica, or replicas: 1",
        ));
    }
    if component.replicas > 0 && component.spec.anti_affinity == Some(AntiAffinity::Required) {
        let nodes = component.replicas.saturating_add(1);
        found.push(info(
            "needs-nodes",
            subject.own("antiAffinity"),
            format!("an update needs {nodes} nodes that fit: its new pod waits for one of its own"),
            "make sure that there are as many, or write Preferred",
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_up() {
        let share = |text: &str, pods| of(&IntOrString::String(text.to_owned()), pods);
        assert_eq!(share("50%", 3), Some(2));
        assert_eq!(share("0%", 3), Some(0));
        assert_eq!(share("100%", 3), Some(3));
        assert_eq!(share("1%", 3), Some(1));
        assert_eq!(share("many", 3), None);
        assert_eq!(of(&IntOrString::Int(7), 3), Some(7));
    }
}
