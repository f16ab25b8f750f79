//! Single decisions: what follows from which situation.

use Environment::{Blue, Green};

use super::*;
use crate::plan::situation::{Side, Stable};
use restapi_types::Seals;

fn attempt(number: u64, revision: Revision) -> Attempt {
    Attempt { number, revision }
}

fn running(number: u64, revision: Revision) -> Side {
    Side {
        runs: Runs::All(attempt(number, revision)),
        serves: true,
        available: true,
        has_endpoints: true,
    }
}

/// Revision 1 is served from blue, by two Services, and asked for.
fn settled() -> Situation {
    let stable = Stable {
        selects: Blue,
        converged: true,
        seals: Seals::default(),
        is_ours: true,
    };
    Situation {
        stable: vec![stable; 2],
        services: 2,
        blue: running(1, 1),
        green: Side::default(),
        asked: 1,
        held: Vec::new(),
        is_approved: true,
        gated: Gated::Passed,
        retention: Retention::Drained,
        on_new_revision: OnNewRevision::Release,
        is_late: false,
    }
}

fn moved(mut situation: Situation) -> Situation {
    for stable in &mut situation.stable {
        stable.selects = Green;
    }
    situation
}

#[test]
fn a_failed_gate_gives_a_revision_up_or_takes_it_back_where_something_else_can_serve() {
    let mut s = settled();
    (s.asked, s.green) = (2, running(2, 2));
    s.gated = Gated::Pending;
    assert_eq!(decide(&s), Next::Wait(Waits::Gates));
    let held = Held {
        revision: 2,
        serving: 1,
    };
    s.gated = Gated::Failed;
    assert_eq!(decide(&s), Next::Hold(held), "before it serves");
    let mut s = moved(s);
    assert_eq!(decide(&s), Next::Hold(held), "once it serves");
    s.retention = Retention::Over;
    s.gated = Gated::Pending;
    assert_eq!(
        decide(&s),
        Next::Wait(Waits::Retention),
        "all are waited for"
    );
    s.gated = Gated::Failed;
    s.blue.serves = false;
    let waits = Next::Wait(Waits::Retention);
    assert_eq!(decide(&s), waits, "it may still come back");
}

#[test]
fn a_rollout_goes_from_one_environment_to_the_other_and_cleans_up() {
    let mut s = settled();
    assert_eq!(decide(&s), Next::Rest);
    s.asked = 2;
    assert_eq!(decide(&s), Next::Build(Green, attempt(2, 2)));
    s.green = Side {
        available: false,
        ..running(2, 2)
    };
    assert_eq!(decide(&s), Next::Wait(Waits::Available));
    s.green.available = true;
    s.is_approved = false;
    assert_eq!(decide(&s), Next::Wait(Waits::Approval));
    s.is_approved = true;
    assert_eq!(decide(&s), Next::Switch(Green, Order::LeafFirst));
    let mut s = moved(s);
    assert_eq!(decide(&s), Next::Wait(Waits::Retention));
    s.retention = Retention::Over;
    assert_eq!(decide(&s), Next::Seal(Blue, 1));
    for stable in &mut s.stable {
        stable.seals.blue = 1;
    }
    assert_eq!(decide(&s), Next::Release(Blue));
    s.blue = Side::default();
    assert_eq!(decide(&s), Next::Rest);
}

#[test]
fn going_back_asks_nothing_of_the_revision_that_is_left() {
    let mut s = moved(settled());
    (s.asked, s.green) = (2, Side::default());
    s.blue.available = false;
    s.held = vec![Held {
        revision: 2,
        serving: 1,
    }];
    assert_eq!(decide(&s), Next::Switch(Blue, Order::EdgeFirst));
}

#[test]
fn a_revision_that_fails_or_takes_too_long_is_given_up_while_another_serves() {
    let held = Held {
        revision: 2,
        serving: 1,
    };
    let mut late = settled();
    (late.asked, late.is_late) = (2, true);
    assert_eq!(decide(&late), Next::Hold(held));
    let mut half_way = settled();
    half_way.asked = 2;
    half_way.green = Side {
        serves: false,
        available: false,
        ..running(2, 2)
    };
    half_way.stable[0].selects = Green;
    assert_eq!(decide(&half_way), Next::Hold(held));
}

#[test]
fn a_service_that_somebody_moved_to_what_may_not_serve_yet_is_moved_back() {
    let mut s = settled();
    (s.asked, s.green) = (2, running(2, 2));
    s.stable[0].selects = Green;
    s.is_approved = false;
    assert_eq!(decide(&s), Next::Switch(Blue, Order::EdgeFirst));
    s.blue.serves = false;
    assert_eq!(decide(&s), Next::Switch(Green, Order::LeafFirst));
}

#[test]
fn a_third_revision_waits_until_the_services_agree() {
    let mut s = settled();
    s.asked = 3;
    s.green = running(2, 2);
    s.stable[0].selects = Green;
    assert_eq!(decide(&s), Next::Switch(Green, Order::LeafFirst));
    let mut s = moved(s);
    assert_eq!(decide(&s), Next::Seal(Blue, 1));
    s.retention = Retention::Draining;
    assert_eq!(decide(&s), Next::Wait(Waits::Retention));
    s.retention = Retention::Drained;
    s.on_new_revision = OnNewRevision::Wait;
    assert_eq!(decide(&s), Next::Wait(Waits::Retention));
}

#[test]
fn a_revision_that_is_made_anew_to_go_back_to_is_asked_for_everything() {
    let mut s = settled();
    (s.asked, s.blue) = (2, running(1, 2));
    s.green = Side {
        available: false,
        ..running(2, 1)
    };
    s.held = vec![Held {
        revision: 2,
        serving: 1,
    }];
    assert_eq!(decide(&s), Next::Wait(Waits::Available));
    s.green.available = true;
    assert_eq!(decide(&s), Next::Switch(Green, Order::LeafFirst));
}

#[test]
fn where_nothing_can_be_switched_a_revision_replaces_the_other_in_place() {
    let mut s = settled();
    (s.stable, s.services) = (Vec::new(), 0);
    assert_eq!(decide(&s), Next::Rest);
    s.asked = 2;
    assert_eq!(decide(&s), Next::Build(Blue, attempt(2, 2)));
    s.blue = running(2, 2);
    s.green = running(1, 1);
    assert_eq!(decide(&s), Next::Release(Green));
}

#[test]
fn an_environment_that_is_being_removed_is_not_gone_back_to_but_made_anew() {
    let mut s = moved(settled());
    (s.asked, s.green) = (2, running(2, 2));
    s.held = vec![Held {
        revision: 2,
        serving: 1,
    }];
    s.stable[0].seals.blue = 1;
    assert_eq!(decide(&s), Next::Seal(Blue, 1));
    s.stable[1].seals.blue = 1;
    assert_eq!(decide(&s), Next::Release(Blue));
    s.blue = Side {
        has_endpoints: true,
        ..Side::default()
    };
    assert_eq!(decide(&s), Next::Wait(Waits::Endpoints));
    s.blue.has_endpoints = false;
    assert_eq!(decide(&s), Next::Build(Blue, attempt(3, 1)));
}
