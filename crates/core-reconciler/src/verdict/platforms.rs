//! What tools that wait for applications make of our status, at every moment of recorded sequences.
//!
//! Two of them: kstatus (Flux, Config Sync, `kubectl` plugins), by its published rules, and Argo CD, by the
//! script that we ship. Neither may call an application good while its newest generation is not served.

mod argo;
mod kstatus;
mod sequences;

use restapi_types::RestAPI;

use sequences::{Moment, all};

#[test]
fn nothing_is_called_good_that_is_not_served() {
    let script = argo::Health::shipped();
    for (sequence, moments) in all() {
        for Moment {
            what,
            restapi,
            is_served,
            ..
        } in moments
        {
            let (kstatus, argo) = (kstatus::of(&restapi), script.of(&restapi));
            let says_good = (kstatus == kstatus::Status::Current, argo == "Healthy");
            assert_eq!(
                says_good,
                (is_served, is_served),
                "{sequence}: {what}: {kstatus:?}, {argo}"
            );
        }
    }
}

#[test]
fn each_moment_is_called_what_it_is() {
    let script = argo::Health::shipped();
    for (sequence, moments) in all() {
        for moment in moments {
            let said = (kstatus::of(&moment.restapi), script.of(&moment.restapi));
            let expected = (moment.kstatus, moment.argo.to_owned());
            assert_eq!(said, expected, "{sequence}: {}", moment.what);
        }
    }
}

/// Whether a status speaks of the newest generation.
fn is_told(restapi: &RestAPI) -> bool {
    let told = restapi.status.as_ref().and_then(|s| s.observed_generation);
    told == restapi.metadata.generation
}

#[test]
fn the_sequences_hold_moments_before_and_after_the_newest_generation_was_seen() {
    let moments: Vec<_> = all().into_iter().flat_map(|(_, moments)| moments).collect();
    assert!(moments.iter().any(|m| !is_told(&m.restapi)));
    assert!(moments.iter().any(|m| is_told(&m.restapi)));
}
