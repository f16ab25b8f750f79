//! `cargo xtask demo`: from nothing to a request that goes through four pods, a rollout and a rollback.

mod full;
mod rollout;

use std::fs;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::cluster::{self, Target, UpArgs};
use crate::images::Record;
use crate::kustomization::Overlay;
use crate::surroundings::{self, Surrounding};
use crate::tools::{self, Tool};
use crate::ui::Progress;
use crate::{artifacts, chain, deploy, http, images, paths};

const NAMESPACE: &str = "default";
const NAME: &str = "orders";
/// A request that crosses all four components.
const PATH: &str = "/api/chain";
/// Long enough for a slow machine to pull nothing and start four pods.
const READY_SECONDS: u32 = 180;

/// How long nodes may take to route to the first pod of a Service.
const ROUTED: Duration = Duration::from_secs(10);

/// Arguments of `cargo xtask demo`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// The cluster to bring up or use.
    #[command(flatten)]
    pub(crate) up: UpArgs,

    /// Push the images to a registry as PREFIX/NAME:TAG: for `--cluster current`.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) push: Option<String>,

    /// Install Jaeger, Prometheus and NATS too, and show what each says of the rollout.
    #[arg(long)]
    pub(crate) full: bool,

    /// Leave this out; may be given more than once.
    #[arg(long, value_enum, requires = "full")]
    pub(crate) without: Vec<Surrounding>,
}

/// Brings the cluster up, builds and installs everything, applies the sample, and shows one request.
/// Leaves everything running; what is done already is not done again.
///
/// # Errors
/// When a step fails; a sample that doesn't become ready is explained by its own conditions.
pub(crate) fn run(args: &Args) -> Result<()> {
    let target = &cluster::up(&args.up)?;
    let images = images::Args {
        only: Vec::new(),
        push: args.push.clone(),
        no_install: args.up.no_install,
    };
    images::run(target, &images)?;
    let with = full::installed(args.full, &args.without);
    let deploy = deploy::Args {
        with: with.clone(),
        ..deploy::Args::default()
    };
    deploy::run(target, &deploy)?;
    let has_prometheus = with.contains(&Surrounding::Prometheus);
    let progress = Progress::with_total("demo", 3 + usize::from(has_prometheus));
    progress.step("sample: orders", || apply_sample(target, &with))?;
    progress.step("waiting until it is ready", || wait(target))?;
    let answer = answered(target)?;
    if has_prometheus {
        let what = "waiting until Prometheus collects from the managers";
        progress.step(what, || full::collecting(target))?;
    }
    let rolled = progress.step("a blue/green rollout, and its rollback", || {
        let collected = full::collected(&with);
        let rolled = rollout::run(target, reachable(target)?, collected)?;
        wait(target).map(|()| rolled)
    })?;
    println!("\n{}", shown(target)?);
    println!("\nGET {PATH} of the view went through these pods:\n");
    print!("{}", chain::table(&chain::hops(&answer)?));
    println!("\nBlue/green: {}", rolled.told);
    full::show(target, &with, &rolled.trace)?;
    print!("{}", next(target)?);
    Ok(())
}

/// The sample as it is checked in, with the image that was just built; where there is Jaeger, it exports its traces there.
fn apply_sample(target: &Target, with: &[Surrounding]) -> Result<()> {
    let record = Record::read()?;
    let image = record.reference("demo-app")?;
    let _lock = artifacts::lock("demo")?;
    let folder = artifacts::folder().join("demo");
    // kustomize reads files of its own folder only.
    let sample = paths::repository().join("deploy/samples/orders.yaml");
    let text =
        fs::read_to_string(&sample).with_context(|| format!("reading {}", sample.display()))?;
    let copy = folder.join("orders.yaml");
    artifacts::write(&copy, &text)?;
    let mut patch = vec![json!({"op": "replace", "path": "/spec/image", "value": image})];
    if with.contains(&Surrounding::Jaeger) {
        let endpoint = json!({"OTEL_EXPORTER_OTLP_ENDPOINT": surroundings::OTLP});
        patch.push(json!({"op": "add", "path": "/spec/envVars", "value": endpoint}));
    }
    let overlay = Overlay {
        resources: vec![copy],
        patches: vec![("RestAPI".to_owned(), Value::Array(patch))],
        ..Overlay::default()
    };
    deploy::apply(target, &overlay.build(&folder)?)
}

