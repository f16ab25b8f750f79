//! What runs in the cluster from its beginning: the name service, the metrics and the volumes, from
//! the manifests in `tests/cluster/addons`.

use std::fs;
use std::io::ErrorKind;
use std::net::UdpSocket;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::api::Api;
use super::images;
use super::layout::Layout;
use super::plan::{NodePlan, Plan};
use crate::paths;
use crate::tools::Tool;

/// The manifests, in the order in which they are applied.
const MANIFESTS: [&str; 3] = [
    "coredns.yaml",
    "metrics-server.yaml",
    "local-path-provisioner.yaml",
];
/// How long one question to the name service may take.
const ANSWER: Duration = Duration::from_millis(500);

/// The cluster's own values, which manifests leave places for.
type Values = Vec<(&'static str, String)>;

/// Applies the addons, for a cluster of these nodes.
///
/// # Errors
/// A manifest can't be read, or the API server refuses it.
pub(super) fn apply(api: &Api, layout: &Layout, plan: Plan, nodes: &[NodePlan]) -> Result<()> {
    let values = values(layout, plan, nodes)?;
    let mut documents = Vec::new();
    for name in MANIFESTS {
        let file = paths::definitions().join("addons").join(name);
        let text =
            fs::read_to_string(&file).with_context(|| format!("can't read {}", file.display()))?;
        documents.push(fill(&text, &values).with_context(|| file.display().to_string())?);
    }
    api.apply(&documents.join("---\n"))
}

/// Whether the name service answers, through its Service, with the address of the API server's
/// Service. With that the nodes' network, kube-proxy and `CoreDNS` work, and the host reaches them.
pub(super) fn answers(plan: Plan) -> bool {
    ask(plan).is_ok_and(|answer| holds(&answer, plan.api_service().octets()))
}

fn ask(plan: Plan) -> std::io::Result<Vec<u8>> {
    let socket = UdpSocket::bind((plan.host(), 0))?;
    socket.set_read_timeout(Some(ANSWER))?;
    socket.connect((plan.dns(), 53))?;
    socket.send(&question("kubernetes.default.svc.cluster.local"))?;
    let mut answer = vec![0; 512];
    let length = socket.recv(&mut answer)?;
    answer.truncate(length);
    if answer.is_empty() {
        Err(ErrorKind::UnexpectedEof.into())
    } else {
        Ok(answer)
    }
}

/// A question for the IPv4 address of a name, as RFC 1035 writes it.
fn question(name: &str) -> Vec<u8> {
    // An identifier, "recursion desired", one question.
    let mut message = vec![0x72, 0x61, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        message.push(u8::try_from(label.len()).unwrap_or(u8::MAX));
        message.extend_from_slice(label.as_bytes());
    }
    // The end of the name; type A, class IN.
    message.extend_from_slice(&[0, 0, 1, 0, 1]);
    message
}

/// Whether an answer without an error ends with a record of this address (4 bytes long).
fn holds(answer: &[u8], address: [u8; 4]) -> bool {
    let no_error = answer.get(3).is_some_and(|flags| flags % 16 == 0);
    let mut record = vec![0, 4];
    record.extend_from_slice(&address);
    no_error && answer.windows(record.len()).any(|window| window == record)
}

fn values(layout: &Layout, plan: Plan, nodes: &[NodePlan]) -> Result<Values> {
    let image = |tool| images::reference(tool);
    Ok(vec![
        ("DNS_ADDRESS", plan.dns().to_string()),
        ("COREDNS_IMAGE", image(Tool::CoreDns)?),
        ("METRICS_SERVER_IMAGE", image(Tool::MetricsServer)?),
        ("VOLUME_HELPER_IMAGE", image(Tool::VolumeHelper)?),
        (
            "LOCAL_PATH_PROVISIONER_IMAGE",
            image(Tool::LocalPathProvisioner)?,
        ),
        ("NODE_FOLDERS", node_folders(layout, nodes).to_string()),
    ])
}

/// Where each node keeps the folders of claims. All nodes see the machine's one file system.
fn node_folders(layout: &Layout, nodes: &[NodePlan]) -> Value {
    let folder =
        |node: &NodePlan| json!({"node": node.name(), "paths": [layout.node(*node).volumes()]});
    nodes.iter().map(folder).collect()
}

/// Puts the cluster's own values in the places that a manifest leaves for them.
fn fill(manifest: &str, values: &Values) -> Result<String> {
    let mut text = manifest.to_owned();
    for (name, value) in values {
        text = text.replace(&format!("${{{name}}}"), value);
    }
    let unknown = text
        .lines()
        .find(|line| line.contains("${") && !line.starts_with('#'));
    if let Some(line) = unknown {
        bail!("nothing is known to fill in: {}", line.trim());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn each_node_keeps_its_claims_in_its_own_folder() {
        let (layout, plan) = (Layout::new(Path::new("/state")), Plan::new(0));
        let folders = node_folders(&layout, &[plan.node(1), plan.node(2)]);
        assert_eq!(folders[1]["node"], "node-2");
        assert_eq!(folders[1]["paths"][0], "/state/node-2/volumes");
    }

    #[test]
    fn the_manifests_are_filled_in() {
        let (layout, plan) = (Layout::new(Path::new("/state")), Plan::new(1));
        let values = values(&layout, plan, &[plan.node(1)]).unwrap();
        for name in MANIFESTS {
            let file = paths::definitions().join("addons").join(name);
            let text = fill(&fs::read_to_string(file).unwrap(), &values).unwrap();
            assert!(text.contains("image: localhost/"), "{name}");
        }
    }

    #[test]
    fn an_unknown_place_is_refused() {
        let error = fill("a: ${SOMETHING}\n", &Vec::new())
            .unwrap_err()
            .to_string();
        assert!(error.ends_with("a: ${SOMETHING}"), "{error}");
    }

    #[test]
    fn a_question_names_each_label_with_its_length() {
        let message = question("a.bc");
        assert_eq!(
            message.get(12..),
            Some(&[1, b'a', 2, b'b', b'c', 0, 0, 1, 0, 1][..])
        );
    }

    #[test]
    fn an_answer_holds_the_address_or_not() {
        let mut answer = question("a");
        answer.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 10, 208, 0, 1]);
        assert!(holds(&answer, [10, 208, 0, 1]));
        assert!(!holds(&answer, [10, 209, 0, 1]));
        answer[3] = 3;
        assert!(
            !holds(&answer, [10, 208, 0, 1]),
            "an answer that says: no such name"
        );
    }
}
