//! What is told of rollouts as events.

use restapi_types::{Event, EventKind};
use serde_json::{Value, json};

use super::super::rollout::unrecorded;
use super::super::{Thought, think};
use super::cluster::{Cluster, spec};
use crate::account::accounts;
use crate::facts::{events, started};

impl Cluster {
    /// What is told of rollouts now.
    fn events(&self) -> Vec<Event> {
        let mut restapi = self.world.restapi.as_ref().clone();
        restapi.status = Some(self.status());
        let restapi = &restapi;
        let app = self.world.app.as_ref().unwrap();
        let blue_green = app.spec.blue_green().unwrap();
        let thought: Thought<'_> = think(app, blue_green, &self.world, &[], self.now).unwrap();
        let records = self.world.records();
        let asked = workloads::rollout::asked(&self.world, app);
        let unrecorded = unrecorded(&thought.view, &thought.situated);
        let started = asked
            .zip(unrecorded)
            .map(|(rollout, mark)| started(restapi, &rollout, &mark));
        events(
            restapi,
            &accounts(restapi, &records, self.now),
            started,
            self.now,
        )
    }

    /// The kinds of what is told of a revision.
    fn facts(&self, revision: i64) -> Vec<&'static str> {
        let events = self.events();
        let of_it = events.iter().filter(|e| e.data.revision == Some(revision));
        let kinds = of_it.filter_map(Event::known_kind);
        kinds.map(EventKind::as_str).collect()
    }
}

fn manual(image: &str) -> Value {
    let mut spec = spec(image);
    spec["blueGreen"] = json!({"stableSeconds": 2, "promotion": {"mode": "Manual"}});
    spec
}

#[test]
fn a_rollout_is_told_step_by_step_and_no_event_changes_once_told() {
    let mut cluster = Cluster::born(&manual("app:1"));
    cluster.settle_for(5);
    assert_eq!(
        cluster.facts(1),
        ["rollout.started", "preview.ready", "rollout.completed"]
    );
    cluster.change(&manual("app:2"));
    let mut told: Vec<Event> = Vec::new();
    for step in 0..16 {
        if step == 8 {
            cluster.command("promote 2 a");
        }
        cluster.step();
        let now = cluster.events();
        for event in &now {
            let before = told.iter().find(|before| before.id == event.id);
            assert!(before.is_none_or(|before| before == event));
        }
        let of_two = now.into_iter().filter(|e| e.data.revision == Some(2));
        told.extend(of_two.filter(|e| !told.contains(e)).collect::<Vec<_>>());
        cluster.pass(1);
    }
    let kinds: Vec<_> = told.iter().filter_map(Event::known_kind).collect();
    assert_eq!(
        kinds,
        [
            EventKind::RolloutStarted,
            EventKind::PreviewReady,
            EventKind::PromotionAwaited,
            EventKind::TrafficSwitched,
            EventKind::RolloutCompleted,
        ]
    );
    let trace = &told.first().unwrap().traceparent;
    assert!(trace.is_some() && told.iter().all(|event| event.traceparent == *trace));
}

#[test]
fn a_rollback_is_told_of_what_it_takes_back() {
    let mut cluster = Cluster::born(&manual("app:1"));
    cluster.settle_for(5);
    cluster.change(&manual("app:2"));
    cluster.settle_for(5);
    cluster.command("promote 2 a");
    cluster.settle_for(2);
    cluster.command("rollback 2 b");
    cluster.settle_for(2);
    let told = cluster.facts(2);
    assert_eq!(
        told.get(told.len().saturating_sub(2)..),
        Some(["rollout.completed", "rollout.rolledback"].as_slice())
    );
    // Whoever thinks better of it has it tried again, which is another rollout.
    let before = cluster.events();
    cluster.command("retry 2 c");
    cluster.settle_for(5);
    cluster.command("promote 2 d");
    for _ in 0..6 {
        cluster.step();
        cluster.pass(1);
    }
    let again = cluster.events();
    let new = again.iter().filter(|event| !before.contains(event));
    let kinds: Vec<_> = new.filter_map(Event::known_kind).collect();
    for kind in [EventKind::RolloutStarted, EventKind::RolloutCompleted] {
        assert!(kinds.contains(&kind), "{kind:?} is not among {kinds:?}");
    }
}

#[test]
fn what_was_given_up_is_told_as_such() {
    let mut cluster = Cluster::born(&manual("app:1"));
    cluster.settle_for(5);
    cluster.broken.push("app:2");
    cluster.change(&manual("app:2"));
    cluster.settle_for(3);
    assert_eq!(cluster.facts(2), ["rollout.started"]);
    cluster.command("abort 2 a");
    cluster.settle_for(2);
    assert_eq!(cluster.facts(2), ["rollout.started", "rollout.givenup"]);
}

/// Whoever is started anew tells what happened a short time ago: what the stream would not know again is not told.
#[test]
fn what_happened_long_ago_is_not_told_again() {
    let mut cluster = Cluster::born(&manual("app:1"));
    cluster.settle_for(5);
    assert!(!cluster.facts(1).is_empty());
    cluster.pass(20 * 60);
    assert!(cluster.facts(1).is_empty());
    cluster.change(&manual("app:2"));
    cluster.settle_for(5);
    assert!(cluster.facts(2).contains(&"promotion.awaited"));
    // It still waits, which is in status, and was told.
    cluster.pass(20 * 60);
    assert!(cluster.facts(2).is_empty());
}
