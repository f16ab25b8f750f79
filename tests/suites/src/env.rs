//! Which cluster and which programs the suites use: variables that `cargo xtask test` sets.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio::process::Command;

/// What a suite was told about its surroundings.
#[derive(Clone, Debug)]
pub struct Env {
    /// The kubeconfig of the cluster under test.
    pub kubeconfig: PathBuf,
    /// The program kubectl.
    pub kubectl: PathBuf,
    /// The program core-reconciler.
    pub core_reconciler: PathBuf,
    /// The repository's root.
    pub repository: PathBuf,
}

impl Env {
    /// Reads the variables `RESTAPI_TEST_KUBECONFIG`, `RESTAPI_TEST_KUBECTL`, `CORE_RECONCILER_BIN`
    /// and `RESTAPI_REPO`; the last is found without being told.
    ///
    /// # Errors
    /// When a variable is not set or names no file, with what to do about it.
    pub fn read() -> Result<Self> {
        Ok(Self {
            kubeconfig: file("RESTAPI_TEST_KUBECONFIG")?,
            kubectl: file("RESTAPI_TEST_KUBECTL")?,
            core_reconciler: file("CORE_RECONCILER_BIN")?,
            repository: repository()?,
        })
    }

    /// A client of the cluster's API server, with connections of its own.
    ///
    /// # Errors
    /// When the kubeconfig can't be used.
    pub async fn client(&self) -> Result<Client> {
        let kubeconfig = Kubeconfig::read_from(&self.kubeconfig)?;
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await?;
        Ok(Client::try_from(config)?)
    }

    /// Runs kubectl on the cluster and returns what it prints.
    ///
    /// # Errors
    /// When it can't be started or fails, with what it says.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new(&self.kubectl)
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .args(arguments)
            .output()
            .await
            .with_context(|| format!("starting {}", self.kubectl.display()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("kubectl {} failed: {}", arguments.join(" "), said.trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Where the logs of what a test starts are kept: `target/test-logs/TEST`.
    #[must_use]
    pub fn logs(&self, test: &str) -> PathBuf {
        self.repository.join("target/test-logs").join(test)
    }
}

/// The value of a variable that `cargo xtask` sets for suites and benches.
///
/// # Errors
/// When it is not set.
pub fn variable(name: &str) -> Result<String> {
    std::env::var(name)
        .with_context(|| format!("{name} is not set: run this with `cargo xtask test` or `bench`"))
}

fn file(variable: &str) -> Result<PathBuf> {
    let Some(path) = std::env::var_os(variable).map(PathBuf::from) else {
        bail!(
            "{variable} is not set: run the suites with `cargo xtask test`, which brings up a \
             cluster and sets it"
        );
    };
    if !path.is_file() {
        bail!("{variable} names {}, which is no file", path.display());
    }
    Ok(path)
}

/// The repository's root.
///
/// # Errors
/// When it is neither told nor found.
pub fn repository() -> Result<PathBuf> {
    let told = std::env::var_os("RESTAPI_REPO").map(PathBuf::from);
    let found = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .map(Path::to_owned);
    told.or(found)
        .context("RESTAPI_REPO is not set: name the repository's root in it")
}
