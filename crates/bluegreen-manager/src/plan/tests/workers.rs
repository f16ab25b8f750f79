//! Workers that run in one environment at a time.

use kube::ResourceExt as _;
use restapi_types::Environment::{Blue, Green};
use serde_json::{Value, json};

use super::cluster::{Cluster, spec};

fn with_worker(image: &str) -> Value {
    let mut spec = spec(image);
    spec["additionalComponents"] = json!([{"name": "worker", "template": {}}]);
    spec["blueGreen"]["workers"] = json!("HandOver");
    spec
}

impl Cluster {
    /// How many workers each environment is to have, blue first.
    fn workers(&self) -> [i64; 2] {
        [Blue, Green].map(|environment| {
            let name = format!("orders-worker-{environment}");
            let is_there = self.world.objects.get("Deployment", &name).is_some();
            if is_there { self.replicas(&name) } else { 0 }
        })
    }
}

#[test]
fn workers_of_one_revision_run_at_a_time_and_go_with_what_serves() {
    let mut cluster = Cluster::born(&with_worker("app:1"));
    cluster.settle_for(5);
    assert_eq!(cluster.workers(), [2, 0]);
    cluster.change(&with_worker("app:2"));
    let mut most = 0;
    for _ in 0..8 {
        while cluster.step() {
            most = most.max(cluster.workers().iter().sum());
        }
        cluster.pass(1);
    }
    assert_eq!(cluster.selects(), [Some(Green); 2]);
    assert_eq!(cluster.workers(), [0, 2]);
    assert_eq!(most, 2, "never those of both");
    assert_eq!(
        cluster.replicas("orders-view-blue"),
        2,
        "what is kept is ready to serve"
    );

    cluster.command("rollback 2 a");
    cluster.settle_for(3);
    assert_eq!(cluster.selects(), [Some(Blue); 2]);
    assert_eq!(cluster.workers(), [2, 0]);
}

#[test]
fn the_next_ones_wait_until_the_last_of_the_others_has_ended() {
    let mut cluster = Cluster::born(&with_worker("app:1"));
    cluster.settle_for(5);
    let pods = cluster.world.pods.iter();
    let mut pods = pods.filter(|pod| pod.name_any() == "orders-worker-blue-0");
    let worker = pods.next().cloned().unwrap();
    cluster.change(&with_worker("app:2"));
    cluster.settle_for(4);
    assert_eq!(cluster.workers(), [0, 2]);
    // It has not ended yet, whatever its Deployment asks for.
    cluster.tamper("Deployment", "orders-worker-green", |d| {
        d["spec"]["replicas"] = json!(0);
    });
    cluster.play();
    cluster.world.pods.push(worker);
    let plan = cluster.plan();
    cluster.carry_out(&plan, usize::MAX);
    assert_eq!(cluster.workers(), [0, 0]);
    cluster.play();
    cluster.settle();
    assert_eq!(cluster.workers(), [0, 2]);
}
