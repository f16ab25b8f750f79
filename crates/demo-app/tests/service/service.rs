//! Starting roles in this process.

use std::net::{Ipv4Addr, SocketAddr};

use clap::Parser;
use demo_app::args::Args;
use demo_app::instance::Instance;
use tempfile::TempDir;

/// Arguments of a role that listens on any free port of the loopback interface.
pub(crate) fn args(role: &str, more: &[&str]) -> Args {
    let pod = format!("{role}-pod");
    let common = [
        "demo-app",
        "--role",
        role,
        "--address",
        "127.0.0.1",
        "--port",
        "0",
        "--pod",
    ];
    let all = common
        .into_iter()
        .chain([pod.as_str(), "--drain-ms", "0"])
        .chain(more.iter().copied());
    Args::try_parse_from(all).unwrap()
}

/// Starts one role.
pub(crate) async fn start(role: &str, more: &[&str]) -> Instance {
    Instance::start(args(role, more)).await.unwrap()
}

/// An address as a peer's variable holds it.
pub(crate) fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

/// An address of this machine on which nobody listens.
pub(crate) async fn closed_address() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .unwrap();
    listener.local_addr().unwrap()
}

/// All four roles, each told about the next.
pub(crate) struct Service {
    pub(crate) view: Instance,
    pub(crate) controller: Instance,
    pub(crate) model: Instance,
    pub(crate) repository: Instance,
    _data: TempDir,
}

/// What the roles are started with, besides their peers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Options<'a> {
    pub(crate) all: &'a [&'a str],
    pub(crate) controller: &'a [&'a str],
    pub(crate) model: &'a [&'a str],
    pub(crate) repository: &'a [&'a str],
}

impl Service {
    /// Starts a service with nothing special.
    pub(crate) async fn plain() -> Self {
        Self::start(Options::default()).await
    }

    pub(crate) async fn start(options: Options<'_>) -> Self {
        let data = tempfile::tempdir().unwrap();
        let directory = data.path().to_str().unwrap();
        let with = |more: &[_]| [options.all, more].concat();
        let (all, more) = (with(&[]), with(options.repository));
        let repository = launch("repository", ["--data-dir", directory], &more).await;
        let (peer, more) = (url(repository.address()), with(options.model));
        let model = launch("model", ["--repository-url", &peer], &more).await;
        let (peer, more) = (url(model.address()), with(options.controller));
        let controller = launch("controller", ["--model-url", &peer], &more).await;
        let peer = url(controller.address());
        let view = launch("view", ["--controller-url", &peer], &all).await;
        Self {
            view,
            controller,
            model,
            repository,
            _data: data,
        }
    }
}

/// Starts one role as part of the blue environment, unless `more` says otherwise.
async fn launch(role: &str, needed: [&str; 2], more: &[&str]) -> Instance {
    let blue = ["--environment", "blue", "--revision", "r1"];
    start(role, &[&needed[..], &blue, more].concat()).await
}
