//! Asking the cluster's API server, through kubectl.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::layout::Layout;
use super::process::POLL;
use crate::run::Cmd;
use crate::tools::{self, Tool};

/// The field manager of everything that makes up the cluster itself.
const MANAGER: &str = "restapi-cluster";

/// kubectl with an administrator's rights.
#[derive(Clone, Debug)]
pub(super) struct Api {
    kubectl: std::path::PathBuf,
    layout: Layout,
}

impl Api {
    /// The API of the cluster of this layout.
    ///
    /// # Errors
    /// kubectl can't be built.
    pub(super) fn new(layout: &Layout) -> Result<Self> {
        Ok(Self {
            kubectl: tools::path(Tool::Kubectl)?,
            layout: layout.clone(),
        })
    }

    /// Whether the API server says that it is ready.
    pub(super) fn is_ready(&self) -> bool {
        let ask = self
            .kubectl()
            .args(["get", "--raw", "/readyz", "--request-timeout=2s"]);
        ask.finish().is_ok_and(|finished| finished.success)
    }

    /// What is at this path of the API.
    ///
    /// # Errors
    /// The API server doesn't answer within 5 s or refuses.
    pub(super) fn get(&self, path: &str) -> Result<Value> {
        let text = self
            .kubectl()
            .args(["get", "--raw", path, "--request-timeout=5s"])
            .read()?;
        serde_json::from_str(&text).with_context(|| format!("can't read the answer of {path}"))
    }

    /// Applies objects, as the cluster's own.
    ///
    /// # Errors
    /// The API server refuses.
    pub(super) fn apply(&self, objects: &str) -> Result<()> {
        let manager = format!("--field-manager={MANAGER}");
        self.kubectl()
            .args([
                "apply",
                "--server-side",
                "--force-conflicts",
                "--validate=false",
                &manager,
            ])
            .args(["--filename", "-"])
            .stdin(objects)
            .run()
    }

    /// Deletes what these arguments of `kubectl delete` name; what isn't there is no error.
    ///
    /// # Errors
    /// The API server refuses.
    pub(super) fn delete(&self, args: &[&str]) -> Result<()> {
        self.kubectl()
            .args(["delete", "--ignore-not-found", "--wait=false"])
            .args(args)
            .run()
    }

    /// Waits until what these arguments of `kubectl wait` name has its condition.
    ///
    /// # Errors
    /// It hasn't after `limit`, or `check` fails meanwhile.
    pub(super) fn wait(
        &self,
        args: &[&str],
        limit: Duration,
        check: impl Fn() -> Result<()>,
    ) -> Result<()> {
        let deadline = Instant::now() + limit;
        loop {
            if self.wait_once(args, deadline, &check)? {
                return Ok(());
            }
            // `kubectl wait` also ends when an object is not there yet.
            if Instant::now() >= deadline {
                bail!("{} not so after {} s", args.join(" "), limit.as_secs());
            }
            std::thread::sleep(POLL);
        }
    }

    fn wait_once(
        &self,
        args: &[&str],
        deadline: Instant,
        check: &impl Fn() -> Result<()>,
    ) -> Result<bool> {
        let left = deadline
            .saturating_duration_since(Instant::now())
            .as_secs()
            .max(1);
        let mut child = Waiting(
            Command::new(&self.kubectl)
                .arg("wait")
                .args(args)
                .arg(format!("--timeout={left}s"))
                .envs(self.environment())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()?,
        );
        loop {
            if let Some(status) = child.0.try_wait()? {
                return Ok(status.success());
            }
            check()?;
            std::thread::sleep(POLL);
        }
    }

    fn kubectl(&self) -> Cmd {
        let command = Cmd::new(&self.kubectl).limit(Duration::from_mins(2));
        self.environment()
            .into_iter()
            .fold(command, |command, (name, value)| command.env(name, value))
    }

    fn environment(&self) -> [(&'static str, std::path::PathBuf); 2] {
        [
            ("KUBECONFIG", self.layout.kubeconfig()),
            // Else kubectl leaves its cache in the user's home folder.
            ("KUBECACHEDIR", self.layout.folder().join("kubectl-cache")),
        ]
    }
}

/// The objects of a list.
pub(super) fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.get("items")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// The name of an object.
pub(super) fn name(object: &Value) -> Option<&str> {
    object.pointer("/metadata/name")?.as_str()
}

/// A child that doesn't outlive the wait for it.
struct Waiting(Child);

impl Drop for Waiting {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            // It can only have ended meanwhile.
            drop(self.0.kill());
            drop(self.0.wait());
        }
    }
}
