//! About what runs in pods.

use k8s_openapi::api::core::v1::Probe;
use restapi_resources::container::PRE_STOP_SECONDS;
use restapi_resources::pod;
use restapi_types::spec::health::HealthCheckSpec;

use super::{Subject, warning};
use crate::offline::findings::Finding;

/// An image that may be another one tomorrow.
pub(super) fn image(subject: &Subject<'_>) -> Vec<Finding> {
    let image = &subject.component.image;
    let name = image.rsplit('/').next().unwrap_or(image);
    let is_digest = image.contains('@');
    let tag = name.split_once(':').map(|(_, tag)| tag);
    let problem = match tag {
        _ if is_digest => return Vec::new(),
        None => "has no tag, which means latest",
        Some("latest") => "has the tag latest",
        Some(_) => return Vec::new(),
    };
    vec![warning(
        "image-tag",
        subject.path("image", |own| own.image.is_some()),
        format!(
            "{image} {problem}: pods may run different programs, and going back brings nothing back"
        ),
        "name a version or a digest",
    )]
}

/// Explicit resources replace the profile's, and with them its limit of memory.
pub(super) fn memory_limit(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(resources) = &subject.component.spec.resources else {
        return Vec::new();
    };
    let limits = resources.limits.iter().flatten();
    if limits.into_iter().any(|(name, _)| name == "memory") {
        return Vec::new();
    }
    vec![warning(
        "memory-limit",
        subject.own("resources"),
        "no limit of memory: a leak takes the node's, and others are killed for it",
        "set limits.memory, or leave resources out and use the profile's",
    )]
}

/// A component that others call, and that is never asked whether it can answer.
pub(super) fn health_check(subject: &Subject<'_>) -> Vec<Finding> {
    let component = subject.component;
    let check = component.spec.health_check.as_ref();
    if component.port.is_none() || check.and_then(|check| check.enabled) != Some(false) {
        return Vec::new();
    }
    let is_own = |check: Option<&HealthCheckSpec>| check.is_some_and(|c| c.enabled.is_some());
    vec![warning(
        "no-health-check",
        subject.path("healthCheck.enabled", |own| {
            is_own(own.health_check.as_ref())
        }),
        "no health check: pods get requests before they can answer, so updates lose some",
        "remove it, or write a readiness probe that suits the program",
    )]
}

/// Probes whose answer may come after the next question.
pub(super) fn probe_timeouts(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(check) = &subject.component.spec.health_check else {
        return Vec::new();
    };
    let full = [
        ("liveness", &check.liveness),
        ("readiness", &check.readiness),
        ("startup", &check.startup),
    ];
    let of_full = |probe: &Option<Probe>| {
        let probe = probe.as_ref()?;
        Some((
            probe.timeout_seconds.unwrap_or(1),
            probe.period_seconds.unwrap_or(10),
        ))
    };
    let simple = check
        .timeout_seconds
        .map(|timeout| (timeout, check.period_seconds.unwrap_or(10)));
    let all = full
        .into_iter()
        .map(|(name, probe)| (format!("healthCheck.{name}.timeoutSeconds"), of_full(probe)))
        .chain([("healthCheck.timeoutSeconds".to_owned(), simple)]);
    all.filter_map(|(field, seconds)| {
        let (timeout, period) = seconds?;
        (timeout >= period).then(|| {
            warning(
                "probe-timeout",
                subject.path(&field, |own| own.health_check.is_some()),
                format!("a late answer may take {timeout} s, and a question is asked every {period} s: what hangs is noticed late"),
                "make timeoutSeconds shorter than periodSeconds",
            )
        })
    })
    .collect()
}

/// A pod that is killed before it has left its Services.
pub(super) fn grace_period(subject: &Subject<'_>) -> Vec<Finding> {
    let spec = &subject.component.spec;
    let grace = pod::grace(subject.component);
    let own = spec.lifecycle.as_ref().and_then(|l| l.pre_stop.as_ref());
    let waits = match own {
        Some(own) => own.sleep.as_ref().map_or(0, |sleep| sleep.seconds),
        None => PRE_STOP_SECONDS,
    };
    if subject.component.port.is_none() || waits == 0 || grace > waits {
        return Vec::new();
    }
    vec![warning(
        "grace-period",
        subject.own("terminationGracePeriodSeconds"),
        format!(
            "pods wait {waits} s for requests to go elsewhere and are killed after {grace} s: what they have begun is lost"
        ),
        format!("set more than {waits} and the longest request"),
    )]
}
