//! What is watched, and what happens to one application: observe, plan, apply, report.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::runtime::watcher;
use manager_kit::context::Context;
use manager_kit::error::KitError;
use manager_kit::lease::HeldShard;
use manager_kit::runner::{self, Reconciler, Requeue};
use manager_kit::telemetry;
use manager_kit::tracker::Owner;
use manager_kit::watch::{InvalidObject, tallied_main_stream};
use manager_kit::writer::Writer;
use restapi_resources::Application;
use restapi_types::spec::blue_green::BlueGreenSpec;
use restapi_types::{RestAPI, conditions, crd, keys};
use workloads::apply::Outcome;
use workloads::error::Error;
use workloads::hands::{Hands, LATER, SOON};
use workloads::observe::owner;
use workloads::plan::Obstacle;
use workloads::report::{repairs, replacements, undelivered};
use workloads::world::World;
use workloads::{rollout, watches};

use crate::account::accounts;
use crate::args::BlueGreenArgs;
use crate::metrics::RolloutMetrics;
use crate::plan::command::is_refresh;
use crate::plan::{self, Thought, think};
use crate::tries::Tries;
use crate::{facts, kinds, metrics, report, trace, verdict};

/// Watches `RestAPI`s and their workloads, and reconciles until the shutdown.
///
/// # Errors
/// When a watch ends.
pub async fn run(ctx: Context, args: BlueGreenArgs) -> Result<(), KitError> {
    let (caches, mut triggers) = watches::all(&ctx, kinds::seen(), &args.watches);
    let (tries, ended) = Tries::new(args.prometheus_url, ctx.clock.clone());
    triggers.push(ended);
    let (rollouts, tallies) = metrics::register(&ctx.metrics, &ctx.shards, &ctx.clock);
    let config = watcher::Config::default();
    let main = tallied_main_stream(&ctx, ctx.api(), config, crd::NAME, tallies);
    let manager = BlueGreen {
        hands: Hands::new(ctx.clone(), caches),
        tries,
        rollouts,
    };
    runner::run(&ctx, plan::WRITER, main, triggers, Arc::new(manager)).await
}

/// bluegreen-manager's work on one application.
struct BlueGreen {
    hands: Hands,
    tries: Tries,
    rollouts: RolloutMetrics,
}

impl Reconciler for BlueGreen {
    type Object = RestAPI;
    type Error = Error;

    async fn prepared(&self) {
        self.hands.caches.synced().await;
    }

    async fn reconcile(&self, restapi: Arc<RestAPI>, shard: HeldShard) -> Result<Requeue, Error> {
        let has_it = restapi.spec.blue_green().is_some();
        if !has_it
            && restapi
                .status
                .as_ref()
                .is_none_or(|s| s.blue_green.is_none())
        {
            // Nearly all applications, on most clusters: nothing is read for them.
            return Ok(Requeue::AwaitChange);
        }
        let key = owner(&restapi);
        let mut seen = self.hands.look(Arc::clone(&restapi)).await?;
        if matches!(&seen, Ok(world) if is_refresh(world)) {
            self.hands.caches.references.read_anew(&key);
            seen = self.hands.look(restapi).await?;
        }
        let world = match seen {
            Ok(world) => world,
            Err(requeue) => return Ok(requeue),
        };
        let writer = self.hands.writer(key.clone(), &shard);
        if world.restapi.metadata.deletion_timestamp.is_some() {
            self.tries.forget(&key);
            return Ok(Requeue::AwaitChange);
        }
        // core-reconciler says what is wrong with one that can't be read.
        let Ok(app) = &world.app else {
            return Ok(Requeue::AwaitChange);
        };
        if let Some(spec) = app.spec.blue_green() {
            return self.act(app, spec, &world, &writer).await;
        }
        self.tries.forget(&key);
        let status = writer(keys::FIELD_MANAGER_STATUS_BLUEGREEN);
        report::give_up(&world, &status).await?;
        Ok(Requeue::AwaitChange)
    }

