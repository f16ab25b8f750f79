//! What a manager that writes workloads does around its plan: look, leave alone what experience says, write.

use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use manager_kit::context::Context;
use manager_kit::lease::HeldShard;
use manager_kit::runner::Requeue;
use manager_kit::tracker::{Owner, Tracker};
use manager_kit::writer::{WriteError, Writer};
use restapi_types::RestAPI;

use crate::alike::Alike;
use crate::apply::{Outcome, apply};
use crate::disputes::{self, Disputes};
use crate::namespaces::{self, Going};
use crate::observe::{Caches, Observed, observe, owner};
use crate::plan::{Drift, Obstacle, Plan};
use crate::world::World;

/// How soon to look again at what goes by itself: an object that is being deleted, say.
pub const SOON: Duration = Duration::from_secs(1);

/// How soon to try again what somebody has to put right first. Most of what does so is seen on a watch;
/// quotas and foreign objects are not.
pub const LATER: Duration = Duration::from_secs(10);

/// How soon to plan again after somebody else wrote first.
const AFTER_RACE: Duration = Duration::from_millis(100);

/// What one manager sees with and writes with.
pub struct Hands {
    /// The shell.
    pub ctx: Context,
    /// What is known.
    pub caches: Caches,
    tracker: Tracker,
    going: Going,
    disputes: Disputes,
    alike: Alike,
}

impl Hands {
    /// Those of a manager that sees with `caches`.
    #[must_use]
    pub fn new(ctx: Context, caches: Caches) -> Self {
        Self {
            ctx,
            caches,
            tracker: Tracker::default(),
            going: Going::default(),
            disputes: Disputes::default(),
            alike: Alike::default(),
        }
    }

    /// The world of an application; or when to look again, where there is none to be seen yet.
    ///
    /// # Errors
    /// When a live read fails.
    pub async fn look(
        &self,
        restapi: Arc<RestAPI>,
    ) -> Result<Result<Box<World>, Requeue>, kube::Error> {
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

    /// Makes writers for one application, by field manager, as long as `shard` is held.
    pub fn writer(&self, owner: Owner, shard: &HeldShard) -> impl Fn(&'static str) -> Writer {
        let client: Client = self.ctx.client.clone();
        let (shard, tracker) = (shard.clone(), self.tracker.clone());
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

    /// Takes out of the plan what is known to be as it should be, and what somebody else writes again and again.
    ///
    /// # Errors
    /// When it can't be read who that is.
    pub async fn leave_alone(&self, world: &World, plan: &mut Plan) -> Result<(), kube::Error> {
        let (key, now) = (owner(&world.restapi), self.ctx.clock.monotonic());
        self.alike.skip(&key, world, plan);
        let generation = generation(world);
        let disputed = self.disputes.disputed(&key, generation, &plan.drift, now);
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

    /// Carries the plan out, and remembers what came of it; or says when to plan again, where somebody else was
    /// faster.
    ///
    /// # Errors
    /// See [`apply`].
    pub async fn carry_out(
        &self,
        world: &World,
        plan: &mut Plan,
        writer: &impl Fn(&'static str) -> Writer,
    ) -> Result<Result<Outcome, Requeue>, WriteError> {
        let key = owner(&world.restapi);
        let outcome = match apply(plan, |role| writer(role.field_manager())).await {
            Ok(outcome) => outcome,
            // Somebody else wrote in between, the deployment controller most of the time: an ordinary race.
            Err(WriteError::Conflict { .. } | WriteError::Exists(_)) => {
                return Ok(Err(Requeue::After(AFTER_RACE)));
            }
            Err(WriteError::NamespaceGoing(_)) => {
                self.going.note(&key.0, self.ctx.clock.monotonic());
                return Ok(Err(Requeue::After(namespaces::PAUSE)));
            }
            Err(error) => return Err(error),
        };
        let (unchanged, now) = (&outcome.without_effect, self.ctx.clock.monotonic());
        self.alike.note(&key, world, plan, unchanged, now);
        let is_refused = |drift: &Drift| {
            let mut refusals = outcome.refusals.iter();
            refusals.any(|refusal| refusal.target == drift.target)
        };
        plan.drift.retain(|drift| !is_refused(drift));
        self.disputes
            .put_back(&key, generation(world), &plan.drift, now);
        Ok(Ok(outcome))
    }
}

fn generation(world: &World) -> i64 {
    world.restapi.metadata.generation.unwrap_or_default()
}
