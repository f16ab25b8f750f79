//! The commands that make, show and remove clusters, whatever runs them.

use std::process::ExitCode;

use anyhow::{Result, bail};

use super::record::{self, Backend, Extra, Network, Record, Speaks};
use super::{Target, current, kind, local};
use crate::paths;

/// Arguments of `cargo xtask up`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct UpArgs {
    /// How many real nodes the cluster has; 0: a control plane alone. Without it: as many as the
    /// cluster has, or 1 for a new one.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=i64::from(local::MAX_NODES)))]
    pub(crate) nodes: Option<u8>,
    /// How many nodes KWOK plays: their pods are Running without any process. Without it: as many
    /// as the cluster has, or none for a new one.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(0..=5000))]
    pub(crate) fake_nodes: Option<u16>,
    /// What connects the pods. Without it: what connects them already, or `bridge` for a new cluster.
    #[arg(long, value_name = "NETWORK")]
    pub(crate) network: Option<Network>,
    /// Which version of Kubernetes the control plane speaks. Without it: what it speaks already, or `own` for a new
    /// cluster.
    #[arg(long, value_name = "VERSION")]
    pub(crate) speaks: Option<Speaks>,
    /// Give the cluster this as well; may be given more than once. It stays until `down`.
    #[arg(long, value_name = "PART")]
    pub(crate) with: Vec<Extra>,
    /// Install nothing: print the exact commands for what is missing, and end with exit code 2.
    #[arg(long)]
    pub(crate) no_install: bool,
    /// What runs the cluster. Without it: what runs it already, or `local` for a new one.
    #[arg(long, value_name = "BACKEND")]
    pub(crate) cluster: Option<Backend>,
    /// The context of the kubeconfig to use; needed with `--cluster current`, and only there.
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// The cluster's name: clusters of different names can be up at the same time.
    #[arg(long, value_name = "NAME", default_value = super::DEFAULT_NAME)]
    pub(crate) name: String,
}

impl UpArgs {
    /// The arguments of `cargo xtask up --name NAME` without any other.
    pub(crate) fn named(name: &str) -> Self {
        Self {
            nodes: None,
            fake_nodes: None,
            network: None,
            speaks: None,
            with: Vec::new(),
            no_install: false,
            cluster: None,
            context: None,
            name: name.to_owned(),
        }
    }
}

/// Arguments of `cargo xtask down`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct DownArgs {
    /// The cluster's name.
    #[arg(long, value_name = "NAME", default_value = super::DEFAULT_NAME)]
    pub(crate) name: String,
}

/// Arguments of `cargo xtask status`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct StatusArgs {
    /// The cluster's name.
    #[arg(long, value_name = "NAME", default_value = super::DEFAULT_NAME)]
    pub(crate) name: String,
}

/// Arguments of `cargo xtask kubeconfig`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct KubeconfigArgs {
    /// The cluster's name.
    #[arg(long, value_name = "NAME", default_value = super::DEFAULT_NAME)]
    pub(crate) name: String,
}

/// Arguments of `cargo xtask control`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ControlArgs {
    /// The cluster's name.
    #[arg(long, value_name = "NAME", default_value = super::DEFAULT_NAME)]
    pub(crate) name: String,
    #[command(subcommand)]
    pub(crate) action: ControlAction,
}

/// What `cargo xtask control` does.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum ControlAction {
    /// Stop a process: etcd, apiserver, controller-manager or scheduler.
    Stop {
        /// Its name.
        process: String,
    },
    /// Start what doesn't run, and wait until the API server is ready.
    Start,
}

/// Makes the cluster, or brings it back to what was asked for, and returns when it is usable. Does
/// nothing when it is.
///
/// # Errors
/// The arguments contradict each other or what there is, something is missing on this machine, or a
/// part of the cluster does not come up.
pub(crate) fn up(args: &UpArgs) -> Result<Target> {
    let folder = paths::cluster(&args.name)?;
    let present = Record::read(&folder)?;
    let backend = backend(args, present.as_ref())?;
    match backend {
        Backend::Local => local::up(args)?,
        Backend::Kind => kind::up(args, &folder)?,
        Backend::Current => current::up(args, &folder)?,
    }
    Target::open(&args.name)
}

/// Removes the cluster and everything that belongs to it but the cache. Nothing happens when there
/// is no such cluster. A cluster of the backend `current` is only forgotten.
///
/// # Errors
/// Something of it can't be removed.
pub(crate) fn down(args: &DownArgs) -> Result<()> {
    let folder = paths::cluster(&args.name)?;
    if !folder.exists() {
        eprintln!("down: there is no cluster {:?}", args.name);
        return Ok(());
    }
    // Where the record is gone or damaged only a local cluster can have left anything.
    match Record::read(&folder)
        .ok()
        .flatten()
        .map(|record| record.backend)
    {
        Some(Backend::Kind) => kind::down(&args.name, &folder),
        Some(Backend::Current) => forget(&folder),
        Some(Backend::Local) | None => local::down(&args.name),
    }
}

