//! What status says of recorded worlds.

use std::sync::Arc;

use manager_kit::tracker::Target;
use restapi_types::conditions::{AVAILABLE, PROGRESSING, READY, RECONCILING, STALLED};
use rstest::rstest;
use serde_json::{Value, json};
use workloads::apply::Refusal;
use workloads::fixtures::restapi;
use workloads::plan::Obstacle;

use super::*;

const NOW: Timestamp = Timestamp::constant(1_000, 0);

/// An application of one component, `view` with two replicas, whose Deployment has this status.
fn world(deployment_status: Option<Value>) -> World {
    let restapi = restapi(&json!({"image": "app:1", "view": {"replicas": 2}}));
    let mut world = World::empty(Arc::new(restapi));
    if let Some(status) = deployment_status {
        let deployment = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "orders-view-blue", "generation": 2},
            "spec": {"replicas": 2, "selector": {}, "template": {}},
            "status": status,
        });
        let deployment = serde_json::from_value(deployment).unwrap();
        world.objects.put("Deployment", Arc::new(deployment));
    }
    world
}

fn of(world: &World, plan: &Plan, outcome: &Outcome) -> RestAPIStatus {
    status(world.app.as_ref().unwrap(), world, plan, outcome, NOW)
}

/// The types of the conditions that are True.
fn holding(status: &RestAPIStatus) -> Vec<&str> {
    status
        .conditions
        .iter()
        .flatten()
        .filter(|c| c.status == "True")
        .map(|c| c.type_.as_str())
        .collect()
}

fn message(status: &RestAPIStatus) -> &str {
    &status.conditions.as_ref().unwrap()[0].message
}

fn counts(observed: i64, replicas: i32, updated: i32, available: i32) -> Value {
    json!({"observedGeneration": observed, "replicas": replicas, "updatedReplicas": updated,
           "readyReplicas": available, "availableReplicas": available})
}

#[rstest]
#[case::no_deployment_yet(None, Phase::Pending, &[RECONCILING, PROGRESSING])]
#[case::not_seen_yet(Some(counts(1, 2, 2, 2)), Phase::Progressing, &[RECONCILING, AVAILABLE, PROGRESSING])]
#[case::first_pods_starting(Some(counts(2, 2, 2, 0)), Phase::Pending, &[RECONCILING])]
#[case::one_pod_serves(Some(counts(2, 2, 2, 1)), Phase::Progressing, &[RECONCILING, AVAILABLE])]
#[case::old_pods_remain(Some(counts(2, 3, 2, 3)), Phase::Progressing, &[RECONCILING, AVAILABLE, PROGRESSING])]
#[case::done(Some(counts(2, 2, 2, 2)), Phase::Ready, &[READY, AVAILABLE])]
fn phases_and_conditions_follow_the_deployment(
    #[case] deployment: Option<Value>,
    #[case] phase: Phase,
    #[case] conditions: &[&str],
) {
    let status = of(&world(deployment), &Plan::default(), &Outcome::default());
    assert_eq!(status.phase, Some(phase));
    assert_eq!(holding(&status), conditions);
    assert_eq!(status.observed_generation, Some(1));
}

#[test]
fn a_refused_write_stalls_and_says_what_still_runs() {
    let refusal = Refusal {
        target: Target {
            kind: "Deployment".into(),
            name: "orders-view-blue".into(),
        },
        message: "exceeded quota".into(),
    };
    let outcome = Outcome {
        refusals: vec![refusal],
        wrote: false,
        ..Outcome::default()
    };
    let serving = of(&world(Some(counts(2, 2, 2, 2))), &Plan::default(), &outcome);
    assert_eq!(
        (serving.phase, holding(&serving)),
        (Some(Phase::Degraded), vec![STALLED, AVAILABLE])
    );
    assert!(
        message(&serving)
            .contains("Deployment orders-view-blue was refused by the API server: exceeded quota")
    );
    let down = of(&world(None), &Plan::default(), &outcome);
    assert_eq!(down.phase, Some(Phase::Failed));
}

