//! A cluster in which a Deployment and a Service of somebody else serve: what its controllers do is played.

use std::time::Duration;

use jiff::Timestamp;
use workloads::adoption::{Adoption, Endpoints, Record, notices};
use workloads::world::typed;

use super::super::*;

/// The Deployment that served before.
pub(super) const LEGACY: &str = "shop-frontend";
/// The address of its pods, and that of the application's own.
pub(super) const THEIRS: &str = "10.1.0.1";
pub(super) const OURS: &str = "10.1.0.2";

#[derive(Clone)]
pub(super) struct Cluster {
    pub(super) world: World,
    /// The Deployment of somebody else.
    pub(super) legacy: Value,
    /// Further Services of somebody else.
    pub(super) others: Vec<Value>,
    /// Addresses that somebody put behind the Service himself.
    pub(super) handmade: Vec<String>,
    now: Timestamp,
    /// Whether the application's own pods are ready.
    has_ours: bool,
    /// When the old pods were last behind the Service.
    last_asked: Timestamp,
}

impl Cluster {
    /// In which `orders` asks to take over the Service of its view.
    pub(super) fn new() -> Self {
        let mut world = super::super::world(&json!({"image": "app:1", "view": {}}));
        annotate(&mut world, keys::ADOPT, Some("view"));
        put(&mut world, service());
        let now = Timestamp::constant(1_000_000, 0);
        Self {
            world,
            legacy: json!({
                "metadata": {"name": LEGACY, "namespace": "shop", "uid": "legacy", "resourceVersion": "3"},
                "spec": {
                    "replicas": 2, "selector": {},
                    "template": {"metadata": {"labels": {"app": "legacy", "x": "y"}}},
                },
            }),
            others: Vec::new(),
            handmade: Vec::new(),
            now,
            has_ours: false,
            last_asked: now,
        }
    }

    /// In which everything is over.
    pub(super) fn done() -> Self {
        let mut cluster = Self::new();
        cluster.has_ours = true;
        for _ in 0..20 {
            let plan = cluster.plan();
            cluster.carry_out(&plan);
        }
        assert!(cluster.plan().is_settled());
        cluster
    }

    /// The plan for what is there now.
    pub(super) fn plan(&mut self) -> Plan {
        self.play();
        plan_of(&self.world)
    }

    pub(super) fn carry_out(&mut self, plan: &Plan) {
        for step in plan.waves.iter().flatten() {
            self.write(step);
        }
        self.pass(2);
    }

    /// Carries out one write.
    pub(super) fn write(&mut self, step: &Step) {
        match &step.write {
            Write::Apply(draft, ..) if draft.name == LEGACY => {
                json_patch::merge(&mut self.legacy, &draft.body);
            }
            _ => carry_out(
                &mut self.world,
                &Plan {
                    waves: vec![vec![step.clone()]],
                    ..Plan::default()
                },
            ),
        }
        self.check();
    }

    pub(super) fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    /// The application's own pods become ready.
    pub(super) fn start_ours(&mut self) {
        self.has_ours = true;
    }

    pub(super) fn service(&self) -> Value {
        json!(
            self.world
                .objects
                .get("Service", "orders-view")
                .unwrap()
                .as_ref()
        )
    }

    pub(super) fn notices(&mut self) -> Vec<String> {
        self.play();
        let app = self.world.app.as_ref().unwrap();
        notices(app, &app.components[0], &self.world)
    }

    /// The addresses behind a Service.
    pub(super) fn behind(&self, name: &str) -> Vec<String> {
        let service = self.world.objects.get("Service", name);
        let selector = service.and_then(|s| s.data.pointer("/spec/selector").cloned());
        let selector = selector.unwrap_or_default();
        let theirs = selector.get("app") == Some(&json!("legacy"))
            && self.legacy["spec"]["replicas"] != json!(0);
        let ours = selector.get(keys::ENVIRONMENT).is_some() && self.has_ours;
        let handmade = self.handmade.iter().filter(|_| name == "orders-view");
        theirs
            .then(|| THEIRS.to_owned())
            .into_iter()
            .chain(ours.then(|| OURS.to_owned()))
            .chain(handmade.cloned())
            .collect()
    }

    /// What must hold after every write: a Service that served serves, and the pods that it selected before are
    /// there for ten seconds after they were last behind it.
    fn check(&mut self) {
        self.note_who_is_asked();
        let legacy_runs = self.legacy["spec"]["replicas"] != json!(0);
        let quiet = self.now.duration_since(self.last_asked).as_secs();
        assert!(legacy_runs || quiet >= 10, "scaled down after {quiet} s");
        let selects_legacy = self.service()["spec"]["selector"]["app"] == "legacy";
        let serves = !self.behind("orders-view").is_empty();
        assert!(serves || !selects_legacy, "nothing serves");
    }

    fn note_who_is_asked(&mut self) {
        if self.behind("orders-view").contains(&THEIRS.to_owned()) {
            self.last_asked = self.now;
        }
    }

    /// Plays the controllers: counts of the workload, endpoints, and what a live read would show.
    fn play(&mut self) {
        self.note_who_is_asked();
        if self.has_ours
            && self
                .world
                .objects
                .get("Deployment", "orders-view-blue")
                .is_some()
        {
            tamper(&mut self.world, "Deployment", "orders-view-blue", |d| {
                d["status"] = json!({"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1,
                                     "readyReplicas": 1, "availableReplicas": 1});
            });
        }
        let service = self.world.objects.get("Service", "orders-view");
        let is_open = service
            .and_then(|s| Record::on(s))
            .is_some_and(|r| r.is_open());
        self.world.adoption = is_open.then(|| Arc::new(self.adoption()));
    }

    fn adoption(&self) -> Adoption {
        let endpoints = ["orders-view", "orders-view-blue"].map(|name| {
            let all: std::collections::BTreeSet<_> = self.behind(name).into_iter().collect();
            let ready = all.clone();
            (name.to_owned(), Endpoints { all, ready })
        });
        let mut deployments = vec![serde_json::from_value(self.legacy.clone()).unwrap()];
        deployments.extend(self.world.objects.of("Deployment").filter_map(|d| typed(d)));
        let others = self.others.iter().cloned();
        let others = others.map(|o| serde_json::from_value(o).unwrap());
        let own = self.world.objects.of("Service").filter_map(|s| typed(s));
        Adoption {
            at: self.now,
            endpoints: endpoints.into(),
            deployments,
            services: own.chain(others).collect(),
        }
    }
}

/// The Service that somebody else made.
fn service() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "orders-view", "namespace": "shop", "uid": "service", "resourceVersion": "2"},
        "spec": {
            "type": "ClusterIP", "clusterIP": "10.0.0.7", "selector": {"app": "legacy"},
            "ports": [{"name": "http", "port": 3000, "targetPort": 8000, "protocol": "TCP"}],
        },
    })
}
