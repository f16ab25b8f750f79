//! traefik on the host, which serves the cluster's Ingresses and Gateways at the cluster's address on
//! its bridge, and sends the requests on to pods.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::api::Api;
use super::layout::Layout;
use super::plan::Plan;
use super::process::{Daemon, wait_until};
use crate::http;
use crate::paths;
use crate::tools::{self, Tool};

/// The name of its process.
pub(super) const PROCESS: &str = "traefik";
/// The ports of plain requests, of encrypted ones, and of traefik's own health.
const HTTP: u16 = 8080;
const HTTPS: u16 = 8443;
const HEALTH: u16 = 8082;
/// The user of traefik among the cluster's certificates.
const USER: &str = "ingress";
/// The folder of the Gateway API's definitions among traefik's data.
const DEFINITIONS: &str = "standard";
/// How long it may take until it answers.
const READY: Duration = Duration::from_secs(30);

/// Where requests go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// Plain HTTP.
    pub(crate) http: SocketAddr,
    /// HTTPS.
    pub(crate) https: SocketAddr,
}

/// Applies the Gateway API's definitions and traefik's classes, and starts it unless it runs.
///
/// # Errors
/// The program can't be built or started, or doesn't answer in time.
pub(super) fn ensure(layout: &Layout, plan: Plan, api: &Api) -> Result<()> {
    apply_definitions(api)?;
    let program = tools::path(Tool::Traefik)?;
    let kubeconfig = layout.config(&format!("{USER}.conf"));
    let mut args = vec![
        format!("KUBECONFIG={}", kubeconfig.display()),
        program.display().to_string(),
    ];
    args.extend(arguments(plan));
    let traefik = Daemon {
        name: PROCESS.to_owned(),
        // It learns of its kubeconfig by the environment alone.
        program: paths::program("env").context("there is no `env`")?,
        args,
        namespace: None,
        inputs: vec![kubeconfig],
    };
    traefik.ensure(layout)?;
    let health = SocketAddr::from((plan.host(), HEALTH));
    let mut ended = Ok(());
    let answers = wait_until(READY, || {
        ended = traefik.check(layout);
        let answer = || http::get(health, "/ping", Duration::from_secs(1));
        ended.is_err() || answer().is_ok_and(|answer| answer.status == 200)
    });
    ended?;
    if !answers {
        bail!(
            "traefik does not answer, log: {}",
            layout.log(PROCESS).display()
        );
    }
    Ok(())
}

/// Where requests go.
pub(super) fn addresses(plan: Plan) -> Addresses {
    Addresses {
        http: SocketAddr::from((plan.host(), HTTP)),
        https: SocketAddr::from((plan.host(), HTTPS)),
    }
}

fn apply_definitions(api: &Api) -> Result<()> {
    let folder = tools::data(Tool::Traefik)?.join(DEFINITIONS);
    let mut documents = Vec::new();
    let entries = fs::read_dir(&folder);
    for entry in entries.with_context(|| format!("can't read {}", folder.display()))? {
        let text = fs::read_to_string(entry?.path())?;
        if text.contains("\nkind: CustomResourceDefinition\n") {
            documents.push(text);
        }
    }
    let file = paths::definitions().join("addons/traefik.yaml");
    let classes = fs::read_to_string(&file);
    api.apply(&documents.join("\n---\n"))
        .context("applying the Gateway API's definitions")?;
    let established = [
        "--for=condition=Established",
        "crd",
        "gatewayclasses.gateway.networking.k8s.io",
    ];
    api.wait(&established, READY, || Ok(()))?;
    api.apply(&classes.with_context(|| format!("can't read {}", file.display()))?)
        .context("applying traefik's classes")
}

fn arguments(plan: Plan) -> Vec<String> {
    let host = plan.host();
    let entry = |name: &str, port: u16| format!("--entryPoints.{name}.address={host}:{port}");
    vec![
        entry("web", HTTP),
        entry("websecure", HTTPS),
        entry("health", HEALTH),
        "--entryPoints.websecure.http.tls=true".into(),
        "--ping=true".into(),
        "--ping.entryPoint=health".into(),
        "--providers.kubernetesIngress=true".into(),
        format!("--providers.kubernetesIngress.ingressEndpoint.ip={host}"),
        "--providers.kubernetesGateway=true".into(),
        format!("--providers.kubernetesGateway.statusAddress.ip={host}"),
        "--global.checkNewVersion=false".into(),
        "--global.sendAnonymousUsage=false".into(),
        "--log.level=INFO".into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_listens_on_the_clusters_own_address_only() {
        let args = arguments(Plan::new(2));
        let entries: Vec<_> = args
            .iter()
            .filter(|arg| arg.contains(".address="))
            .collect();
        assert_eq!(entries.len(), 3);
        assert!(
            entries.iter().all(|entry| entry.contains("=172.30.2.1:")),
            "{entries:?}"
        );
        assert_eq!(addresses(Plan::new(2)).http.to_string(), "172.30.2.1:8080");
    }
}
