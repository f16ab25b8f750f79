//! Values for fields of which the schema says too little: what refers to something else, and what is in Kubernetes'
//! own form.

use serde_json::{Value, json};

/// Names of additional components.
pub const ADDITIONAL: [&str; 3] = ["worker", "cache", "mailer"];
/// A priority class that the test makes.
pub const PRIORITY: &str = "restapi-fuzz";

/// Values of a field, by the end of its path; nothing when the schema says enough.
pub fn at(path: &str) -> Option<Vec<Value>> {
    let name = path.rsplit('.').next().unwrap_or_default();
    let parent = path.rsplit('.').nth(1).unwrap_or_default();
    whole(name)
        .or_else(|| names(parent, name))
        .or_else(|| numbers(parent, name))
}

/// Whole objects and items in Kubernetes' own form.
fn whole(name: &str) -> Option<Vec<Value>> {
    Some(match name {
        "volumes" => list(&volumes()),
        "initContainers" => list(&containers("init")),
        "sidecars" => list(&containers("side")),
        "extraPorts" => list(&[
            json!({"name": "metrics", "port": 9100}),
            json!({"name": "admin", "port": 9200, "protocol": "HTTP"}),
            json!({"name": "events", "port": 65535, "protocol": "GRPC"}),
        ]),
        "podOverrides" => overrides(),
        "nodeAffinity" => vec![
            json!({"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}]}}),
        ],
        "podAffinity" | "podAntiAffinity" => vec![
            json!({}),
            json!({"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone", "labelSelector": {"matchLabels": {"a": "b"}}}]}),
        ],
        "seccompProfile" | "appArmorProfile" => vec![
            json!({"type": "RuntimeDefault"}),
            json!({"type": "Localhost", "localhostProfile": "profiles/a.json"}),
            json!({"type": "Unconfined"}),
        ],
        "requests" => vec![
            json!({}),
            json!({"cpu": "10m"}),
            json!({"cpu": 1, "memory": "64Mi"}),
            json!({"ephemeral-storage": "1Gi"}),
        ],
        "limits" => vec![
            json!({}),
            json!({"memory": "128Mi"}),
            json!({"cpu": "1500m", "memory": "1Gi", "ephemeral-storage": "2Gi"}),
        ],
        "hard" => vec![
            json!({"pods": 10}),
            json!({"requests.cpu": "4", "limits.memory": "8Gi", "count/jobs.batch": "3"}),
            json!({"requests.example.com/gpu": 1}),
        ],
        "egress" => list(&[
            json!({}),
            json!({"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}], "ports": [{"port": 5432, "protocol": "TCP"}]}),
        ]),
        _ => return None,
    })
}

/// Lists of none, one and all of these.
fn list(items: &[Value]) -> Vec<Value> {
    let mut lists: Vec<Value> = items.iter().map(|item| json!([item])).collect();
    lists.extend([json!([]), json!(items)]);
    lists
}

fn volumes() -> Vec<Value> {
    vec![
        json!({"name": "cache", "emptyDir": {"sizeLimit": "1Gi"}}),
        json!({"name": "settings", "configMap": {"name": "settings", "optional": true, "items": [{"key": "a", "path": "b/c"}]}}),
        json!({"name": "keys", "secret": {"secretName": "keys", "defaultMode": 256}}),
        json!({"name": "all", "projected": {"sources": [{"secret": {"name": "a"}}, {"serviceAccountToken": {"path": "token"}}]}}),
        json!({"name": "info", "downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}}),
        json!({"name": "shared", "persistentVolumeClaim": {"claimName": "shared"}}),
    ]
}

fn containers(kind: &str) -> Vec<Value> {
    vec![
        json!({"name": format!("{kind}-a"), "image": "helper:1"}),
        json!({"name": format!("{kind}-b"), "image": "helper:1", "env": [{"name": "A", "value": "$(B)"}], "command": ["a"],
            "ports": [{"containerPort": 9300}], "securityContext": {"runAsUser": 1000}}),
        json!({"name": format!("{kind}-c"), "image": "helper:1", "resources": {"limits": {"memory": "64Mi"}},
            "volumeMounts": [{"name": "tmp", "mountPath": "/scratch"}]}),
        // What Kubernetes does not know, or refuses.
        json!({"name": format!("{kind}-d"), "image": "helper:1", "imagee": "x"}),
        json!({"name": format!("{kind}-e"), "image": "helper:1", "volumeMounts": [{"name": "nothing", "mountPath": "/x"}]}),
    ]
}

fn overrides() -> Vec<Value> {
    vec![
        json!({}),
        json!({"metadata": {"labels": {"tier": "web"}, "annotations": {"example.com/a": "b"}}}),
        json!({"spec": {"dnsPolicy": "Default", "shareProcessNamespace": true, "enableServiceLinks": false}}),
        json!({"spec": {"hostAliases": [{"ip": "10.0.0.1", "hostnames": ["db"]}], "dnsConfig": {"options": [{"name": "ndots", "value": "2"}]}}}),
        json!({"spec": {"containers": [{"name": "extra", "image": "helper:1"}], "volumes": [{"name": "extra", "emptyDir": {}}]}}),
        json!({"spec": {"restartPolicy": "Never"}}),
        json!({"spec": {"activeDeadlineSeconds": 5}}),
        json!({"spec": {"securityContext": {"runAsUser": 5}}}),
        json!({"spec": {"noSuchField": 5}}),
    ]
}

/// Names of what exists elsewhere, and words that only some of Kubernetes' checks know.
fn names(parent: &str, name: &str) -> Option<Vec<Value>> {
    let words: &[&str] = match (parent, name) {
        (_, "image") => &[
            "example.invalid/app:1",
            "app",
            "registry.example.com:5000/a/b@sha256:0000000000000000000000000000000000000000000000000000000000000000",
        ],
        ("additionalComponents", "name") => &ADDITIONAL,
        ("routes", "component") => &["model", "view", "controller", "repository", "worker"],
        (_, "priorityClassName") => &[PRIORITY],
        ("persistence", "mountPath") => &["/data", "/var/lib/app", "/tmp/deep"],
        ("volumeMounts", "mountPath") => &[
            "/cache",
            "/settings",
            "/home/app/.cache",
            "/tmp",
            "/data",
            "/tmp/deep",
        ],
        ("volumeMounts", "name") => &[
            "cache", "settings", "keys", "all", "info", "shared", "nothing",
        ],
        ("service", "loadBalancerSourceRanges") => &["10.0.0.0/8", "2001:db8::/32"],
        ("capabilities", "add") => &["NET_BIND_SERVICE", "NET_ADMIN"],
        ("capabilities", "drop") => &["ALL", "CHOWN"],
        ("ingress", "hosts") | ("gateway", "hostnames") => {
            &["shop.example.com", "*.example.com", "localhost"]
        }
        ("sysctls", "name") => &[
            "net.core.somaxconn",
            "kernel.shm_rmid_forced",
            "net/ipv4/ip_unprivileged_port_start",
        ],
        ("sysctls", "value") => &["1", "1024"],
        ("env", "name") => &["E1", "E_2", "E-3.x", "WORKER_URL"],
        ("httpHeaders", "name") => &["X-Probe", "Host"],
        ("httpGet", "path") => &["/", "/health?x=1", "health", ""],
        _ => return None,
    };
    let is_list = matches!(
        (parent, name),
        ("service", "loadBalancerSourceRanges") | ("capabilities", _) | (_, "hosts" | "hostnames")
    );
    let values = words.iter().map(|word| json!(word)).collect::<Vec<_>>();
    Some(if is_list { list(&values) } else { values })
}

fn numbers(parent: &str, name: &str) -> Option<Vec<Value>> {
    Some(match (parent, name) {
        (_, "replicas") => vec![json!(0), json!(1), json!(2), json!(1000)],
        (_, "nodePort") => vec![json!(30000), json!(31234), json!(32767)],
        (_, "port") if parent != "httpGet" && parent != "tcpSocket" => {
            vec![json!(1), json!(80), json!(8080), json!(65535), json!(0)]
        }
        (_, "port") => vec![json!(80), json!("main"), json!("metrics")],
        ("sleep", "seconds") => vec![json!(0), json!(1), json!(5), json!(40)],
        (_, "terminationGracePeriodSeconds") => vec![json!(1), json!(30), json!(60), json!(86400)],
        (_, "size") => vec![json!("1Gi"), json!("1.5Ti"), json!(1_000_000), json!("1")],
        (_, "maxSurge" | "maxUnavailable" | "minAvailable") => {
            vec![json!(0), json!(1), json!("50%"), json!("100%"), json!("1%")]
        }
        _ => return None,
    })
}

/// Keys of a map.
pub fn keys(path: &str) -> &'static [&'static str] {
    if path.ends_with("envVars") {
        &["V1", "V_2", "v-3.x", "WORKER_URL", "PATH", "_"]
    } else {
        &[
            "a",
            "example.com/Key_1.x",
            "example.com/owner",
            "team",
            "k8s.io/x",
        ]
    }
}
