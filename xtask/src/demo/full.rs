//! What `cargo xtask demo --full` ends with: what traces, events, alerts and dashboards say of the rollout that it made.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{NAME, NAMESPACE};
use crate::cluster::Target;
use crate::monitoring::{dashboards, picture, prometheus};
use crate::surroundings::{self, Surrounding};
use crate::tools::{self, Tool};
use crate::{artifacts, trace};

/// Each pod of a manager has been asked twice: what counts from there on shows in rates.
const ASKED: &str = "min(count_over_time(restapi_manager_info[2m])) >= 2";

/// How long that may take.
const ASKED_LIMIT: Duration = Duration::from_mins(2);

/// Rates need several samples of what is collected every 15 s.
const COLLECTED: Duration = Duration::from_mins(1);

/// How long spans and events may take to be there: managers export every second.
const TOLD: Duration = Duration::from_secs(20);

/// What is installed beside the managers: all of it, but for what was left out.
#[must_use]
pub(super) fn installed(is_full: bool, without: &[Surrounding]) -> Vec<Surrounding> {
    let all = Surrounding::ALL.into_iter();
    all.filter(|one| is_full && !without.contains(one))
        .collect()
}

/// For how long requests go on after the rollback, so that what collects has something to show.
pub(super) fn collected(with: &[Surrounding]) -> Duration {
    if with.contains(&Surrounding::Prometheus) {
        COLLECTED
    } else {
        Duration::ZERO
    }
}

/// Waits until Prometheus collects from the managers.
///
/// # Errors
/// When it does not.
pub(super) fn collecting(target: &Target) -> Result<()> {
    until(ASKED_LIMIT, || {
        let answer: Value = prometheus::ask(target, "query", &[("query", ASKED)])?;
        let found = answer
            .pointer("/data/result")
            .and_then(Value::as_array)
            .is_some_and(|found| !found.is_empty());
        ensure!(found, "Prometheus has collected nothing from the managers");
        Ok(())
    })
}

/// Prints what each of `with` has to say; `trace` is the trace of the rollout.
///
/// # Errors
/// When one of them does not answer.
pub(super) fn show(target: &Target, with: &[Surrounding], trace: &str) -> Result<()> {
    for surrounding in with {
        match surrounding {
            Surrounding::Jaeger => {
                println!("\nThe rollout as Jaeger has it:\n");
                until(TOLD, || drawn(target, trace))?;
            }
            Surrounding::Nats => println!(
                "\nWhat the managers told over NATS:\n\n{}",
                events(target)?.trim_end()
            ),
            Surrounding::Prometheus => {
                println!("\nAlerts: {}", alerts(target)?);
                for picture in pictures(target)? {
                    println!("Dashboard: {}", picture.display());
                }
            }
        }
    }
    print!("{}", addresses(with));
    Ok(())
}

fn drawn(target: &Target, id: &str) -> Result<()> {
    let args = trace::Args {
        what: id.to_owned(),
        namespace: NAMESPACE.to_owned(),
        svg: None,
    };
    trace::run(target, &args)
}

/// Looks again for so long: what is told a second later is not there at once.
fn until(limit: Duration, mut look: impl FnMut() -> Result<()>) -> Result<()> {
    let end = Instant::now() + limit;
    loop {
        match look() {
            Err(_) if Instant::now() < end => thread::sleep(Duration::from_millis(500)),
            seen => return seen,
        }
    }
}

/// The last minutes of the application's events, by our own kubectl plugin.
fn events(target: &Target) -> Result<String> {
    let kubectl = tools::path(Tool::Kubectl)?;
    let folder = kubectl.parent().unwrap_or(&kubectl).to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder).chain(std::env::split_paths(&path));
    let path = std::env::join_paths(folders).context("putting kubectl on the PATH")?;
    surroundings::plugin()
        .args(["events", NAME, "--namespace", NAMESPACE, "--since", "10m"])
        .arg("--kubeconfig")
        .arg(target.kubeconfig())
        .env("PATH", path)
        .read()
}

fn alerts(target: &Target) -> Result<String> {
    let rules: Value = prometheus::ask(target, "rules", &[("type", "alert")])?;
    Ok(told(&rules))
}

/// How many alerts are in which state, and the names of those that are not quiet.
fn told(rules: &Value) -> String {
    let groups = rules.pointer("/data/groups").and_then(Value::as_array);
    let rules = groups
        .into_iter()
        .flatten()
        .filter_map(|group| group.get("rules")?.as_array())
        .flatten();
    let (mut quiet, mut others) = (0, Vec::new());
    for rule in rules {
        let field = |name| rule.get(name).and_then(Value::as_str).unwrap_or("?");
        match field("state") {
            "inactive" => quiet += 1,
            state => others.push(format!("{} is {state}", field("name"))),
        }
    }
    let mut text = format!("{quiet} quiet");
    // Writing to a String cannot fail.
    let _ = match others.as_slice() {
        [] => write!(text, ", none fires"),
        others => write!(text, "; {}", others.join(", ")),
    };
    text
}

fn pictures(target: &Target) -> Result<Vec<PathBuf>> {
    let folder = artifacts::folder().join("demo/dashboards");
    dashboards::names()
        .into_iter()
        .map(|dashboard| {
            let svg = folder.join(format!("{dashboard}.svg"));
            let args = picture::Args {
                dashboard: dashboard.to_owned(),
                svg: svg.clone(),
                last: 5,
            };
            picture::run(target, &args)?;
            Ok(svg)
        })
        .collect()
}

/// How to open each.
fn addresses(with: &[Surrounding]) -> String {
    let mut text = String::new();
    for surrounding in with {
        let line = match surrounding {
            Surrounding::Jaeger => {
                "kubectl -n observability port-forward service/jaeger 16686      # traces: http://localhost:16686"
            }
            Surrounding::Prometheus => {
                "kubectl -n observability port-forward service/prometheus 9090   # metrics: http://localhost:9090"
            }
            Surrounding::Nats => {
                "kubectl restapi events -A --follow                              # events, as they are told"
            }
        };
        text.push_str("\n  ");
        text.push_str(line);
    }
    if text.is_empty() {
        return text;
    }
    format!("\nTo look further:{text}\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_left_out_is_not_installed_and_without_full_nothing_is() {
        assert_eq!(installed(false, &[]), []);
        assert_eq!(installed(true, &[]), Surrounding::ALL);
        let without = installed(true, &[Surrounding::Nats]);
        assert!(!without.contains(&Surrounding::Nats) && without.len() == 2);
    }

    #[test]
    fn alerts_that_are_not_quiet_are_named() {
        let rule = |name: &str, state: &str| json!({"name": name, "state": state});
        let rules = json!({"data": {"groups": [
            {"rules": [rule("A", "inactive"), rule("B", "firing")]},
            {"rules": [rule("C", "inactive")]},
        ]}});
        assert_eq!(told(&rules), "2 quiet; B is firing");
        assert_eq!(
            told(&json!({"data": {"groups": []}})),
            "0 quiet, none fires"
        );
    }
}
