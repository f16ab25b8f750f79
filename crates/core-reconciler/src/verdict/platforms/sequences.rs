//! Sequences of what happens to an application, with its status after each reconcile.

use std::sync::Arc;

use jiff::Timestamp;
use manager_kit::tracker::Target;
use restapi_types::{ComponentName, RestAPI, RestAPIStatus};
use serde_json::{Value, json};
use workloads::apply::{Outcome, Refusal};
use workloads::config::Config;
use workloads::fixtures::restapi;
use workloads::plan::{Obstacle, Plan, Rollback};
use workloads::world::World;

use super::kstatus::Status::{self, Current, Failed, InProgress, Terminating};
use crate::verdict;

/// One moment of a sequence: the object as anybody reads it then, and what is true of it.
pub(super) struct Moment {
    pub(super) what: &'static str,
    pub(super) restapi: RestAPI,
    /// Whether the newest generation is served in full.
    pub(super) is_served: bool,
    pub(super) kstatus: Status,
    pub(super) argo: &'static str,
}

/// An application of one component with two pods, and what happened to it so far.
struct Recording {
    restapi: RestAPI,
    moments: Vec<Moment>,
}

impl Recording {
    /// It was just created, and nobody has written a status. Its schema says for it that no generation was
    /// observed.
    fn created() -> Self {
        let mut recording = Self {
            restapi: restapi(&json!({"image": "app:1", "view": {"replicas": 2}})),
            moments: Vec::new(),
        };
        recording.restapi.status = Some(default_status());
        recording.moment("created", (false, InProgress, "Progressing"));
        recording
    }

    fn moment(
        &mut self,
        what: &'static str,
        (is_served, kstatus, argo): (bool, Status, &'static str),
    ) {
        self.moments.push(Moment {
            what,
            restapi: self.restapi.clone(),
            is_served,
            kstatus,
            argo,
        });
    }

    /// Somebody changes the spec: the status still speaks of the generation before.
    fn changed(&mut self) {
        let generation = &mut self.restapi.metadata.generation;
        *generation = generation.map(|g| g + 1);
        self.moment("changed", (false, InProgress, "Progressing"));
    }

    /// A reconcile that sees the Deployment with this status, and these pods.
    fn reconciled(
        &mut self,
        what: &'static str,
        (deployment, pods): (Option<Value>, &[Value]),
        (plan, outcome): (&Plan, &Outcome),
        truth: (bool, Status, &'static str),
    ) {
        let mut world = World::empty(Arc::new(self.restapi.clone()));
        if let Some(status) = deployment {
            let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {"name": "orders-view-blue", "generation": 2},
                "spec": {"replicas": 2, "selector": {}, "template": {}}, "status": status});
            let deployment = serde_json::from_value(deployment).unwrap();
            world.objects.put("Deployment", Arc::new(deployment));
        }
        let pods = pods.iter().cloned();
        world.pods = pods
            .map(|pod| Arc::new(serde_json::from_value(pod).unwrap()))
            .collect();
        let app = world.app.clone().unwrap();
        let status = verdict::status(&app, &world, plan, outcome, Timestamp::constant(1_000, 0));
        self.restapi.status = Some(status);
        self.moment(what, truth);
    }

