//! Starts a manager, keeps its tasks together and stops it in order.

mod signals;
mod tasks;

use std::process::ExitCode;
use std::time::Duration;

use tokio::time::timeout;

use self::tasks::Tasks;
use crate::args::KitArgs;
use crate::client::{self, Limits};
use crate::clock::Clock;
use crate::context::{Base, Clients, Context};
use crate::error::KitError;
use crate::http_server;
use crate::metrics::Metrics;
use crate::readiness::Readiness;
use crate::shutdown::Shutdown;
use crate::telemetry::Telemetry;
use crate::telemetry::spans::Spans;

/// How long each step of stopping may take: together less than 10 s.
const FINISH_LIMIT: Duration = Duration::from_secs(5);
const RELEASE_LIMIT: Duration = Duration::from_millis(2500);
const FLUSH_LIMIT: Duration = Duration::from_millis(1500);
const LEFTOVER_LIMIT: Duration = Duration::from_millis(200);

/// Which manager runs here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManagerInfo {
    /// Its name, such as `core-reconciler`.
    pub name: &'static str,
    /// Its own version.
    pub version: &'static str,
}

impl ManagerInfo {
    /// The commit it was built from: what `RESTAPI_REVISION` was at build time, else `unknown`.
    #[must_use]
    pub fn revision(&self) -> &'static str {
        option_env!("RESTAPI_REVISION").unwrap_or("unknown")
    }
}

/// Runs a manager until SIGTERM or SIGINT; `start` is the manager's own part, which gets the shell's
/// services and returns when [`Context::shutdown`] is requested and its reconciles have ended.
///
/// Probes and metrics are served from the first moment on, also before a lease is held. Any task
/// that ends without having been asked to ends the process with code 1 and says why. Stopping takes
/// less than 10 s: no new reconciles, those that run may finish, leases are released, spans flushed.
/// A second signal ends it at once.
pub fn main<F, Fut, E>(info: ManagerInfo, args: KitArgs, start: F) -> ExitCode
where
    F: FnOnce(Context) -> Fut,
    Fut: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return refuse(info, &KitError::Runtime(error)),
    };
    let code = runtime.block_on(async {
        let metrics = Metrics::new(info);
        // Logs first, so that everything else can be reported in them.
        let telemetry = match Telemetry::install(info, &args, &metrics) {
            Ok(telemetry) => telemetry,
            Err(error) => return refuse(info, &error),
        };
        let result = run(info, args, (metrics, telemetry.spans()), start).await;
        if let Err(error) = &result {
            let error = crate::telemetry::chain(error);
            tracing::error!(manager = info.name, error, "stopped by an error");
        }
        telemetry.shutdown(FLUSH_LIMIT).await;
        if result.is_ok() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    });
    runtime.shutdown_timeout(LEFTOVER_LIMIT);
    code
}

/// Reports an error from before there are logs.
fn refuse(info: ManagerInfo, error: &KitError) -> ExitCode {
    // Nothing can be done when even this fails; the exit code tells.
    let _ = std::io::Write::write_fmt(
        &mut std::io::stderr(),
        format_args!("{}: {error}\n", info.name),
    );
    ExitCode::FAILURE
}

async fn run<F, Fut, E>(
    info: ManagerInfo,
    args: KitArgs,
    (metrics, spans): (Metrics, Spans),
    start: F,
) -> Result<(), KitError>
where
    F: FnOnce(Context) -> Fut,
    Fut: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (name, version, revision) = (info.name, info.version, info.revision());
    tracing::info!(manager = name, version, revision, "starting");
    let signals = signals::Signals::install()?;
    let readiness = Readiness::default();
    metrics.tell_ready(readiness.clone());
    let listener = http_server::bind(args.listen).await?;
    let mut tasks = Tasks::default();
    tasks.spawn(
        "http",
        http_server::serve(listener, readiness.clone(), metrics.clone()),
    );

    let clients = clients(&metrics).await?;
    let (trigger, shutdown) = Shutdown::channel();
    let (release_trigger, release) = Shutdown::channel();
    let base = Base {
        metrics,
        readiness,
        clock: Clock::system(),
        spans,
    };
    let (ctx, background) = Context::assemble(info, args, clients, base, (shutdown, &release));
    for (name, task) in background {
        tasks.spawn_until_released(name, task);
    }
    let work = start(ctx);
    tasks.spawn_manager(async move { work.await.map_err(|error| KitError::Manager(error.into())) });

    let reason = tokio::select! {
        biased;
        name = signals.first() => Ok(name),
        error = tasks.failure() => Err(error),
    };
    let stopping = async {
        match &reason {
            Ok(signal) => tracing::info!(signal, "stopping"),
            Err(error) => tracing::error!(%error, "stopping: a task failed"),
        }
        trigger.request();
        let finished = timeout(FINISH_LIMIT, tasks.manager_finished()).await;
        if finished.is_err() {
            tracing::warn!(limit = ?FINISH_LIMIT, "reconciles did not end in time; they are cut off");
            tasks.cut_off_manager();
        }
        release_trigger.request();
        if timeout(RELEASE_LIMIT, tasks.released()).await.is_err() {
            tracing::warn!(limit = ?RELEASE_LIMIT, "leases were not released in time; they expire");
        }
        finished.unwrap_or(Ok(()))
    };
    let finished = tokio::select! {
        finished = stopping => finished,
        name = signals.again() => {
            tracing::warn!(signal = name, "stopping at once");
            Ok(())
        }
    };
    reason.map(|_| ()).and(finished)
}

async fn clients(metrics: &Metrics) -> Result<Clients, KitError> {
    let config = client::infer_config().await?;
    Ok(Clients {
        main: client::connect(config.clone(), Limits::DEFAULT, metrics)?,
        lease: client::connect(config, Limits::LEASE, metrics)?,
    })
}
