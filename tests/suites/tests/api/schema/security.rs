//! Security contexts: what a process is, and what confines it.

use serde_json::json;

use super::Case;
use super::place::Place;

pub fn cases() -> Vec<Case> {
    let mut all = container();
    all.extend(pod());
    all
}

fn container() -> Vec<Case> {
    let view = Place::view();
    let context = view.within("securityContext", json!({}));
    let whole_node = "securityContext must not set privileged, nor another procMount than Default";
    let mut all = view.object("securityContext");
    for field in [
        "allowPrivilegeEscalation",
        "readOnlyRootFilesystem",
        "runAsNonRoot",
    ] {
        all.extend(context.flag(field));
    }
    all.extend(context.number("runAsUser", 0, 2_147_483_647));
    all.extend(context.number("runAsGroup", 0, 2_147_483_647));
    all.extend(context.accepts("privileged", [json!(false)]));
    all.push(context.refuses("privileged", json!(true), &[whole_node]));
    all.push(context.refuses("privileged", json!("no"), &["privileged", "boolean"]));
    all.extend(context.accepts("procMount", [json!("Default")]));
    all.push(context.refuses("procMount", json!("Unmasked"), &[whole_node]));
    all.push(context.refuses("seLinuxOptions", json!({}), &["unknown field"]));
    all.push(context.refuses("windowsOptions", json!({}), &["unknown field"]));
    all.extend(capabilities(&context));
    all.extend(profiles(&context));
    all
}

fn capabilities(context: &Place) -> Vec<Case> {
    let capabilities = context.within("capabilities", json!({}));
    let mut all = context.object("capabilities");
    all.extend(capabilities.accepts("drop", [json!(["ALL"])]));
    for list in ["add", "drop"] {
        all.extend(capabilities.list(list, 32, |n| {
            json!("A".repeat(n + 1).chars().take(32).collect::<String>())
        }));
        all.push(capabilities.refuses(
            list,
            json!(["net_admin"]),
            &[&format!("capabilities.{list}[0]")],
        ));
        all.push(capabilities.refuses(list, json!([""]), &[&format!("capabilities.{list}[0]")]));
    }
    all.push(capabilities.refuses(
        "add",
        json!(["NET_BIND_SERVICE", "CAP_SYS_ADMIN"]),
        &[
            "securityContext.capabilities has names without CAP_",
            "NET_BIND_SERVICE",
        ],
    ));
    all
}

/// Profiles of seccomp and AppArmor, which both contexts have.
fn profiles(context: &Place) -> Vec<Case> {
    let goes_with = "seccompProfile and appArmorProfile need localhostProfile with type Localhost, and with no other";
    let mut all = Vec::new();
    for field in ["seccompProfile", "appArmorProfile"] {
        let profile = context.within(field, json!({}));
        let local = context.within(field, json!({"type": "Localhost"}));
        all.extend(context.object(field));
        all.push(context.refuses(field, json!({}), &[field, "type", "Required"]));
        all.extend(profile.accepts("type", [json!("RuntimeDefault"), json!("Unconfined")]));
        all.extend(profile.only("type", &["RuntimeDefault"]));
        all.extend(local.text(
            "localhostProfile",
            256,
            &["audit.json", "profiles/audit-1.json"],
            &["", "/etc/passwd", "../audit.json", "a/../b", "a//b", "."],
        ));
        all.push(context.refuses(field, json!({"type": "Localhost"}), &[goes_with]));
        all.push(context.refuses(
            field,
            json!({"type": "RuntimeDefault", "localhostProfile": "a"}),
            &[goes_with],
        ));
    }
    all
}

fn pod() -> Vec<Case> {
    let view = Place::view();
    let context = view.within("podSecurityContext", json!({}));
    let mut all = view.object("podSecurityContext");
    all.extend(context.flag("runAsNonRoot"));
    for id in ["runAsUser", "runAsGroup", "fsGroup"] {
        all.extend(context.number(id, 0, 2_147_483_647));
    }
    all.extend(context.list("supplementalGroups", 32, |n| json!(n)));
    all.push(context.refuses(
        "supplementalGroups",
        json!([-1]),
        &["supplementalGroups[0]"],
    ));
    all.extend(context.choice("fsGroupChangePolicy", &["Always", "OnRootMismatch"]));
    all.extend(context.choice("supplementalGroupsPolicy", &["Merge", "Strict"]));
    all.push(context.refuses("windowsOptions", json!({}), &["unknown field"]));
    all.push(context.refuses(
        "seLinuxChangePolicy",
        json!("Recursive"),
        &["unknown field"],
    ));
    all.extend(context.object("seLinuxOptions"));
    let selinux = context.within("seLinuxOptions", json!({}));
    for field in ["level", "role", "type", "user"] {
        all.extend(selinux.text(field, 1024, &["s0:c1"], &[]));
    }
    let sysctl = |n: usize| json!({"name": format!("net.n{n}"), "value": "1"});
    all.extend(context.list("sysctls", 32, sysctl));
    all.push(context.refuses(
        "sysctls",
        json!([sysctl(1), sysctl(1)]),
        &["sysctls[1]", "Duplicate value"],
    ));
    let first = context.within("sysctls[0]", json!({"name": "net.a", "value": "1"}));
    all.extend(first.text(
        "name",
        253,
        &["net.core.somaxconn"],
        &["", "net..a", "Net.A", "net.a;b", "../net"],
    ));
    all.extend(first.text("value", 1024, &["1024 65000"], &[]));
    all.extend(profiles(&context));
    all
}
