//! Cilium as a node's network: an agent for each node, which enforces `NetworkPolicies` with programs
//! that it compiles and loads into the kernel, and a plugin that connects pods to it.
//!
//! The agent is written for a machine that is one node. What it expects at fixed places, or would
//! change for the whole machine, it gets in a mount namespace of its own: see [`START`].

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use anyhow::{Context, Result};
use nix::mount::{MsFlags, mount};
use serde_json::json;

use super::api::Api;
use super::layout::{Layout, NodeLayout};
use super::mounts;
use super::plan::{NodePlan, Plan};
use super::process::{Daemon, write_private};
use crate::paths;
use crate::tools::{self, Tool};

/// The programs that it is made of.
pub(super) const TOOLS: [Tool; 2] = [Tool::CiliumAgent, Tool::CiliumPlugin];
/// The folder in which agent and plugin meet, whatever the node: each node has one of its own mounted
/// there, in the namespaces of its agent and of its plugin's calls.
pub(super) const RUN: &str = "/run/cilium";
/// The user of the agents among the cluster's certificates.
const USER: &str = "cilium";
/// The folders of its custom resource definitions, among the agent's data.
const DEFINITIONS: [&str; 2] = ["v2", "v2alpha1"];
/// The plugins of Debian's that are used beside Cilium's.
const PLUGINS: [&str; 2] = ["loopback", "portmap"];

/// Starts the agent in its own mount namespace; `$1` is the node's folder for it, the rest the
/// agent with its arguments.
///
/// - `/run/cilium` is the node's own.
/// - This kernel may have everything built in and no `/proc/modules`, without which the agent doesn't
///   start. `/proc` is therefore a folder of links to the real one, with such a file.
/// - Temporary files are on a file system of their own: from the one that the node's files are on, the
///   agent would move its file for containerd into place, which containerd doesn't see.
/// - Two settings that the agent would change for the whole machine are files of its own.
const START: &str = r#"set -eu
own=$1; shift
mount --bind "$own/run" /run/cilium
real=$own/proc
mount --rbind /proc "$real"
mount -t tmpfs -o mode=0755 tmpfs /proc
ln -s "$real"/[!0-9]* "$real"/1 "$real/$$" /proc/
if [ ! -e /proc/modules ]; then
  rm -f /proc/modules
  for module in ip_tables iptable_nat iptable_mangle iptable_raw iptable_filter xt_socket; do
    echo "$module 0 0 - Live 0x0" >>/proc/modules
  done
fi
for setting in timer_migration unprivileged_bpf_disabled; do
  if [ -e "$real/sys/kernel/$setting" ]; then
    cat "$real/sys/kernel/$setting" >"$own/$setting"
    mount --bind "$own/$setting" "$real/sys/kernel/$setting"
  fi
done
mount -t tmpfs -o mode=0700 tmpfs "$own/tmp"
TMPDIR=$own/tmp PATH=$own/tools:$PATH exec "$@"
"#;

/// The name of a node's agent among the cluster's processes.
pub(super) fn process_name(node: NodePlan) -> String {
    format!("cilium-{}", node.number())
}

/// Makes the node's part that its containerd needs: the folder of its plugins. The file that tells of
/// them is written by the agent, when it is ready: before that the node is not.
///
/// # Errors
/// A file can't be written, or the kernel has no file system for BPF.
pub(super) fn prepare(layout: &Layout, node: NodePlan) -> Result<()> {
    let files = layout.node(node);
    for folder in ["bin", "bpf", "cgroup", "proc", "run", "tmp", "tools"] {
        fs::create_dir_all(files.cilium(folder))?;
    }
    // What is mounted there is mounted in namespaces; the folder itself stays empty.
    fs::create_dir_all(RUN).with_context(|| format!("can't make {RUN}"))?;
    let bpf = files.cilium("bpf");
    if mounts::below(&bpf)?.is_empty() {
        mount(
            Some("bpf"),
            &bpf,
            Some("bpf"),
            MsFlags::empty(),
            None::<&str>,
        )
        .context("Cilium needs the kernel's file system for BPF")?;
    }
    for plugin in PLUGINS {
        link(
            &Path::new("/usr/lib/cni").join(plugin),
            &files.cilium("bin").join(plugin),
        )?;
    }
    let plugin = files.cilium("bin").join("cilium-cni");
    write_program(
        &plugin,
        &plugin_script(&files, &tools::path(Tool::CiliumPlugin)?),
    )?;
    let compiler = paths::program("clang-19").context("clang-19 is not installed")?;
    // It warns where the compilers of Cilium's time did not, and Cilium takes warnings for errors.
    let script = format!(
        "#!/bin/sh\nexec {} -Wno-error -w \"$@\"\n",
        compiler.display()
    );
    write_program(&files.cilium("tools").join("clang"), &script)?;
    write_private(&files.cilium("start.sh"), START)?;
    write_private(&files.cilium("pods.conflist"), &pod_network(node))
}

/// Applies the definitions of Cilium's own objects, without which no agent starts.
///
/// # Errors
/// They can't be read, or the API server refuses them.
pub(super) fn apply_definitions(api: &Api) -> Result<()> {
    let data = tools::data(Tool::CiliumAgent)?;
    let mut documents = Vec::new();
    for folder in DEFINITIONS {
        let folder = data.join(folder);
        let entries = fs::read_dir(&folder);
        for entry in entries.with_context(|| format!("can't read {}", folder.display()))? {
            documents.push(fs::read_to_string(entry?.path())?);
        }
    }
    api.apply(&documents.join("\n---\n"))
        .context("applying Cilium's definitions")
}

