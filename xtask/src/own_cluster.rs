//! A cluster that a task brings up for itself beside the user's, and takes down again.

use std::fs::File;
use std::path::PathBuf;

use anyhow::Result;

use crate::cluster::{self, DownArgs, Target, UpArgs};
use crate::{artifacts, paths};

/// Whether a cluster outlives the task that brought it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// It is used as it is found, and left running.
    Yes,
    /// It is new, and is taken down at the end.
    No,
}

/// The name of the cluster that a task brings up for `purpose`: `restapi-PURPOSE`, or, where a machine has
/// several checkouts that are tested at the same time, `$RESTAPI_CLUSTER_PREFIX-PURPOSE`.
pub(crate) fn name(purpose: &str) -> String {
    let prefix = paths::variable("RESTAPI_CLUSTER_PREFIX").map(PathBuf::into_os_string);
    let prefix = prefix.and_then(|prefix| prefix.into_string().ok());
    format!("{}-{purpose}", prefix.as_deref().unwrap_or("restapi"))
}

/// A cluster in use. Dropped without [`OwnCluster::down`], as after an error, it is taken down as well.
#[derive(Debug)]
pub(crate) struct OwnCluster {
    target: Target,
    keep: Keep,
    /// Held to the end: two tasks must not share a cluster of one name.
    _lock: File,
}

impl OwnCluster {
    /// Brings the cluster up.
    ///
    /// # Errors
    /// When it can't be brought up, or its predecessor can't be taken down.
    pub(crate) fn up(args: &UpArgs, keep: Keep) -> Result<Self> {
        let lock = lock(&args.name)?;
        if keep == Keep::No {
            down(&args.name)?;
        }
        let target = cluster::up(args).inspect_err(|_| {
            if keep == Keep::No {
                report(down(&args.name));
            }
        })?;
        Ok(Self {
            target,
            keep,
            _lock: lock,
        })
    }

    /// Takes a cluster over that is up, to be taken down at the end.
    ///
    /// # Errors
    /// When there is no such cluster.
    pub(crate) fn take_over(name: &str) -> Result<Self> {
        Ok(Self {
            target: Target::open(name)?,
            keep: Keep::No,
            _lock: lock(name)?,
        })
    }

    /// Leaves it to whoever takes it down.
    pub(crate) fn release(mut self) {
        self.keep = Keep::Yes;
    }

    /// The handle to work with it.
    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// Takes it down, unless it is to be kept.
    ///
    /// # Errors
    /// When something of it can't be removed.
    pub(crate) fn down(mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        match std::mem::replace(&mut self.keep, Keep::Yes) {
            Keep::Yes => Ok(()),
            Keep::No => down(self.target.name()),
        }
    }
}

impl Drop for OwnCluster {
    fn drop(&mut self) {
        report(self.end());
    }
}

fn lock(name: &str) -> Result<File> {
    artifacts::lock(&format!("cluster-{name}"))
}

/// Takes the cluster `name` down; does nothing when there is none.
fn down(name: &str) -> Result<()> {
    cluster::down(&DownArgs {
        name: name.to_owned(),
    })
}

/// Says what went wrong where another error is on its way already.
fn report(result: Result<()>) {
    if let Err(error) = result {
        eprintln!("error: {error:#}");
    }
}
