//! Whether what a manager tells over NATS is there sooner than what it writes, and whether the other one acts sooner.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use kube::runtime::{WatchStreamExt as _, watcher};
use restapi_types::status::RolloutPhase;
use restapi_types::{Event, EventKind, RestAPI, conditions, keys};
use serde_json::json;
use suites::app::App;
use suites::namespace::{self, Namespace};
use suites::nats::{ADMIN, Nats};
use suites::pair::Managers;
use tokio::time::timeout;

use crate::figures::{Figure, percentile};

/// How long each step may take.
const STEP: Duration = Duration::from_mins(2);

/// Arguments of `bench events`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// How many revisions are switched to, and from again.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    revisions: u32,

    /// How many changes are made of what both managers answer in the status.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..))]
    changes: u32,

    /// The image of the demo application.
    #[arg(long, env = "RESTAPI_TEST_DEMO_IMAGE")]
    image: String,

    /// Another one.
    #[arg(long, env = "RESTAPI_TEST_DEMO_IMAGE_NEXT")]
    next: String,
}

/// Measures with NATS, and without.
///
/// # Errors
/// When something does not happen in time.
pub async fn run(args: &Args) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let mut reactions = Vec::new();
    for has_nats in [true, false] {
        let name = if has_nats { "nats" } else { "watch" };
        namespace::with(&format!("bench-{name}"), async |namespace| {
            let nats = if has_nats {
                Some(Nats::start(&namespace).await?)
            } else {
                None
            };
            let _managers = Managers::start(&namespace, nats.as_ref()).await?;
            let app = awaiting(&namespace, args).await?;
            let reaction = reactions_of(&app, args.changes).await?;
            figures.extend(percentiles(&format!("reaction_{name}"), &reaction));
            reactions.push(percentile(&reaction, 0.5));
            if let Some(nats) = &nats {
                let later = events_after_status(&app, nats, args.revisions).await?;
                figures.extend(percentiles("event_after_status", &later));
            }
            Ok(())
        })
        .await?;
    }
    if let [with, without] = reactions.as_slice() {
        figures.push(Figure::new("reaction_ratio", with / without, ""));
    }
    Ok(figures)
}

fn percentiles(name: &str, times: &[f64]) -> [Figure; 2] {
    let of = |share| percentile(times, share);
    [
        Figure::new(format!("{name}_p50_ms"), of(0.5), "ms"),
        Figure::new(format!("{name}_p99_ms"), of(0.99), "ms"),
    ]
}

/// An application whose second revision waits to be promoted.
async fn awaiting(namespace: &Namespace, args: &Args) -> Result<App> {
    let spec = json!({
        "image": args.image, "view": {},
        "blueGreen": {
            "stableSeconds": 2, "drainSeconds": 5,
            "retention": {"hotSeconds": 3600}, "promotion": {"mode": "Manual"},
        },
    });
    let app = App::create(namespace, "orders", spec).await?;
    until(&app, 1, RolloutPhase::Settled).await?;
    app.change(json!({"image": args.next})).await?;
    waits(&app, 2).await?;
    Ok(app)
}

/// Waits until a revision waits to be promoted.
async fn waits(app: &App, revision: i64) -> Result<()> {
    app.until("the revision waits", STEP, |restapi| {
        let told = told(restapi)?;
        let waits = told.phase == Some(RolloutPhase::Awaiting);
        (told.revision == Some(revision) && waits).then_some(())
    })
    .await
}

fn told(restapi: &RestAPI) -> Option<&restapi_types::status::BlueGreenStatus> {
    restapi.status.as_ref()?.blue_green.as_ref()
}

async fn until(app: &App, serving: i64, phase: RolloutPhase) -> Result<()> {
    app.until("it serves", STEP, |restapi| {
        let told = told(restapi)?;
        (told.serving == Some(serving) && told.phase == Some(phase)).then_some(())
    })
    .await
}

/// The states of the application as a watcher sees them.
fn sight(app: &App) -> impl Stream<Item = Result<RestAPI>> + Unpin + use<> {
    let config = watcher::Config::default().fields(&format!("metadata.name={}", app.name));
    let seen = watcher(app.namespace.api::<RestAPI>(), config).applied_objects();
    seen.map_err(anyhow::Error::from).boxed()
}

