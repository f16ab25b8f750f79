//! The handle by which the other commands use a cluster.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::record::{Backend, Extra, Record};
use super::{kind, local};
use crate::paths;
use crate::run::Cmd;
use crate::tools::{self, Tool};

/// A cluster that `up` has made or found, with all that is needed to talk to it.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    name: String,
    folder: PathBuf,
    record: Record,
    kubectl: PathBuf,
}

impl Target {
    /// The cluster of this name. Says nothing about its health.
    ///
    /// # Errors
    /// There is no such cluster, or kubectl can't be built.
    pub(crate) fn open(name: &str) -> Result<Self> {
        let folder = paths::cluster(name)?;
        let record = Record::read(&folder)?.with_context(|| {
            format!("there is no cluster {name:?}: make one with `cargo xtask up --name {name}`")
        })?;
        let kubectl = tools::path(Tool::Kubectl)?;
        Ok(Self {
            name: name.to_owned(),
            folder,
            record,
            kubectl,
        })
    }

    /// The cluster's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How the cluster is run.
    pub(crate) fn backend(&self) -> Backend {
        self.record.backend
    }

    /// What is written down about the cluster.
    pub(crate) fn record(&self) -> &Record {
        &self.record
    }

    /// The folder of the cluster's state.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A kubeconfig whose only context is this cluster, with an administrator's rights.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        kubeconfig(&self.folder)
    }

    /// kubectl for this cluster, of the version that the repository pins.
    pub(crate) fn kubectl(&self) -> Cmd {
        Cmd::new(&self.kubectl)
            .env("KUBECONFIG", self.kubeconfig())
            .env("KUBECACHEDIR", self.folder.join("kubectl-cache"))
    }

    /// Loads an image from a docker-archive into every node, under this reference, which must be
    /// the one that the archive names.
    ///
    /// # Errors
    /// A node refuses it, or this kind of cluster can't be given images.
    pub(crate) fn load_image(&self, archive: &Path, reference: &str) -> Result<()> {
        match self.backend() {
            Backend::Local => local::load_image(self, archive, reference),
            Backend::Kind => kind::load_image(&self.name, archive),
            Backend::Current => bail!(
                "{reference} can't be loaded into the cluster of context {:?}: push it to a registry \
                 that its nodes can pull from",
                self.record.context.as_deref().unwrap_or_default()
            ),
        }
    }

    /// Has every node have the image of a program that is built here, and returns what it is called; nothing where
    /// nodes pull their images.
    ///
    /// # Errors
    /// The program can't be built, or a node refuses its image.
    pub(crate) fn load_program(&self, tool: Tool, user: &str) -> Result<Option<String>> {
        if self.backend() == Backend::Current {
            return Ok(None);
        }
        let (archive, reference) = local::image_of(tool, user)?;
        if !self.has_image(&reference)? {
            self.load_image(&archive, &reference)?;
        }
        Ok(Some(reference))
    }

    /// How to reach and use the registry of a cluster that was made `--with registry`.
    ///
    /// # Errors
    /// The cluster has none.
    pub(crate) fn registry(&self) -> Result<local::Access> {
        self.needs(Extra::Registry)?;
        local::registry(self)
    }

    /// Pushes the image of a docker-archive, which names it so, to the cluster's registry, as `name` with its
    /// tag, and returns the reference by which it can be pulled.
    ///
    /// # Errors
    /// The cluster has no registry, or it refuses the image.
    pub(crate) fn push(&self, archive: &Path, reference: &str, name: &str) -> Result<String> {
        self.needs(Extra::Registry)?;
        local::push(self, (archive, reference), name)
    }

    /// Where the requests go that the Ingresses and Gateways of a cluster serve that was made `--with
    /// ingress`.
    ///
    /// # Errors
    /// The cluster serves none.
    pub(crate) fn ingress(&self) -> Result<local::Addresses> {
        self.needs(Extra::Ingress)?;
        Ok(local::ingress(self))
    }

    fn needs(&self, extra: Extra) -> Result<()> {
        if !self.record.with.contains(&extra) {
            let name = extra.name();
            bail!("cluster {:?} was not made `--with {name}`", self.name);
        }
        Ok(())
    }

    /// Whether every node has an image of this reference. False where that can't be seen.
    ///
    /// # Errors
    /// A node doesn't answer.
    pub(crate) fn has_image(&self, reference: &str) -> Result<bool> {
        match self.backend() {
            Backend::Local => local::has_image(self, reference),
            Backend::Kind => kind::has_image(&self.name, reference),
            Backend::Current => Ok(false),
        }
    }
}

/// The administrator's kubeconfig of the cluster in this folder.
pub(super) fn kubeconfig(folder: &Path) -> PathBuf {
    folder.join("kubeconfig")
}
