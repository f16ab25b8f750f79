//! What has to pass before a revision may serve, and once it does.

use serde_json::{Value, json};

use super::Case;
use super::place::Place;
use crate::support::apps::IMAGE;

pub fn cases() -> Vec<Case> {
    let blue_green = Place::top().within("blueGreen", json!({}));
    ["preSwitch", "postSwitch"]
        .into_iter()
        .flat_map(|moment| of(&blue_green, moment))
        .collect()
}

fn gate(name: &str) -> Value {
    json!({"name": name, "http": {"component": "view"}})
}

fn of(blue_green: &Place, moment: &str) -> Vec<Case> {
    let mut all = blue_green.list(moment, 8, |n| gate(&format!("gate{n}")));
    let twice = json!([gate("a"), gate("a")]);
    all.push(blue_green.refuses(moment, twice, &["Duplicate value"]));
    let neither = "a gate needs exactly one of http, prometheus, job";
    all.push(blue_green.refuses(moment, json!([{"name": "a"}]), &[neither]));
    let both = json!([{"name": "a", "http": {"component": "view"}, "job": {"image": IMAGE}}]);
    all.push(blue_green.refuses(moment, both, &[neither]));
    let unnamed = json!([{"http": {"component": "view"}}]);
    all.push(blue_green.refuses(moment, unnamed, &["name", "Required"]));

    let first = blue_green.within(&format!("{moment}[0]"), gate("a"));
    all.extend(first.text("name", 30, &["smoke", "a-1"], &["A", "a.b", "-a", "a b"]));
    all.extend(first.number("count", 1, 1000));
    all.extend(first.number("intervalSeconds", 1, 3600));
    all.extend(first.number("failureLimit", 0, 1000));
    all.extend(first.number("timeoutSeconds", 1, 3600));
    all.extend(first.object("http"));
    let elsewhere =
        format!("spec.blueGreen.{moment} asks a component that the application does not have");
    all.push(first.refuses("http", json!({"component": "model"}), &[&elsewhere]));
    all.push(first.refuses("http", json!({}), &["component", "Required"]));
    all.push(first.refuses("http.component", json!("View"), &["component"]));
    let http = first.within("http", json!({"component": "view"}));
    all.extend(http.text(
        "path",
        512,
        &["/ready", "/a?b=c"],
        &["ready", "http://elsewhere/", "/a b"],
    ));
    all.extend(prometheus(blue_green, moment));
    all.extend(job(blue_green, moment));
    all
}

fn alone(blue_green: &Place, moment: &str, kind: &str, fields: &Value) -> Place {
    blue_green.within(&format!("{moment}[0]"), json!({"name": "a", kind: fields}))
}

fn prometheus(blue_green: &Place, moment: &str) -> Vec<Case> {
    let fields = json!({"query": "up", "max": "1"});
    let gate = alone(blue_green, moment, "prometheus", &fields);
    let mut all = gate.object("prometheus");
    let unbounded = "prometheus needs min or max";
    all.push(gate.refuses("prometheus", json!({"query": "up"}), &[unbounded]));
    all.push(gate.refuses("prometheus", json!({"max": "1"}), &["query", "Required"]));
    let prometheus = gate.within("prometheus", fields);
    all.extend(prometheus.text(
        "query",
        1024,
        &["up", "sum(rate(a{b=\"$name\"}[1m]))"],
        &[""],
    ));
    for bound in ["min", "max"] {
        let bad = ["", ".5", "1.", "1e3", "NaN", "0x1"];
        all.extend(prometheus.text(bound, 20, &["0", "-1", "0.25"], &bad));
    }
    all
}

fn job(blue_green: &Place, moment: &str) -> Vec<Case> {
    let fields = json!({"image": IMAGE});
    let gate = alone(blue_green, moment, "job", &fields);
    let mut all = gate.object("job");
    let once = "a job passes when it completes: remove count and intervalSeconds";
    for field in ["count", "intervalSeconds"] {
        all.push(gate.refuses(field, json!(2), &[once]));
    }
    all.push(gate.refuses("job", json!({}), &["image", "Required"]));
    let job = gate.within("job", fields);
    all.extend(job.text("image", 512, &["app:1"], &["a b", ""]));
    for field in ["command", "args"] {
        all.extend(job.list(field, 64, |n| json!(format!("word{n}"))));
    }
    all
}
