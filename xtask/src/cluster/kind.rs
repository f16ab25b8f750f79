//! Clusters that kind runs, for machines with Docker where the local cluster can't run.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::commands::{UpArgs, forget};
use super::record::{self, Backend, Record};
use super::target;
use crate::paths;
use crate::run::Cmd;
use crate::ui::Progress;

/// Makes the cluster; when it is there already, writes its kubeconfig anew.
pub(super) fn up(args: &UpArgs, folder: &Path) -> Result<()> {
    check(args)?;
    let _lock = record::lock(folder)?;
    let nodes = args.nodes.unwrap_or(1);
    Record::foreign(Backend::Kind, nodes, None).write(folder)?;
    let progress = Progress::new("up");
    let file = target::kubeconfig(folder);
    if clusters()?.lines().any(|name| name == cluster(&args.name)) {
        return kind("export", &args.name)
            .args(["--kubeconfig"])
            .arg(&file)
            .run();
    }
    progress.step("kind: creating the cluster", || {
        kind("create", &args.name)
            .args(["--wait=180s", "--config=-", "--kubeconfig"])
            .arg(&file)
            .stdin(config(nodes))
            .run()
    })
}

/// Removes the cluster.
pub(super) fn down(name: &str, folder: &Path) -> Result<()> {
    kind("delete", name).run()?;
    forget(folder)
}

/// Loads the image of a docker-archive into every node.
pub(super) fn load_image(name: &str, archive: &Path) -> Result<()> {
    let command = Cmd::new("kind").args(["load", "image-archive", "--name", &cluster(name)]);
    command.arg(archive).run()
}

/// Whether every node has the image.
pub(super) fn has_image(name: &str, reference: &str) -> Result<bool> {
    let nodes = Cmd::new("kind")
        .args(["get", "nodes", "--name", &cluster(name)])
        .read()?;
    for node in nodes.lines() {
        let inspect = ["exec", node, "crictl", "inspecti", "--quiet", reference];
        if !Cmd::new("docker").args(inspect).finish()?.success {
            return Ok(false);
        }
    }
    Ok(true)
}

fn check(args: &UpArgs) -> Result<()> {
    if args.fake_nodes.is_some_and(|count| count > 0) {
        bail!("--fake-nodes needs the local cluster: leave out `--cluster kind`");
    }
    for program in ["kind", "docker"] {
        if paths::program(program).is_none() {
            bail!(
                "--cluster kind needs {program:?}, which is not on PATH: install it, or use \
                 `--cluster local` (Linux, as root) or `--cluster current --context NAME`"
            );
        }
    }
    let engine = Cmd::new("docker")
        .args(["info", "--format", "{{.ServerVersion}}"])
        .read();
    engine
        .context("--cluster kind needs a running Docker engine")
        .map(drop)
}

/// One control plane, which also is the first node, and the further nodes.
fn config(nodes: u8) -> String {
    let mut config = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes:\n".to_owned();
    config.push_str("- role: control-plane\n");
    for _ in 1..nodes {
        config.push_str("- role: worker\n");
    }
    config
}

fn clusters() -> Result<String> {
    Cmd::new("kind").args(["get", "clusters"]).read()
}

/// kind's verbs name what they act on: only the kubeconfig is exported, else it's the cluster.
fn kind(verb: &str, name: &str) -> Cmd {
    let noun = if verb == "export" {
        "kubeconfig"
    } else {
        "cluster"
    };
    Cmd::new("kind").args([verb, noun, "--name", &cluster(name)])
}

fn cluster(name: &str) -> String {
    if name == super::DEFAULT_NAME {
        name.to_owned()
    } else {
        format!("restapi-{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_control_plane_is_the_first_node() {
        assert_eq!(config(3).matches("- role: worker").count(), 2);
        assert_eq!(config(1).matches("- role:").count(), 1);
        assert_eq!(config(0).matches("- role:").count(), 1);
    }
}
