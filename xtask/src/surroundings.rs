//! What runs beside the managers, from `deploy/`: each is a kustomization that applies alone. A cluster whose nodes can
//! pull nothing gets the programs as images that are made here.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::cluster::Target;
use crate::kustomization::{Overlay, Replacement};
use crate::run::Cmd;
use crate::tools::Tool;
use crate::{artifacts, deploy, paths};

/// Where Jaeger takes spans.
pub(crate) const OTLP: &str = "http://jaeger.observability.svc:4317";

/// Something that runs beside the managers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Surrounding {
    /// Jaeger, to which the managers then export traces.
    Jaeger,
    /// Prometheus, which then collects the metrics of managers and applications, and evaluates the alerts.
    Prometheus,
    /// NATS, over which the managers then tell each other events.
    Nats,
}

impl Surrounding {
    /// All that there are.
    pub(crate) const ALL: [Self; 3] = [Self::Jaeger, Self::Prometheus, Self::Nats];

    const fn name(self) -> &'static str {
        match self {
            Self::Jaeger => "jaeger",
            Self::Prometheus => "prometheus",
            Self::Nats => "nats",
        }
    }

    /// Where it runs.
    const fn namespace(self) -> &'static str {
        match self {
            Self::Jaeger | Self::Prometheus => "observability",
            Self::Nats => "nats",
        }
    }

    /// What its pods are made by.
    const fn workload(self) -> &'static str {
        match self {
            Self::Jaeger | Self::Prometheus => "deployment",
            Self::Nats => "statefulset",
        }
    }

    /// What the manifests call its image.
    const fn image(self) -> &'static str {
        match self {
            Self::Jaeger => "jaegertracing/jaeger",
            Self::Prometheus => "prom/prometheus",
            Self::Nats => "nats",
        }
    }

    const fn tool(self) -> Tool {
        match self {
            Self::Jaeger => Tool::Jaeger,
            Self::Prometheus => Tool::Prometheus,
            Self::Nats => Tool::NatsServer,
        }
    }

    /// What has the managers use it.
    pub(crate) fn component(self) -> PathBuf {
        let name = match self {
            Self::Jaeger => "tracing",
            Self::Prometheus => "monitoring",
            Self::Nats => "events",
        };
        paths::repository().join("kustomize/components").join(name)
    }

    fn folder(self) -> PathBuf {
        paths::repository().join("deploy").join(self.name())
    }
}

/// Applies it, and waits until it is available.
///
/// # Errors
/// When its program can't be built, the API server refuses something, or it does not become available within
/// `seconds`.
pub(crate) fn install(target: &Target, surrounding: Surrounding, seconds: u32) -> Result<()> {
    let manifest = manifest(target, surrounding)?;
    deploy::apply(target, &manifest)?;
    if surrounding == Surrounding::Nats {
        certificates(target)?;
    }
    let name = surrounding.name();
    let workload = format!("{}/{name}", surrounding.workload());
    deploy::wait_for(target, (surrounding.namespace(), &workload), seconds)
        .with_context(|| format!("{name} is not available after {seconds} s"))
}

/// Makes the certificates of NATS and of those who connect to it, unless there are some: with others, those who are
/// connected would be strangers.
fn certificates(target: &Target) -> Result<()> {
    let there = target
        .kubectl()
        .args(["--namespace", "nats", "get", "secret", "nats-tls"])
        .args(["--ignore-not-found", "--output=name"])
        .read()?;
    if !there.trim().is_empty() {
        return Ok(());
    }
    let secrets = plugin()
        .arg("certificates")
        .read()
        .context("making certificates")?;
    deploy::apply(target, &secrets)
}

/// Our own kubectl plugin, as it is in the repository.
pub(crate) fn plugin() -> Cmd {
    Cmd::new("cargo")
        .args(["run", "--quiet", "--package", "kubectl-restapi", "--"])
        .dir(paths::repository())
}

fn manifest(target: &Target, surrounding: Surrounding) -> Result<String> {
    let own = target.load_program(surrounding.tool(), "10001:10001")?;
    let images = own.map(|reference| Replacement {
        name: surrounding.image().to_owned(),
        reference,
    });
    let overlay = Overlay {
        resources: vec![surrounding.folder()],
        images: images.into_iter().collect(),
        ..Overlay::default()
    };
    let _lock = artifacts::lock("deploy")?;
    overlay.build(
        &artifacts::folder()
            .join("surroundings")
            .join(surrounding.name()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_kustomization_and_a_component() {
        for surrounding in Surrounding::ALL {
            for folder in [surrounding.folder(), surrounding.component()] {
                assert!(folder.join("kustomization.yaml").is_file(), "{folder:?}");
            }
        }
    }
}
