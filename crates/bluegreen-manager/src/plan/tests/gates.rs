//! Gates: what passes, what fails, and what says nothing.

use restapi_types::Environment::{Blue, Green};
use restapi_types::conditions;
use restapi_types::status::{GateState, RolloutPhase};
use serde_json::{Value, json};

use super::super::gates::{Answer, Question, Tried, Try};
use super::cluster::{Cluster, spec};

/// A spec with these gates before the switch and after it.
fn gated(image: &str, pre: &Value, post: &Value) -> Value {
    let mut spec = spec(image);
    spec["blueGreen"]["preSwitch"] = pre.clone();
    spec["blueGreen"]["postSwitch"] = post.clone();
    spec
}

fn smoke(more: &Value) -> Value {
    let mut gate = json!({"name": "smoke", "http": {"component": "view", "path": "/ready"}});
    for (key, value) in more.as_object().unwrap() {
        gate[key] = value.clone();
    }
    json!([gate])
}

fn passed() -> Answer {
    Answer::Passed("200".to_owned())
}

fn failed() -> Answer {
    Answer::Failed("503".to_owned())
}

fn unknown() -> Answer {
    Answer::Unknown("nothing".to_owned())
}

impl Cluster {
    fn due(&self) -> Vec<Try> {
        self.thought(|thought| {
            let gates = thought.situated.gates.as_ref();
            gates.map(|gates| gates.due.clone()).unwrap_or_default()
        })
    }

    /// What is due shows that, and what follows is done. Returns how many tries that were.
    pub(super) fn answer(&mut self, answer: &Answer) -> usize {
        let due = self.due();
        self.tried.extend(due.iter().map(|due| Tried {
            key: due.key.clone(),
            at: self.now,
            answer: answer.clone(),
        }));
        self.settle();
        due.len()
    }

    pub(super) fn gate(&self) -> (GateState, i64, i64) {
        let gates = self.status().blue_green.unwrap().gates.unwrap();
        (gates[0].state, gates[0].passed, gates[0].failed)
    }

    pub(super) fn phase(&self) -> RolloutPhase {
        self.status().blue_green.unwrap().phase.unwrap()
    }

    pub(super) fn message(&self) -> String {
        self.status().blue_green.unwrap().message.unwrap()
    }
}

/// Revision 1 serves, and revision 2 is ready.
pub(super) fn ready(pre: &Value, post: &Value) -> Cluster {
    let mut cluster = Cluster::born(&gated("app:1", pre, post));
    cluster.settle_for(5);
    cluster.change(&gated("app:2", pre, post));
    cluster.settle_for(5);
    cluster
}

/// Revision 2 serves, and revision 1 is kept.
fn switched(post: &Value) -> Cluster {
    let cluster = ready(&json!([]), post);
    assert_eq!(cluster.selects(), [Some(Green); 2]);
    cluster
}

#[test]
fn the_first_revision_has_nothing_to_be_kept_from_and_passes_none() {
    let mut cluster = Cluster::born(&gated("app:1", &smoke(&json!({})), &json!([])));
    cluster.settle_for(5);
    assert_eq!(cluster.selects(), [Some(Blue); 2]);
    assert_eq!(cluster.due(), []);
    assert_eq!(cluster.phase(), RolloutPhase::Settled);
    assert_eq!(cluster.gate(), (GateState::Waiting, 0, 0));
}

#[test]
fn a_revision_serves_once_its_gates_have_passed() {
    let mut cluster = ready(&smoke(&json!({"count": 2})), &json!([]));
    assert_eq!(cluster.selects(), [Some(Blue); 2]);
    assert_eq!(cluster.phase(), RolloutPhase::Verifying);
    assert_eq!(cluster.answer(&passed()), 1);
    assert_eq!(cluster.gate(), (GateState::Running, 1, 0));
    assert_eq!(
        cluster.message(),
        "revision 2 is ready in green: gate smoke of preSwitch passed 1 of 2 times and failed 0 times: 200"
    );
    assert_eq!(
        cluster.answer(&passed()),
        0,
        "not before its interval is over"
    );
    cluster.pass(10);
    assert_eq!(cluster.answer(&passed()), 1);
    assert_eq!(cluster.gate(), (GateState::Passed, 2, 0));
    assert_eq!(cluster.selects(), [Some(Green); 2]);
}

#[test]
fn green_is_asked_at_its_own_service() {
    let mut cluster = ready(&smoke(&json!({"timeoutSeconds": 7})), &json!([]));
    cluster.tamper("Service", "orders-view-green", |service| {
        service["spec"]["clusterIP"] = json!("10.0.0.7");
    });
    let due = cluster.due();
    assert_eq!(due[0].timeout.as_secs(), 7);
    let question = Question::Http {
        address: "10.0.0.7:3000".to_owned(),
        host: "orders-view-green".to_owned(),
        path: "/ready".to_owned(),
    };
    assert_eq!(due[0].question, question);
}

