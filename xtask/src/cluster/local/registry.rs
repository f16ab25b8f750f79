//! A registry of images on the host that answers only to a name and a password. The nodes pull from it
//! by plain HTTP, at its address on the cluster's bridge.

use std::fs::{self, File};
use std::io::Read as _;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::containerd;
use super::layout::{Layout, NodeLayout};
use super::plan::{NodePlan, Plan};
use super::process::{Daemon, wait_until, write_private};
use crate::run::Cmd;
use crate::tools::{self, Tool};

/// The name of its process.
pub(super) const PROCESS: &str = "registry";
/// The one user that may use it.
const USER: &str = "restapi";
/// The port that it listens on.
const PORT: u16 = 5000;
/// How long it may take until it answers.
const READY: Duration = Duration::from_secs(30);

/// How to reach and use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    /// What references of its images begin with: `ADDRESS:PORT`.
    pub(crate) host: String,
    /// The name of the user that may use it.
    pub(crate) user: String,
    /// That user's password.
    pub(crate) password: String,
}

/// Starts it unless it runs, and tells these nodes how to pull from it.
///
/// # Errors
/// The program can't be built or started, or doesn't answer in time.
pub(super) fn ensure(layout: &Layout, plan: Plan, nodes: &[NodePlan]) -> Result<()> {
    let program = tools::path(Tool::Registry)?;
    let passwords = layout.registry("htpasswd");
    let password = password(layout)?;
    if !passwords.is_file() {
        // The hash is salted: made once, or the registry would be started anew each time.
        let line = Cmd::new(&program)
            .args(["htpasswd", USER])
            .stdin(password)
            .read()?;
        write_private(&passwords, &format!("{line}\n"))?;
    }
    let config = layout.registry("config.json");
    write_private(&config, &configuration(layout, plan))?;
    for node in nodes {
        allow(&layout.node(*node), &host(plan))?;
    }
    let registry = Daemon {
        name: PROCESS.to_owned(),
        program,
        args: vec!["serve".into(), config.display().to_string()],
        namespace: None,
        inputs: vec![config, passwords],
    };
    registry.ensure(layout)?;
    let address = SocketAddr::from((plan.host(), PORT));
    let mut ended = Ok(());
    let answers = wait_until(READY, || {
        ended = registry.check(layout);
        ended.is_err() || TcpStream::connect_timeout(&address, READY).is_ok()
    });
    ended?;
    if !answers {
        bail!(
            "the registry does not answer, log: {}",
            layout.log(PROCESS).display()
        );
    }
    Ok(())
}

/// How to reach and use the registry of a cluster that has one.
///
/// # Errors
/// It has none.
pub(super) fn access(layout: &Layout, plan: Plan) -> Result<Access> {
    let file = layout.registry("password");
    let password = fs::read_to_string(&file)
        .context("the cluster has no registry: `cargo xtask up --with registry` gives it one")?;
    Ok(Access {
        host: host(plan),
        user: USER.to_owned(),
        password,
    })
}

/// Pushes the image of a docker-archive as `name` with its tag, by the hand of a node, and returns the
/// reference by which it can be pulled.
///
/// # Errors
/// The cluster has no registry, or it refuses the image.
pub(super) fn push(
    layout: &Layout,
    plan: Plan,
    (archive, image): (&Path, &str),
    name: &str,
) -> Result<String> {
    let access = access(layout, plan)?;
    let (_, tag) = image
        .rsplit_once(':')
        .with_context(|| format!("{image} has no tag"))?;
    let reference = format!("{}/{name}:{tag}", access.host);
    containerd::push(layout, plan.node(1), (archive, image), &reference, &access)?;
    Ok(reference)
}

fn host(plan: Plan) -> String {
    format!("{}:{PORT}", plan.host())
}

/// The password: made once for each cluster.
fn password(layout: &Layout) -> Result<String> {
    let file = layout.registry("password");
    if let Ok(password) = fs::read_to_string(&file) {
        return Ok(password);
    }
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let password = format!("{:032x}", u128::from_ne_bytes(bytes));
    write_private(&file, &password)?;
    Ok(password)
}

fn configuration(layout: &Layout, plan: Plan) -> String {
    let config = json!({
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": true}},
        "storage": {"filesystem": {"rootdirectory": layout.registry("data")}},
        "http": {"addr": host(plan)},
        "auth": {"htpasswd": {"realm": "restapi", "path": layout.registry("htpasswd")}},
    });
    format!("{config:#}\n")
}

/// Lets the node's containerd, which reads this at each pull, ask that host by plain HTTP.
fn allow(files: &NodeLayout, host: &str) -> Result<()> {
    let text = format!(
        "server = \"http://{host}\"\n\n[host.\"http://{host}\"]\n  capabilities = [\"pull\", \"resolve\"]\n"
    );
    write_private(&files.registries().join(host).join("hosts.toml"), &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_made_once_and_is_nobody_elses_to_read() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        assert!(access(&layout, Plan::new(1)).is_err());
        let made = password(&layout).unwrap();
        assert_eq!(made.len(), 32);
        let access = access(&layout, Plan::new(1)).unwrap();
        assert_eq!(access.password, made);
        assert_eq!(access.host, "172.30.1.1:5000");
        let file = fs::metadata(layout.registry("password")).unwrap();
        assert_eq!(file.permissions().mode() & 0o077, 0);
    }

    #[test]
    fn nodes_may_pull_by_plain_http_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let files = Layout::new(folder.path()).node(Plan::new(0).node(1));
        allow(&files, "172.30.0.1:5000").unwrap();
        let file = files.registries().join("172.30.0.1:5000/hosts.toml");
        let text = fs::read_to_string(file).unwrap();
        assert!(
            text.contains("http://172.30.0.1:5000") && !text.contains("push"),
            "{text}"
        );
    }

    #[test]
    fn the_registry_asks_for_the_password() {
        let text = configuration(&Layout::new(Path::new("/state")), Plan::new(0));
        let config: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            config["auth"]["htpasswd"]["path"],
            "/state/registry/htpasswd"
        );
        assert_eq!(config["http"]["addr"], "172.30.0.1:5000");
    }
}
