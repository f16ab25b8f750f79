//! The Job of a gate: it runs in the application's namespace under the restricted rules that its pods have, without
//! rights and without a token, and is told the addresses of one environment.

use std::time::Duration;

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{
    Container, LocalObjectReference, PodSpec, PodTemplateSpec, ResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use restapi_types::spec::gates::{GateSpec, JobGate, Moment};
use restapi_types::{AttemptMark, Environment, keys, names};
use serde_json::json;

use crate::container::some;
use crate::{Application, canonical, labels, security, variables, volumes};

/// How long a Job that has ended is kept, for its logs, in seconds.
const KEPT_SECONDS: i32 = 3600;

/// What it may use: it asks, and the application works.
const REQUESTS: [(&str, &str); 2] = [("cpu", "10m"), ("memory", "32Mi")];
const LIMITS: [(&str, &str); 2] = [("cpu", "500m"), ("memory", "256Mi")];

/// For what a gate is tried.
#[derive(Clone, Copy, Debug)]
pub struct Trial<'a> {
    /// The application as it is in that revision.
    pub app: &'a Application,
    /// Where it runs.
    pub environment: Environment,
    /// The attempt.
    pub mark: &'a AttemptMark,
    /// When it is tried.
    pub moment: Moment,
}

/// The hash of what the spec says of a gate: one that was changed is another one.
#[must_use]
pub fn hash(gate: &GateSpec) -> String {
    canonical::hash(&json!(gate))
}

/// The name of a gate's Job: another one for each attempt.
#[must_use]
pub fn name(trial: &Trial<'_>, gate: &GateSpec) -> String {
    let app = &trial.app.name;
    let content = json!([app, trial.mark.to_string(), trial.moment, gate]);
    names::gate_job(app, &gate.name, &canonical::hash(&content))
}

/// The Job of a gate that is one.
#[must_use]
pub fn gate_job(trial: &Trial<'_>, gate: &GateSpec, job: &JobGate) -> Job {
    let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    let mut own = labels::application(&trial.app.name);
    own.insert(keys::GATE.to_owned(), gate.name.clone());
    own.insert(
        keys::ENVIRONMENT.to_owned(),
        trial.environment.as_str().to_owned(),
    );
    let mut metadata = labels::owned(trial.app, name(trial, gate), own.clone());
    metadata.annotations = Some([(keys::ATTEMPT.to_owned(), trial.mark.to_string())].into());
    Job {
        metadata,
        spec: Some(JobSpec {
            active_deadline_seconds: Some(seconds(gate.timeout())),
            backoff_limit: i32::try_from(gate.failure_limit()).ok(),
            ttl_seconds_after_finished: Some(KEPT_SECONDS),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(own),
                    ..ObjectMeta::default()
                }),
                spec: Some(pod(trial, job)),
            },
            ..JobSpec::default()
        }),
        status: None,
    }
}

fn pod(trial: &Trial<'_>, job: &JobGate) -> PodSpec {
    let mut container = Container {
        name: "gate".to_owned(),
        image: Some(job.image.clone()),
        command: job.command.clone(),
        args: job.args.clone(),
        env: Some(variables::of_gate(trial.app, trial.environment)),
        resources: Some(ResourceRequirements {
            requests: Some(quantities(REQUESTS)),
            limits: Some(quantities(LIMITS)),
            claims: None,
        }),
        ..Container::default()
    };
    security::restrict_container(container.security_context.get_or_insert_default());
    let secrets = trial.app.spec.image_pull_secrets.iter().flatten();
    let secrets = secrets.map(|secret| LocalObjectReference {
        name: secret.name.clone(),
    });
    let mut pod = PodSpec {
        automount_service_account_token: Some(false),
        containers: vec![container],
        enable_service_links: Some(false),
        image_pull_secrets: some(secrets.collect()),
        restart_policy: Some("Never".to_owned()),
        security_context: Some(security::restricted_pod()),
        service_account_name: Some(names::application(&trial.app.name)),
        ..PodSpec::default()
    };
    volumes::add_tmp(&mut pod);
    pod
}

fn quantities<const N: usize>(
    all: [(&str, &str); N],
) -> std::collections::BTreeMap<String, Quantity> {
    let all = all.into_iter();
    all.map(|(name, quantity)| (name.to_owned(), Quantity(quantity.to_owned())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::application;

    fn job(number: u64) -> serde_json::Value {
        let app = application(r#"{"image": "a", "view": {}, "imagePullSecrets": [{"name": "s"}]}"#);
        let mark = AttemptMark {
            number,
            hash: "abc".to_owned(),
        };
        let trial = Trial {
            app: &app,
            environment: Environment::Green,
            mark: &mark,
            moment: Moment::PreSwitch,
        };
        let gate: GateSpec = serde_json::from_value(json!({
            "name": "smoke", "failureLimit": 2, "timeoutSeconds": 60,
            "job": {"image": "smoke:1", "args": ["--all"]},
        }))
        .unwrap();
        json!(gate_job(&trial, &gate, gate.job.as_ref().unwrap()))
    }

    #[test]
    fn it_runs_restricted_and_is_told_where_its_environment_answers() {
        insta::assert_json_snapshot!(job(3));
    }

    #[test]
    fn each_attempt_has_one_of_its_own() {
        assert_ne!(job(3)["metadata"]["name"], job(4)["metadata"]["name"]);
    }
}
