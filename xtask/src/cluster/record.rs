//! What is written down about a cluster, so that later commands find it: `STATE/cluster.json`.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// How a cluster is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Backend {
    /// Made on this machine by this program; Linux and root only.
    Local,
    /// Made by kind, in Docker.
    Kind,
    /// There already: a context of the user's kubeconfig.
    Current,
}

/// What connects the pods of a local cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Network {
    /// The bridge plugin: quick to start, and without any idea of `NetworkPolicy`.
    #[default]
    Bridge,
    /// Cilium, which enforces `NetworkPolicies`.
    Cilium,
}

impl Network {
    /// Its name, as the command line has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bridge => "bridge",
            Self::Cilium => "cilium",
        }
    }
}

/// The version of Kubernetes that the control plane of a local cluster speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
pub(crate) enum Speaks {
    /// The version that its programs are.
    #[default]
    #[serde(rename = "own")]
    Own,
    /// The oldest that is supported, which the newer programs emulate. Services get their addresses from a bitmap,
    /// as they did before that version. Nobody writes Endpoints beside their EndpointSlices, unlike in a cluster that
    /// really is of that version, which only deprecates them: where there are thousands of Services, that is as many
    /// objects less.
    #[serde(rename = "1.33")]
    #[value(name = "1.33")]
    Oldest,
}

impl Speaks {
    /// The arguments of a program of the control plane that hands out addresses, or asks for them.
    pub(crate) fn with_addresses(self) -> Vec<String> {
        let mut args = self.args();
        if self == Self::Oldest {
            args.push("--feature-gates=MultiCIDRServiceAllocator=false".to_owned());
        }
        args
    }

    /// The arguments of the controller manager.
    pub(crate) fn with_controllers(self) -> Vec<String> {
        let mut args = self.with_addresses();
        if self == Self::Oldest {
            args.push(
                "--controllers=*,-endpoints-controller,-endpointslice-mirroring-controller"
                    .to_owned(),
            );
        }
        args
    }

    /// The arguments of any other program of the control plane.
    pub(crate) fn args(self) -> Vec<String> {
        match self {
            Self::Own => Vec::new(),
            Self::Oldest => vec!["--emulated-version=1.33".to_owned()],
        }
    }
}

/// A part that a local cluster has only when it is asked for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Extra {
    /// A registry of images that asks for a password.
    Registry,
    /// traefik, which serves Ingresses and Gateways.
    Ingress,
}

impl Extra {
    /// Its name, as the command line has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Ingress => "ingress",
        }
    }
}

/// A cluster as it was last asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    /// How it is run.
    pub(crate) backend: Backend,
    /// Which of the machine's clusters it is: its addresses and names follow from it.
    pub(crate) slot: u8,
    /// How many real nodes it has.
    pub(crate) nodes: u8,
    /// How many nodes KWOK plays.
    pub(crate) fake_nodes: u16,
    /// What connects its pods.
    #[serde(default)]
    pub(crate) network: Network,
    /// What its control plane speaks.
    #[serde(default)]
    pub(crate) speaks: Speaks,
    /// What it has beside the usual parts.
    #[serde(default)]
    pub(crate) with: BTreeSet<Extra>,
    /// The context it was taken from; only with [`Backend::Current`].
    pub(crate) context: Option<String>,
    /// What the running programs were built from; empty until the cluster has been up.
    #[serde(default)]
    pub(crate) programs: String,
}

impl Record {
    /// A cluster that something else runs.
    pub(crate) fn foreign(backend: Backend, nodes: u8, context: Option<String>) -> Self {
        Self {
            backend,
            slot: 0,
            nodes,
            fake_nodes: 0,
            network: Network::default(),
            speaks: Speaks::default(),
            with: BTreeSet::new(),
            context,
            programs: String::new(),
        }
    }

    /// The record in this cluster's folder; none when there is no such cluster.
    ///
    /// # Errors
    /// The file is there and can't be read.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>> {
        let file = Self::file(folder);
        match fs::read(&file) {
            Ok(text) => Ok(Some(serde_json::from_slice(&text).with_context(|| {
                let (file, folder) = (file.display(), folder.display());
                format!("{file} is damaged; `cargo xtask down` removes the cluster in {folder}")
            })?)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("can't read {}", file.display())),
        }
    }

    /// Writes the record; afterwards the file holds all of it or what it held before.
    ///
    /// # Errors
    /// The folder isn't there or can't be written.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        write_whole(&Self::file(folder), &serde_json::to_vec_pretty(self)?)
    }

    fn file(folder: &Path) -> PathBuf {
        folder.join("cluster.json")
    }
}

/// Replaces a file's content at once: whoever reads it, and whenever this is killed, finds the old
/// or the new content.
pub(crate) fn write_whole(file: &Path, content: &[u8]) -> Result<()> {
    let unfinished = file.with_extension("unfinished");
    fs::write(&unfinished, content)
        .and_then(|()| fs::rename(&unfinished, file))
        .with_context(|| format!("can't write {}", file.display()))
}

/// Waits until no other command changes the cluster in this folder (which is made when it isn't
/// there), and keeps others from it while the result lives.
///
/// # Errors
/// The folder can't be made or locked.
pub(crate) fn lock(folder: &Path) -> Result<File> {
    // The one who was waited for may have removed the folder: then it is made again.
    loop {
        fs::create_dir_all(folder).with_context(|| format!("can't make {}", folder.display()))?;
        let handle =
            File::open(folder).with_context(|| format!("can't open {}", folder.display()))?;
        handle
            .lock()
            .with_context(|| format!("can't lock {}", folder.display()))?;
        if fs::metadata(folder).is_ok_and(|now| handle.metadata().is_ok_and(|own| same(&own, &now)))
        {
            return Ok(handle);
        }
    }
}

fn same(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Record::read(folder.path()).unwrap(), None);
        let record = Record {
            backend: Backend::Local,
            slot: 3,
            nodes: 2,
            fake_nodes: 100,
            network: Network::Cilium,
            speaks: Speaks::Oldest,
            with: BTreeSet::from([Extra::Registry]),
            context: None,
            programs: "abc".into(),
        };
        record.write(folder.path()).unwrap();
        assert_eq!(Record::read(folder.path()).unwrap(), Some(record));
    }

    #[test]
    fn a_record_of_a_cluster_without_a_choice_of_network_has_the_bridge() {
        let folder = tempfile::tempdir().unwrap();
        let text = r#"{"backend":"local","slot":1,"nodes":1,"fakeNodes":0,"context":null}"#;
        fs::write(folder.path().join("cluster.json"), text).unwrap();
        let record = Record::read(folder.path()).unwrap().unwrap();
        assert_eq!(record.network, Network::Bridge);
        assert_eq!(record.speaks, Speaks::Own);
        assert!(record.with.is_empty());
    }

    #[test]
    fn a_damaged_record_says_how_to_go_on() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("cluster.json"), "{").unwrap();
        let error = Record::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("cargo xtask down"), "{error}");
    }
}
