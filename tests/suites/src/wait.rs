//! Waiting for conditions, never for time.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use tokio::time::{Instant, sleep, timeout_at};

/// How often a condition is looked at.
const INTERVAL: Duration = Duration::from_millis(50);

/// Looks at `probe` until it succeeds, and returns what it returned; its errors say what still lacks.
///
/// # Errors
/// When it has not succeeded within `limit`: names `what` was waited for and the last error.
pub async fn eventually<T>(
    limit: Duration,
    what: &str,
    mut probe: impl AsyncFnMut() -> Result<T>,
) -> Result<T> {
    let end = Instant::now() + limit;
    let mut last = "nothing was seen in time".to_owned();
    while let Ok(seen) = timeout_at(end, probe()).await {
        match seen {
            Ok(value) => return Ok(value),
            Err(lacking) => last = format!("{lacking:#}"),
        }
        if Instant::now() + INTERVAL >= end {
            break;
        }
        sleep(INTERVAL).await;
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
        sleep(INTERVAL * 4).await;
        let now = probe().await?;
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    Ok(last)
}
