//! `cargo xtask deploy`: the CRD and the managers, from `kustomize/`, with the images built last.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::cluster::Target;
use crate::images::Record;
use crate::kustomization::{self, Overlay, Replacement};
use crate::surroundings::{self, Surrounding};
use crate::ui::Progress;
use crate::{artifacts, paths};

/// The binaries that run in the cluster as managers.
pub(crate) const MANAGERS: &[&str] = &["core-reconciler", "bluegreen-manager"];

/// How long the API server may take to serve the custom resource.
const ESTABLISHED: Duration = Duration::from_secs(30);

/// The namespace of the managers, as `kustomize/crd` has it.
pub(crate) const NAMESPACE: &str = "restapi-system";

/// Arguments of `cargo xtask deploy`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// How many seconds the managers may take to become available.
    #[arg(long, value_name = "SECONDS", default_value_t = 180)]
    pub(crate) timeout: u32,

    /// Install this too, and have the managers use it; may be given more than once.
    #[arg(long, value_enum)]
    pub(crate) with: Vec<Surrounding>,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            timeout: 180,
            with: Vec::new(),
        }
    }
}

/// Applies the CRD and the managers, and waits until every manager is available.
///
/// # Errors
/// When an image was not built or is not on the nodes, the API server refuses something, or a manager
/// does not become available in time.
pub(crate) fn run(target: &Target, args: &Args) -> Result<()> {
    let progress = Progress::with_total("deploy", 3 + args.with.len());
    progress.step("custom resource definition", || install_crd(target))?;
    for surrounding in &args.with {
        progress.step(&format!("{surrounding:?}"), || {
            surroundings::install(target, *surrounding, args.timeout)
        })?;
    }
    progress.step("managers", || {
        let manifest = manifest(target, &Record::read()?, &args.with)?;
        apply(target, &manifest)
    })?;
    progress.step("waiting for the managers", || wait(target, args.timeout))
}

/// Applies `kustomize/crd` and waits until the API server serves the resource.
///
/// # Errors
/// When the API server refuses it or doesn't serve it within 30 s.
pub(crate) fn install_crd(target: &Target) -> Result<()> {
    apply(target, &kustomization::build(&folder("crd"))?)?;
    let wait = target
        .kubectl()
        .args(["wait", "--for=condition=Established", "--timeout=30s"])
        .arg("customresourcedefinition/restapis.restapi.dev");
    // kubectl gives up at once on a definition that has no status yet.
    let deadline = Instant::now() + ESTABLISHED;
    while let Err(error) = wait.run() {
        if Instant::now() >= deadline {
            return Err(error);
        }
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// Applies a manifest on the server's side, as one field manager that owns all of it.
///
/// # Errors
/// When the API server refuses it.
pub(crate) fn apply(target: &Target, manifest: &str) -> Result<()> {
    target
        .kubectl()
        .args(["apply", "--server-side", "--force-conflicts"])
        .args(["--field-manager=restapi-deploy", "--filename=-"])
        .stdin(manifest)
        .run()
}

/// The managers as they are to be applied.
fn manifest(target: &Target, record: &Record, with: &[Surrounding]) -> Result<String> {
    let references = MANAGERS
        .iter()
        .map(|manager| record.reference(manager))
        .collect::<Result<Vec<_>>>()?;
    let (base, prefix) = overlay_for(&references)?;
    let mut images = Vec::new();
    for (manager, reference) in MANAGERS.iter().zip(references) {
        if is_local(reference) && !target.has_image(reference)? {
            bail!("{reference} is not on every node of the cluster: run `cargo xtask images`");
        }
        images.push(Replacement {
            name: format!("{prefix}/{manager}"),
            reference: reference.to_owned(),
        });
    }
    let overlay = Overlay {
        resources: vec![folder(base)],
        components: with.iter().map(|it| it.component()).collect(),
        images,
        patches: Vec::new(),
    };
    let _lock = artifacts::lock("deploy")?;
    overlay.build(&artifacts::folder().join("deploy"))
}

/// The overlay for managers of these images, and what it calls images by. Those that were loaded into the nodes
/// take `local`, which pulls nothing; those that were pushed take `all`.
///
/// # Errors
/// When there are both: `local` would not pull, and `all` would pull what no registry has.
fn overlay_for(references: &[&str]) -> Result<(&'static str, &'static str)> {
    let local = references.iter().filter(|reference| is_local(reference));
    match local.count() {
        0 => Ok(("overlays/all", "restapi")),
        all if all == references.len() => Ok(("overlays/local", "localhost/restapi")),
        _ => bail!(
            "some images were loaded into the nodes and some were pushed ({}): run `cargo xtask images` for all",
            references.join(", ")
        ),
    }
}

/// Whether an image is one of those that are loaded into the nodes and can't be pulled.
pub(crate) fn is_local(reference: &str) -> bool {
    reference.starts_with("localhost/")
}

fn folder(name: &str) -> PathBuf {
    paths::repository().join("kustomize").join(name)
}

fn wait(target: &Target, seconds: u32) -> Result<()> {
    for manager in MANAGERS {
        let available = wait_for(
            target,
            (NAMESPACE, &format!("deployment/{manager}")),
            seconds,
        );
        available.with_context(|| {
            format!(
                "{manager} is not available after {seconds} s.{}",
                why(target, manager)
            )
        })?;
    }
    Ok(())
}

/// Waits until a Deployment, by its namespace and name, is rolled out.
///
/// # Errors
/// When it is not within `seconds`.
pub(crate) fn wait_for(
    target: &Target,
    (namespace, workload): (&str, &str),
    seconds: u32,
) -> Result<()> {
    target
        .kubectl()
        .args(["--namespace", namespace, "rollout", "status"])
        .arg(workload)
        .arg(format!("--timeout={seconds}s"))
        .run()
}

/// What the pods and their logs say, for the error; empty when not even that can be had.
fn why(target: &Target, manager: &str) -> String {
    let selector = format!("--selector=app.kubernetes.io/name={manager}");
    let ask = |args: &[&str]| {
        target
            .kubectl()
            .args(["--namespace", NAMESPACE])
            .args(args)
            .arg(&selector)
            .read()
            .unwrap_or_default()
    };
    let pods = ask(&["get", "pods"]);
    let logs = ask(&["logs", "--tail=10", "--prefix"]);
    format!("\n{pods}\n{logs}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_images_named_localhost_are_never_pulled() {
        assert!(is_local("localhost/restapi/core-reconciler:0123"));
        assert!(!is_local("localhost:5000/core-reconciler:0123"));
        assert!(!is_local("registry.test/restapi/core-reconciler:0123"));
    }

    #[test]
    fn images_are_all_loaded_or_all_pushed() {
        let (loaded, pushed) = ("localhost/restapi/a:0123", "registry.test/b:0123");
        let overlay = |references: &[&str]| overlay_for(references).map(|(overlay, _)| overlay);
        assert_eq!(overlay(&[loaded, loaded]).unwrap(), "overlays/local");
        assert_eq!(overlay(&[pushed, pushed]).unwrap(), "overlays/all");
        let error = overlay(&[loaded, pushed]).unwrap_err().to_string();
        assert!(error.contains(pushed), "{error}");
    }

    #[test]
    fn every_manager_has_an_image_and_a_base() {
        for manager in MANAGERS {
            assert!(crate::images::WITH_IMAGE.contains(manager), "{manager}");
            assert!(
                folder(manager).join("kustomization.yaml").is_file(),
                "{manager}"
            );
        }
    }
}