#[test]
fn a_missing_image_is_final_and_names_the_component() {
    let mut world = world(Some(counts(2, 3, 1, 2)));
    world.pods = vec![Arc::new(
        serde_json::from_value(json!({
            "metadata": {"name": "p", "labels": {"app.kubernetes.io/component": "view"}},
            "status": {"containerStatuses": [{"name": "view", "image": "app:1", "imageID": "", "ready": false,
                "restartCount": 0, "state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}}}]},
        }))
        .unwrap(),
    )];
    let status = of(&world, &Plan::default(), &Outcome::default());
    assert_eq!(
        (status.phase, holding(&status)),
        (Some(Phase::Degraded), vec![STALLED, AVAILABLE, PROGRESSING])
    );
    assert!(message(&status).starts_with("view: image app:1 can't be pulled: not found"));
    assert_eq!(
        status.components.unwrap()[0]
            .message
            .as_deref()
            .map(|m| m.starts_with("image app:1")),
        Some(true)
    );
}

#[rstest]
#[case("ReplicaFailure", "True", "its pods are refused: because")]
#[case("Progressing", "False", "because; see its pods' events")]
fn what_the_deployment_says_is_told(#[case] type_: &str, #[case] value: &str, #[case] part: &str) {
    let mut deployment = counts(2, 0, 0, 0);
    deployment["conditions"] = json!([{"type": type_, "status": value, "message": "because"}]);
    let status = of(
        &world(Some(deployment)),
        &Plan::default(),
        &Outcome::default(),
    );
    assert_eq!(status.phase, Some(Phase::Failed));
    assert!(message(&status).contains(part), "{}", message(&status));
}

#[test]
fn that_pods_are_refused_comes_before_what_the_pods_of_the_template_before_say() {
    let mut deployment = counts(2, 1, 0, 0);
    deployment["conditions"] =
        json!([{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}]);
    let mut world = world(Some(deployment));
    world.pods = vec![Arc::new(
        serde_json::from_value(json!({
            "metadata": {"name": "p", "labels": {"app.kubernetes.io/component": "view"}},
            "status": {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]},
        }))
        .unwrap(),
    )];
    let status = of(&world, &Plan::default(), &Outcome::default());
    assert!(message(&status).starts_with("view: its pods are refused: exceeded quota"));
    assert_eq!(holding(&status), [STALLED, PROGRESSING]);
}

#[test]
fn what_is_in_the_way_keeps_ready_false_though_pods_are_fine() {
    let target = Target {
        kind: "Service".into(),
        name: "orders-view".into(),
    };
    let plan = Plan {
        obstacles: vec![Obstacle::Foreign(target)],
        ..Plan::default()
    };
    let status = of(&world(Some(counts(2, 2, 2, 2))), &plan, &Outcome::default());
    assert_eq!(holding(&status), [STALLED, AVAILABLE]);
    assert!(
        message(&status).contains("Service orders-view exists and does not belong to this RestAPI")
    );
}

#[test]
fn the_time_of_the_last_deployment_is_read_from_the_deployment_and_never_goes_back() {
    let mut deployment = counts(2, 2, 2, 2);
    deployment["conditions"] = json!([{"type": "Progressing", "status": "True",
        "reason": "NewReplicaSetAvailable", "lastUpdateTime": "2026-01-01T00:00:00Z"}]);
    let done = of(
        &world(Some(deployment)),
        &Plan::default(),
        &Outcome::default(),
    );
    let time = done.last_deployment_time.clone().unwrap();
    assert_eq!(time.0.to_string(), "2026-01-01T00:00:00Z");
    let mut rolling = world(Some(counts(2, 3, 1, 2)));
    Arc::make_mut(&mut rolling.restapi).status = Some(done);
    assert_eq!(
        of(&rolling, &Plan::default(), &Outcome::default()).last_deployment_time,
        Some(time)
    );
}

#[test]
fn a_spec_that_cannot_be_rendered_leaves_what_runs_and_says_so() {
    let mut world = world(None);
    Arc::make_mut(&mut world.restapi).status = Some(RestAPIStatus {
        ready_replicas: Some(2),
        ..RestAPIStatus::default()
    });
    let problem = Invalid {
        field: "spec.view.image".into(),
        problem: "no image is set".into(),
        fix: "set it".into(),
    };
    let status = invalid(&world, &problem, NOW);
    assert_eq!(status.phase, Some(Phase::Degraded));
    assert_eq!(message(&status), "spec.view.image: no image is set; set it");
}
