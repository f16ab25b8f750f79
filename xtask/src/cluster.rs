//! The cluster that the commands work on: one that is made on this machine (`local`), one of kind's
//! (`kind`), or one that is there already (`current`).

mod commands;
mod current;
mod kind;
pub(crate) mod local;
mod record;
mod target;

pub(crate) use commands::{
    ControlArgs, DownArgs, KubeconfigArgs, StatusArgs, UpArgs, control, down, kubeconfig, status,
    up,
};
#[cfg(test)]
pub(crate) use record::Backend;
pub(crate) use record::{Extra, Network, Speaks};
pub(crate) use target::Target;

/// The name of the cluster that commands mean when none is given.
pub(crate) const DEFAULT_NAME: &str = "restapi";
