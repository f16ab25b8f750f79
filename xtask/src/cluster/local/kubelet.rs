//! A node's kubelet and kube-proxy.

use std::fs;

use anyhow::Result;
use serde_json::json;

use super::layout::Layout;
use super::pki;
use super::plan::{NodePlan, Plan};
use super::process::{self, Daemon, write_private};
use crate::run;
use crate::tools::{self, Tool};

/// The name of a node's kubelet among the cluster's processes.
pub(super) fn kubelet_name(node: NodePlan) -> String {
    format!("kubelet-{}", node.number())
}

/// The name of a node's kube-proxy among the cluster's processes.
pub(super) fn proxy_name(node: NodePlan) -> String {
    format!("proxy-{}", node.number())
}

/// Starts the node's kubelet and kube-proxy unless they run.
///
/// # Errors
/// A program can't be built or started.
pub(super) fn ensure(layout: &Layout, plan: Plan, node: NodePlan) -> Result<()> {
    kubelet(layout, plan, node)?.ensure(layout)?;
    proxy(layout, plan, node)?.ensure(layout)?;
    Ok(())
}

/// Whether the node's kubelet has ended because another one took the socket for device plugins in the same moment:
/// all kubelets of a machine share it, each removes what is there and makes its own.
pub(super) fn has_clashed(layout: &Layout, node: NodePlan) -> bool {
    const CLASH: &str = "device-plugins/kubelet.sock: bind: address already in use";
    let name = kubelet_name(node);
    let said = || fs::read(layout.log(&name)).unwrap_or_default();
    !process::is_running(layout, &name)
        && run::tail(&String::from_utf8_lossy(&said()), 10).contains(CLASH)
}

fn kubelet(layout: &Layout, plan: Plan, node: NodePlan) -> Result<Daemon> {
    let files = layout.node(node);
    fs::create_dir_all(files.pod_logs())?;
    let config = files.config("kubelet.json");
    write_private(
        &config,
        &format!("{:#}\n", kubelet_config(layout, plan, node)),
    )?;
    let kubeconfig = layout.config(&format!("{}.conf", pki::kubelet_file(node)));
    Ok(Daemon {
        name: kubelet_name(node),
        program: tools::path(Tool::Kubelet)?,
        args: vec![
            format!("--config={}", config.display()),
            format!("--kubeconfig={}", kubeconfig.display()),
            format!("--hostname-override={}", node.name()),
            format!("--node-ip={}", node.address()),
            format!("--root-dir={}", files.kubelet().display()),
            format!("--cert-dir={}", files.kubelet().join("pki").display()),
            "--v=1".into(),
        ],
        namespace: Some(files.namespace()),
        inputs: vec![config],
    })
}

fn kubelet_config(layout: &Layout, plan: Plan, node: NodePlan) -> serde_json::Value {
    let files = layout.node(node);
    let certificate = pki::kubelet_file(node);
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": node.address().to_string(),
        "authentication": {
            "anonymous": {"enabled": false},
            "webhook": {"enabled": true},
            "x509": {"clientCAFile": layout.pki("ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "containerRuntimeEndpoint": format!("unix://{}", files.containerd_socket().display()),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": format!("/{}", node.link()),
        "failCgroupV1": false,
        "failSwapOn": false,
        "clusterDNS": [plan.dns().to_string()],
        "clusterDomain": "cluster.local",
        "tlsCertFile": layout.pki(&format!("{certificate}.crt")),
        "tlsPrivateKeyFile": layout.pki(&format!("{certificate}.key")),
        "podLogsDir": files.pod_logs(),
        "volumePluginDir": files.kubelet().join("volume-plugins"),
        "serializeImagePulls": false,
        "maxPods": 250,
        // Images are loaded, not pulled: one that was removed to save space would be gone.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {
            "nodefs.available": "1%",
            "imagefs.available": "1%",
            "memory.available": "200Mi",
        },
        "makeIPTablesUtilChains": false,
    })
}

fn proxy(layout: &Layout, plan: Plan, node: NodePlan) -> Result<Daemon> {
    let files = layout.node(node);
    let config = files.config("proxy.json");
    let value = json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": layout.config("proxy.conf")},
        // What comes from elsewhere, such as the host, is answered through the node it came to.
        "clusterCIDR": plan.pods(),
        "hostnameOverride": node.name(),
        // The table of connections is the whole machine's: its size is left alone.
        "conntrack": {"maxPerCore": 0},
    });
    write_private(&config, &format!("{value:#}\n"))?;
    Ok(Daemon {
        name: proxy_name(node),
        program: tools::path(Tool::KubeProxy)?,
        args: vec![format!("--config={}", config.display())],
        namespace: Some(files.namespace()),
        inputs: vec![config],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_kubelet_stays_in_its_nodes_folder_and_group() {
        let layout = Layout::new(Path::new("/state"));
        let config = kubelet_config(&layout, Plan::new(1), Plan::new(1).node(2));
        assert_eq!(config["cgroupRoot"], "/ra1-2");
        assert_eq!(config["podLogsDir"], "/state/node-2/pods");
        assert_eq!(config["clusterDNS"][0], "10.209.0.10");
    }
}
