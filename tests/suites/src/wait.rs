//! Waiting for conditions, never for time.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use tokio::time::{Instant, sleep, timeout_at};

/// How often a condition is looked at: after a tenth of the time waited so far, between these. What is soon
/// is seen soon, and what takes long is not asked for all the time.
const INTERVAL: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));

/// How often something that is not to change is looked at, as a part of the time.
const LOOKS: u32 = 4;

/// Looks at `probe` until it succeeds, and returns what it returned; its errors say what still lacks.
///
/// # Errors
/// When it has not succeeded within `limit`: names `what` was waited for and the last error.
pub async fn eventually<T>(
    limit: Duration,
    what: &str,
    mut probe: impl AsyncFnMut() -> Result<T>,
) -> Result<T> {
    let begin = Instant::now();
    let end = begin + limit;
    let mut last = "nothing was seen in time".to_owned();
    while let Ok(seen) = timeout_at(end, probe()).await {
        match seen {
            Ok(value) => return Ok(value),
            Err(lacking) => last = format!("{lacking:#}"),
        }
        let interval = (begin.elapsed() / 10).clamp(INTERVAL.0, INTERVAL.1);
        if Instant::now() + interval >= end {
            break;
        }
        sleep(interval).await;
    }
    bail!("not within {limit:.1?}: {what}; last: {last}")
}

/// As [`eventually`], and also tells how long it took.
///
/// # Errors
/// As [`eventually`].
pub async fn timed<T>(
    limit: Duration,
    what: &str,
    probe: impl AsyncFnMut() -> Result<T>,
) -> Result<(T, Duration)> {
    let begin = Instant::now();
    let value = eventually(limit, what, probe).await?;
    let took = begin.elapsed();
    println!("{what}: after {took:.2?}");
    Ok((value, took))
}

/// Looks at `probe` until it has returned the same for `quiet` without a break, and returns that.
///
/// # Errors
/// When that has not happened within `limit`, and when `probe` fails.
pub async fn unchanged<T: PartialEq>(
    quiet: Duration,
    limit: Duration,
    what: &str,
    mut probe: impl AsyncFnMut() -> Result<T>,
) -> Result<T> {
    let end = Instant::now() + limit;
    let mut last = probe().await?;
    let mut since = Instant::now();
    while since.elapsed() < quiet {
        ensure!(
            Instant::now() < end,
            "still changing after {limit:.1?}: {what}"
        );
        sleep(quiet / LOOKS).await;
        let now = probe().await?;
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    Ok(last)
}
