use rstest::rstest;
use serde_json::{Value, json};

use crate::Application;
use crate::fixtures::restapi;

fn refused(view: &Value) -> Option<String> {
    let spec = json!({
        "image": "a",
        "view": view,
        "model": {},
        "additionalComponents": [{"name": "search", "template": {"port": 9200}}],
    });
    let error = Application::resolve(&restapi(&spec.to_string())).err()?;
    assert!(!error.fix.is_empty() && !error.problem.is_empty());
    Some(error.field)
}

fn of_pod(spec: &Value) -> Value {
    json!({"podOverrides": {"spec": spec}})
}

#[rstest]
#[case(json!({"hostNetwork": true}), "hostNetwork")]
#[case(json!({"hostPID": true}), "hostPID")]
#[case(json!({"hostIPC": true}), "hostIPC")]
#[case(json!({"nodeName": "n"}), "nodeName")]
#[case(json!({"serviceAccountName": "admin"}), "serviceAccountName")]
#[case(json!({"serviceAccount": "admin"}), "serviceAccountName")]
#[case(json!({"subdomain": "orders-model"}), "subdomain")]
#[case(json!({"hostname": "orders-model"}), "subdomain")]
#[case(json!({"setHostnameAsFQDN": true}), "subdomain")]
#[case(json!({"restartPolicy": "Never"}), "restartPolicy")]
#[case(json!({"activeDeadlineSeconds": 9}), "restartPolicy")]
#[case(json!({"ephemeralContainers": [{"name": "e", "image": "e"}]}), "ephemeralContainers")]
#[case(json!({"priorityClassName": "system-node-critical"}), "priorityClassName")]
#[case(json!({"priority": 2_000_000_000}), "priorityClassName")]
#[case(json!({"os": {"name": "windows"}}), "os")]
#[case(json!({"securityContext": {"windowsOptions": {"hostProcess": true}}}), "securityContext.windowsOptions")]
#[case(json!({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}), "volumes[v]")]
#[case(json!({"containers": [{"name": "veiw", "tty": true}]}), "containers[veiw].image")]
#[case(json!({"initContainers": [{"name": "i", "tty": true}]}), "initContainers[i].image")]
#[case(json!({"containers": [{"name": "view", "securityContext": {"privileged": true}}]}), "containers[view].securityContext.privileged")]
#[case(json!({"containers": [{"name": "view", "securityContext": {"procMount": "Unmasked"}}]}), "containers[view].securityContext.procMount")]
#[case(json!({"containers": [{"name": "view", "securityContext": {"windowsOptions": {}}}]}), "containers[view].securityContext.windowsOptions")]
#[case(json!({"containers": [{"name": "view", "env": [{"name": "RESTAPI_NAME", "value": "x"}]}]}), "containers[view].env[RESTAPI_NAME]")]
#[case(json!({"containers": [{"name": "view", "env": [{"name": "SEARCH_URL", "value": "x"}]}]}), "containers[view].env[SEARCH_URL]")]
#[case(json!({"containers": [{"name": "view", "ports": [{"containerPort": 3000, "protocol": "TCP", "name": "x"}]}]}), "containers[view].ports")]
#[case(json!({"containers": [{"name": "view", "ports": [{"containerPort": 9, "protocol": "TCP", "name": "main"}]}]}), "containers[view].ports")]
#[case(json!({"containers": [{"name": "view", "ports": [{"containerPort": 9, "hostPort": 9}]}]}), "containers[view].ports")]
#[case(json!({"containers": [{"name": "view", "ports": [{"containerPort": 9, "hostIP": "0.0.0.0"}]}]}), "containers[view].ports")]
#[case(json!({"containers": [{"name": "x", "image": "x", "ports": [{"containerPort": 9, "name": "main"}]}]}), "containers[x].ports")]
#[case(json!({"containers": [{"name": "view", "volumeMounts": [{"name": "no", "mountPath": "/x"}]}]}), "containers[view].volumeMounts[no]")]
fn overrides_can_t_take_what_is_not_the_author_s(#[case] spec: Value, #[case] field: &str) {
    let expected = format!("spec.view.podOverrides.spec.{field}");
    assert_eq!(refused(&of_pod(&spec)), Some(expected));
}

