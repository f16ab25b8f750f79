//! Says where a rollout stands, or follows it to its end.

use jiff::Timestamp;
use tokio::time::Instant;

use crate::args::Status;
use crate::cluster::Cluster;
use crate::failure::Failure;
use crate::output;
use crate::standing::{Standing, standing, verdict};

/// Says where it stands, and with `--wait` each change of that until it has ended.
///
/// # Errors
/// When it ended otherwise than asked for, or not in time.
pub async fn run(cluster: &Cluster, status: Status) -> Result<(), Failure> {
    let name = status.name.as_str();
    let end = Instant::now() + status.timeout;
    // One that is not there is told at once, and not waited for.
    let first = standing(&cluster.restapi(name).await?);
    if !status.wait {
        output::say(&format!("{name}: {}: {}", first.phase, first.message))?;
        return verdict(name, &first, status.until).unwrap_or_else(|| Err(not_ended(name, &first)));
    }
    let mut last = None;
    let found = cluster
        .until(name, end, |restapi| {
            let seen = standing(restapi);
            if last.as_ref() != Some(&seen) {
                output::say(&line(Timestamp::now(), &seen))?;
            }
            let found = verdict(name, &seen, status.until);
            last = Some(seen);
            Ok(found)
        })
        .await?;
    let seen = last.unwrap_or(first);
    found.unwrap_or_else(|| Err(not_ended(name, &seen)))
}

fn line(now: Timestamp, seen: &Standing) -> String {
    let now = now.strftime("%Y-%m-%dT%H:%M:%SZ");
    format!("{now} {}: {}", seen.phase, seen.message)
}

fn not_ended(name: &str, seen: &Standing) -> Failure {
    Failure::TimedOut(format!(
        "{name}: the rollout has not ended, it is {}",
        seen.phase
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standing::State;

    #[test]
    fn a_line_says_when_and_where_it_stands() {
        let seen = Standing {
            state: State::UnderWay,
            phase: "Starting".to_owned(),
            message: "3 of 4 components are available".to_owned(),
        };
        let now = "2026-01-02T03:04:05.6Z".parse().unwrap();
        assert_eq!(
            line(now, &seen),
            "2026-01-02T03:04:05Z Starting: 3 of 4 components are available"
        );
    }
}