/// Prints the health of each part of the cluster as a table.
///
/// # Errors
/// There is no such cluster, or it can't be asked at all. The exit code is 1 when a part is not
/// healthy.
pub(crate) fn status(args: &StatusArgs) -> Result<ExitCode> {
    let target = Target::open(&args.name)?;
    match target.backend() {
        Backend::Local => local::status(&target),
        Backend::Kind | Backend::Current => current::status(&target),
    }
}

/// Stops or starts parts of the control plane of a local cluster.
///
/// # Errors
/// The cluster is not a local one, or a process doesn't stop or start.
pub(crate) fn control(args: &ControlArgs) -> Result<()> {
    let target = Target::open(&args.name)?;
    if target.backend() != Backend::Local {
        bail!(
            "cluster {:?} is not run by this tool, so its parts can't be stopped",
            args.name
        );
    }
    match &args.action {
        ControlAction::Stop { process } => local::control::stop(&target, process),
        ControlAction::Start => local::control::start(&target),
    }
}

/// Prints the path of the cluster's kubeconfig.
///
/// # Errors
/// There is no such cluster.
pub(crate) fn kubeconfig(args: &KubeconfigArgs) -> Result<()> {
    println!("{}", Target::open(&args.name)?.kubeconfig().display());
    Ok(())
}

/// Removes what is written down about a cluster that something else runs.
pub(super) fn forget(folder: &std::path::Path) -> Result<()> {
    let _lock = record::lock(folder)?;
    Ok(std::fs::remove_dir_all(folder)?)
}

/// What is to run the cluster, from what is asked for and what there is.
fn backend(args: &UpArgs, present: Option<&Record>) -> Result<Backend> {
    let wanted = args
        .cluster
        .or(present.map(|record| record.backend))
        .unwrap_or(Backend::Local);
    if let Some(record) = present.filter(|record| record.backend != wanted) {
        bail!(
            "cluster {name:?} is up already, run by {:?}: `cargo xtask down --name {name}` first, or \
             choose another --name",
            record.backend,
            name = args.name
        );
    }
    let context = args
        .context
        .as_ref()
        .or(present.and_then(|record| record.context.as_ref()));
    match wanted {
        Backend::Current if context.is_none() => bail!(
            "--cluster current needs --context NAME as well, so that no cluster is changed by \
             accident; `kubectl config get-contexts` lists the names"
        ),
        Backend::Local | Backend::Kind if args.context.is_some() => {
            bail!("--context goes with --cluster current only")
        }
        Backend::Kind | Backend::Current if is_shaped(args) => {
            bail!("--network, --speaks and --with go with --cluster local only")
        }
        _ => Ok(wanted),
    }
}

/// Whether they ask for what only a local cluster has.
fn is_shaped(args: &UpArgs) -> bool {
    args.network.is_some() || args.speaks.is_some() || !args.with.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(cluster: Option<Backend>, context: Option<&str>) -> UpArgs {
        UpArgs {
            cluster,
            context: context.map(str::to_owned),
            ..UpArgs::named("restapi")
        }
    }

    fn record(backend: Backend, context: Option<&str>) -> Record {
        Record::foreign(backend, 1, context.map(str::to_owned))
    }

    #[test]
    fn a_new_cluster_is_local_and_an_old_one_stays_what_it_is() {
        assert_eq!(backend(&args(None, None), None).unwrap(), Backend::Local);
        let kind = record(Backend::Kind, None);
        assert_eq!(
            backend(&args(None, None), Some(&kind)).unwrap(),
            Backend::Kind
        );
        let current = record(Backend::Current, Some("dev"));
        assert_eq!(
            backend(&args(None, None), Some(&current)).unwrap(),
            Backend::Current
        );
    }

    #[test]
    fn the_current_cluster_is_used_only_by_name() {
        let error = backend(&args(Some(Backend::Current), None), None)
            .unwrap_err()
            .to_string();
        assert!(error.contains("--context NAME"), "{error}");
        let named = args(Some(Backend::Current), Some("dev"));
        assert_eq!(backend(&named, None).unwrap(), Backend::Current);
    }

    #[test]
    fn a_context_alone_is_refused() {
        assert!(backend(&args(None, Some("dev")), None).is_err());
    }

    #[test]
    fn only_the_local_cluster_has_a_choice_of_network_and_parts() {
        let network = UpArgs {
            network: Some(Network::Cilium),
            ..args(Some(Backend::Kind), None)
        };
        assert!(backend(&network, None).is_err());
        let registry = UpArgs {
            with: vec![Extra::Registry],
            ..args(None, None)
        };
        assert_eq!(backend(&registry, None).unwrap(), Backend::Local);
    }

    #[test]
    fn a_running_cluster_does_not_change_what_runs_it() {
        let local = record(Backend::Local, None);
        let error = backend(&args(Some(Backend::Kind), None), Some(&local))
            .unwrap_err()
            .to_string();
        assert!(error.contains("cargo xtask down --name restapi"), "{error}");
    }
}
