//! What is watched, and what happens to one application: observe, plan, apply, report.

use std::sync::Arc;
use std::time::Duration;

use core_reconciler::metrics;
use kube::runtime::watcher;
use manager_kit::context::Context;
use manager_kit::error::KitError;
use manager_kit::lease::HeldShard;
use manager_kit::runner::{self, Reconciler, Requeue};
use manager_kit::telemetry;
use manager_kit::watch::{InvalidObject, tallied_main_stream};
use manager_kit::writer::Writer;
use restapi_resources::Application;
use restapi_resources::surroundings::Surroundings;
use restapi_types::{RestAPI, RestAPIStatus, conditions, crd, keys};
use workloads::apply::Outcome;
use workloads::error::Error;
use workloads::hands::{Hands, LATER, SOON};
use workloads::observe::owner;
use workloads::plan::{Obstacle, Plan};
use workloads::report::{repairs, replacements, undelivered};
use workloads::world::World;
use workloads::{rollout, watches};

use crate::args::CoreArgs;
use crate::kinds;
use crate::plan::{self, plan};
use crate::report::{self, Reporter};
use crate::{facts, trace, verdict};

/// Watches `RestAPI`s and everything that they own, and reconciles until the shutdown.
///
/// # Errors
/// When a watch ends.
pub async fn run(ctx: Context, args: CoreArgs) -> Result<(), KitError> {
    let (caches, triggers) = watches::all(&ctx, kinds::owned(), &args.watches);
    let tallies = metrics::register(&ctx.metrics, &ctx.shards, &ctx.clock);
    let config = watcher::Config::default();
    let main = tallied_main_stream(&ctx, ctx.api(), config, crd::NAME, tallies);
    let core = Core {
        surroundings: args.surroundings.of(&ctx.args.pod_namespace),
        hands: Hands::new(ctx.clone(), caches),
        reporter: Reporter::default(),
    };
    runner::run(&ctx, plan::WRITER, main, triggers, Arc::new(core)).await
}

/// core-reconciler's work on one application.
struct Core {
    hands: Hands,
    surroundings: Surroundings,
    reporter: Reporter,
}

impl Reconciler for Core {
    type Object = RestAPI;
    type Error = Error;

    async fn prepared(&self) {
        self.hands.caches.synced().await;
    }

    async fn reconcile(&self, restapi: Arc<RestAPI>, shard: HeldShard) -> Result<Requeue, Error> {
        let world = match self.hands.look(restapi).await? {
            Ok(world) => world,
            Err(requeue) => return Ok(requeue),
        };
        let writer = self.hands.writer(owner(&world.restapi), &shard);
        let status = writer(keys::FIELD_MANAGER_STATUS_CORE);
        let app = match &world.app {
            Ok(app) => app,
            Err(invalid) => {
                let verdict = verdict::invalid(&world, invalid, self.hands.ctx.clock.now());
                let plan = Plan::default();
                return self.report(&world, &plan, &verdict, &status).await;
            }
        };
        self.tell(app, &world);
        let (plan, outcome) = if world.restapi.metadata.deletion_timestamp.is_some() {
            // The garbage collector removes what is owned; nothing is made or repaired any more.
            Default::default()
        } else {
            match self.act(app, &world, &writer).await? {
                Ok(done) => done,
                Err(requeue) => return Ok(requeue),
            }
        };
        let mut verdict = self.verdict(app, &world, &plan, &outcome);
        let waits = undelivered(
            &self.hands.ctx,
            &world,
            conditions::EVENTS_UNDELIVERED,
            &mut verdict,
        );
        let only_wrote = outcome.wrote && outcome.refusals.is_empty() && is_told(&world, &verdict);
        if only_wrote && self.reporter.may_wait(&world) {
            return Ok(Requeue::After(SOON));
        }
        let next = self.report(&world, &plan, &verdict, &status).await?;
        Ok(next.or_after(waits))
    }

    async fn reject(
        &self,
        invalid: Arc<InvalidObject>,
        shard: HeldShard,
    ) -> Result<Requeue, Error> {
        let world = World::of_invalid(&invalid);
        let writer =
            self.hands.writer(owner(&world.restapi), &shard)(keys::FIELD_MANAGER_STATUS_CORE);
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
    /// Tells what has happened, and its step of the application's rollout.
    fn tell(&self, app: &Application, world: &World) {
        let ctx = &self.hands.ctx;
        if ctx.bus.is_on() {
            let events = facts::events(&world.restapi, ctx.clock.now());
            ctx.bus.tell(&owner(&world.restapi), events);
        }
        self.trace(app, world);
    }

    /// Tells its step of the application's rollout, and that this reconcile is a part of one.
    fn trace(&self, app: &Application, world: &World) {
        let ctx = &self.hands.ctx;
        if !ctx.spans.is_on() || app.spec.blue_green().is_none() {
            return;
        }
        let asked = rollout::asked(world, app);
        if let Some(asked) = &asked {
            telemetry::link(&asked.context());
        }
        let now = ctx.clock.now();
        let step = asked.and_then(|asked| trace::companions(world, app, &asked, now));
        ctx.spans.tell(&owner(&world.restapi), step.as_slice());
    }

    /// Plans and applies; or when to plan again, where somebody else was faster.
    async fn act(
        &self,
        app: &Application,
        world: &World,
        writer: &impl Fn(&'static str) -> Writer,
    ) -> Result<Result<(Plan, Outcome), Requeue>, Error> {
        let mut plan = plan(app, world, &self.surroundings)?;
        self.hands.leave_alone(world, &mut plan).await?;
        let outcome = match self.hands.carry_out(world, &mut plan, writer).await? {
            Ok(outcome) => outcome,
            Err(requeue) => return Ok(Err(requeue)),
        };
        repairs(&self.hands.ctx.events, world, &plan);
        replacements(&self.hands.ctx.events, world, &plan);
        Ok(Ok((plan, outcome)))
    }

    fn verdict(
        &self,
        app: &Application,
        world: &World,
        plan: &Plan,
        outcome: &Outcome,
    ) -> RestAPIStatus {
        verdict::status(app, world, plan, outcome, self.hands.ctx.clock.now())
    }

    async fn report(
        &self,
        world: &World,
        plan: &Plan,
        verdict: &RestAPIStatus,
        writer: &Writer,
    ) -> Result<Requeue, Error> {
        let put_off = self.reporter.status(world, verdict, writer).await?;
        report::turns(&self.hands.ctx.events, world, verdict);
        let waits = [put_off, next_look(plan, verdict), world.config.read_again];
        Ok(Requeue::after_soonest(waits))
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
