//! A node's containerd: its configuration, its images, and what its containers leave.

use std::collections::HashSet;
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use super::layout::{Layout, NodeLayout};
use super::plan::NodePlan;
use super::process::{self, Daemon, wait_until, write_private};
use super::{images, registry};
use crate::cluster::record::Network;
use crate::paths;
use crate::run::Cmd;
use crate::tools::Tool;

/// How long containerd may take until it answers.
const READY: Duration = Duration::from_secs(30);
/// How long importing an image may take.
const IMPORT: Duration = Duration::from_mins(5);
/// The namespace of images that are pushed: kubelet sees another.
const PUSHED: &str = "pushed";
/// Plugins that a node doesn't need and that look at the machine when they start.
const DISABLED: &[&str] = &[
    "io.containerd.internal.v1.tracing",
    "io.containerd.snapshotter.v1.aufs",
    "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.zfs",
    "io.containerd.tracing.processor.v1.otlp",
];

/// The name of a node's containerd among the cluster's processes.
pub(super) fn process_name(node: NodePlan) -> String {
    format!("containerd-{}", node.number())
}

/// Starts the node's containerd, unless it runs, and waits until it answers.
///
/// # Errors
/// It can't be started, ends, or doesn't answer in time.
pub(super) fn ensure(layout: &Layout, node: NodePlan, network: Network) -> Result<()> {
    let files = layout.node(node);
    fs::create_dir_all(files.cni())?;
    let plugins = match network {
        Network::Bridge => {
            let file = files.config("cni/10-pods.conflist");
            write_private(&file, &pod_network(&files, node))?;
            PathBuf::from("/usr/lib/cni")
        }
        // The agent writes the file when it is ready.
        Network::Cilium => files.cilium("bin"),
    };
    let config = files.config("containerd.toml");
    let sandbox = images::reference(Tool::Pause)?;
    write_private(&config, &configuration(&files, &sandbox, &plugins))?;
    let daemon = Daemon {
        name: process_name(node),
        program: paths::program("containerd").context("containerd is not installed")?,
        args: vec!["--config".into(), config.display().to_string()],
        namespace: Some(files.namespace()),
        inputs: vec![config],
    };
    daemon.ensure(layout)?;
    let socket = files.containerd_socket();
    let mut ended = Ok(());
    let answers = wait_until(READY, || {
        ended = daemon.check(layout);
        ended.is_err() || UnixStream::connect(&socket).is_ok()
    });
    ended?;
    if !answers {
        bail!(
            "containerd does not answer, log: {}",
            layout.log(&daemon.name).display()
        );
    }
    Ok(())
}

/// The references of all images on the node.
///
/// # Errors
/// containerd doesn't answer.
pub(super) fn references(layout: &Layout, node: NodePlan) -> Result<HashSet<String>> {
    let list = ctr(&layout.node(node))
        .args(["images", "list", "--quiet"])
        .read()?;
    Ok(list.lines().map(str::to_owned).collect())
}

/// Imports a docker-archive into the node.
///
/// # Errors
/// containerd refuses it or doesn't answer.
pub(super) fn import(layout: &Layout, node: NodePlan, archive: &Path) -> Result<()> {
    let command = ctr(&layout.node(node))
        .args(["images", "import"])
        .arg(archive);
    command
        .limit(IMPORT)
        .run()
        .with_context(|| format!("{} does not take the image", node.name()))
}

/// Pushes the image of a docker-archive to a registry, under another reference, by plain HTTP. The node's
/// pods don't see it: it is taken into a namespace of its own for that, and removed again.
///
/// # Errors
/// The archive can't be read, or the registry refuses the image.
pub(super) fn push(
    layout: &Layout,
    node: NodePlan,
    image: (&Path, &str),
    reference: &str,
    access: &registry::Access,
) -> Result<()> {
    let (archive, name) = image;
    let images = |task: &str| ctr_in(&layout.node(node), PUSHED).args(["images", task]);
    images("import").arg(archive).limit(IMPORT).run()?;
    // As an argument, any user of the machine could read the password; there is no other way.
    let user = format!("{}:{}", access.user, access.password);
    let push = images("push").args(["--plain-http", "--user", &user, reference, name]);
    push.limit(IMPORT).run().map_err(|error| {
        let said = format!("{error:#}").replace(&access.password, "***");
        anyhow!("{name} can't be pushed: {said}")
    })?;
    images("remove").args(["--sync", name]).run()
}

/// Whether a process that watches one of the node's containers is alive: as long as one is, the
/// node's pods have outlived containerd.
pub(super) fn has_living_containers(layout: &Layout, node: NodePlan) -> bool {
    let folder = layout.node(node).folder().to_owned();
    let marked = super::procfs::with_variable(process::MARK, layout.folder());
    marked.into_iter().any(|pid| {
        let program = super::procfs::program(pid).unwrap_or_default();
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        program.starts_with("containerd-shim")
            && String::from_utf8_lossy(&line).contains(&format!("{}/", folder.display()))
    })
}

