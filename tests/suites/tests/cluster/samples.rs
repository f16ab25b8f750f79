//! Every sample of `deploy/samples` as a user has it who follows it to the letter: applied, with what it
//! needs made first, it becomes Ready with real pods. What this cluster has not got is named by status, and once
//! that is settled the sample is Ready as well.

mod needs;
mod table;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::stream::{self, StreamExt as _};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams, ValidationDirective};
use restapi_types::{RestAPI, conditions};
use suites::app::{self, App};
use suites::namespace::Namespace;
use suites::pods;
use suites::samples::{self, Sample};
use suites::wait::eventually;

use crate::setting;
use table::{CASES, Case, Lack, Remedy};

/// How many samples are on the cluster at the same time: nodes are small.
const AT_ONCE: usize = 3;

/// How long status may take to say what lacks: pods are made before a node or the scheduler says so.
const TOLD_WITHIN: Duration = Duration::from_mins(1);

/// The image that samples name.
const IMAGE: &str = "restapi/demo-app:0.1.0";

#[test]
fn the_table_has_every_sample_once() -> Result<()> {
    let files: Vec<String> = samples::all()?.into_iter().map(|s| s.file).collect();
    let cases: Vec<&str> = CASES.iter().map(|case| case.file).collect();
    assert_eq!(cases, files, "samples/table.rs lists the samples by name");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sample_becomes_ready_or_says_what_lacks() -> Result<()> {
    let begin = Instant::now();
    let samples = samples::all()?;
    let each = CASES.iter().map(|case| tried(case, &samples));
    let all: Vec<Result<()>> = stream::iter(each).buffer_unordered(AT_ONCE).collect().await;
    println!("all samples: {:.1?}", begin.elapsed());
    // One that fails keeps no other from being tried, and from removing what it made.
    let failed: Vec<_> = all.into_iter().filter_map(Result::err).collect();
    ensure!(failed.is_empty(), "{failed:#?}");
    Ok(())
}

/// Tries one sample in a namespace of its own.
async fn tried(case: &Case, samples: &[Sample]) -> Result<()> {
    let sample = samples.iter().find(|sample| sample.file == case.file);
    let sample = sample.with_context(|| format!("there is no {}", case.file))?;
    let name = case.file.trim_end_matches(".yaml");
    setting::shared(&format!("sample-{name}"), async |namespace| {
        let begin = Instant::now();
        // Also what a run left that was killed: a case may be about its absence.
        needs::clear(&namespace, case).await?;
        let result = becomes_ready(case, sample, &namespace).await;
        needs::clear(&namespace, case).await?;
        result.with_context(|| case.file.to_owned())?;
        println!("{}: {:.1?}", case.file, begin.elapsed());
        Ok(())
    })
    .await
}

/// Applies the sample, with what it needs there, until all its pods are ready.
async fn becomes_ready(case: &Case, sample: &Sample, namespace: &Namespace) -> Result<()> {
    for need in case.needs {
        need.make(namespace).await?;
    }
    let app = applied(sample, namespace).await?;
    for lack in case.lacks {
        settled(&app, lack).await?;
    }
    app.ready().await?;
    has_its_pods(&app, case).await
}

/// Waits until the application has the pods that the case says, ready and without a restart, and no others but
/// those that a node refused: they are no longer anybody's.
async fn has_its_pods(app: &App, case: &Case) -> Result<()> {
    let what = format!("{} has its pods", app.name);
    eventually(app::READY, &what, async || {
        let mut pods = app.pods(None).await?;
        pods.retain(|pod| phase(pod) != "Failed");
        let mut seen = BTreeMap::new();
        for pod in &pods {
            ensure!(pods::is_ready(pod), "{} is {}", pod.name_any(), phase(pod));
            *seen.entry(pods::component(pod)).or_insert(0) += 1;
        }
        let asked: BTreeMap<_, _> = case.components.iter().copied().collect();
        ensure!(seen == asked, "there are {seen:?}, not {asked:?}");
        let restarted = pods.iter().find(|pod| restarts(pod) > 0);
        ensure!(
            restarted.is_none(),
            "a container was restarted: {restarted:?}"
        );
        Ok(())
    })
    .await
}

fn phase(pod: &Pod) -> &str {
    let status = pod.status.as_ref();
    status.and_then(|s| s.phase.as_deref()).unwrap_or_default()
}

fn restarts(pod: &Pod) -> i32 {
    let status = pod.status.as_ref();
    let own = status.and_then(|s| s.container_statuses.as_ref());
    let first = status.and_then(|s| s.init_container_statuses.as_ref());
    let all = own.into_iter().chain(first).flatten();
    all.map(|container| container.restart_count).sum()
}

/// The sample, applied as it is but for namespace and image.
async fn applied(sample: &Sample, namespace: &Namespace) -> Result<App> {
    let text = sample.text.replace(IMAGE, &setting::demo()?).replace(
        "namespace: default",
        &format!("namespace: {}", namespace.name),
    );
    let object = Sample {
        text,
        ..sample.clone()
    }
    .object()?;
    let name = object["metadata"]["name"].as_str().context("no name")?;
    let params = PatchParams {
        field_validation: Some(ValidationDirective::Strict),
        ..PatchParams::apply("samples")
    };
    let api = namespace.api::<RestAPI>();
    Box::pin(api.patch(name, &params, &Patch::Apply(&object))).await?;
    Ok(App {
        namespace: namespace.clone(),
        name: name.to_owned(),
    })
}

/// Waits until status says what lacks, and settles it.
async fn settled(app: &App, lack: &Lack) -> Result<()> {
    let what = format!("says {} with {:?}", lack.reason, lack.says);
    app.until(&what, TOLD_WITHIN, |restapi| {
        let (reason, message) = hindrance(restapi)?;
        let says = lack.says.iter().all(|part| message.contains(part));
        (reason == lack.reason && says).then_some(())
    })
    .await?;
    match lack.remedy {
        Remedy::Change(spec) => app.change(serde_json::from_str(spec)?).await,
        Remedy::Make(need) => need.make(&app.namespace).await,
    }
}

/// Reason and message of what stands between the application and Ready.
fn hindrance(restapi: &RestAPI) -> Option<(String, String)> {
    app::told(restapi, conditions::STALLED).or_else(|| app::told(restapi, conditions::RECONCILING))
}
