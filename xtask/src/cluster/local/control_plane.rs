//! The control plane: etcd, the API server, the controller manager and the scheduler, as processes
//! of the host that listen on the cluster's bridge.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::api::Api;
use super::layout::Layout;
use super::plan::Plan;
use super::process::{self, Daemon, wait_until};
use crate::cluster::record::Speaks;
use crate::tools::{self, Tool};

/// The names of the processes, in the order in which they start.
pub(super) const PROCESSES: [&str; 4] = ["etcd", "apiserver", "controller-manager", "scheduler"];

/// How long the API server may take until it answers.
const READY: Duration = Duration::from_mins(1);
/// The requests per second, and at once, that the controller manager and the scheduler may make:
/// their defaults (20 and 50) would be what every measurement measures.
const CLIENT_RATE: [&str; 2] = ["--kube-api-qps=1000", "--kube-api-burst=2000"];

/// Starts etcd and the API server unless they run.
///
/// # Errors
/// A program can't be built or started.
pub(super) fn start_store_and_api(layout: &Layout, plan: Plan, speaks: Speaks) -> Result<()> {
    etcd(layout, plan)?.ensure(layout)?;
    api_server(layout, plan, speaks)?.ensure(layout)?;
    Ok(())
}

/// Waits until the API server is ready.
///
/// # Errors
/// It or etcd ends, or it isn't ready in time: the error names the log.
pub(super) fn wait_for_api(layout: &Layout, plan: Plan, api: &Api) -> Result<()> {
    let address = SocketAddr::from((plan.host(), 6443));
    let mut ended = Ok(());
    let ready = wait_until(READY, || {
        ended = process::check(layout, "etcd").and_then(|()| process::check(layout, "apiserver"));
        // Trying the port costs nothing; asking costs a process.
        let open = || TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok();
        ended.is_err() || (open() && api.is_ready())
    });
    ended.context("the control plane does not start")?;
    if !ready {
        let log = layout.log("apiserver");
        bail!(
            "the API server is not ready after {} s, log: {}",
            READY.as_secs(),
            log.display()
        );
    }
    Ok(())
}

/// Starts the controller manager and the scheduler unless they run; the API server must be ready.
///
/// # Errors
/// A program can't be built or started.
pub(super) fn start_controllers(layout: &Layout, plan: Plan, speaks: Speaks) -> Result<()> {
    controller_manager(layout, plan, speaks)?.ensure(layout)?;
    scheduler(layout, plan, speaks)?.ensure(layout)?;
    Ok(())
}

fn etcd(layout: &Layout, plan: Plan) -> Result<Daemon> {
    let (clients, peers) = (
        format!("https://{}:2379", plan.host()),
        format!("https://{}:2380", plan.host()),
    );
    let mut args = vec![
        "--name=restapi".to_owned(),
        format!("--data-dir={}", layout.etcd().display()),
        // A crash of the machine may cost the cluster; nothing else here waits for the disk either.
        "--unsafe-no-fsync".to_owned(),
        format!("--listen-client-urls={clients}"),
        format!("--advertise-client-urls={clients}"),
        format!("--listen-peer-urls={peers}"),
        format!("--initial-advertise-peer-urls={peers}"),
        format!("--initial-cluster=restapi={peers}"),
        "--client-cert-auth".to_owned(),
        "--peer-client-cert-auth".to_owned(),
        "--log-level=warn".to_owned(),
    ];
    for prefix in ["", "peer-"] {
        args.push(file(layout, &format!("{prefix}trusted-ca-file"), "ca.crt"));
        args.push(file(layout, &format!("{prefix}cert-file"), "etcd.crt"));
        args.push(file(layout, &format!("{prefix}key-file"), "etcd.key"));
    }
    daemon(layout, "etcd", Tool::Etcd, args)
}

