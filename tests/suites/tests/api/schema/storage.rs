//! Persistent storage, volumes, and where they are mounted.

use serde_json::{Value, json};

use super::Case;
use super::place::Place;
use super::routing::name_of;

pub fn cases() -> Vec<Case> {
    let mut all = persistence();
    all.extend(mounts());
    all.extend(volumes());
    all
}

/// Paths that no volume can be mounted at.
const NO_PATHS: [&str; 10] = [
    "/",
    "data",
    "/data/",
    "//data",
    "/data/../etc",
    "/..",
    "/./data",
    "/da ta",
    "/data:ro",
    "/dаta",
];

fn persistence() -> Vec<Case> {
    let view = Place::view();
    let claim = json!({"size": "1Gi", "mountPath": "/data", "retention": "Retain"});
    let persistence = view.within("persistence", claim.clone());
    let mut all = view.object("persistence");
    for required in ["size", "mountPath", "retention"] {
        all.push(persistence.refuses(
            required,
            Value::Null,
            &[&format!("persistence.{required}"), "Required"],
        ));
    }
    all.extend(sizes(&persistence));
    all.extend(paths(&persistence));
    all.extend(claims(&persistence));
    all.extend(beside(&view, &claim));
    all
}

/// How much is asked for.
fn sizes(persistence: &Place) -> Vec<Case> {
    let mut all = persistence.accepts(
        "size",
        [json!("10Gi"), json!("1.5Ti"), json!(1_000_000), json!("1")],
    );
    let message = "persistence.size must be a quantity above 0, such as 10Gi";
    for bad in [
        json!("0"),
        json!(0),
        json!("-1Gi"),
        json!("10GB"),
        json!("much"),
        json!(""),
        json!("10 Gi"),
    ] {
        all.push(persistence.refuses("size", bad, &[message]));
    }
    all.extend(persistence.refuses_each(
        "size",
        &[
            (json!("1".repeat(33)), "32"),
            (json!(true), "integer,string"),
            (json!(1.5), "integer,string"),
        ],
    ));
    all
}

/// Where it is mounted.
fn paths(persistence: &Place) -> Vec<Case> {
    let mut all = persistence.accepts(
        "mountPath",
        [
            json!("/data"),
            json!("/var/lib/a.b_c-1"),
            json!("/home/app/.cache"),
            json!(format!("/{}", "d".repeat(255))),
        ],
    );
    let message = "persistence.mountPath must be an absolute path";
    for bad in NO_PATHS
        .iter()
        .filter(|path| path.len() > 1)
        .chain(&["/tmp", "/dev", "/proc", "/sys", "/etc"])
    {
        all.push(persistence.refuses("mountPath", json!(bad), &[message, "such as /data"]));
    }
    all.extend(persistence.refuses_each(
        "mountPath",
        &[
            (json!("/"), "at least 2"),
            (json!(format!("/{}", "d".repeat(256))), "more than 256"),
            (json!(1), "string"),
        ],
    ));
    all
}

/// What a claim is asked for as.
fn claims(persistence: &Place) -> Vec<Case> {
    let mut all = persistence.choice("retention", &["Delete", "Retain"]);
    all.extend(persistence.choice("mode", &["Shared", "PerReplica"]));
    all.extend(persistence.choice(
        "accessMode",
        &[
            "ReadWriteOnce",
            "ReadWriteOncePod",
            "ReadOnlyMany",
            "ReadWriteMany",
        ],
    ));
    all.extend(name_of(persistence, "storageClassName"));
    all
}

/// What goes with persistence and what does not.
fn beside(view: &Place, claim: &Value) -> Vec<Case> {
    let mut each = claim.clone();
    each["mode"] = json!("PerReplica");
    let shared = view.and("spec.view.persistence", claim.clone());
    let per_replica = view.and("spec.view.persistence", each);
    let mut all = shared.accepts("strategy", [json!({"type": "Recreate"})]);
    all.push(per_replica.refuses(
        "strategy",
        json!({}),
        &["strategy has no meaning with persistence.mode PerReplica"],
    ));
    let at = |path: &str| json!([{"name": "cache", "mountPath": path}]);
    all.extend(shared.accepts("volumeMounts", [at("/data/cache")]));
    all.push(shared.refuses(
        "volumeMounts",
        at("/data"),
        &["volumeMounts holds the path of persistence.mountPath"],
    ));
    all
}