#[rstest]
#[case(json!({"podOverrides": {"metadata": {"labels": {"restapi.dev/environment": "green"}}}}), "podOverrides.metadata.labels[restapi.dev/environment]")]
#[case(json!({"podOverrides": {"metadata": {"labels": {"app.kubernetes.io/version": "1"}}}}), "podOverrides.metadata.labels[app.kubernetes.io/version]")]
#[case(json!({"podOverrides": {"metadata": {"annotations": {"restapi.dev/config": "x"}}}}), "podOverrides.metadata.annotations[restapi.dev/config]")]
#[case(json!({"podOverrides": {"metadata": {"name": "x"}}}), "podOverrides.metadata")]
#[case(json!({"podOverrides": {"metadata": {"finalizers": ["a/b"]}}}), "podOverrides.metadata")]
#[case(json!({"podLabels": {"app.kubernetes.io/instance": "other"}}), "podLabels[app.kubernetes.io/instance]")]
#[case(json!({"podAnnotations": {"restapi.dev/x": "y"}}), "podAnnotations[restapi.dev/x]")]
#[case(json!({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}), "volumes[v]")]
#[case(json!({"volumes": [{"name": "v", "nfs": {"server": "s", "path": "/"}}]}), "volumes[v]")]
#[case(json!({"volumes": [{"name": "v"}]}), "volumes[v]")]
#[case(json!({"volumes": [{"name": "v", "emptyDir": {}, "secret": {"secretName": "s"}}]}), "volumes[v]")]
#[case(json!({"volumes": [{"name": "v", "projected": {"sources": [{"serviceAccountToken": {"audience": "vault", "path": "t"}}]}}]}), "volumes[v]")]
#[case(json!({"volumes": [{"name": "data", "emptyDir": {}}], "persistence": {"size": "1", "mountPath": "/d", "retention": "Delete"}}), "volumes[data]")]
#[case(json!({"volumeMounts": [{"name": "no", "mountPath": "/x"}]}), "volumeMounts[no]")]
#[case(json!({"volumes": [{"name": "v", "emptyDir": {}}], "volumeMounts": [{"name": "v", "mountPath": "/x", "mountPropagation": "Bidirectional"}]}), "volumeMounts[v]")]
#[case(json!({"volumes": [{"name": "v", "emptyDir": {}}], "volumeMounts": [{"name": "v", "mountPath": "/d"}], "persistence": {"size": "1", "mountPath": "/d/", "retention": "Delete"}}), "volumeMounts[data]")]
#[case(json!({"securityContext": {"privileged": true}}), "securityContext.privileged")]
#[case(json!({"sidecars": [{"name": "s", "image": "s", "securityContext": {"privileged": true}}]}), "sidecars[s].securityContext.privileged")]
#[case(json!({"sidecars": [{"name": "s", "image": "s", "ports": [{"containerPort": 1, "name": "main"}]}]}), "sidecars[s].ports")]
#[case(json!({"sidecars": [{"name": "s", "image": "s", "restartPolicy": "Never"}]}), "sidecars[s].restartPolicy")]
#[case(json!({"sidecars": [{"name": "view", "image": "s"}]}), "sidecars[view].name")]
#[case(json!({"sidecars": [{"name": "s"}]}), "sidecars[s].image")]
#[case(json!({"sidecars": [{"name": "s", "image": "s", "volumeMounts": [{"name": "no", "mountPath": "/x"}]}]}), "sidecars[s].volumeMounts[no]")]
#[case(json!({"initContainers": [{"name": "i", "image": "i", "ports": [{"containerPort": 1, "hostPort": 1}]}]}), "initContainers[i].ports")]
#[case(json!({"sidecars": [{"name": "s", "image": "s", "livenessProbe": {"httpGet": {"host": "10.0.0.1", "port": 1}}}]}), "sidecars[s].livenessProbe")]
#[case(json!({"sidecars": [{"name": "s", "image": "s", "lifecycle": {"preStop": {"httpGet": {"host": "10.0.0.1", "port": 1}}}}]}), "sidecars[s].lifecycle")]
#[case(json!({"envVars": {"SEARCH_URL": "x"}}), "envVars[SEARCH_URL]")]
#[case(json!({"env": [{"name": "RESTAPI_X", "value": "x"}]}), "env[RESTAPI_X]")]
#[case(json!({"envVars": {"A": "x"}, "podOverrides": {"spec": {"containers": [{"name": "view", "envFrom": [{"secretRef": {"name": "s"}}]}]}}}), "podOverrides.spec.containers[view].envFrom")]
fn fields_can_t_either(#[case] view: Value, #[case] field: &str) {
    assert_eq!(refused(&view), Some(format!("spec.view.{field}")));
}

#[test]
fn what_the_application_s_own_fields_say_is_named_there() {
    let spec = r#"{"image": "a", "envVars": {"SEARCH_URL": "x"}, "view": {},
        "additionalComponents": [{"name": "search", "template": {"port": 9200}}]}"#;
    let error = Application::resolve(&restapi(spec)).unwrap_err();
    assert_eq!(error.field, "spec.envVars[SEARCH_URL]");
}

#[rstest]
#[case(json!({}))]
#[case(json!({"envVars": {"WORKER_URL": "x", "DATABASE_URL": "y"}}))]
#[case(of_pod(&json!({"dnsPolicy": "Default", "hostNetwork": false, "hostUsers": false, "priorityClassName": "high"})))]
#[case(of_pod(&json!({"containers": [{"name": "view", "ports": [{"containerPort": 9, "name": "other"}]}]})))]
#[case(json!({"volumes": [{"name": "v", "csi": {"driver": "d"}}], "volumeMounts": [{"name": "v", "mountPath": "/v"}]}))]
#[case(json!({"volumes": [{"name": "v", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]}))]
#[case(json!({"persistence": {"size": "1", "mountPath": "/d", "retention": "Delete", "mode": "PerReplica"}}))]
#[case(json!({"sidecars": [{"name": "s", "image": "s", "restartPolicy": "Always", "securityContext": {"privileged": false}}]}))]
fn what_is_the_author_s_is_allowed(#[case] view: Value) {
    assert_eq!(refused(&view), None);
}

#[test]
fn opaque_parts_have_room_but_not_without_end() {
    let with = |bytes: usize| {
        let env = json!([{"name": "A", "value": "x".repeat(bytes)}]);
        refused(&json!({"sidecars": [{"name": "s", "image": "s", "env": env}]}))
    };
    assert_eq!(with(60_000), None);
    assert_eq!(with(66_000), Some("spec.view".to_owned()));
}