/// The sockets outside the cluster's folder on which the processes that watch the node's
/// containers listen.
pub(super) fn shim_sockets(files: &NodeLayout) -> Vec<PathBuf> {
    let tasks = files
        .containerd_state()
        .join("io.containerd.runtime.v2.task/k8s.io");
    let Ok(entries) = fs::read_dir(tasks) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| fs::read_to_string(entry.path().join("address")).ok())
        .filter_map(|address| Some(PathBuf::from(address.trim().strip_prefix("unix://")?)))
        .collect()
}

fn ctr(files: &NodeLayout) -> Cmd {
    ctr_in(files, "k8s.io")
}

fn ctr_in(files: &NodeLayout, namespace: &str) -> Cmd {
    let socket = files.containerd_socket();
    Cmd::new("ctr")
        .arg("--address")
        .arg(socket)
        .args(["--namespace", namespace])
}

fn configuration(files: &NodeLayout, sandbox: &str, plugins: &Path) -> String {
    let quoted = |path: PathBuf| format!("{:?}", path.display().to_string());
    let disabled: Vec<String> = DISABLED.iter().map(|name| format!("{name:?}")).collect();
    format!(
        r#"version = 2
root = {root}
state = {state}
disabled_plugins = [{disabled}]

[grpc]
  address = {socket}

[plugins."io.containerd.internal.v1.opt"]
  path = {opt}

[plugins."io.containerd.grpc.v1.cri"]
  # Without the right to lower it, runc can't start anything below the parent's own score.
  restrict_oom_score_adj = true
  # Elsewhere a killed node's namespaces would stay mounted.
  netns_mounts_under_state_dir = true
  sandbox_image = {sandbox:?}
  stream_server_address = "127.0.0.1"

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = {plugins}
    conf_dir = {cni}

  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = {registries}

  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      Root = {runc}
"#,
        root = quoted(files.containerd_root()),
        state = quoted(files.containerd_state()),
        disabled = disabled.join(", "),
        socket = quoted(files.containerd_socket()),
        opt = quoted(files.folder().join("containerd/opt")),
        plugins = quoted(plugins.to_owned()),
        cni = quoted(files.cni()),
        registries = quoted(files.registries()),
        runc = quoted(files.runc()),
    )
}

/// The pod network: a bridge in the node's namespace. Nothing is masqueraded, so that pods see
/// each other's addresses, also those on other nodes.
fn pod_network(files: &NodeLayout, node: NodePlan) -> String {
    let config = serde_json::json!({
        "cniVersion": "1.0.0",
        "name": node.link(),
        "plugins": [
            {
                "type": "bridge",
                "bridge": "cni0",
                "isGateway": true,
                "ipMasq": false,
                "hairpinMode": true,
                "ipam": {
                    "type": "host-local",
                    "dataDir": files.leases(),
                    "ranges": [[{"subnet": node.pods()}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": true}},
        ],
    });
    format!("{config:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::local::plan::Plan;

    #[test]
    fn the_pod_network_has_the_nodes_range() {
        let layout = Layout::new(Path::new("/state"));
        let node = Plan::new(1).node(2);
        let text = pod_network(&layout.node(node), node);
        let config: serde_json::Value = serde_json::from_str(&text).unwrap();
        let ipam = &config["plugins"][0]["ipam"];
        assert_eq!(ipam["ranges"][0][0]["subnet"], "10.193.2.0/24");
        assert_eq!(ipam["dataDir"], "/state/node-2/leases");
    }

    #[test]
    fn everything_lies_in_the_nodes_folder() {
        let layout = Layout::new(Path::new("/state"));
        let files = layout.node(Plan::new(0).node(1));
        let text = configuration(&files, "localhost/pause:v1", Path::new("/usr/lib/cni"));
        for key in [
            "root",
            "state",
            "address",
            "path",
            "conf_dir",
            "config_path",
            "Root",
        ] {
            let line = text
                .lines()
                .find(|line| line.trim().starts_with(&format!("{key} = ")));
            assert!(
                line.is_some_and(|line| line.contains("\"/state/node-1/")),
                "{key}: {line:?}"
            );
        }
    }

    #[test]
    fn the_sockets_of_watchers_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let files = Layout::new(folder.path()).node(Plan::new(0).node(1));
        let task = files
            .containerd_state()
            .join("io.containerd.runtime.v2.task/k8s.io/abc");
        fs::create_dir_all(&task).unwrap();
        fs::write(task.join("address"), "unix:///run/containerd/s/1234").unwrap();
        assert_eq!(
            shim_sockets(&files),
            [PathBuf::from("/run/containerd/s/1234")]
        );
    }
}