    async fn reject(&self, _: Arc<InvalidObject>, _: HeldShard) -> Result<Requeue, Error> {
        Ok(Requeue::AwaitChange)
    }
}

impl BlueGreen {
    async fn act(
        &self,
        app: &Application,
        spec: &BlueGreenSpec,
        world: &World,
        writer: &impl Fn(&'static str) -> Writer,
    ) -> Result<Requeue, Error> {
        let ctx = &self.hands.ctx;
        let now = ctx.clock.now();
        let key = owner(&world.restapi);
        let tried = self.tries.ended(&key);
        let mut thought = think(app, spec, world, &tried, now)?;
        self.tell(&key, &thought, now);
        self.hands.leave_alone(world, &mut thought.plan).await?;
        let done = self
            .hands
            .carry_out(world, &mut thought.plan, writer)
            .await?;
        let outcome = match done {
            Ok(outcome) => outcome,
            Err(requeue) => return Ok(requeue),
        };
        if outcome.refusals.is_empty() {
            thought
                .ended
                .iter()
                .for_each(|ended| self.rollouts.ended(ended));
        }
        self.try_gates(&key, &mut thought);
        repairs(&ctx.events, world, &thought.plan);
        replacements(&ctx.events, world, &thought.plan);
        let mut verdict = verdict::status(&thought, &outcome, now);
        let undelivered = undelivered(
            ctx,
            world,
            conditions::ROLLOUT_EVENTS_UNDELIVERED,
            &mut verdict,
        );
        let status = writer(keys::FIELD_MANAGER_STATUS_BLUEGREEN);
        report::status(world, &verdict, &status).await?;
        report::turns(ctx, world, &verdict);
        let next = next_look(&thought, &outcome, now);
        let waits = [next, world.config.read_again, undelivered];
        Ok(Requeue::after_soonest(waits))
    }

    /// Tells what has been recorded of rollouts, as spans and events, and that this reconcile is a part of one.
    fn tell(&self, key: &Owner, thought: &Thought<'_>, now: Timestamp) {
        let Context { spans, bus, .. } = &self.hands.ctx;
        if !spans.is_on() && !bus.is_on() {
            return;
        }
        let view = &thought.view;
        let restapi = &view.world.restapi;
        let accounts = accounts(restapi, &view.records, now);
        let asked = rollout::asked(view.world, view.app);
        if spans.is_on() {
            if let Some(rollout) = &asked {
                telemetry::link(&rollout.context());
            }
            spans.tell(key, &trace::traces(&accounts));
        }
        if bus.is_on() {
            let unrecorded = plan::rollout::unrecorded(view, &thought.situated);
            let started = asked
                .zip(unrecorded)
                .map(|(rollout, mark)| facts::started(restapi, &rollout, &mark));
            bus.tell(key, facts::events(restapi, &accounts, started, now));
        }
    }

    /// Begins what is to be tried of gates.
    fn try_gates(&self, key: &Owner, thought: &mut Thought<'_>) {
        let is_paused = thought.view.world.restapi.spec.paused == Some(true);
        match thought.situated.gates.as_mut().filter(|_| !is_paused) {
            Some(gates) => {
                let due = std::mem::take(&mut gates.due);
                self.tries.begin(key, &gates.open, due, thought.view.tried);
            }
            None => self.tries.forget(key),
        }
    }
}

/// When to look again at what no watch tells.
fn next_look(thought: &Thought<'_>, outcome: &Outcome, now: Timestamp) -> Option<Duration> {
    if outcome.wrote {
        // The echo of what was written comes by itself; this is for where it gets lost.
        return Some(SOON);
    }
    let obstacles = &thought.plan.obstacles;
    let by_itself = obstacles
        .iter()
        .any(Obstacle::goes_by_itself)
        .then_some(SOON);
    let is_stuck = !obstacles.is_empty() || !outcome.refusals.is_empty();
    let stuck = is_stuck.then_some(LATER);
    let turns = thought.situated.turns.iter();
    let turn = turns.map(|at| Duration::try_from(at.duration_since(now)).unwrap_or_default());
    by_itself.into_iter().chain(stuck).chain(turn).min()
}
