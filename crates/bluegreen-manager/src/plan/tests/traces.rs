//! What is told of rollouts as traces.

use std::collections::BTreeMap;

use manager_kit::telemetry::spans::{FinishedSpan, Trace};
use restapi_types::RolloutOutcome::{GivenUp, Succeeded};
use restapi_types::keys;
use restapi_types::trace::SpanId;
use serde_json::{Value, json};

use super::super::gates::Answer;
use super::cluster::{Cluster, spec};
use crate::account::accounts;
use crate::trace::traces;

const CAUSE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

impl Cluster {
    fn traces(&self) -> Vec<Trace> {
        let records = self.world.records();
        traces(&accounts(&self.world.restapi, &records, self.now))
    }

    /// The trace that the status speaks of.
    fn trace(&self) -> Trace {
        let id = self.status().blue_green.unwrap().trace_id.unwrap();
        let mut all = self.traces().into_iter();
        all.find(|trace| trace.id.to_string() == id).unwrap()
    }
}

fn manual(image: &str) -> Value {
    let mut spec = spec(image);
    spec["blueGreen"] = json!({"stableSeconds": 2, "promotion": {"mode": "Manual"}});
    spec
}

/// The names of spans in the order in which they ended, the whole last.
fn names(trace: &Trace) -> Vec<&'static str> {
    let mut spans: Vec<_> = trace.spans.iter().collect();
    spans.sort_by_key(|span| (span.end, span.parent.is_none(), span.start));
    spans.into_iter().map(|span| span.name).collect()
}

fn find<'a>(trace: &'a Trace, name: &str) -> &'a FinishedSpan {
    trace.spans.iter().find(|span| span.name == name).unwrap()
}

/// Revision 1 serves, and revision 2 has been ready for a while.
fn ready() -> Cluster {
    let mut cluster = Cluster::born(&manual("app:1"));
    cluster.settle_for(5);
    cluster.change(&manual("app:2"));
    cluster.settle_for(5);
    cluster
}

#[test]
fn a_rollout_is_one_trace_without_a_gap() {
    let mut cluster = ready();
    assert_eq!(names(&cluster.trace()), ["start"], "it has not ended");
    cluster.command("promote 2 a");
    for _ in 0..6 {
        cluster.step();
        cluster.pass(1);
    }
    let trace = cluster.trace();
    assert_eq!(
        names(&trace),
        ["start", "await promotion", "switch", "rollout"]
    );
    let root = find(&trace, "rollout");
    assert_eq!((root.parent, &root.error), (None, &None));
    let steps = ["start", "await promotion", "switch"].map(|name| find(&trace, name));
    let mut end = root.start;
    for step in steps {
        assert_eq!(step.parent, Some(root.id), "{}", step.name);
        assert_eq!(
            step.start, end,
            "{} begins where the one before ended",
            step.name
        );
        end = step.end;
    }
    assert_eq!(end, root.end);
    assert!(!trace.is_needed);
}

#[test]
fn what_an_application_is_born_with_is_a_rollout_too() {
    let mut cluster = Cluster::born(&spec("app:1"));
    cluster.settle_for(5);
    let trace = cluster.trace();
    assert_eq!(names(&trace), ["start", "switch", "rollout"]);
}

#[test]
fn what_another_manager_rolled_out_has_no_trace() {
    let mut cluster = Cluster::of_core(&spec("app:1"));
    cluster.settle_for(5);
    assert_eq!(cluster.traces(), []);
}

#[test]
fn a_revision_that_never_got_ready_is_told_whatever_is_sampled_and_says_why() {
    let mut cluster = Cluster::born(&manual("app:1"));
    cluster.settle_for(5);
    cluster.broken.push("app:2");
    cluster.change(&manual("app:2"));
    cluster.settle_for(3);
    assert_eq!(cluster.traces().len(), 1, "nothing of it has ended");
    cluster.command("abort 2 a");
    cluster.settle_for(2);
    let trace = cluster.trace();
    assert_eq!(names(&trace), ["start", "rollout"]);
    let why = Some("aborted by command".to_owned());
    assert_eq!(find(&trace, "rollout").error, why);
    assert_eq!(find(&trace, "start").error, why);
    assert!(trace.is_needed);
}

#[test]
fn a_rollback_is_in_the_trace_of_what_it_takes_back_and_changes_nothing_of_it() {
    let mut cluster = ready();
    cluster.command("promote 2 a");
    cluster.settle_for(2);
    let before = cluster.trace();
    cluster.command("rollback 2 b");
    cluster.settle_for(2);
    let after = cluster.trace();
    assert_eq!(after.id, before.id);
    assert!(before.spans.iter().all(|span| after.spans.contains(span)));
    let rollback = find(&after, "rollback");
    assert_eq!(rollback.error.as_deref(), Some("rolled back by command"));
    assert!(after.is_needed);
}