fn mounts() -> Vec<Case> {
    let view = Place::view();
    let first = view.within(
        "volumeMounts[0]",
        json!({"name": "cache", "mountPath": "/cache"}),
    );
    let mut all = view.list(
        "volumeMounts",
        32,
        |n| json!({"name": "cache", "mountPath": format!("/m{n}")}),
    );
    all.extend(first.text(
        "name",
        63,
        &["cache", "a-1"],
        &["", "Cache", "a.b", "-a", "a-", "../a"],
    ));
    all.extend(first.text(
        "mountPath",
        256,
        &["/cache", "/home/app/.cache", "/a/b.c_d-e"],
        &NO_PATHS,
    ));
    let inside = [
        "", "/etc", "../x", "a/../b", "a/..", "a//b", "a/", "a\u{85}", "a\n",
    ];
    all.extend(first.text("subPath", 256, &["a", "a/b.c", ".hidden/x"], &inside));
    all.extend(first.text("subPathExpr", 256, &["a", "$(RESTAPI_POD)/logs"], &inside));
    all.extend(first.flag("readOnly"));
    let both = json!({"name": "cache", "mountPath": "/cache", "subPath": "a", "subPathExpr": "b"});
    all.push(view.refuses(
        "volumeMounts",
        json!([both]),
        &["volumeMounts[] sets subPath and subPathExpr"],
    ));
    let twice = json!([{"name": "a", "mountPath": "/a"}, {"name": "b", "mountPath": "/a"}]);
    all.push(view.refuses(
        "volumeMounts",
        twice,
        &["volumeMounts[1]", "Duplicate value"],
    ));
    for field in ["mountPropagation", "recursiveReadOnly"] {
        all.push(first.refuses(field, json!("Bidirectional"), &["unknown field", field]));
    }
    for required in ["name", "mountPath"] {
        all.push(first.refuses(required, Value::Null, &[required, "Required"]));
    }
    all
}

/// Volumes, of the component and in its overrides: what rules look at is the same.
fn volumes() -> Vec<Case> {
    let view = Place::view();
    let spec = view.within("podOverrides.spec", json!({}));
    let mut all = view.list(
        "volumes",
        16,
        |n| json!({"name": format!("v{n}"), "emptyDir": {}}),
    );
    all.extend(spec.list(
        "volumes",
        16,
        |n| json!({"name": format!("v{n}"), "configMap": {"name": "a"}}),
    ));
    let twice = json!([{"name": "a", "emptyDir": {}}, {"name": "a", "emptyDir": {}}]);
    all.push(view.refuses("volumes", twice, &["volumes[1]", "Duplicate value"]));
    all.extend(sources(
        &view,
        "volumes must not use hostPath",
        "volumes must not ask for a service-account token for another audience",
    ));
    all.extend(sources(
        &spec,
        "podOverrides must not set what is the node's",
        "podOverrides must not set serviceAccountName, nor ask for a token for another audience",
    ));
    all
}

fn sources(place: &Place, no_host: &str, no_audience: &str) -> Vec<Case> {
    let volume = place.within("volumes[0]", json!({"name": "a"}));
    let mut all = volume.text("name", 63, &["a", "a-1"], &["", "A", "a.b", "-a", "a b"]);
    all.push(place.refuses(
        "volumes",
        json!([{"emptyDir": {}}]),
        &["volumes[0].name", "Required"],
    ));
    all.push(volume.refuses("hostPath", json!({"path": "/"}), &[no_host]));
    all.push(volume.refuses("hostPath", json!({}), &[no_host]));
    // Nothing is accepted there but nothing, which is the same as leaving it out.
    all.extend(volume.accepts("hostPath", [Value::Null]));
    all.extend(volume.object("hostPath"));
    all.extend(volume.object("projected"));
    let projected = volume.within("projected", json!({}));
    all.extend(projected.list(
        "sources",
        16,
        |n| json!({"secret": {"name": format!("s{n}")}}),
    ));
    let source = projected.within("sources[0]", json!({}));
    all.extend(source.object("serviceAccountToken"));
    all.extend(source.accepts(
        "serviceAccountToken",
        [json!({"path": "token", "expirationSeconds": 600})],
    ));
    let token = source.within("serviceAccountToken", json!({"path": "token"}));
    all.extend(token.accepts("audience", [json!("")]));
    all.push(token.refuses("audience", json!("vault"), &[no_audience]));
    all.push(token.refuses("audience", json!(1), &["audience", "string"]));
    all.push(token.refuses("audience", json!("a".repeat(254)), &["audience", "253"]));
    all
}
