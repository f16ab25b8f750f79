//! What `/readyz` and `/livez` answer: named gates and watchdogs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The gates that must be open before the process is ready, and the watchdogs that must be fed for
/// it to count as alive. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// By name; the reason why the gate is closed, `None` when it is open.
    gates: BTreeMap<String, Option<String>>,
    watchdogs: BTreeMap<String, Fed>,
}

#[derive(Debug)]
struct Fed {
    last: Instant,
    limit: Duration,
}

/// The answer to a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Whether every line is good.
    pub good: bool,
    /// One line per gate or watchdog: `[+]NAME ok` or `[-]NAME: REASON`.
    pub text: String,
}

impl Readiness {
    /// The gate of that name, closed with the reason "not started" if it is new.
    #[must_use]
    pub fn gate(&self, name: impl Into<String>) -> Gate {
        let name = name.into();
        self.lock()
            .gates
            .entry(name.clone())
            .or_insert_with(|| Some("not started".to_owned()));
        Gate {
            name,
            readiness: self.clone(),
        }
    }

    /// A watchdog that trips when it has not been fed for `limit`. It counts from now on.
    #[must_use]
    pub fn watchdog(&self, name: impl Into<String>, limit: Duration) -> Watchdog {
        let name = name.into();
        self.lock().watchdogs.insert(
            name.clone(),
            Fed {
                last: Instant::now(),
                limit,
            },
        );
        Watchdog {
            name,
            readiness: self.clone(),
        }
    }

    /// The answer for `/readyz`: good once there are gates and every one is open. Without any, the
    /// manager's own part has not begun.
    #[must_use]
    pub fn ready(&self) -> Report {
        let state = self.lock();
        if state.gates.is_empty() {
            let text = "[-]startup: nothing is watched yet\nfailed\n".to_owned();
            return Report { good: false, text };
        }
        report(
            state
                .gates
                .iter()
                .map(|(name, reason)| (name, reason.clone())),
        )
    }

    /// The answer for `/livez`: good while every watchdog has been fed in time.
    #[must_use]
    pub fn alive(&self) -> Report {
        let state = self.lock();
        report(state.watchdogs.iter().map(|(name, fed)| {
            let silent = fed.last.elapsed();
            let tripped = silent > fed.limit;
            let reason = format!("no sign of life for {silent:.0?}, limit {:.0?}", fed.limit);
            (name, tripped.then_some(reason))
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn report<'a>(lines: impl Iterator<Item = (&'a String, Option<String>)>) -> Report {
    let mut report = Report {
        good: true,
        text: String::new(),
    };
    for (name, reason) in lines {
        report.good &= reason.is_none();
        // Writing to a String cannot fail.
        let _ = match reason {
            None => writeln!(report.text, "[+]{name} ok"),
            Some(reason) => writeln!(report.text, "[-]{name}: {reason}"),
        };
    }
    report
        .text
        .push_str(if report.good { "ok\n" } else { "failed\n" });
    report
}

/// One condition for being ready.
#[derive(Clone, Debug)]
pub struct Gate {
    name: String,
    readiness: Readiness,
}

impl Gate {
    /// Opens the gate.
    pub fn ready(&self) {
        self.set(None);
    }

    /// Closes the gate; `reason` says what is missing and what to do about it.
    pub fn not_ready(&self, reason: impl Into<String>) {
        self.set(Some(reason.into()));
    }

    fn set(&self, reason: Option<String>) {
        let old = self
            .readiness
            .lock()
            .gates
            .insert(self.name.clone(), reason.clone());
        if old.as_ref() != Some(&reason) {
            match reason {
                None => tracing::info!(gate = self.name, "ready"),
                Some(reason) => tracing::info!(gate = self.name, reason, "not ready"),
            }
        }
    }
}

/// Must be fed regularly, or `/livez` fails.
#[derive(Debug)]
pub struct Watchdog {
    name: String,
    readiness: Readiness,
}

impl Watchdog {
    /// Says that whoever holds this is making progress.
    pub fn feed(&self) {
        if let Some(fed) = self.readiness.lock().watchdogs.get_mut(&self.name) {
            fed.last = Instant::now();
        }
    }
}

impl Drop for Watchdog {
    /// What has ended in order is no longer watched.
    fn drop(&mut self) {
        self.readiness.lock().watchdogs.remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_only_when_every_gate_is_open_and_each_closed_one_says_why() {
        let readiness = Readiness::default();
        let (crd, cache) = (readiness.gate("restapis-crd"), readiness.gate("cache"));
        crd.not_ready("the CRD is not installed: apply kustomize/crd");
        cache.ready();
        let report = readiness.ready();
        assert!(!report.good);
        assert_eq!(
            report.text,
            "[+]cache ok\n[-]restapis-crd: the CRD is not installed: apply kustomize/crd\nfailed\n"
        );
        crd.ready();
        assert!(readiness.ready().good);
    }

    #[test]
    fn a_process_that_has_not_begun_is_not_ready() {
        let report = Readiness::default().ready();
        assert!(
            !report.good && report.text.contains("[-]startup"),
            "{}",
            report.text
        );
    }

    #[test]
    fn a_new_gate_is_closed_and_asking_for_it_again_leaves_it_as_it_is() {
        let readiness = Readiness::default();
        readiness.gate("cache").ready();
        assert!(readiness.ready().good);
        let _same = readiness.gate("cache");
        assert!(readiness.ready().good);
        let _new = readiness.gate("crd");
        assert!(!readiness.ready().good);
    }

    #[tokio::test(start_paused = true)]
    async fn a_watchdog_trips_when_it_is_not_fed_and_recovers() {
        let readiness = Readiness::default();
        let dog = readiness.watchdog("loop", Duration::from_mins(1));
        tokio::time::advance(Duration::from_secs(59)).await;
        assert!(readiness.alive().good);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(!readiness.alive().good);
        dog.feed();
        assert!(readiness.alive().good);
        tokio::time::advance(Duration::from_secs(61)).await;
        drop(dog);
        assert!(readiness.alive().good, "what ended in order is not watched");
    }
}