#[test]
fn a_rollout_that_a_gate_takes_back_ends_with_the_switch_back() {
    let gated = |image: &str| {
        let mut spec = spec(image);
        spec["blueGreen"]["postSwitch"] =
            json!([{"name": "smoke", "http": {"component": "view", "path": "/ready"}}]);
        spec
    };
    let mut cluster = Cluster::born(&gated("app:1"));
    cluster.settle_for(5);
    cluster.change(&gated("app:2"));
    cluster.settle_for(5);
    cluster.answer(&Answer::Failed("503".to_owned()));
    cluster.settle_for(2);
    let trace = cluster.trace();
    let names = names(&trace);
    for name in ["verify after the switch", "gate", "rollback", "rollout"] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    let gate = find(&trace, "gate");
    assert_eq!(gate.error.as_deref(), Some("503"));
    assert_eq!(
        gate.parent,
        Some(find(&trace, "verify after the switch").id)
    );
    let root = find(&trace, "rollout");
    assert!(root.error.is_some());
    assert!(root.end >= find(&trace, "rollback").end);
}

#[test]
fn a_rollout_that_another_revision_took_the_place_of_ends_once_nothing_runs_it() {
    let mut cluster = ready();
    let first = cluster.trace().id;
    cluster.change(&manual("app:3"));
    cluster.settle_for(10);
    assert_ne!(cluster.trace().id, first);
    let traces = cluster.traces();
    let trace = traces.iter().find(|trace| trace.id == first).unwrap();
    assert_eq!(names(trace), ["start", "await promotion", "rollout"]);
    assert_eq!(find(trace, "rollout").error, None);
    assert!(!trace.is_needed);
}

#[test]
fn trying_again_is_another_rollout() {
    let mut cluster = ready();
    let first = cluster.trace().id;
    cluster.command("abort 2 a");
    cluster.settle();
    cluster.pass(1);
    cluster.command("retry 2 b");
    cluster.settle_for(3);
    let second = cluster.trace();
    assert_ne!(second.id, first);
    assert_eq!(names(&second), ["start"]);
}

#[test]
fn what_brought_a_rollout_about_is_linked_and_brings_about_no_other() {
    let mut cluster = Cluster::born(&spec("app:1"));
    cluster.settle_for(5);
    cluster.annotate(keys::TRACEPARENT, CAUSE);
    cluster.change(&spec("app:2"));
    cluster.settle_for(5);
    let links = |cluster: &Cluster| find(&cluster.trace(), "rollout").links.clone();
    assert_eq!(links(&cluster).len(), 1);
    assert_eq!(links(&cluster)[0].to_string(), CAUSE);
    cluster.change(&spec("app:3"));
    cluster.settle_for(60);
    assert_eq!(links(&cluster), [], "it stood there before");
    cluster.annotate(keys::TRACEPARENT, "rubbish");
    cluster.change(&spec("app:4"));
    cluster.settle_for(60);
    assert_eq!(links(&cluster), []);
}

#[test]
fn what_was_told_once_never_changes() {
    let mut told: BTreeMap<SpanId, FinishedSpan> = BTreeMap::new();
    let mut cluster = Cluster::born(&manual("app:1"));
    let mut ended = Vec::new();
    let mut note = |cluster: &mut Cluster| {
        for _ in 0..60 {
            let now = cluster.thought(|thought| thought.ended.clone());
            ended.extend(
                now.into_iter()
                    .map(|ended| ended.mark.ended.unwrap().outcome),
            );
            cluster.step();
            cluster.pass(1);
            for span in cluster.traces().into_iter().flat_map(|trace| trace.spans) {
                let first = told.entry(span.id).or_insert_with(|| span.clone());
                assert_eq!(*first, span);
            }
        }
        told.len()
    };
    note(&mut cluster);
    cluster.change(&manual("app:2"));
    note(&mut cluster);
    for command in ["promote 2 a", "rollback 2 b", "retry 2 c", "promote 2 d"] {
        cluster.command(command);
        note(&mut cluster);
    }
    cluster.change(&manual("app:3"));
    note(&mut cluster);
    cluster.command("abort 3 e");
    let number = note(&mut cluster);
    assert_eq!(number, 3 + 4 + 1 + 4 + 3, "and each step is told once");
    // The first ended before it was looked at.
    assert_eq!(ended, [Succeeded, Succeeded, GivenUp]);
}

#[test]
fn what_ended_long_ago_is_told_no_more() {
    let mut cluster = Cluster::born(&spec("app:1"));
    cluster.settle_for(5);
    assert_eq!(cluster.traces().len(), 1);
    cluster.pass(3600);
    assert_eq!(cluster.traces(), []);
}
