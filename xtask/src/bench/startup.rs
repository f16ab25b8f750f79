//! `bench startup`: how long people wait before they see something.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};

use super::figures::Figure;
use super::manager;
use crate::cluster::UpArgs;
use crate::own_cluster::{self, Keep, OwnCluster};
use crate::{artifacts, deploy, images, myself};

const MIB: f64 = 1024.0 * 1024.0;

/// Arguments of `cargo xtask bench startup`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Measure the first start as well, with empty caches: downloads and builds everything, in minutes.
    #[arg(long)]
    pub(crate) bare: bool,

    /// How often the manager is started; the figure is the median.
    #[arg(long, value_name = "TIMES", default_value_t = 9)]
    pub(crate) manager_runs: usize,
}

/// Measures on a cluster of its own, with one node.
///
/// # Errors
/// When a command that is measured fails.
pub(super) fn run(args: &Args) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    if args.bare {
        figures.push(Figure::new("up_bare_s", bare()?, "s"));
    }
    // The caches hold everything from here on, whatever they held before.
    let name = own_cluster::name("bench");
    OwnCluster::up(&UpArgs::named(&name), Keep::No)?.down()?;
    let up = myself::command(&["up", "--name", &name])?;
    let down = myself::command(&["down", "--name", &name])?;
    figures.push(Figure::new("up_cached_s", seconds(|| up.run())?, "s"));
    let cluster = OwnCluster::take_over(&name)?;
    figures.push(Figure::new("up_running_s", seconds(|| up.run())?, "s"));
    deploy::install_crd(cluster.target())?;
    let ready = manager::ready_ms(cluster.target(), args.manager_runs)?;
    figures.push(Figure::new("manager_ready_ms", ready, "ms"));
    cluster.release();
    figures.push(Figure::new("down_s", seconds(|| down.run())?, "s"));
    figures.push(Figure::new("image_mib_max", largest_image_mib()?, "MiB"));
    Ok(figures)
}

/// `up` with every cache empty. Packages of the system that are there already stay.
fn bare() -> Result<f64> {
    let name = own_cluster::name("bench");
    let down = myself::command(&["down", "--name", &name])?;
    down.run()?;
    let caches = artifacts::folder().join("bench/bare");
    remove(&caches)?;
    let up = myself::command(&["up", "--name", &name])?
        .env("RESTAPI_CACHE", caches.join("programs"))
        .env("GOCACHE", caches.join("go-build"))
        .env("GOMODCACHE", caches.join("go-modules"))
        // Go makes its modules read-only, and then they can't be removed.
        .env("GOFLAGS", "-modcacherw");
    let took = seconds(|| up.run());
    down.run()?;
    remove(&caches)?;
    took
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("removing {}", folder.display()))?;
    }
    Ok(())
}

fn seconds(what: impl FnOnce() -> Result<()>) -> Result<f64> {
    let begin = Instant::now();
    what()?;
    Ok(begin.elapsed().as_secs_f64())
}

#[expect(
    clippy::cast_precision_loss,
    reason = "an image of 2^53 bytes is not to be expected"
)]
fn largest_image_mib() -> Result<f64> {
    let mut largest = 0;
    for image in images::build(images::WITH_IMAGE, false)? {
        let size = fs::metadata(&image.archive)
            .with_context(|| format!("measuring {}", image.archive.display()))?
            .len();
        largest = largest.max(size);
    }
    Ok(largest as f64 / MIB)
}