/// Starts the node's agent unless it runs; the API server must be ready and have the node.
///
/// # Errors
/// The program can't be built or started.
pub(super) fn ensure(layout: &Layout, plan: Plan, node: NodePlan) -> Result<()> {
    let files = layout.node(node);
    let script = files.cilium("start.sh");
    let source = files.cilium("pods.conflist");
    let mut args = vec!["--mount".to_owned(), "sh".to_owned()];
    args.push(script.display().to_string());
    args.push(files.cilium("").display().to_string());
    args.push("env".to_owned());
    args.push(format!("K8S_NODE_NAME={}", node.name()));
    args.push(tools::path(Tool::CiliumAgent)?.display().to_string());
    args.extend(arguments(
        layout,
        plan,
        node,
        &tools::data(Tool::CiliumAgent)?,
    ));
    let agent = Daemon {
        name: process_name(node),
        program: "unshare".into(),
        args,
        namespace: Some(files.namespace()),
        inputs: vec![script, source],
    };
    agent.ensure(layout).map(drop)
}

/// Forgets a node that leaves a cluster that stays.
///
/// # Errors
/// The API server refuses.
pub(super) fn forget(api: &Api, node: NodePlan) -> Result<()> {
    api.delete(&["ciliumnodes.cilium.io", &node.name()])
}

fn arguments(layout: &Layout, plan: Plan, node: NodePlan, data: &Path) -> Vec<String> {
    let files = layout.node(node);
    let own = |file: &str| files.cilium(file).display().to_string();
    let kubeconfig = layout.config(&format!("{USER}.conf"));
    let network = files.config("cni/10-pods.conflist");
    let values = [
        ("k8s-kubeconfig-path", kubeconfig.display().to_string()),
        ("lib-dir", data.display().to_string()),
        ("bpf-root", own("bpf")),
        ("cgroup-root", own("cgroup")),
        ("read-cni-conf", own("pods.conflist")),
        ("write-cni-conf-when-ready", network.display().to_string()),
        ("ipv4-native-routing-cidr", plan.pods()),
    ];
    values
        .iter()
        .map(|(name, value)| format!("--{name}={value}"))
        .chain(FLAGS.iter().map(|flag| (*flag).to_owned()))
        .collect()
}

/// The flags that are the same on every node: pods keep their addresses, kube-proxy does the Services,
/// and nothing is done but to connect pods and to enforce `NetworkPolicies`.
const FLAGS: &[&str] = &[
    "--ipam=kubernetes",
    "--k8s-require-ipv4-pod-cidr",
    "--enable-ipv6=false",
    "--routing-mode=native",
    "--auto-direct-node-routes=true",
    "--enable-ipv4-masquerade=false",
    "--kube-proxy-replacement=false",
    "--enable-host-legacy-routing",
    "--devices=eth0",
    "--identity-allocation-mode=crd",
    "--enable-l7-proxy=false",
    "--disable-envoy-version-check",
    "--enable-health-checking=false",
    "--enable-endpoint-health-checking=false",
    "--enable-hubble=false",
    "--enable-bandwidth-manager=false",
    "--enable-xt-socket-fallback=false",
    "--cni-exclusive=false",
    "--agent-health-port=9879",
    "--bpf-map-dynamic-size-ratio=0.0025",
];

fn pod_network(node: NodePlan) -> String {
    let config = json!({
        "cniVersion": "1.0.0",
        "name": node.link(),
        "plugins": [
            {"type": "cilium-cni"},
            {"type": "portmap", "capabilities": {"portMappings": true}},
        ],
    });
    format!("{config:#}\n")
}

/// The plugin finds the agent by a socket at a fixed place.
fn plugin_script(files: &NodeLayout, plugin: &Path) -> String {
    format!(
        "#!/bin/sh\nexec unshare --mount sh -c 'mount --bind \"$1\" {RUN} && exec \"$2\"' sh \
         '{}' '{}'\n",
        files.cilium("run").display(),
        plugin.display()
    )
}

fn write_program(file: &Path, content: &str) -> Result<()> {
    write_private(file, content)?;
    Ok(fs::set_permissions(
        file,
        fs::Permissions::from_mode(0o755),
    )?)
}

fn link(to: &Path, link: &Path) -> Result<()> {
    match symlink(to, link) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(error).with_context(|| format!("can't link {}", link.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_writes_lies_in_its_nodes_folder() {
        let layout = Layout::new(Path::new("/state"));
        let plan = Plan::new(1);
        let args = arguments(&layout, plan, plan.node(2), Path::new("/cache/data"));
        for name in ["bpf-root", "cgroup-root", "write-cni-conf-when-ready"] {
            let beginning = format!("--{name}=/state/node-2/");
            assert!(args.iter().any(|arg| arg.starts_with(&beginning)), "{name}");
        }
        assert!(args.contains(&"--ipv4-native-routing-cidr=10.193.0.0/16".to_owned()));
    }

    #[test]
    fn the_plugin_meets_its_own_nodes_agent() {
        let layout = Layout::new(Path::new("/state"));
        let files = layout.node(Plan::new(0).node(2));
        let script = plugin_script(&files, Path::new("/cache/cilium-cni"));
        assert!(
            script.contains("sh '/state/node-2/cilium/run' '/cache/cilium-cni'"),
            "{script}"
        );
    }
}