/// The milliseconds from bluegreen-manager's write of the status, which core-reconciler waits for, to core-reconciler's,
/// for each of so many changes of the spec that make no revision.
async fn reactions_of(app: &App, changes: u32) -> Result<Vec<f64>> {
    let mut sight = sight(app);
    let mut times = Vec::new();
    for number in 0..changes {
        // The patch does not change what pods are made of.
        let kept = 3601 + number % 2;
        app.change(json!({"blueGreen": {"retention": {"hotSeconds": kept}}}))
            .await?;
        let generation = app.restapi().await?.metadata.generation;
        let (mut written, mut answered) = (None, None);
        while answered.is_none() {
            let restapi = next(&mut sight).await?;
            if restapi.metadata.generation != generation {
                continue;
            }
            let of_it = |told: Option<i64>| told == generation;
            if of_it(told(&restapi).map(|told| told.observed_generation)) {
                written = written.or_else(|| Some(Instant::now()));
            }
            let status = restapi.status.as_ref();
            let core = of_it(status.and_then(|status| status.observed_generation));
            let waits = reason(&restapi) == Some("WaitingForBlueGreenManager");
            if written.is_some() && core && !waits {
                answered = Some(Instant::now());
            }
        }
        let (written, answered) = written.zip(answered).context("nothing was seen")?;
        times.push(milliseconds(answered - written));
    }
    Ok(times)
}

fn reason(restapi: &RestAPI) -> Option<&str> {
    let ready = restapi.status.as_ref()?.condition(conditions::READY)?;
    Some(ready.reason.as_str())
}

/// The milliseconds from when a watcher saw that a switch is over to when somebody who listens to events heard it: less
/// than nothing where the event came first.
async fn events_after_status(app: &App, nats: &Nats, revisions: u32) -> Result<Vec<f64>> {
    let client = nats.client(ADMIN).await?;
    let mut heard = client.subscribe("restapi.v1.>").await?;
    client.flush().await?;
    let mut sight = sight(app);
    let mut times = Vec::new();
    let revisions = 2..2 + i64::from(revisions);
    let turns = revisions.flat_map(|revision| {
        [
            ("promote", revision, revision, EventKind::TrafficSwitched),
            ("rollback", revision, 1, EventKind::RolloutRolledBack),
        ]
    });
    for (verb, revision, serving, kind) in turns {
        if verb == "promote" {
            app.change(json!({"envVars": {"REVISION": revision.to_string()}}))
                .await?;
            waits(app, revision + 1).await?;
        }
        let command = format!("{verb} {0} bench-{verb}-{0}", revision + 1);
        let serving = if serving == 1 { 1 } else { serving + 1 };
        app.annotate(keys::COMMAND, &command).await?;
        let seen = async {
            loop {
                let restapi = next(&mut sight).await?;
                let told = told(&restapi).context("no rollout is told")?;
                let is_over = matches!(
                    told.phase,
                    Some(RolloutPhase::Retaining | RolloutPhase::Held | RolloutPhase::Settled)
                );
                if told.serving == Some(serving) && is_over {
                    return anyhow::Ok(Instant::now());
                }
            }
        };
        let listened = async {
            loop {
                let message = timeout(STEP, heard.next()).await;
                let message = message.with_context(|| {
                    format!("{verb} of {}: {kind:?} was not heard", revision + 1)
                })?;
                let message = message.context("the subscription ended")?;
                let event: Event = serde_json::from_slice(&message.payload)?;
                let is_it =
                    event.known_kind() == Some(kind) && event.data.revision == Some(revision + 1);
                if is_it {
                    return anyhow::Ok(Instant::now());
                }
            }
        };
        let (seen, listened) = futures::try_join!(seen, listened)?;
        let later = milliseconds(listened.saturating_duration_since(seen));
        let sooner = milliseconds(seen.saturating_duration_since(listened));
        times.push(later - sooner);
    }
    Ok(times)
}

async fn next(sight: &mut (impl Stream<Item = Result<RestAPI>> + Unpin)) -> Result<RestAPI> {
    match timeout(STEP, sight.next()).await {
        Ok(Some(seen)) => seen,
        Ok(None) => bail!("the watch ended"),
        Err(_) => bail!("nothing was seen for {STEP:?}"),
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
