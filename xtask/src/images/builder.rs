//! The programs that can build a Dockerfile, and what each must be told.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Image;
use crate::run::Cmd;
use crate::tools::packages;

/// An image builder that works on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Builder {
    /// Needs no engine, and nothing of the system's storage is touched.
    Buildah,
    /// A program with an engine, or what behaves like one: `docker` or `podman`.
    Engine(&'static str),
}

impl Builder {
    /// The first that is there and answers; buildah is installed where there is none.
    ///
    /// # Errors
    /// When there is none and buildah can't be installed.
    pub(super) fn choose(no_install: bool) -> Result<Self> {
        if answers("buildah", "--version") {
            return Ok(Self::Buildah);
        }
        // `info` asks the engine; a client alone answers `--version` too.
        for engine in ["docker", "podman"] {
            if answers(engine, "info") {
                return Ok(Self::Engine(engine));
            }
        }
        packages::ensure(&["buildah"], no_install)
            .context("images need an image builder: install buildah, or start docker or podman")?;
        Ok(Self::Buildah)
    }

    /// Builds from the folder `context`, told `arguments`, into a docker-archive. `reference` is the name that
    /// the image has in it.
    ///
    /// # Errors
    /// When the program fails.
    pub(super) fn build(
        self,
        context: &Path,
        arguments: &[String],
        reference: &str,
        archive: &Path,
    ) -> Result<()> {
        let tag = format!("--tag={reference}");
        match self {
            Self::Buildah => {
                let storage = Storage::beside(archive);
                storage
                    .buildah()
                    .args(["bud", "--isolation", "chroot", "--timestamp", "0"])
                    .args(arguments)
                    .arg(tag)
                    .arg(context)
                    .run()?;
                let to = format!("docker-archive:{}:{reference}", archive.display());
                storage.buildah().args(["push", reference, &to]).run()?;
                storage.remove()
            }
            Self::Engine(engine) => {
                Cmd::new(engine)
                    .arg("build")
                    .args(arguments)
                    .arg(tag)
                    .arg(context)
                    .run()?;
                let to = format!("--output={}", archive.display());
                Cmd::new(engine).args(["save", &to, reference]).run()
            }
        }
    }

    /// Pushes the image in an archive to a registry, as `reference`.
    ///
    /// # Errors
    /// When the registry can't be reached or refuses the image.
    pub(super) fn push(self, image: &Image, reference: &str) -> Result<()> {
        let archive = image.archive.display();
        match self {
            Self::Buildah => {
                let storage = Storage::beside(&image.archive);
                storage
                    .buildah()
                    .args(["pull", &format!("docker-archive:{archive}")])
                    .run()?;
                storage
                    .buildah()
                    .args(["push", &image.reference, reference])
                    .run()?;
                storage.remove()
            }
            Self::Engine(engine) => {
                Cmd::new(engine)
                    .args(["load", &format!("--input={archive}")])
                    .run()?;
                Cmd::new(engine)
                    .args(["tag", &image.reference, reference])
                    .run()?;
                Cmd::new(engine).args(["push", reference]).run()
            }
        }
    }
}

/// Where buildah keeps what it works on: a folder of our own, so that nothing of the system's is touched.
struct Storage(PathBuf);

impl Storage {
    fn beside(archive: &Path) -> Self {
        Self(archive.with_extension("storage"))
    }

    fn buildah(&self) -> Cmd {
        Cmd::new("buildah")
            .args(["--storage-driver", "vfs"])
            .arg(format!("--root={}", self.0.join("root").display()))
            .arg(format!("--runroot={}", self.0.join("run").display()))
    }

    fn remove(self) -> Result<()> {
        fs::remove_dir_all(&self.0).with_context(|| format!("removing {}", self.0.display()))
    }
}

fn answers(program: &str, question: &str) -> bool {
    Cmd::new(program).arg(question).read().is_ok()
}
