//! Gates that are Jobs.

use std::sync::Arc;

use restapi_types::Environment::{Blue, Green};
use restapi_types::status::GateState;
use restapi_types::{conditions, keys};
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::gates::ready;

impl Cluster {
    /// What a Job has come to.
    fn end_job(&mut self, type_: &str) {
        let name = self.jobs().remove(0);
        self.tamper("Job", &name, |job| {
            job["status"] = json!({"conditions": [
                {"type": type_, "status": "True", "message": "Job has reached the specified backoff limit"},
            ]});
        });
        self.settle();
    }

    fn jobs(&self) -> Vec<String> {
        let jobs = self.world.objects.of("Job");
        jobs.map(|job| job.metadata.name.clone().unwrap()).collect()
    }
}

fn job() -> Value {
    json!([{"name": "e2e", "job": {"image": "e2e:1"}}])
}

#[test]
fn a_job_is_made_when_the_revision_is_ready_and_lets_it_pass_when_it_completes() {
    let mut cluster = ready(&job(), &json!([]));
    assert_eq!(cluster.jobs().len(), 1);
    assert_eq!(cluster.gate().0, GateState::Running);
    assert_eq!(cluster.selects(), [Some(Blue); 2]);
    cluster.end_job("Complete");
    assert_eq!(cluster.selects(), [Some(Green); 2]);
    assert_eq!(cluster.gate(), (GateState::Passed, 1, 0));
    assert_eq!(cluster.jobs().len(), 1, "kept for its logs");
}

#[test]
fn a_job_that_fails_has_the_revision_given_up() {
    let mut cluster = ready(&job(), &json!([]));
    let name = cluster.jobs().remove(0);
    cluster.end_job("Failed");
    cluster.settle_for(6);
    let told = cluster.told(conditions::ROLLED_BACK).unwrap();
    let why = format!(
        "gate e2e of preSwitch failed: Job {name}: Job has reached the specified backoff limit; see `kubectl logs job/{name}`"
    );
    assert!(told.contains(&why), "{told}");
    assert_eq!(cluster.jobs(), [name], "kept for its logs");
}

#[test]
fn the_job_of_a_revision_that_was_given_up_is_stopped_and_its_pods_keep_no_environment() {
    let mut cluster = ready(&job(), &json!([]));
    let pod = json!({"metadata": {"name": "e2e-x", "labels": {
        keys::GATE: "e2e", keys::ENVIRONMENT: "green", keys::INSTANCE: "orders",
    }}, "status": {"containerStatuses": [{
        "name": "gate", "image": "e2e:1", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}},
    }]}});
    cluster
        .world
        .pods
        .push(Arc::new(serde_json::from_value(pod).unwrap()));
    assert!(
        cluster
            .message()
            .contains("its pod waits: ErrImagePull not found")
    );
    cluster.command("abort 2 x");
    cluster.settle_for(6);
    assert_eq!(cluster.jobs(), Vec::<String>::new());
    assert_eq!(cluster.image("orders-view-green"), None);
}
