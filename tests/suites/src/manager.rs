//! A manager as a process of its own, limited to a test's namespace.

use std::fs::File;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::http;
use crate::metrics::Metrics;
use crate::namespace::Namespace;
use crate::wait::eventually;

/// How long a manager may take to start, on a machine that is busy.
const START: Duration = Duration::from_mins(2);

/// How long a manager may take to stop.
const STOP: Duration = Duration::from_secs(15);

/// A running manager, core-reconciler unless another was launched; killed when dropped.
#[derive(Debug)]
pub struct Manager {
    child: Child,
    pid: u32,
    address: String,
}

/// How a manager is started.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// With a lease in the test's namespace of this duration; without leases when absent.
    pub lease: Option<Duration>,
    /// Whether it watches Secrets.
    pub watch_secrets: bool,
}

impl Manager {
    /// Starts core-reconciler without leases for `namespace` and waits until it is ready. `name` is
    /// unique in the test: its log is `NAME.log`.
    ///
    /// # Errors
    /// When it can't be started or is not ready within two minutes.
    pub async fn start(namespace: &Namespace, name: &str) -> Result<Self> {
        let manager = Self::spawn(namespace, name, Options::default()).await?;
        manager.ready().await?;
        Ok(manager)
    }

    /// Starts core-reconciler for `namespace` and waits until it listens.
    ///
    /// # Errors
    /// When it can't be started or does not listen within two minutes.
    pub async fn spawn(namespace: &Namespace, name: &str, options: Options) -> Result<Self> {
        let lease = options
            .lease
            .map(|duration| format!("{}s", duration.as_secs()));
        let lease = match &lease {
            Some(duration) => ("LEASE_DURATION", duration.as_str()),
            None => ("NO_LEASE", "true"),
        };
        let variables = [
            ("WATCH_NAMESPACE", namespace.name.as_str()),
            ("POD_NAMESPACE", namespace.name.as_str()),
            ("POD_NAME", name),
            lease,
            (
                "WATCH_SECRETS",
                if options.watch_secrets { "true" } else { "" },
            ),
        ];
        let env = &namespace.env;
        let log = namespace.logs().join(format!("{name}.log"));
        Self::launch(&env.core_reconciler, &env.kubeconfig, &log, &variables).await
    }

    /// Starts `program` on the cluster of `kubeconfig`, with these environment variables and a port of
    /// its own, and waits until it listens. What it says goes to the file `log`.
    ///
    /// # Errors
    /// When it can't be started or does not listen within two minutes.
    pub async fn launch(
        program: &Path,
        kubeconfig: &Path,
        log: &Path,
        variables: &[(&str, &str)],
    ) -> Result<Self> {
        if let Some(folder) = log.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let output = File::create(log).with_context(|| format!("creating {}", log.display()))?;
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("KUBECONFIG", kubeconfig)
            // The system chooses a port that is free; the log says which.
            .env("LISTEN_ADDR", "127.0.0.1:0")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true);
        let child = command
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let pid = child.id().context("the new process has no id")?;
        let what = format!("{} listens, says {}", program.display(), log.display());
        let address = eventually(START, &what, async || address(log)).await?;
        Ok(Self {
            child,
            pid,
            address,
        })
    }

    /// Waits until the manager is ready.
    ///
    /// # Errors
    /// When that takes longer than two minutes: tells the gates that are closed.
    pub async fn ready(&self) -> Result<()> {
        eventually(START, "the manager is ready", async || {
            let (code, text) = self.get("/readyz").await?;
            ensure!(code == 200, "{code}: {text}");
            Ok(())
        })
        .await
    }

    /// The answer of one of its paths, such as `/readyz`: status code and body.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn get(&self, path: &str) -> Result<(u16, String)> {
        http::get(&format!("http://{}{path}", self.address)).await
    }

    /// Its metrics now.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn metrics(&self) -> Result<Metrics> {
        let (code, text) = self.get("/metrics").await?;
        ensure!(code == 200, "/metrics answers {code}");
        Ok(Metrics::new(text))
    }

    /// The id of its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Kills it without a warning (SIGKILL) and waits until it is gone.
    ///
    /// # Errors
    /// When it had ended before.
    pub async fn kill(mut self) -> Result<()> {
        ensure!(
            self.child.try_wait()?.is_none(),
            "core-reconciler had ended before it was killed"
        );
        self.child.kill().await.context("killing core-reconciler")
    }

    /// Asks it to stop (SIGTERM).
    ///
    /// # Errors
    /// When it had ended before.
    pub fn terminate(&self) -> Result<()> {
        ensure!(self.child.id().is_some(), "core-reconciler has ended");
        let pid = Pid::from_raw(i32::try_from(self.pid)?);
        kill(pid, Signal::SIGTERM).context("asking core-reconciler to stop")
    }

    /// Waits until it has stopped, and returns how.
    ///
    /// # Errors
    /// When that takes longer than 15 s.
    pub async fn ended(mut self) -> Result<ExitStatus> {
        let ended = timeout(STOP, self.child.wait()).await;
        Ok(ended.with_context(|| format!("core-reconciler still runs after {STOP:?}"))??)
    }
}

/// The address that a manager's log says it serves on.
fn address(log: &Path) -> Result<String> {
    let text = std::fs::read_to_string(log)?;
    let lines = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut addresses = lines.filter_map(|line| Some(line.get("address")?.as_str()?.to_owned()));
    addresses
        .next()
        .with_context(|| format!("it says {text:?}"))
}