fn wait(target: &Target) -> Result<()> {
    let resource = format!("restapi/{NAME}");
    let kubectl = || target.kubectl().args(["--namespace", NAMESPACE]);
    // The condition of an earlier generation says nothing about what was just applied.
    let generation = kubectl()
        .args(["get", &resource, "--output=jsonpath={.metadata.generation}"])
        .read()?;
    for condition in [
        format!("jsonpath={{.status.observedGeneration}}={generation}"),
        "condition=Ready".to_owned(),
    ] {
        let waited = kubectl()
            .args(["wait", &resource, &format!("--for={condition}")])
            .arg(format!("--timeout={READY_SECONDS}s"))
            .run();
        waited.with_context(|| format!("{NAME} is not ready.{}", why(target)))?;
    }
    Ok(())
}

/// What `kubectl get ra` says of the sample.
fn shown(target: &Target) -> Result<String> {
    target
        .kubectl()
        .args(["--namespace", NAMESPACE, "get", "restapi", NAME])
        .read()
}

/// The conditions and pods of the sample, for the error.
fn why(target: &Target) -> String {
    let ask = |args: &[&str]| {
        target
            .kubectl()
            .args(["--namespace", NAMESPACE])
            .args(args)
            .read()
            .unwrap_or_default()
    };
    let conditions = "--output=jsonpath={range .status.conditions[*]}{.type}={.status} {.reason}: {.message}{\"\\n\"}{end}";
    let selector = format!("--selector=app.kubernetes.io/instance={NAME}");
    format!(
        "\n{}\n{}",
        ask(&["get", &format!("restapi/{NAME}"), conditions]),
        ask(&["get", "pods", &selector])
    )
}

/// The first answer that went all the way: nodes learn of a Service's first pod within a second or two after it is
/// ready, and refuse connections until then.
fn answered(target: &Target) -> Result<String> {
    let end = Instant::now() + ROUTED;
    loop {
        match request(target) {
            Err(_) if Instant::now() < end => thread::sleep(Duration::from_millis(200)),
            answer => return answer,
        }
    }
}

/// The body of the answer. Straight to the Service where its address can be reached from here, else through
/// the API server.
fn request(target: &Target) -> Result<String> {
    let address = view(target)?;
    match http::get(address, PATH, Duration::from_secs(2)) {
        Ok(answer) if answer.status == 200 => Ok(answer.body),
        Ok(answer) => bail!(
            "the view answered {} to GET http://{address}{PATH}: {}",
            answer.status,
            answer.body
        ),
        Err(_) => through_api_server(target, address.port()),
    }
}

/// The address of the view's stable Service.
fn view(target: &Target) -> Result<SocketAddr> {
    let field = |path: &str| {
        target
            .kubectl()
            .args(["--namespace", NAMESPACE, "get", "service"])
            .arg(format!("{NAME}-view"))
            .arg(format!("--output=jsonpath={{{path}}}"))
            .read()
    };
    let (address, port) = (field(".spec.clusterIP")?, field(".spec.ports[0].port")?);
    let address = format!("{address}:{port}");
    address.parse().context("reading the Service's address")
}

/// The same, where it can be reached from here.
fn reachable(target: &Target) -> Result<Option<SocketAddr>> {
    let view = view(target)?;
    let answer = http::get(view, PATH, Duration::from_secs(2));
    Ok(answer.is_ok().then_some(view))
}

fn through_api_server(target: &Target, port: u16) -> Result<String> {
    let path = format!("/api/v1/namespaces/{NAMESPACE}/services/{NAME}-view:{port}/proxy{PATH}");
    target.kubectl().args(["get", "--raw", &path]).read()
}

/// What to try, as commands that work when pasted.
fn next(target: &Target) -> Result<String> {
    let kubectl = tools::path(Tool::Kubectl)?;
    let folder = kubectl.parent().unwrap_or(&kubectl);
    let down = match target.name() {
        cluster::DEFAULT_NAME => "cargo xtask down".to_owned(),
        name => format!("cargo xtask down --name {name}"),
    };
    Ok(format!(
        r#"
Try next:
  export KUBECONFIG={} PATH={}:$PATH
  kubectl get ra,deployments,services,pods     # what was made of deploy/samples/orders.yaml
  kubectl describe ra {NAME}                   # its status, condition by condition
  kubectl patch ra {NAME} --type=merge -p '{{"spec":{{"view":{{"replicas":3}}}}}}'
  kubectl patch ra {NAME} --type=merge -p '{{"spec":{{"model":{{"envVars":{{"GREETING":"hello"}}}}}}}}'
  kubectl delete deployment {NAME}-model-blue  # it comes back
  kubectl -n {} logs deployment/core-reconciler
  {down}
"#,
        target.kubeconfig().display(),
        folder.display(),
        deploy::NAMESPACE
    ))
}
