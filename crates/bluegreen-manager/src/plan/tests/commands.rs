//! What people ask for.

use kube::ResourceExt as _;
use restapi_resources::workload::workload;
use restapi_resources::{RenderVersion, canonical};
use restapi_types::Environment::{Blue, Green};
use restapi_types::{ComponentName, conditions, keys};
use rstest::rstest;
use serde_json::{Value, json};

use workloads::plan::history;

use super::super::command::is_refresh;
use super::cluster::{Cluster, spec};

fn manual(image: &str) -> Value {
    let mut spec = spec(image);
    spec["blueGreen"] = json!({"stableSeconds": 0, "promotion": {"mode": "Manual"}});
    spec
}

/// Revision 2 serves, and 1 is kept.
fn switched() -> Cluster {
    let mut cluster = Cluster::born(&spec("app:1"));
    cluster.change(&spec("app:2"));
    cluster.settle_for(5);
    cluster
}

#[test]
fn a_rollback_is_one_switch_edge_first_whatever_became_of_what_is_left() {
    for is_broken in [false, true] {
        let mut cluster = switched();
        if is_broken {
            cluster.broken.push("app:2");
            cluster.play();
            cluster.settle();
        }
        cluster.written.clear();
        cluster.command("rollback 2 a");
        cluster.step();
        assert_eq!(cluster.selects(), [Some(Blue); 2]);
        let expected = [
            "mark ControllerRevision",
            "mark ControllerRevision",
            "apply Service orders-view",
            "apply Service orders-model",
        ];
        let written: Vec<_> = cluster
            .written
            .iter()
            .map(|line| line.split("orders-e").next().unwrap())
            .collect();
        let is_expected = |(line, start): (&&str, &&str)| line.starts_with(*start);
        assert!(
            written.len() == 4 && written.iter().zip(&expected).all(is_expected),
            "{written:?}"
        );
        cluster.settle();
        let told = cluster.told(conditions::ROLLED_BACK).unwrap();
        assert!(
            told.contains("revision 2 held, serving 1: rolled back by command"),
            "{told}"
        );
        cluster.settle_for(40);
        assert!(
            cluster.image("orders-view-green").is_none(),
            "drained and released"
        );
        assert_eq!(cluster.selects(), [Some(Blue); 2]);
        cluster.change(&spec("app:3"));
        cluster.broken.clear();
        cluster.settle_for(10);
        assert_eq!(
            cluster.image("orders-view-green").unwrap(),
            "app:3",
            "the next one is tried"
        );
        assert_eq!(cluster.selects(), [Some(Green); 2]);
        assert_eq!(cluster.told(conditions::ROLLED_BACK), None);
    }
}

#[test]
fn a_restart_replaces_the_pods_that_serve_and_makes_no_other_revision() {
    let mut cluster = switched();
    cluster.settle_for(10);
    let template = |cluster: &Cluster, name: &str| {
        let live = cluster.world.objects.get("Deployment", name).unwrap();
        let hash = live.labels().get(keys::TEMPLATE).cloned();
        (live.data["spec"]["template"].clone(), hash)
    };
    let kept = template(&cluster, "orders-view-blue");
    cluster.command("restart 2 a");
    cluster.settle();
    let (after, hash) = template(&cluster, "orders-view-green");
    let restarted = &after["metadata"]["annotations"][keys::RESTARTED];
    assert_eq!(restarted, &json!(cluster.now.to_string()));
    assert_eq!(
        template(&cluster, "orders-view-blue"),
        kept,
        "what is kept stays as it is"
    );
    let told = cluster.status().blue_green.unwrap();
    assert_eq!((told.revision, told.serving), (Some(2), Some(2)));
    cluster.settle_for(20);
    assert_eq!(cluster.selects(), [Some(Green); 2]);

    // Whoever writes the workloads next makes them from the same template.
    let app = cluster.world.app.clone().unwrap();
    let app = history::recorded(app, &cluster.world.objects);
    let view = app.component(ComponentName::View).unwrap();
    let rendered = workload(&app, view, Green, RenderVersion::default());
    assert_eq!(Some(canonical::hash(&json!(rendered.template()))), hash);
}

#[test]
fn a_refresh_is_asked_for_until_it_is_answered() {
    let mut cluster = switched();
    assert!(!is_refresh(&cluster.world));
    cluster.command("refresh 1 a");
    assert!(is_refresh(&cluster.world));
    cluster.settle();
    assert!(!is_refresh(&cluster.world));
    let command = cluster.status().blue_green.unwrap().command.unwrap();
    assert!(command.done, "{command:?}");
}

#[test]
fn an_abort_removes_what_was_started_and_a_retry_starts_it_again() {
    let mut cluster = Cluster::born(&manual("app:1"));
    cluster.settle_for(5);
    cluster.change(&manual("app:2"));
    cluster.settle_for(5);
    cluster.command("abort 2 a");
    cluster.settle();
    assert!(cluster.image("orders-view-green").is_none());
    assert_eq!(cluster.selects(), [Some(Blue); 2]);
    cluster.command("retry 2 b");
    cluster.settle_for(5);
    assert_eq!(cluster.image("orders-view-green").unwrap(), "app:2");
    cluster.command("promote 2 c");
    cluster.settle();
    assert_eq!(cluster.selects(), [Some(Green); 2]);
}

