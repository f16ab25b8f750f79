//! A blue/green rollout of the sample and its rollback, under requests that are counted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{NAME, NAMESPACE, PATH, READY_SECONDS};
use crate::cluster::Target;
use crate::{chain, http};

/// Time between two requests.
const PERIOD: Duration = Duration::from_millis(20);

/// A rollout and its rollback.
pub(super) struct Rolled {
    /// How long they took, and what became of requests meanwhile.
    pub(super) told: String,
    /// The id of the rollout's trace.
    pub(super) trace: String,
}

/// Rolls a revision out and back. `view` is the address of the view's stable Service, where it can be reached from here;
/// requests go on for `longer` after the rollback.
///
/// # Errors
/// When a step does not happen in time.
pub(super) fn run(target: &Target, view: Option<SocketAddr>, longer: Duration) -> Result<Rolled> {
    // Another value each time: a revision that is known already would not be started.
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let value = now.as_secs().to_string();
    let load = view.map(Load::start);
    let blue_green = json!({"stableSeconds": 2, "drainSeconds": 5});
    let spec = json!({"blueGreen": blue_green, "envVars": {"DEMO_ROLLOUT": value}});
    merge(target, &json!({"spec": spec}))?;
    let begin = Instant::now();
    wait(target, "Retaining")?;
    let switched = begin.elapsed();
    let (revision, environment, trace) = (
        told(target, ".status.blueGreen.revision")?,
        told(target, ".status.activeEnvironment")?,
        told(target, ".status.blueGreen.traceId")?,
    );
    let command = format!("rollback {revision} demo-{revision}");
    let annotations = json!({"restapi.dev/command": command});
    let begin = Instant::now();
    merge(target, &json!({"metadata": {"annotations": annotations}}))?;
    wait(target, "Held")?;
    let back = begin.elapsed();
    thread::sleep(longer);
    let counted = load.map(Load::stop);
    // What the sample asks for again: nothing has to be replaced for that.
    let sample = json!({"blueGreen": null, "envVars": {"DEMO_ROLLOUT": null}});
    merge(target, &json!({"spec": sample}))?;
    let told = format!(
        "revision {revision} was started beside the one that served, in {environment}, and switched to after {switched:.1?};\n\
         `{command}` went back within {back:.1?}.\n{}",
        counted.unwrap_or_else(|| {
            "The view can't be reached from here, so no requests were counted.".to_owned()
        })
    );
    Ok(Rolled { told, trace })
}

fn merge(target: &Target, patch: &Value) -> Result<()> {
    let patch = patch.to_string();
    let kubectl = target.kubectl().args(["--namespace", NAMESPACE]);
    kubectl
        .args(["patch", "restapi", NAME, "--type=merge", "--patch", &patch])
        .read()
        .map(drop)
}

fn wait(target: &Target, phase: &str) -> Result<()> {
    let kubectl = target.kubectl().args(["--namespace", NAMESPACE]);
    kubectl
        .args(["wait", &format!("restapi/{NAME}")])
        .arg(format!(
            "--for=jsonpath={{.status.blueGreen.phase}}={phase}"
        ))
        .arg(format!("--timeout={READY_SECONDS}s"))
        .read()
        .map(drop)
        .with_context(|| format!("the rollout does not become {phase}"))
}

fn told(target: &Target, path: &str) -> Result<String> {
    let kubectl = target.kubectl().args(["--namespace", NAMESPACE]);
    kubectl
        .args(["get", "restapi", NAME])
        .arg(format!("--output=jsonpath={{{path}}}"))
        .read()
}

/// Requests that are made until it is stopped.
struct Load {
    stop: Arc<AtomicBool>,
    worker: thread::JoinHandle<()>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    made: AtomicU64,
    lost: AtomicU64,
    mixed: AtomicU64,
}

impl Load {
    fn start(view: SocketAddr) -> Self {
        let (stop, counts) = (Arc::new(AtomicBool::new(false)), Arc::<Counts>::default());
        let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&counts));
        let worker = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                counted.ask(view);
                thread::sleep(PERIOD);
            }
        });
        Self {
            stop,
            worker,
            counts,
        }
    }

    fn stop(self) -> String {
        self.stop.store(true, Ordering::Relaxed);
        // One that panicked has counted what it could.
        let _ = self.worker.join();
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Counts { made, lost, mixed } = &*self.counts;
        format!(
            "Of {} requests meanwhile {} were lost, and {} were answered by two revisions.",
            count(made),
            count(lost),
            count(mixed)
        )
    }
}

impl Counts {
    fn ask(&self, view: SocketAddr) {
        self.made.fetch_add(1, Ordering::Relaxed);
        let answer = http::get(view, PATH, Duration::from_secs(5));
        let answer = answer.ok().filter(|answer| answer.status == 200);
        let hops = answer.and_then(|answer| chain::hops(&answer.body).ok());
        let Some(hops) = hops else {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let mut environments = hops.iter().map(|hop| &hop.environment);
        let first = environments.next();
        if !environments.all(|other| Some(other) == first) {
            self.mixed.fetch_add(1, Ordering::Relaxed);
        }
    }
}
