//! What is watched, and what happens to one application: observe, plan, apply, report.

use std::sync::Arc;
use std::time::Duration;

use kube::runtime::watcher;
use manager_kit::context::Context;
use manager_kit::error::KitError;
use manager_kit::lease::HeldShard;
use manager_kit::runner::{self, ReconcileError, Reconciler, Requeue};
use manager_kit::tracker::{Owner, Tracker};
use manager_kit::watch::{InvalidObject, main_stream};
use manager_kit::writer::{WriteError, Writer};
use restapi_resources::Application;
use restapi_resources::surroundings::Surroundings;
use restapi_types::{RestAPI, RestAPIStatus, crd, keys};
use workloads::alike::Alike;
use workloads::apply::{Outcome, apply};
use workloads::disputes::{self, Disputes};
use workloads::namespaces::{self, Going};
use workloads::observe::{Caches, Observed, observe, owner};
use workloads::plan::{Drift, Obstacle, Plan, PlanError};
use workloads::watches;
use workloads::world::World;

use crate::args::CoreArgs;
use crate::kinds;
use crate::plan::{self, plan};
use crate::report::{self, ReportError, Reporter};
use crate::verdict;

/// How soon to look again at what goes by itself: an object that is being deleted, say.
const SOON: Duration = Duration::from_secs(1);

/// How soon to plan again after somebody else wrote first.
const AFTER_RACE: Duration = Duration::from_millis(100);

/// How soon to try again what somebody has to put right first. Most of what does so is seen on a watch;
/// quotas and foreign objects are not.
const LATER: Duration = Duration::from_secs(10);

/// Watches `RestAPI`s and everything that they own, and reconciles until the shutdown.
///
/// # Errors
/// When a watch ends.
pub async fn run(ctx: Context, args: CoreArgs) -> Result<(), KitError> {
    let (caches, triggers) = watches::all(&ctx, kinds::owned(), args.watch_secrets);
    let main = main_stream(&ctx, ctx.api(), watcher::Config::default(), crd::NAME);
    let core = Core {
        surroundings: args.surroundings.of(&ctx.args.pod_namespace),
        ctx: ctx.clone(),
        caches,
        tracker: Tracker::default(),
        reporter: Reporter::default(),
        going: Going::default(),
        disputes: Disputes::default(),
        alike: Alike::default(),
    };
    runner::run(&ctx, plan::WRITER, main, triggers, Arc::new(core)).await
}

/// core-reconciler's work on one application.
struct Core {
    ctx: Context,
    surroundings: Surroundings,
    caches: Caches,
    tracker: Tracker,
    reporter: Reporter,
    going: Going,
    disputes: Disputes,
    alike: Alike,
}

impl Reconciler for Core {
    type Object = RestAPI;
    type Error = Error;

    async fn prepared(&self) {
        self.caches.synced().await;
    }

    async fn reconcile(&self, restapi: Arc<RestAPI>, shard: HeldShard) -> Result<Requeue, Error> {
        let world = match self.look(restapi).await? {
            Ok(world) => world,
            Err(requeue) => return Ok(requeue),
        };
        let writer = self.writer(owner(&world.restapi), &shard);
        let status = writer(keys::FIELD_MANAGER_STATUS_CORE);
        let app = match &world.app {
            Ok(app) => app,
            Err(invalid) => {
                let verdict = verdict::invalid(&world, invalid, self.ctx.clock.now());
                let plan = Plan::default();
                return self.report(&world, &plan, &verdict, &status).await;
            }
        };
        let (plan, outcome) = if world.restapi.metadata.deletion_timestamp.is_some() {
            // The garbage collector removes what is owned; nothing is made or repaired any more.
            Default::default()
        } else {
            match self.act(app, &world, &writer).await? {
                Ok(done) => done,
                Err(requeue) => return Ok(requeue),
            }
        };
        let verdict = self.verdict(app, &world, &plan, &outcome);
        let only_wrote = outcome.wrote && outcome.refusals.is_empty() && is_told(&world, &verdict);
        if only_wrote && self.reporter.may_wait(&world) {
            return Ok(Requeue::After(SOON));
        }
        self.report(&world, &plan, &verdict, &status).await
    }

    async fn reject(
        &self,
        invalid: Arc<InvalidObject>,
        shard: HeldShard,
    ) -> Result<Requeue, Error> {
        let world = World::of_invalid(&invalid);
        let writer = self.writer(owner(&world.restapi), &shard)(keys::FIELD_MANAGER_STATUS_CORE);
        // Not the present: what is written must be the same every time, since what was written before
        // can't be read.
        let since = invalid
            .metadata
            .creation_timestamp
            .as_ref()
            .map_or(jiff::Timestamp::UNIX_EPOCH, |t| t.0);
        let verdict = verdict::undecodable(&world, &invalid.error, since);
        self.reporter.status(&world, &verdict, &writer).await?;
        Ok(Requeue::AwaitChange)
    }
}

impl Core {
    /// The world of an application; or when to look again, where there is none to be seen yet.
    async fn look(&self, restapi: Arc<RestAPI>) -> Result<Result<Box<World>, Requeue>, Error> {
        let key = owner(&restapi);
        if let Some(pause) = self.going.pause(&key.0, self.ctx.clock.monotonic()) {
            return Ok(Err(Requeue::After(pause)));
        }
        // Boxed: it holds every list that is read.
        let observed = Box::pin(observe(
            &self.ctx.client,
            &self.caches,
            &self.tracker,
            restapi,
            self.ctx.clock.now(),
        ));
        Ok(match observed.await? {
            Observed::World(world) => Ok(world),
            Observed::Stale(wait) => Err(Requeue::After(wait)),
            Observed::Gone => {
                self.caches.references.forget(&key);
                Err(Requeue::AwaitChange)
            }
        })
    }

