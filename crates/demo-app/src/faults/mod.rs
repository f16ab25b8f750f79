//! Faults that tests switch on, to see how the operator and the other roles cope. They are there
//! only when the process was started with `--allow-faults`.

mod burn;
mod leak;
mod routes;
mod spec;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;

use crate::problem::Failure;
use burn::Burn;
use leak::Leak;
pub(crate) use routes::routes;
pub use spec::{BurnSpec, FaultSpec};

/// The faults that are on.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Active>);

#[derive(Debug, Default)]
struct Active {
    spec: FaultSpec,
    /// Grows by the error rate with each request; at one, the request fails. So the rate is met
    /// exactly, not only on average.
    owed_errors: f64,
    leak: Option<Leak>,
    burn: Option<Burn>,
}

impl Faults {
    fn lock(&self) -> MutexGuard<'_, Active> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts `spec` in the place of the faults that are on; what they held is given back.
    pub(crate) fn set(&self, spec: FaultSpec) {
        let mut active = self.lock();
        // The old ones end before the new ones start, so that bounds hold for both together.
        active.leak = None;
        active.burn = None;
        active.owed_errors = 0.0;
        active.leak = (spec.leak_mib_per_second > 0)
            .then(|| Leak::start(spec.leak_mib_per_second, spec.max_mib));
        active.burn = spec
            .burn_cpu
            .map(|burn| Burn::start(burn.threads, Duration::from_secs(burn.seconds)));
        active.spec = spec;
    }

    /// The faults that are on.
    pub(crate) fn spec(&self) -> FaultSpec {
        self.lock().spec.clone()
    }

    /// Memory that the leak holds, in MiB.
    pub(crate) fn leaked_mib(&self) -> u64 {
        self.lock().leak.as_ref().map_or(0, Leak::mib)
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.lock().spec.ready
    }

    pub(crate) fn is_healthy(&self) -> bool {
        self.lock().spec.health
    }

    /// Lets the faults work on one request: waits, and fails it when its turn has come.
    pub(crate) async fn strike(&self) -> Result<(), Failure> {
        let (delay, fails) = {
            let mut active = self.lock();
            active.owed_errors += active.spec.error_rate;
            let fails = active.owed_errors >= 1.0;
            if fails {
                active.owed_errors -= 1.0;
            }
            (Duration::from_millis(active.spec.delay_ms), fails)
        };
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        if fails {
            return Err(Failure::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "fault_injected",
                "this request fails because of errorRate; DELETE /faults ends it",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_error_rate_is_met_exactly() {
        let faults = Faults::default();
        faults.set(FaultSpec {
            error_rate: 0.25,
            ..FaultSpec::default()
        });
        let mut failed = 0;
        for _ in 0..100 {
            failed += u32::from(faults.strike().await.is_err());
        }
        assert_eq!(failed, 25);
        faults.set(FaultSpec::default());
        assert!(faults.strike().await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn delays_are_waited_for() {
        let faults = Faults::default();
        faults.set(FaultSpec {
            delay_ms: 300,
            ..FaultSpec::default()
        });
        let started = tokio::time::Instant::now();
        faults.strike().await.unwrap();
        assert_eq!(started.elapsed(), Duration::from_millis(300));
    }

    #[tokio::test(start_paused = true)]
    async fn a_leak_stops_at_its_bound_and_is_given_back() {
        let faults = Faults::default();
        faults.set(FaultSpec {
            leak_mib_per_second: 4,
            max_mib: 6,
            ..FaultSpec::default()
        });
        tokio::time::timeout(Duration::from_mins(1), async {
            while faults.leaked_mib() < 6 {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        })
        .await
        .unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(faults.leaked_mib(), 6);
        faults.set(FaultSpec::default());
        assert_eq!(faults.leaked_mib(), 0);
    }
}
