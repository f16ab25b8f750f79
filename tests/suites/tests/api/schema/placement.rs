//! Where pods run, and how they are replaced.

use serde_json::json;

use super::Case;
use super::companions::pods_or_percent;
use super::place::Place;
use super::routing::name_of;

pub fn cases() -> Vec<Case> {
    let view = Place::view();
    let mut all = tolerations();
    all.extend(spread());
    all.extend(affinity());
    all.extend(strategy());
    all.extend(name_of(&view, "priorityClassName"));
    all.push(view.refuses(
        "priorityClassName",
        json!("system-node-critical"),
        &["priorityClassName must not be a class of the system"],
    ));
    all.extend(view.number("terminationGracePeriodSeconds", 0, 86400));
    all
}

/// Keys and values of labels in Kubernetes' own types.
fn key(place: &Place, field: &str) -> Vec<Case> {
    let mut all = place.accepts(field, [json!("a"), json!("example.com/Key_1.x")]);
    for bad in [
        json!(""),
        json!("a b"),
        json!("-a"),
        json!("a/b/c"),
        json!("A.com/x"),
        json!("a..b/x"),
        json!("k".repeat(64)),
        json!(7),
    ] {
        all.push(place.refuses(field, bad, &[&format!(".{field}")]));
    }
    all
}

fn tolerations() -> Vec<Case> {
    let view = Place::view();
    let exists = view.within("tolerations[0]", json!({"operator": "Exists"}));
    let equal = view.within("tolerations[0]", json!({"key": "dedicated"}));
    let leaving = view.within(
        "tolerations[0]",
        json!({"operator": "Exists", "effect": "NoExecute"}),
    );
    let mut all = view.list(
        "tolerations",
        16,
        |n| json!({"key": format!("k{n}"), "operator": "Exists"}),
    );
    all.extend(equal.choice("operator", &["Exists", "Equal"]));
    all.extend(exists.choice(
        "effect",
        &["NoSchedule", "", "PreferNoSchedule", "NoExecute"],
    ));
    all.extend(key(&exists, "key"));
    all.extend(equal.text("value", 63, &["a", ""], &["-a", "a b", "ä"]));
    all.push(exists.refuses(
        "value",
        json!("a"),
        &["tolerations[].value has no meaning with operator Exists"],
    ));
    all.extend(leaving.number("tolerationSeconds", 0, 2_147_483_647));
    all.push(exists.refuses(
        "tolerationSeconds",
        json!(5),
        &["tolerations[].tolerationSeconds needs effect NoExecute"],
    ));
    let any = "tolerations[].key may be missing only with operator Exists";
    all.push(view.refuses("tolerations", json!([{}]), &[any]));
    all.push(view.refuses(
        "tolerations",
        json!([{"operator": "Equal", "value": "a"}]),
        &[any],
    ));
    all
}

fn spread() -> Vec<Case> {
    let view = Place::view();
    let rule = json!({"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"});
    let first = view.within("topologySpreadConstraints[0]", rule.clone());
    let mut all = view.list("topologySpreadConstraints", 8, |n| {
        json!({"maxSkew": 1, "topologyKey": format!("k{n}"), "whenUnsatisfiable": "ScheduleAnyway"})
    });
    all.extend(first.number("maxSkew", 1, 1000));
    all.extend(first.number("minDomains", 1, 1000));
    all.extend(key(&first, "topologyKey"));
    all.extend(first.choice("whenUnsatisfiable", &["DoNotSchedule", "ScheduleAnyway"]));
    all.extend(first.choice("nodeAffinityPolicy", &["Honor", "Ignore"]));
    all.extend(first.choice("nodeTaintsPolicy", &["Honor", "Ignore"]));
    all.extend(first.list("matchLabelKeys", 8, |n| json!(format!("key{n}"))));
    all.push(first.refuses("matchLabelKeys", json!(["a b"]), &["matchLabelKeys[0]"]));
    all.push(first.refuses(
        "labelSelector",
        json!({}),
        &["unknown field", "labelSelector"],
    ));
    let soft = view.within(
        "topologySpreadConstraints[0]",
        json!({"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}),
    );
    all.push(soft.refuses(
        "minDomains",
        json!(2),
        &["topologySpreadConstraints[].minDomains needs whenUnsatisfiable DoNotSchedule"],
    ));
    all.push(view.refuses(
        "topologySpreadConstraints",
        json!([rule, rule]),
        &["topologySpreadConstraints[1]", "Duplicate value"],
    ));
    for required in ["maxSkew", "topologyKey", "whenUnsatisfiable"] {
        all.push(first.refuses(required, json!(null), &[required, "Required"]));
    }
    all
}

fn affinity() -> Vec<Case> {
    let view = Place::view();
    let affinity = view.within("affinity", json!({}));
    let terms = json!([{"weight": 1, "podAffinityTerm": {"topologyKey": "zone", "labelSelector": {"matchLabels": {"a": "b"}}}}]);
    let neighbours = json!({"preferredDuringSchedulingIgnoredDuringExecution": terms});
    let expression = json!({"key": "disk", "operator": "In", "values": ["ssd"]});
    let nodes = json!({"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}});
    let mut all = view.object("affinity");
    all.extend(affinity.accepts("nodeAffinity", [nodes]));
    all.extend(affinity.accepts("podAffinity", [neighbours.clone()]));
    all.extend(affinity.accepts("podAntiAffinity", [neighbours]));
    for field in ["nodeAffinity", "podAffinity", "podAntiAffinity"] {
        all.extend(affinity.object(field));
    }
    all.extend(view.choice("antiAffinity", &["None", "Preferred", "Required"]));
    let twice = view.and("spec.view.affinity.podAntiAffinity", json!({}));
    all.push(twice.refuses(
        "antiAffinity",
        json!("None"),
        &["antiAffinity and affinity.podAntiAffinity say the same thing twice"],
    ));
    all
}

fn strategy() -> Vec<Case> {
    let view = Place::view();
    let strategy = view.within("strategy", json!({}));
    let recreate = view.within("strategy", json!({"type": "Recreate"}));
    let no_meaning =
        "strategy.maxSurge and strategy.maxUnavailable have no meaning with type Recreate";
    let both = "strategy.maxSurge and strategy.maxUnavailable (0 unless set) are both 0";
    let mut all = view.object("strategy");
    all.extend(strategy.choice("type", &["RollingUpdate", "Recreate"]));
    for field in ["maxSurge", "maxUnavailable"] {
        all.extend(pods_or_percent(&strategy, field));
        all.push(recreate.refuses(field, json!(1), &[no_meaning]));
    }
    all.extend(strategy.accepts("maxUnavailable", [json!(0), json!("0%")]));
    all.extend(view.accepts(
        "strategy",
        [
            json!({"maxSurge": 0, "maxUnavailable": 1}),
            json!({"maxSurge": "0%", "maxUnavailable": "1%"}),
        ],
    ));
    for nothing in [
        json!({"maxSurge": 0}),
        json!({"maxSurge": "0%"}),
        json!({"maxSurge": 0, "maxUnavailable": "0%"}),
    ] {
        all.push(view.refuses("strategy", nothing, &[both, "raise one"]));
    }
    all
}