    /// Plans and applies; or when to plan again, where somebody else was faster.
    async fn act(
        &self,
        app: &Application,
        world: &World,
        writer: &impl Fn(&'static str) -> Writer,
    ) -> Result<Result<(Plan, Outcome), Requeue>, Error> {
        let mut plan = plan(app, world, &self.surroundings)?;
        let key = owner(&world.restapi);
        self.alike.skip(&key, world, &mut plan);
        self.leave_what_is_disputed(&key, app.generation, &mut plan)
            .await?;
        let outcome = match apply(&plan, |role| writer(role.field_manager())).await {
            Ok(outcome) => outcome,
            // Somebody else wrote in between, the deployment controller most of the time: an ordinary race.
            Err(WriteError::Conflict { .. } | WriteError::Exists(_)) => {
                return Ok(Err(Requeue::After(AFTER_RACE)));
            }
            Err(WriteError::NamespaceGoing(_)) => {
                self.going.note(&key.0, self.ctx.clock.monotonic());
                return Ok(Err(Requeue::After(namespaces::PAUSE)));
            }
            Err(error) => return Err(error.into()),
        };
        let (unchanged, now) = (&outcome.without_effect, self.ctx.clock.monotonic());
        self.alike.note(&key, world, &mut plan, unchanged, now);
        let is_refused = |drift: &Drift| {
            let mut refusals = outcome.refusals.iter();
            refusals.any(|refusal| refusal.target == drift.target)
        };
        plan.drift.retain(|drift| !is_refused(drift));
        self.disputes
            .put_back(&key, app.generation, &plan.drift, now);
        report::repairs(&self.ctx.events, world, &plan);
        report::replacements(&self.ctx.events, world, &plan);
        Ok(Ok((plan, outcome)))
    }

    fn writer(&self, owner: Owner, shard: &HeldShard) -> impl Fn(&'static str) -> Writer {
        let (client, shard, tracker) =
            (self.ctx.client.clone(), shard.clone(), self.tracker.clone());
        move |manager| {
            Writer::new(
                client.clone(),
                shard.clone(),
                tracker.clone(),
                owner.clone(),
                manager,
            )
        }
    }

    /// Takes out of the plan what somebody else writes again and again.
    async fn leave_what_is_disputed(
        &self,
        key: &Owner,
        generation: i64,
        plan: &mut Plan,
    ) -> Result<(), Error> {
        let now = self.ctx.clock.monotonic();
        let disputed = self.disputes.disputed(key, generation, &plan.drift, now);
        for Drift { target, field } in disputed {
            let mut kinds = self.caches.owned.iter().map(|owned| &owned.kind.resource);
            let Some(resource) = kinds.find(|resource| resource.kind == target.kind) else {
                continue;
            };
            let who = disputes::writer(&self.ctx.client, &key.0, resource, &target.name).await?;
            plan.leave(&target.clone(), Obstacle::Disputed(target, field, who));
        }
        Ok(())
    }

    fn verdict(
        &self,
        app: &Application,
        world: &World,
        plan: &Plan,
        outcome: &Outcome,
    ) -> RestAPIStatus {
        verdict::status(app, world, plan, outcome, self.ctx.clock.now())
    }

    async fn report(
        &self,
        world: &World,
        plan: &Plan,
        verdict: &RestAPIStatus,
        writer: &Writer,
    ) -> Result<Requeue, Error> {
        let put_off = self.reporter.status(world, verdict, writer).await?;
        report::turns(&self.ctx.events, world, verdict);
        let waits = [put_off, next_look(plan, verdict), world.config.read_again];
        let soonest = waits.into_iter().flatten().min();
        Ok(soonest.map_or(Requeue::AwaitChange, Requeue::After))
    }
}

/// Whether status speaks of this generation already.
fn is_told(world: &World, verdict: &RestAPIStatus) -> bool {
    let told = world
        .restapi
        .status
        .as_ref()
        .and_then(|s| s.observed_generation);
    told == verdict.observed_generation
}

/// When to look again at what no watch tells.
fn next_look(plan: &Plan, verdict: &RestAPIStatus) -> Option<Duration> {
    if plan.obstacles.iter().any(Obstacle::goes_by_itself) {
        return Some(SOON);
    }
    let refused = verdict
        .conditions
        .iter()
        .flatten()
        .any(|c| c.reason == verdict::WRITE_REFUSED);
    (refused || !plan.obstacles.is_empty()).then_some(LATER)
}

/// A reconcile that did not finish.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A live read failed.
    #[error("the world could not be read: {0}")]
    Observe(#[from] kube::Error),
    /// No plan could be made.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A write did not happen.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The status was not written.
    #[error("the status could not be written: {0}")]
    Report(#[from] ReportError),
}

impl ReconcileError for Error {
    fn category(&self) -> &'static str {
        match self {
            Self::Observe(_) => "observe",
            Self::Plan(_) => "plan",
            Self::Write(error) | Self::Report(ReportError::Write(error)) => error.category(),
        }
    }
}