#[test]
fn undo_starts_any_recorded_revision_again() {
    let mut cluster = switched();
    cluster.settle_for(620);
    cluster.change(&spec("app:3"));
    cluster.settle_for(620);
    assert_eq!(cluster.selects(), [Some(Blue); 2]);
    cluster.command("undo 1 a");
    cluster.settle_for(2);
    assert_eq!(
        cluster.selects(),
        [Some(Blue); 2],
        "it has to be started first"
    );
    cluster.settle_for(5);
    assert_eq!(cluster.selects(), [Some(Green); 2]);
    assert_eq!(cluster.image("orders-view-green").unwrap(), "app:1");
    let told = cluster.told(conditions::ROLLED_BACK).unwrap();
    assert!(told.contains("revision 3 held, serving 1"), "{told}");
}

#[test]
fn what_is_tried_again_has_to_be_promoted_again() {
    let mut cluster = Cluster::born(&manual("app:1"));
    cluster.change(&manual("app:2"));
    cluster.settle_for(5);
    for (command, expected) in [
        ("promote 2 a", Green),
        ("rollback 2 b", Blue),
        ("retry 2 c", Blue),
        ("promote 2 d", Green),
    ] {
        cluster.command(command);
        cluster.settle_for(1);
        assert_eq!(cluster.selects(), [Some(expected); 2], "{command}");
    }
}

#[test]
fn what_undo_starts_needs_nobody_to_promote_it() {
    let mut cluster = Cluster::born(&manual("app:1"));
    cluster.change(&manual("app:2"));
    cluster.settle_for(5);
    cluster.command("promote 2 a");
    cluster.settle_for(700);
    assert!(cluster.image("orders-view-blue").is_none());
    cluster.command("undo 1 b");
    cluster.settle_for(5);
    assert_eq!(cluster.selects(), [Some(Blue); 2]);
}

#[test]
fn the_annotation_of_core_reconciler_goes_back_as_well() {
    let mut cluster = switched();
    cluster.annotate(restapi_types::keys::ROLLBACK, "1");
    cluster.settle();
    assert_eq!(cluster.selects(), [Some(Blue); 2]);
}

#[rstest]
#[case::promote_what_serves("promote 2 x", "serves already")]
#[case::abort_what_serves("abort 2 x", "`rollback` goes back")]
#[case::another_revision("promote 1 x", "the spec asks for revision 2, not 1")]
#[case::retry_of_none("retry 2 x", "was not given up")]
#[case::restart_of_another("restart 1 x", "the spec asks for revision 2, not 1")]
#[case::undo_to_what_serves("undo 2 x", "is what serves")]
#[case::undo_to_none("undo 9 x", "no record of revision 9")]
#[case::no_verb("explode 2 x", "it is no command: write VERB REVISION ID")]
#[case::no_revision("promote two x", "two is no revision's number")]
#[case::no_id("promote 2", "it is no command")]
fn what_does_not_apply_is_refused_with_the_reason_and_not_done_later(
    #[case] command: &str,
    #[case] why: &str,
) {
    let mut cluster = switched();
    cluster.command(command);
    cluster.settle();
    let told = cluster.status().blue_green.unwrap().command.unwrap();
    assert!(!told.done);
    let reason = told.reason.unwrap();
    assert!(reason.contains(why), "{reason}");
    assert_eq!(cluster.selects(), [Some(Green); 2]);
    cluster.written.clear();
    cluster.settle();
    assert!(cluster.written.is_empty());
}

#[test]
fn nothing_is_kept_after_the_retention_to_roll_back_to() {
    let mut cluster = switched();
    cluster.settle_for(620);
    cluster.command("rollback 2 a");
    cluster.settle();
    let reason = cluster
        .status()
        .blue_green
        .unwrap()
        .command
        .unwrap()
        .reason
        .unwrap();
    assert!(reason.contains("`undo`"), "{reason}");
}

#[test]
fn a_command_is_carried_out_once_even_when_status_is_wiped() {
    let mut cluster = switched();
    cluster.command("rollback 2 a");
    cluster.settle();
    cluster.command("retry 2 b");
    cluster.settle_for(5);
    assert_eq!(cluster.selects(), [Some(Green); 2], "tried again");
    cluster.settle();
    assert_eq!(cluster.selects(), [Some(Green); 2]);
}

#[test]
fn a_paused_application_is_rolled_back_and_nothing_else() {
    let mut cluster = switched();
    let mut paused = spec("app:3");
    paused["paused"] = json!(true);
    cluster.change(&paused);
    cluster.settle();
    assert!(
        cluster
            .image("orders-view-blue")
            .is_some_and(|image| image == "app:1")
    );
    let mut paused = spec("app:2");
    paused["paused"] = json!(true);
    cluster.change(&paused);
    cluster.command("rollback 2 a");
    cluster.settle();
    assert_eq!(cluster.selects(), [Some(Blue); 2]);
}
