//! Every interleaving of two managers, of which one may be deposed or see an old world, with people, pods and time.
//!
//! The cluster has two components and three revisions. The managers decide with [`decide`](super::decide::decide) and
//! nothing else; what is modelled is what a write does, which is refused when its object is not as it was when it was
//! planned.

mod cluster;
mod fault;
mod moves;
mod search;

use fault::Fault;
use search::explore;

#[test]
fn whatever_happens_what_is_selected_is_there_and_in_the_end_the_goal_is_served() {
    match explore(Fault::None) {
        Ok(worlds) => println!("{worlds} worlds"),
        Err(wrong) => panic!("{wrong}"),
    }
}

#[test]
fn every_fault_is_found() {
    let missed: Vec<_> = Fault::ALL
        .into_iter()
        .filter(|f| explore(*f).is_ok())
        .collect();
    assert_eq!(missed, []);
}
