//! How revisions replace each other as a whole.

use serde_json::json;

use super::Case;
use super::place::Place;

pub fn cases() -> Vec<Case> {
    let top = Place::top();
    let blue_green = top.within("blueGreen", json!({}));
    let promotion = blue_green.within("promotion", json!({}));
    let retention = blue_green.within("retention", json!({}));
    let mut all = top.object("blueGreen");
    all.extend(blue_green.flag("enabled"));
    all.extend(blue_green.object("promotion"));
    all.extend(promotion.choice("mode", &["Auto", "Manual"]));
    all.extend(promotion.number("delaySeconds", 0, 86_400));
    all.extend(promotion.number("approvalTimeoutSeconds", 60, 2_592_000));
    all.extend(blue_green.number("stableSeconds", 2, 3600));
    all.extend(blue_green.number("progressDeadlineSeconds", 10, 86_400));
    all.extend(blue_green.number("drainSeconds", 5, 3600));
    all.extend(blue_green.choice("workers", &["Overlap", "HandOver"]));
    all.extend(blue_green.object("retention"));
    all.extend(retention.number("hotSeconds", 0, 86_400));
    all.extend(retention.choice("onNewRevision", &["Release", "Wait"]));
    all.extend(storage());
    all
}

/// Two revisions run side by side, so that a claim has to be mountable by both.
fn storage() -> Vec<Case> {
    let claim = |mode: &str, access: &str| {
        let claim = json!({
            "size": "1Gi", "mountPath": "/data", "retention": "Retain", "mode": mode, "accessMode": access,
        });
        json!({"persistence": claim})
    };
    let message =
        "spec.blueGreen is on and a component's persistence can't be shared by two revisions";
    let mut all = Vec::new();
    let additional = |template| json!([{"name": "cache", "template": template}]);
    for (component, is_additional) in [
        ("model", false),
        ("view", false),
        ("controller", false),
        ("repository", false),
        ("additionalComponents", true),
    ] {
        let of = |mode, access| {
            let own = claim(mode, access);
            if is_additional { additional(own) } else { own }
        };
        let on = Place::top().and("spec.blueGreen", json!({}));
        all.extend(on.accepts(
            component,
            [of("Shared", "ReadWriteMany"), of("Shared", "ReadOnlyMany")],
        ));
        all.push(on.refuses(component, of("Shared", "ReadWriteOnce"), &[message]));
        all.push(on.refuses(component, of("PerReplica", "ReadWriteOnce"), &[message]));
        let off = Place::top().and("spec.blueGreen", json!({"enabled": false}));
        all.extend(off.accepts(component, [of("Shared", "ReadWriteOnce")]));
    }
    let unset =
        json!({"persistence": {"size": "1Gi", "mountPath": "/data", "retention": "Retain"}});
    let on = Place::top().and("spec.blueGreen", json!({}));
    all.push(on.refuses("view", unset, &[message]));
    all
}