fn api_server(layout: &Layout, plan: Plan, speaks: Speaks) -> Result<Daemon> {
    let host = plan.host();
    let mut args: Vec<String> = vec![
        format!("--etcd-servers=https://{host}:2379"),
        format!("--bind-address={host}"),
        format!("--advertise-address={host}"),
        "--secure-port=6443".into(),
        format!("--cert-dir={}", layout.config("").display()),
        format!("--service-cluster-ip-range={}", plan.services()),
        "--service-account-issuer=https://kubernetes.default.svc".into(),
        "--authorization-mode=Node,RBAC".into(),
        "--enable-admission-plugins=NodeRestriction".into(),
        "--allow-privileged=true".into(),
        // Names of nodes resolve nowhere: logs, exec and proxies go by address.
        "--kubelet-preferred-address-types=InternalIP".into(),
        "--requestheader-allowed-names=admin".into(),
        "--requestheader-extra-headers-prefix=X-Remote-Extra-".into(),
        "--requestheader-group-headers=X-Remote-Group".into(),
        "--requestheader-username-headers=X-Remote-User".into(),
        // The API server is not in a pod network of its own: aggregated APIs go by endpoint.
        "--enable-aggregator-routing=true".into(),
    ];
    let files = [
        ("etcd-cafile", "ca.crt"),
        ("etcd-certfile", "etcd.crt"),
        ("etcd-keyfile", "etcd.key"),
        ("tls-cert-file", "apiserver.crt"),
        ("tls-private-key-file", "apiserver.key"),
        ("client-ca-file", "ca.crt"),
        ("service-account-key-file", "sa.pub"),
        ("service-account-signing-key-file", "sa.key"),
        ("kubelet-client-certificate", "admin.crt"),
        ("kubelet-client-key", "admin.key"),
        ("requestheader-client-ca-file", "ca.crt"),
        ("proxy-client-cert-file", "admin.crt"),
        ("proxy-client-key-file", "admin.key"),
    ];
    args.extend(files.iter().map(|(flag, name)| file(layout, flag, name)));
    args.extend(speaks.with_addresses());
    daemon(layout, "apiserver", Tool::ApiServer, args)
}

fn controller_manager(layout: &Layout, plan: Plan, speaks: Speaks) -> Result<Daemon> {
    let mut args = client(layout, plan, "controller-manager");
    args.extend([
        "--use-service-account-credentials".to_owned(),
        file(layout, "service-account-private-key-file", "sa.key"),
        file(layout, "root-ca-file", "ca.crt"),
        file(layout, "cluster-signing-cert-file", "ca.crt"),
        file(layout, "cluster-signing-key-file", "ca.key"),
        // The nodes' ranges follow from the address plan.
        "--allocate-node-cidrs=false".to_owned(),
    ]);
    args.extend(speaks.with_controllers());
    daemon(layout, "controller-manager", Tool::ControllerManager, args)
}

fn scheduler(layout: &Layout, plan: Plan, speaks: Speaks) -> Result<Daemon> {
    let mut args = client(layout, plan, "scheduler");
    args.extend(speaks.args());
    daemon(layout, "scheduler", Tool::Scheduler, args)
}

/// What the two have in common. There is one of each, so nobody is elected.
fn client(layout: &Layout, plan: Plan, name: &str) -> Vec<String> {
    let config = layout.config(&format!("{name}.conf"));
    let config = config.display();
    let mut args = vec![
        format!("--kubeconfig={config}"),
        format!("--authentication-kubeconfig={config}"),
        format!("--authorization-kubeconfig={config}"),
        format!("--bind-address={}", plan.host()),
        format!("--cert-dir={}", layout.config("").display()),
        "--leader-elect=false".to_owned(),
    ];
    args.extend(CLIENT_RATE.map(str::to_owned));
    args
}

fn file(layout: &Layout, flag: &str, name: &str) -> String {
    format!("--{flag}={}", layout.pki(name).display())
}

fn daemon(layout: &Layout, name: &str, tool: Tool, args: Vec<String>) -> Result<Daemon> {
    Ok(Daemon {
        name: name.to_owned(),
        program: tools::path(tool)?,
        args,
        namespace: None,
        inputs: vec![layout.pki("ca.crt")],
    })
}
