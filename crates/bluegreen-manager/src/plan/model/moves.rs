//! What can happen next.

use super::cluster::{Does, Hour, Workload, World};
use super::fault::{Fault, next};
use crate::plan::situation::Held;

/// Every world that can follow.
pub(super) fn successors(world: &World, fault: Fault) -> Result<Vec<World>, String> {
    let mut all = Vec::new();
    for manager in 0..2 {
        managed(world, manager, fault, &mut all)?;
    }
    for (e, place) in world.places.iter().enumerate() {
        if place.ending != 0 {
            let mut after = world.clone();
            after.places[e].ending = 0;
            all.push(after);
        }
        for (i, workload) in place.workloads.iter().enumerate() {
            let Some(workload) = workload else { continue };
            let mut after = world.clone();
            if workload.is_ready {
                let Some(left) = world.luck.failures.checked_sub(1) else {
                    continue;
                };
                after.luck.failures = left;
            }
            after.places[e].workloads[i] = Some(Workload {
                is_ready: !workload.is_ready,
                ..*workload
            });
            all.push(after);
        }
    }
    if world.asked < 3 {
        let mut after = world.clone();
        after.asked += 1;
        all.push(after);
    }
    all.extend(rolled_back(world));
    Ok(all)
}

fn managed(
    world: &World,
    manager: usize,
    fault: Fault,
    all: &mut Vec<World>,
) -> Result<(), String> {
    let Some(write) = world.planned[manager].front().copied() else {
        for hour in Hour::all() {
            let writes = world.writes(next(world, hour, fault), fault);
            if !writes.is_empty() {
                let mut after = world.clone();
                after.planned[manager] = writes;
                all.push(after);
            }
        }
        return Ok(());
    };
    let mut after = world.clone();
    after.planned[manager].pop_front();
    let happened = after.carry_out(write, fault);
    if !happened {
        after.planned[manager].clear();
    }
    if let Does::Select(_, to) = write.does
        && happened
        && world.luck.failures > 0
        && !world.side(to).available
    {
        return Err(format!(
            "a Service is moved to {to}, which is not available"
        ));
    }
    all.push(after);
    if let Some(left) = world.luck.crashes.checked_sub(1) {
        let mut after = world.clone();
        after.luck.crashes = left;
        after.planned[manager].clear();
        all.push(after);
    }
    Ok(())
}

/// Somebody asks to go back to what is kept.
fn rolled_back(world: &World) -> Option<World> {
    let left = world.luck.rollbacks.checked_sub(1)?;
    let situation = world.situation(Hour::default());
    let home = situation.home(world.asked);
    let serving = situation.side(home.other()).runs.revision()?;
    let is_new = situation.hold(world.asked).is_none() && serving != world.asked;
    let mut after = world.clone();
    after.luck.rollbacks = left;
    after.held.push(Held {
        revision: world.asked,
        serving,
    });
    is_new.then_some(after)
}
