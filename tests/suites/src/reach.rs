//! Whether packets get from one place to another: tried for real, from inside of the pods' own networks.
//! The pod needs no program for it: its network is entered from the machine that the cluster runs on.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use nix::sched::{CloneFlags, setns};
use tokio::sync::oneshot;

use crate::wait::eventually;

/// How long an answer may take: more than the first repetition of a lost packet.
const LIMIT: Duration = Duration::from_millis(1500);

/// How long a network may take to enforce what was applied, with the machine busy.
const ENFORCED: Duration = Duration::from_secs(30);

/// Where packets come from.
#[derive(Clone, Debug)]
pub struct Source {
    /// What it is called in a table.
    pub name: String,
    /// Its network; none: the machine's own, outside of the cluster.
    network: Option<PathBuf>,
}

impl Source {
    /// The machine that the cluster runs on: no pod and no node.
    #[must_use]
    pub fn machine() -> Self {
        Self {
            name: "machine".to_owned(),
            network: None,
        }
    }

    /// A running pod.
    ///
    /// # Errors
    /// When no process of it is found: it doesn't run, or not on this machine.
    pub fn pod(name: &str, pod: &Pod) -> Result<Self> {
        let uid = pod.uid().context("a pod has a uid")?;
        let process = process(&uid)?;
        let process = process
            .with_context(|| format!("{} has no process on this machine", pod.name_any()))?;
        Ok(Self {
            name: name.to_owned(),
            network: Some(PathBuf::from(format!("/proc/{process}/ns/net"))),
        })
    }
}

/// Where packets go, and how it is asked.
#[derive(Clone, Debug)]
pub struct Target {
    /// What it is called in a table.
    pub name: String,
    /// Its address.
    pub address: SocketAddr,
    /// How it is asked.
    pub by: By,
}

/// How a target is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A TCP connection is opened.
    Tcp,
    /// A question to a name service is sent by UDP.
    Dns,
}

impl Target {
    /// A port that takes TCP connections, or refuses them where nobody listens.
    #[must_use]
    pub fn tcp(name: &str, address: SocketAddr) -> Self {
        Self {
            name: name.to_owned(),
            address,
            by: By::Tcp,
        }
    }

    /// A name service.
    #[must_use]
    pub fn dns(name: &str, address: SocketAddr) -> Self {
        Self {
            name: name.to_owned(),
            address,
            by: By::Dns,
        }
    }
}

/// What became of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There was an answer; that nobody listens is one too.
    Reached,
    /// There was none.
    Silent,
}

/// Tries every source with every target, all at the same time, until each pair is as `reaches` says, and once
/// more: what was allowed a moment too long or too short would be seen then.
///
/// # Errors
/// When that takes longer than 30 s, with the pairs that differ; when a source is gone.
pub async fn matrix(
    what: &str,
    sources: &[Source],
    targets: &[Target],
    reaches: impl Fn(&str, &str) -> bool,
) -> Result<()> {
    eventually(ENFORCED, what, async || {
        round(sources, targets, &reaches).await
    })
    .await?;
    let again = round(sources, targets, &reaches).await;
    again.with_context(|| format!("{what}: was so, and then not any more"))
}

async fn round(
    sources: &[Source],
    targets: &[Target],
    reaches: &impl Fn(&str, &str) -> bool,
) -> Result<()> {
    let pairs = sources
        .iter()
        .flat_map(|source| targets.iter().map(move |target| (source, target)));
    let tries = pairs.map(async |(source, target)| {
        let seen = attempt(source, target).await?;
        let expected = reaches(&source.name, &target.name);
        let as_expected = (seen == Outcome::Reached) == expected;
        let said = format!("{} → {} is {seen:?}", source.name, target.name);
        anyhow::Ok((!as_expected).then_some(said))
    });
    let wrong: Vec<String> = try_join_all(tries).await?.into_iter().flatten().collect();
    ensure!(wrong.is_empty(), "{}", wrong.join("; "));
    Ok(())
}

/// Tries one source with one target.
///
/// # Errors
/// When the source is gone, or the try fails in a way that says nothing about the target.
pub async fn attempt(source: &Source, target: &Target) -> Result<Outcome> {
    let (answer, answered) = oneshot::channel();
    let (network, name) = (source.network.clone(), source.name.clone());
    let (address, by) = (target.address, target.by);
    // A thread of its own, because it never leaves the network that it has entered.
    std::thread::spawn(move || {
        let entered = enter(network.as_deref());
        let outcome = entered.and_then(|()| match by {
            By::Tcp => connect(address),
            By::Dns => ask(address),
        });
        drop(answer.send(outcome));
    });
    let outcome = answered.await.map_err(|_| anyhow!("a try has panicked"))?;
    outcome.with_context(|| format!("{name} → {}", target.name))
}

fn enter(network: Option<&std::path::Path>) -> Result<()> {
    let Some(network) = network else {
        return Ok(());
    };
    let file = File::open(network).with_context(|| format!("opening {}", network.display()))?;
    Ok(setns(file, CloneFlags::CLONE_NEWNET)?)
}

fn connect(address: SocketAddr) -> Result<Outcome> {
    judged(TcpStream::connect_timeout(&address, LIMIT).map(drop))
}

fn ask(server: SocketAddr) -> Result<Outcome> {
    // "kubernetes.default.svc.cluster.local, type A, class IN", as RFC 1035 writes it.
    let mut question = vec![0x72, 0x70, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in ["kubernetes", "default", "svc", "cluster", "local"] {
        question.push(u8::try_from(label.len())?);
        question.extend_from_slice(label.as_bytes());
    }
    question.extend_from_slice(&[0, 0, 1, 0, 1]);
    let socket = UdpSocket::bind(("0.0.0.0", 0))?;
    socket.set_read_timeout(Some(LIMIT))?;
    judged(
        socket
            .connect(server)
            .and_then(|()| socket.send(&question))
            .and_then(|_| socket.recv(&mut [0; 512]))
            .map(drop),
    )
}

fn judged(result: io::Result<()>) -> Result<Outcome> {
    match result {
        Ok(()) => Ok(Outcome::Reached),
        Err(error) => match error.kind() {
            ErrorKind::ConnectionRefused => Ok(Outcome::Reached),
            ErrorKind::TimedOut | ErrorKind::WouldBlock => Ok(Outcome::Silent),
            _ => bail!(error),
        },
    }
}

/// A process of the pod: its control groups have the pod's uid in their names.
fn process(uid: &str) -> Result<Option<u32>> {
    let group = format!("/pod{uid}/");
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Ok(number) = name.to_string_lossy().parse::<u32>() else {
            continue;
        };
        // One that ends meanwhile is none.
        let groups = fs::read_to_string(format!("/proc/{number}/cgroup")).unwrap_or_default();
        if groups.contains(&group) {
            return Ok(Some(number));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[tokio::test]
    async fn a_port_is_reached_whether_somebody_listens_or_not() -> Result<()> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let target = Target::tcp("here", address);
        let machine = Source::machine();
        assert_eq!(attempt(&machine, &target).await?, Outcome::Reached);
        drop(listener);
        assert_eq!(attempt(&machine, &target).await?, Outcome::Reached);
        Ok(())
    }

    #[test]
    fn silence_is_told_from_errors_that_say_nothing() {
        let silent = judged(Err(ErrorKind::TimedOut.into()));
        assert_eq!(silent.unwrap(), Outcome::Silent);
        assert!(judged(Err(ErrorKind::PermissionDenied.into())).is_err());
    }
}