#[test]
fn a_query_is_about_the_revision() {
    let prometheus = json!({"query": "up{ns=\"$namespace\",app=\"$name\",at=\"$environment\",r=\"$revision\"}", "min": "0.5"});
    let gate = json!([{"name": "errors", "prometheus": prometheus}]);
    let due = ready(&gate, &json!([])).due();
    let question = Question::Prometheus {
        query: "up{ns=\"shop\",app=\"orders\",at=\"green\",r=\"2\"}".to_owned(),
        min: Some(0.5),
        max: None,
    };
    assert_eq!(due[0].question, question);
}

#[test]
fn what_can_t_be_asked_fails_and_says_why() {
    let gate = json!([{"name": "smoke", "http": {"component": "search"}}]);
    let due = ready(&gate, &json!([])).due();
    assert_eq!(
        due[0].question,
        Question::Nothing(Answer::Failed(
            "revision 2 has no component search with a port: correct http.component".to_owned()
        ))
    );
}

#[test]
fn a_revision_whose_gate_fails_is_given_up_and_what_serves_serves_on() {
    let mut cluster = ready(&smoke(&json!({"failureLimit": 1})), &json!([]));
    cluster.answer(&failed());
    assert_eq!(
        cluster.gate(),
        (GateState::Running, 0, 1),
        "it may fail once"
    );
    cluster.pass(10);
    cluster.answer(&failed());
    cluster.settle_for(10);
    assert_eq!(cluster.selects(), [Some(Blue); 2]);
    assert_eq!(cluster.phase(), RolloutPhase::Held);
    let told = cluster.told(conditions::ROLLED_BACK).unwrap();
    assert!(
        told.starts_with("revision 2 held, serving 1: gate smoke of preSwitch failed: 503;"),
        "{told}"
    );
    assert_eq!(cluster.image("orders-view-green"), None, "cleaned up");

    // Tried again, it is asked again.
    cluster.command("retry 2 x");
    cluster.settle_for(6);
    assert_eq!(cluster.selects(), [Some(Blue); 2]);
    assert_eq!(cluster.answer(&passed()), 1);
    assert_eq!(cluster.selects(), [Some(Green); 2]);
}

#[test]
fn a_gate_that_gives_no_answer_keeps_a_revision_from_serving_until_the_deadline() {
    let mut cluster = ready(&smoke(&json!({})), &json!([]));
    for _ in 0..59 {
        assert_eq!(cluster.answer(&unknown()), 1);
        assert_eq!(cluster.gate(), (GateState::Running, 0, 0));
        cluster.pass(10);
    }
    assert_eq!(cluster.phase(), RolloutPhase::Verifying);
    cluster.answer(&unknown());
    cluster.pass(10);
    cluster.settle();
    let told = cluster.told(conditions::ROLLED_BACK).unwrap();
    assert!(
        told.contains("gate smoke of preSwitch gave no answer: nothing"),
        "{told}"
    );
    assert_eq!(cluster.selects(), [Some(Blue); 2]);
}

#[test]
fn a_revision_that_serves_and_fails_is_taken_back_by_one_switch() {
    let mut cluster = switched(&smoke(&json!({})));
    assert_eq!(cluster.phase(), RolloutPhase::Verifying);
    cluster.written.clear();
    cluster.answer(&failed());
    assert_eq!(cluster.selects(), [Some(Blue); 2]);
    let moved: Vec<_> = cluster
        .written
        .iter()
        .filter(|line| line.contains("Service"))
        .collect();
    assert_eq!(
        moved,
        ["apply Service orders-view", "apply Service orders-model"],
        "edge first"
    );
    let told = cluster.told(conditions::ROLLED_BACK).unwrap();
    assert!(
        told.contains("gate smoke of postSwitch failed: 503"),
        "{told}"
    );
}

#[test]
fn what_is_kept_is_not_released_before_all_gates_have_ended() {
    let mut cluster = switched(&smoke(&json!({"count": 100})));
    for _ in 0..99 {
        assert_eq!(cluster.answer(&passed()), 1);
        cluster.pass(10);
    }
    assert_eq!(
        cluster.image("orders-view-blue").unwrap(),
        "app:1",
        "990 s after the switch"
    );
    cluster.answer(&passed());
    cluster.settle_for(2);
    assert_eq!(cluster.image("orders-view-blue"), None);
    assert_eq!(cluster.phase(), RolloutPhase::Settled);
    assert_eq!(cluster.gate(), (GateState::Passed, 100, 0), "still told");
}

#[test]
fn no_answer_takes_nothing_back_that_serves() {
    let mut cluster = switched(&smoke(&json!({})));
    cluster.answer(&unknown());
    cluster.pass(600);
    cluster.answer(&unknown());
    cluster.settle_for(2);
    assert_eq!(cluster.selects(), [Some(Green); 2]);
    assert_eq!(cluster.gate().0, GateState::Unknown);
    assert_eq!(cluster.told(conditions::ROLLED_BACK), None);
}

