//! What a suite or a bench learns about its cluster: variables of its environment.

use std::ffi::{OsStr, OsString};

use anyhow::Result;

use crate::cluster::Target;
use crate::images;
use crate::tools::{self, Tool};
use crate::{myself, paths};

/// The variables, in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment(Vec<(String, OsString)>);

impl Environment {
    /// What every suite gets: the repository, this program, kubectl and the cluster's kubeconfig, and the static
    /// binary of core-reconciler, compiled if need be.
    ///
    /// # Errors
    /// When kubectl or the binary can't be built.
    pub(crate) fn of(target: &Target) -> Result<Self> {
        let mut environment = Self::default();
        environment.set("RESTAPI_REPO", paths::repository());
        environment.set("RESTAPI_TEST_XTASK", myself::path()?);
        environment.set("RESTAPI_TEST_CLUSTER", target.name());
        environment.set("RESTAPI_TEST_KUBECONFIG", target.kubeconfig());
        environment.set("RESTAPI_TEST_KUBECTL", tools::path(Tool::Kubectl)?);
        let core = images::binaries::compile_program("core-reconciler", "core-reconciler", false)?;
        environment.set("CORE_RECONCILER_BIN", core.path);
        Ok(environment)
    }

    /// Adds a variable.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<OsString>) {
        self.0.push((name.to_owned(), value.into()));
    }

    /// The variables as a command takes them.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&str, &OsStr)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_os_str()))
    }
}