    /// A reconcile with nothing in the way.
    fn went_on(
        &mut self,
        what: &'static str,
        deployment: Option<Value>,
        truth: (bool, Status, &'static str),
    ) {
        let nothing = (&Plan::default(), &Outcome::default());
        self.reconciled(what, (deployment, &[]), nothing, truth);
    }

    fn ready(&mut self) {
        self.went_on(
            "ready",
            Some(counts(2, 2, 2, 2)),
            (true, Current, "Healthy"),
        );
    }

    /// Created, and everything went well.
    fn running() -> Self {
        let mut recording = Self::created();
        recording.ready();
        recording
    }
}

/// What the schema of the CRD says of a status that nobody has written.
fn default_status() -> RestAPIStatus {
    let crd = json!(restapi_types::crd::restapi());
    let status = "/spec/versions/0/schema/openAPIV3Schema/properties/status/default";
    serde_json::from_value(crd.pointer(status).unwrap().clone()).unwrap()
}

fn counts(observed: i64, replicas: i32, updated: i32, available: i32) -> Value {
    json!({"observedGeneration": observed, "replicas": replicas, "updatedReplicas": updated,
           "readyReplicas": available, "availableReplicas": available})
}

const WORKING: (bool, Status, &str) = (false, InProgress, "Progressing");
const FAILED: (bool, Status, &str) = (false, Failed, "Degraded");

/// Every sequence, with its name.
pub(super) fn all() -> Vec<(&'static str, Vec<Moment>)> {
    vec![
        ("first deployment", first_deployment()),
        ("rollout", rollout()),
        ("missing image", missing_image()),
        ("missing configuration", missing_configuration()),
        ("paused", paused()),
        ("held revision", held_revision()),
        ("refusal", refusal()),
        ("spec that can't be rendered", unrenderable()),
        ("deletion", deletion()),
    ]
    .into_iter()
    .map(|(name, recording)| (name, recording.moments))
    .collect()
}

fn first_deployment() -> Recording {
    let mut it = Recording::created();
    let wrote = Outcome {
        wrote: true,
        ..Outcome::default()
    };
    it.reconciled(
        "objects are written",
        (None, &[]),
        (&Plan::default(), &wrote),
        WORKING,
    );
    it.went_on(
        "the Deployment is not seen yet",
        Some(counts(1, 0, 0, 0)),
        WORKING,
    );
    it.went_on("pods start", Some(counts(2, 2, 2, 0)), WORKING);
    it.went_on("one serves", Some(counts(2, 2, 2, 1)), WORKING);
    it.ready();
    it
}

fn rollout() -> Recording {
    let mut it = Recording::running();
    it.changed();
    let wrote = Outcome {
        wrote: true,
        ..Outcome::default()
    };
    let old = Some(counts(2, 2, 2, 2));
    it.reconciled(
        "the template is written",
        (old, &[]),
        (&Plan::default(), &wrote),
        WORKING,
    );
    it.went_on(
        "its controller has not seen it",
        Some(counts(1, 2, 2, 2)),
        WORKING,
    );
    it.went_on("a new pod starts", Some(counts(2, 3, 1, 2)), WORKING);
    it.went_on("old pods remain", Some(counts(2, 3, 2, 3)), WORKING);
    it.ready();
    it
}

fn missing_image() -> Recording {
    let mut it = Recording::running();
    it.changed();
    let pod = json!({"metadata": {"name": "p", "labels": {"app.kubernetes.io/component": "view"}},
        "status": {"containerStatuses": [{"name": "view", "image": "app:1", "imageID": "", "ready": false,
            "restartCount": 0, "state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}}}]}});
    let nothing = (&Plan::default(), &Outcome::default());
    it.reconciled(
        "it can't be pulled",
        (Some(counts(2, 3, 1, 2)), &[pod]),
        nothing,
        FAILED,
    );
    it.changed();
    it.ready();
    it
}

fn missing_configuration() -> Recording {
    let mut it = Recording::running();
    it.changed();
    let view = ComponentName::View;
    let lack = Config::lacking(view, "ConfigMap orders is not there");
    let plan = Plan {
        obstacles: vec![Obstacle::ConfigMissing(
            lack.missing(view).unwrap().to_owned(),
        )],
        ..Plan::default()
    };
    let nothing = Outcome::default();
    it.reconciled(
        "what ran goes on",
        (Some(counts(2, 2, 2, 2)), &[]),
        (&plan, &nothing),
        FAILED,
    );
    it.went_on("it is there again", Some(counts(2, 3, 1, 2)), WORKING);
    it.ready();
    it
}

fn paused() -> Recording {
    let mut it = Recording::running();
    it.changed();
    let plan = Plan {
        is_paused: true,
        ..Plan::default()
    };
    let nothing = Outcome::default();
    let truth = (false, InProgress, "Suspended");
    it.reconciled(
        "the change waits",
        (Some(counts(2, 2, 2, 2)), &[]),
        (&plan, &nothing),
        truth,
    );
    it.changed();
    it.went_on("it goes on", Some(counts(2, 3, 1, 2)), WORKING);
    it.ready();
    it
}

fn held_revision() -> Recording {
    let mut it = Recording::running();
    it.changed();
    it.ready();
    let app = World::empty(Arc::new(it.restapi.clone())).app.unwrap();
    let plan = Plan {
        revision_number: 2,
        rollback: Rollback::Held {
            serving: 1,
            app: Box::new(app),
        },
        ..Plan::default()
    };
    let nothing = Outcome::default();
    it.reconciled(
        "revision 1 starts",
        (Some(counts(2, 3, 1, 2)), &[]),
        (&plan, &nothing),
        FAILED,
    );
    it.reconciled(
        "revision 1 is held",
        (Some(counts(2, 2, 2, 2)), &[]),
        (&plan, &nothing),
        FAILED,
    );
    let void = Plan {
        revision_number: 3,
        rollback: Rollback::Void("it was for revision 2".to_owned()),
        ..Plan::default()
    };
    it.changed();
    it.reconciled(
        "the order is over",
        (Some(counts(2, 3, 1, 2)), &[]),
        (&void, &nothing),
        FAILED,
    );
    it.ready();
    it
}

fn refusal() -> Recording {
    let mut it = Recording::running();
    it.changed();
    let target = Target {
        kind: "Deployment".into(),
        name: "orders-view-blue".into(),
    };
    let refused = Outcome {
        refusals: vec![Refusal {
            target,
            message: "exceeded quota".into(),
        }],
        wrote: true,
        ..Outcome::default()
    };
    let old = Some(counts(2, 2, 2, 2));
    it.reconciled("refused", (old, &[]), (&Plan::default(), &refused), FAILED);
    it.went_on("there is room again", Some(counts(2, 3, 1, 2)), WORKING);
    it.ready();
    it
}

fn unrenderable() -> Recording {
    let mut it = Recording::running();
    it.changed();
    let world = World::empty(Arc::new(it.restapi.clone()));
    let invalid = restapi_resources::Invalid::new("spec.view", "it is wrong", "correct it");
    it.restapi.status = Some(verdict::invalid(
        &world,
        &invalid,
        Timestamp::constant(1_000, 0),
    ));
    it.moment("nothing is written", FAILED);
    it.changed();
    it.ready();
    it
}

fn deletion() -> Recording {
    let mut it = Recording::running();
    let now = Timestamp::constant(1_000, 0);
    it.restapi.metadata.deletion_timestamp =
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(now));
    let truth = (false, Terminating, "Progressing");
    it.moment("deleted", truth);
    it.went_on("pods end", Some(counts(2, 1, 1, 1)), truth);
    it.went_on("all are gone", None, truth);
    it
}
