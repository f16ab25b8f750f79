//! The stream that keeps events. It is made where it is not there, and never changed: one that differs may be as
//! somebody wants it, and what it holds is history.

use std::time::Duration;

use async_nats::jetstream::stream::{
    Compression, Config, DiscardPolicy, RetentionPolicy, StorageType,
};
use restapi_types::event::{STREAM, SUBJECTS};

/// How long events are kept.
const KEPT: Duration = Duration::from_hours(72);

/// How much of the servers' disks they may take.
const MAX_BYTES: i64 = 256 << 20;

/// How many are kept of one kind of one application.
const PER_SUBJECT: i64 = 64;

/// For how long an event that is told again is known to be the same: longer than managers that were started anew tell
/// what ended before (`workloads::rollout`).
const KNOWN: Duration = Duration::from_mins(20);

/// The stream as it is made.
pub(super) fn wanted(replicas: u8) -> Config {
    Config {
        name: STREAM.to_owned(),
        description: Some("Events of the RestAPI operator".to_owned()),
        subjects: SUBJECTS.map(str::to_owned).to_vec(),
        // Every manager reads every event, so none is used up.
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        discard: DiscardPolicy::Old,
        max_age: KEPT,
        max_bytes: MAX_BYTES,
        max_messages_per_subject: PER_SUBJECT,
        duplicate_window: KNOWN,
        num_replicas: usize::from(replicas),
        deny_delete: true,
        deny_purge: true,
        allow_direct: true,
        compression: Some(Compression::S2),
        ..Config::default()
    }
}

/// What of a stream keeps events from getting through it as they should, each with what to do about it. How long it
/// keeps them, how many, and on how many servers, is its owner's choice.
pub(super) fn drift(found: &Config) -> Vec<&'static str> {
    let covers = |subject: &str| {
        let family = subject.trim_end_matches('>');
        found.subjects.iter().any(|own| {
            own == subject || own == ">" || {
                let own = own.strip_suffix('>');
                own.is_some_and(|own| own.ends_with('.') && family.starts_with(own))
            }
        })
    };
    let mut drift = Vec::new();
    if !SUBJECTS.iter().all(|subject| covers(subject)) {
        drift.push("subjects: add restapi.v1.> and restapi.dead.v1.>");
    }
    if found.retention != RetentionPolicy::Limits {
        drift.push("retention: must be limits, or events are used up by the first who reads them");
    }
    if found.duplicate_window < KNOWN {
        drift.push("duplicate_window: set it to 20m, or events are there twice after a restart");
    }
    if found.no_ack {
        drift.push("no_ack: turn it off, or nobody knows whether an event was taken");
    }
    if found.sealed {
        drift.push("sealed: it takes no events; make another one");
    }
    drift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_that_is_made_fits_and_what_its_owner_may_choose_does_too() {
        assert_eq!(drift(&wanted(3)), Vec::<&str>::new());
        let chosen = Config {
            max_age: Duration::from_hours(1),
            num_replicas: 5,
            max_bytes: 1,
            storage: StorageType::Memory,
            subjects: vec!["restapi.>".to_owned()],
            ..wanted(1)
        };
        assert_eq!(drift(&chosen), Vec::<&str>::new());
    }

    #[test]
    fn what_keeps_events_from_getting_through_is_named() {
        let wrong = [
            Config {
                subjects: vec!["restapi.v1.>".to_owned()],
                ..wanted(1)
            },
            Config {
                retention: RetentionPolicy::WorkQueue,
                ..wanted(1)
            },
            Config {
                duplicate_window: Duration::from_mins(2),
                ..wanted(1)
            },
            Config {
                no_ack: true,
                ..wanted(1)
            },
            Config {
                sealed: true,
                ..wanted(1)
            },
        ];
        for (config, field) in wrong.iter().zip([
            "subjects",
            "retention",
            "duplicate_window",
            "no_ack",
            "sealed",
        ]) {
            let found = drift(config);
            assert!(
                matches!(found.as_slice(), [one] if one.starts_with(field)),
                "{found:?}"
            );
        }
    }
}
