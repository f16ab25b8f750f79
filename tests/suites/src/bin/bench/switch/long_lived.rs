//! Requests and streams that are under way when an application is switched, and last for longer than that: they must
//! come to their end in the revision that they entered, which is kept for `drainSeconds` for that.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::future::join_all;
use restapi_types::status::RolloutPhase;
use restapi_types::{ComponentName, Environment, RestAPI};
use serde_json::{Value, json};
use suites::{chain, http};
use tokio::task::JoinHandle;

use super::measured::{Measured, Windows, count};
use super::part::Part;
use super::switched::{Switch, Switched};
use crate::figures::Figure;

/// How many streams there are, and how many requests.
const EACH: usize = 5;

/// For how long each lasts, in seconds.
const LASTS: u64 = 60;

/// Seconds for which what served before is kept: those, and what a switch and a slow machine take.
const DRAIN: u64 = 75;

/// How long they have been under way when the application is switched.
const UNDER_WAY: Duration = Duration::from_secs(2);

/// What the application has beyond other parts': no more than the drain's time stands between a switch and the end of
/// what served before, and the view answers requests that take a minute.
pub(super) fn fields() -> Value {
    json!({
        "blueGreen": {"drainSeconds": DRAIN, "retention": {"hotSeconds": 0}},
        "view": {"envVars": {"DEMO_REQUEST_TIMEOUT_MS": "120000"}},
    })
}

/// Starts so many revisions, and promotes each while requests and streams of a minute are under way.
pub(super) async fn run(mut switched: Switched, greens: u32) -> Result<Vec<Figure>> {
    let mut measured = Measured::default();
    let (mut started, mut cut) = (0, 0);
    for green in 0..greens {
        switched.change(green).await?;
        let switch = switched.waits(RolloutPhase::Awaiting).await?;
        let address = switched.app.address(ComponentName::View).await?;
        let lasting = start(address, switch.from);
        tokio::time::sleep(UNDER_WAY).await;
        let name = format!("long-{green}");
        let took = switched.command("promote", &name, switch, None).await?;
        measured.promotes.push(took);
        let begin = Instant::now();
        for ended in join_all(lasting).await {
            started += 1;
            if let Err(error) = ended? {
                cut += 1;
                eprintln!("switch: cut {error:#}");
            }
        }
        removed(&switched, switch).await?;
        let kept = begin.elapsed();
        eprintln!(
            "switch: {} was kept for {kept:.0?} after the switch",
            switch.from
        );
    }
    measured.count(&switched.load.stop().await?, &Windows::default());
    let part = Part::LongLived;
    let mut figures = measured.figures(part);
    let named =
        |figure, number| Figure::new(format!("{}.{figure}", part.name()), count(number), "");
    figures.extend([named("started", started), named("cut", cut)]);
    Ok(figures)
}

fn start(address: SocketAddr, environment: Environment) -> Vec<JoinHandle<Result<()>>> {
    let streams = (0..EACH).map(|_| tokio::spawn(stream(address, environment)));
    let requests = (0..EACH).map(|_| tokio::spawn(request(address, environment)));
    streams.chain(requests).collect()
}

/// Succeeds when every event came, and the end, from one pod of that environment.
async fn stream(address: SocketAddr, environment: Environment) -> Result<()> {
    let text = ask(&format!("http://{address}/api/stream?seconds={LASTS}")).await?;
    let pods = format!("-view-{environment}-");
    let events = text.lines().filter(|line| line.starts_with("data:"));
    let events = events.filter(|line| line.contains(&pods)).count();
    ensure!(
        events == usize::try_from(LASTS)? && text.contains("event: end"),
        "a stream of {environment} after {events} events"
    );
    Ok(())
}

/// Succeeds when the answer came, and went through that environment alone.
async fn request(address: SocketAddr, environment: Environment) -> Result<()> {
    let text = ask(&format!("http://{address}/api/slow?seconds={LASTS}")).await?;
    let answer = serde_json::from_str(&text).context("the answer is no JSON")?;
    let hops = chain::whole(&answer, ComponentName::View)?;
    ensure!(
        hops.iter()
            .all(|hop| hop.environment == environment.as_str()),
        "a request that entered {environment}: {hops:?}"
    );
    Ok(())
}

async fn ask(url: &str) -> Result<String> {
    let limit = Duration::from_secs(LASTS + DRAIN);
    let begin = Instant::now();
    let (code, text) = http::get_within(limit, url)
        .await
        .with_context(|| format!("after {:.1?}", begin.elapsed()))?;
    ensure!(code == 200, "{url} answers {code}: {text}");
    Ok(text)
}

/// Waits until what served before is gone.
async fn removed(switched: &Switched, switch: Switch) -> Result<()> {
    let to = switch.from.other();
    let what = format!("says that {to} is all there is");
    let told = |restapi: &RestAPI| {
        let environment = restapi.status.as_ref()?.active_environment?;
        let is_over = restapi.rollout()?.phase == Some(RolloutPhase::Settled);
        (is_over && environment == to).then_some(())
    };
    switched.app.until(&what, switched.limit, told).await
}
