//! What a suite or a bench learns about its cluster: variables of its environment.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::cluster::Target;
use crate::images::{self, Image};
use crate::tools::{self, Tool};
use crate::{myself, paths};

/// The variables, in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment(Vec<(String, PathBuf)>);

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
        for binary in images::binaries::compile(&["core-reconciler"], false)? {
            environment.set(&format!("{}_BIN", variable(&binary.name)), &binary.path);
        }
        Ok(environment)
    }

    /// Adds `RESTAPI_TEST_IMAGE_NAME`, and with a suffix `RESTAPI_TEST_IMAGE_NAME_SUFFIX`.
    pub(crate) fn image(&mut self, image: &Image, suffix: &str) {
        let name = variable(&image.name);
        self.set(
            &format!("RESTAPI_TEST_IMAGE_{name}{suffix}"),
            &image.reference,
        );
    }

    /// Adds a variable.
    pub(crate) fn set(&mut self, name: &str, value: impl AsRef<Path>) {
        self.0.push((name.to_owned(), value.as_ref().to_owned()));
    }

    /// The variables as a command takes them.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&str, &Path)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_path()))
    }
}

fn variable(name: &str) -> String {
    name.to_uppercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_named_after_their_binary() {
        let mut environment = Environment::default();
        let image = Image {
            name: "demo-app".into(),
            reference: "localhost/restapi/demo-app:0123-next".into(),
            archive: PathBuf::new(),
        };
        environment.image(&image, "_NEXT");
        let variables: Vec<_> = environment.variables().collect();
        assert_eq!(
            variables,
            [(
                "RESTAPI_TEST_IMAGE_DEMO_APP_NEXT",
                Path::new("localhost/restapi/demo-app:0123-next")
            )]
        );
    }
}