#[test]
fn nobody_lets_a_revision_serve_before_its_gates_have_passed() {
    let manual = |image: &str| {
        let mut spec = gated(image, &smoke(&json!({})), &json!([]));
        spec["blueGreen"]["promotion"] = json!({"mode": "Manual"});
        spec
    };
    let mut cluster = Cluster::born(&manual("app:1"));
    cluster.settle_for(5);
    cluster.change(&manual("app:2"));
    cluster.settle_for(5);
    cluster.command("promote 2 a");
    cluster.settle();
    let told = cluster.status().blue_green.unwrap().command.unwrap();
    assert_eq!(
        told.reason.unwrap(),
        "the gates of revision 2 have not passed"
    );
    cluster.answer(&passed());
    assert_eq!(cluster.phase(), RolloutPhase::Awaiting);
    cluster.command("promote 2 b");
    cluster.settle();
    assert_eq!(cluster.selects(), [Some(Green); 2]);
}

#[test]
fn delay_and_approval_count_from_the_moment_in_which_the_gates_have_passed() {
    for (promotion, is_held) in [
        (json!({"mode": "Auto", "delaySeconds": 60}), false),
        (
            json!({"mode": "Manual", "approvalTimeoutSeconds": 60}),
            true,
        ),
    ] {
        let with = |image: &str| {
            let mut spec = gated(
                image,
                &smoke(&json!({"count": 2, "intervalSeconds": 90})),
                &json!([]),
            );
            spec["blueGreen"]["promotion"] = promotion.clone();
            spec
        };
        let mut cluster = Cluster::born(&with("app:1"));
        cluster.settle_for(5);
        cluster.change(&with("app:2"));
        cluster.settle_for(5);
        cluster.answer(&passed());
        cluster.pass(90);
        cluster.answer(&passed());
        cluster.pass(59);
        cluster.settle();
        assert_eq!(cluster.phase(), RolloutPhase::Awaiting, "{promotion}");
        cluster.pass(1);
        cluster.settle();
        assert_eq!(
            cluster.phase() == RolloutPhase::Held,
            is_held,
            "{promotion}"
        );
        assert_eq!(
            cluster.selects() == [Some(Green); 2],
            !is_held,
            "{promotion}"
        );
    }
}

#[test]
fn a_try_counts_once_and_only_for_its_own_attempt_and_gate() {
    let mut cluster = ready(&smoke(&json!({"count": 2})), &json!([]));
    cluster.answer(&passed());
    cluster.settle_for(3);
    assert_eq!(cluster.gate(), (GateState::Running, 1, 0), "once");
    cluster.pass(10);
    let mut late = cluster.due().remove(0).key;
    late.attempt = 1;
    let answer = failed();
    let at = cluster.now;
    cluster.tried = vec![Tried {
        key: late,
        at,
        answer,
    }];
    cluster.settle();
    assert_eq!(
        cluster.gate(),
        (GateState::Running, 1, 0),
        "of another attempt"
    );
    cluster.change(&gated("app:2", &smoke(&json!({"count": 3})), &json!([])));
    cluster.settle();
    assert_eq!(
        cluster.gate(),
        (GateState::Waiting, 0, 0),
        "changed, it is another gate"
    );
}

#[test]
fn a_gate_that_is_taken_out_of_the_spec_holds_nobody_up() {
    let mut cluster = ready(&smoke(&json!({})), &json!([]));
    cluster.answer(&unknown());
    cluster.change(&gated("app:2", &json!([]), &json!([])));
    cluster.settle();
    assert_eq!(cluster.selects(), [Some(Green); 2]);
}

#[test]
fn one_that_comes_while_the_services_are_moved_is_not_asked() {
    let mut cluster = ready(&smoke(&json!({})), &json!([]));
    let due = cluster.due();
    let tried = due.into_iter().map(|due| Tried {
        key: due.key,
        at: cluster.now,
        answer: passed(),
    });
    cluster.tried = tried.collect();
    // The mark, then the first Service.
    let plan = cluster.plan();
    cluster.carry_out(&plan, 2);
    cluster.play();
    assert_eq!(cluster.selects(), [Some(Green), Some(Blue)]);
    let changed = json!([{"name": "other", "http": {"component": "view"}}]);
    cluster.change(&gated("app:2", &changed, &json!([])));
    cluster.settle();
    assert_eq!(cluster.selects(), [Some(Green); 2]);
}

#[test]
fn without_a_record_to_write_on_nothing_passes() {
    let mut cluster = ready(&smoke(&json!({})), &json!([]));
    let records = cluster.world.records();
    let newest = records.iter().max_by_key(|record| record.revision).unwrap();
    cluster.world.objects.take(&manager_kit::tracker::Target {
        kind: "ControllerRevision".to_owned(),
        name: newest.metadata.name.clone().unwrap(),
    });
    assert_eq!(cluster.due(), []);
    cluster.step();
    assert_eq!(cluster.selects(), [Some(Blue); 2]);
    cluster.settle();
    assert_eq!(cluster.answer(&passed()), 1, "it was made again");
    assert_eq!(cluster.selects(), [Some(Green); 2]);
}
