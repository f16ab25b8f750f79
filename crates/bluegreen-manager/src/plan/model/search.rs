//! Visits every world that can be reached.

use std::collections::{HashMap, HashSet, VecDeque};
use std::rc::Rc;

use super::cluster::{Hour, World};
use super::fault::{Fault, next};
use super::moves::successors;
use crate::plan::situation::Runs;

/// Whether one manager, left alone with pods that start and end, comes to serve what is to be served.
fn settles(mut world: World, fault: Fault) -> Result<(), String> {
    for _ in 0..40 {
        world.make_well();
        let writes = world.writes(next(&world, Hour::retained(), fault), fault);
        if writes.is_empty() {
            break;
        }
        for write in writes {
            if !world.carry_out(write, fault) {
                break;
            }
        }
    }
    let seen = world.situation(Hour::retained());
    let (goal, agreed) = (seen.goal(), seen.agreed());
    let served = agreed.map(|e| seen.side(e).runs);
    if !matches!(served, Some(Runs::All(attempt)) if attempt.revision == goal) {
        return Err(format!("{goal} is to be served, and {served:?} is"));
    }
    let away = agreed.map(|e| seen.side(e.other()).runs);
    if away != Some(Runs::Nothing) {
        return Err(format!("{away:?} is left behind"));
    }
    Ok(())
}

/// Visits every world that can be reached; returns how many there are, or what must never be.
pub(super) fn explore(fault: Fault) -> Result<usize, String> {
    let mut before: HashMap<Rc<World>, Option<Rc<World>>> = HashMap::new();
    let mut settled: HashSet<World> = HashSet::new();
    let born = Rc::new(World::born());
    before.insert(Rc::clone(&born), None);
    let mut open = VecDeque::from([born]);
    while let Some(world) = open.pop_front() {
        let told = |wrong: String| format!("{wrong}; the way there:\n{}", way(&before, &world));
        world.check().map_err(told)?;
        let alone = world.alone();
        if settled.insert(alone.clone()) {
            settles(alone, fault).map_err(told)?;
        }
        let all = successors(&world, fault).map_err(told)?;
        for after in all {
            let after = Rc::new(after.ordered());
            if !before.contains_key(&after) {
                before.insert(Rc::clone(&after), Some(Rc::clone(&world)));
                open.push_back(after);
            }
        }
    }
    Ok(before.len())
}

/// The worlds from the beginning to this one, a line each.
fn way(before: &HashMap<Rc<World>, Option<Rc<World>>>, to: &Rc<World>) -> String {
    let mut all = Vec::new();
    let mut world = Some(to);
    while let Some(at) = world {
        all.push(format!("{at:?}"));
        world = before.get(at).and_then(Option::as_ref);
    }
    all.reverse();
    all.join("\n")
}
