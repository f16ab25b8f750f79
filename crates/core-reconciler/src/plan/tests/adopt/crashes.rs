//! A manager that ends at any moment of an adoption: the next one goes on from what the objects show.

use super::*;

/// How many plans an adoption needs at most until nothing is left to be done.
const PLANS: usize = 12;

/// An adoption whose plan number `broken` is carried out only up to its write number `writes`. Returns whether there
/// was such a write.
fn broken_off(broken: usize, writes: usize) -> bool {
    let mut cluster = Cluster::new();
    cluster.start_ours();
    let mut was_there = false;
    for number in 0..2 * PLANS {
        let plan = cluster.plan();
        if number == broken {
            let steps: Vec<_> = plan.waves.iter().flatten().collect();
            was_there = writes < steps.len();
            for step in steps.into_iter().take(writes) {
                cluster.write(step);
            }
            cluster.pass(2);
        } else {
            cluster.carry_out(&plan);
        }
    }
    let plan = cluster.plan();
    assert!(plan.is_settled(), "{broken}/{writes}: {plan:?}");
    let of = |cluster: &Cluster| (cluster.service()["spec"].clone(), cluster.legacy.clone());
    assert_eq!(of(&cluster), of(&Cluster::done()), "{broken}/{writes}");
    was_there
}

#[test]
fn a_crash_between_any_two_writes_is_made_good() {
    let mut crashes = 0;
    for broken in 0..PLANS {
        for writes in 0.. {
            if !broken_off(broken, writes) {
                break;
            }
            crashes += 1;
        }
    }
    // The first plan's writes, the move, the note that it was followed, and the scaling.
    assert!(crashes > 6, "only {crashes} crashes were tried");
}

#[test]
fn an_adoption_is_over_in_time() {
    let mut cluster = Cluster::new();
    cluster.start_ours();
    let plans = (0..PLANS).find(|_| {
        let plan = cluster.plan();
        cluster.carry_out(&plan);
        plan.is_settled()
    });
    assert!(plans.is_some(), "it is not over after {PLANS} plans");
}
