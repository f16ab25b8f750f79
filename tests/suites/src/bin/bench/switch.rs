//! How long it takes to move an application from one environment to the other and back, and what is lost.

mod bare;
mod disturbance;
mod traffic;

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use restapi_types::status::RolloutPhase;
use restapi_types::{ComponentName, Environment, RestAPI, keys, names};
use serde_json::json;
use suites::app::{self, App};
use suites::load::{Load, Report};
use suites::namespace::{self, Namespace};

use self::bare::Bare;
use self::disturbance::Disturbance;
use self::traffic::Traffic;
use crate::figures::{Figure, percentile};

/// Arguments of `bench switch`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// How many revisions are started, undisturbed.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    greens: u32,

    /// How often each is switched to or rolled back from.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    turns: u32,

    /// How many revisions are started under each disturbance.
    #[arg(long, default_value_t = 2)]
    disturbed_greens: u32,

    /// 60 revisions and 1,020 switches.
    #[arg(long)]
    full: bool,

    /// How many requests per second, half of them over new connections and half over kept ones.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,

    /// The image of the demo application.
    #[arg(long, env = "RESTAPI_TEST_DEMO_IMAGE")]
    image: String,
}

/// Longest time for each step.
const LIMIT: Duration = Duration::from_mins(3);

/// What was measured under one disturbance, or none.
#[derive(Debug, Default)]
struct Measured {
    /// From the command to the moment in which every slice of every stable Service held the new environment only.
    promotes: Vec<f64>,
    rollbacks: Vec<f64>,
    /// The same by a client that does nothing else.
    bare: Vec<f64>,
    /// How long requests were lost in a row, of each disturbance that breaks what serves.
    outages: Vec<f64>,
    requests: usize,
    lost: usize,
    mixed: usize,
}

/// Switches an application under load, undisturbed and then under each disturbance.
///
/// # Errors
/// When a switch does not happen.
pub async fn run(args: &Args) -> Result<Vec<Figure>> {
    let (greens, turns) = if args.full {
        (60, 17)
    } else {
        (args.greens, args.turns)
    };
    let calm = measured(args, None, greens, turns).await?;
    let mut figures = calm.undisturbed();
    for disturbance in Disturbance::ALL {
        if args.disturbed_greens > 0 {
            let turns = turns.min(disturbance.turns());
            let seen = measured(args, Some(disturbance), args.disturbed_greens, turns).await?;
            figures.extend(seen.disturbed(disturbance));
        }
    }
    Ok(figures)
}

async fn measured(
    args: &Args,
    disturbance: Option<Disturbance>,
    greens: u32,
    turns: u32,
) -> Result<Measured> {
    let mut measured = None;
    let name = disturbance.map_or("switch", Disturbance::name);
    let in_name = name.replace('_', "-");
    namespace::with(&in_name, async |namespace| {
        let bench = Bench::start(&namespace, args).await?;
        measured = Some(bench.run(disturbance, greens, turns).await?);
        Ok(())
    })
    .await?;
    let measured = measured.context("nothing was measured")?;
    eprintln!("{name}: {measured:.1?}");
    Ok(measured)
}

/// An application, its load, and what is seen of where requests go.
struct Bench {
    app: App,
    load: Load,
    begin: Instant,
    traffic: Traffic,
    bare: Bare,
    stable: Vec<String>,
}

impl Bench {
    async fn start(namespace: &Namespace, args: &Args) -> Result<Self> {
        let blue_green = json!({
            "stableSeconds": 2, "drainSeconds": 5, "promotion": {"mode": "Manual"},
        });
        let mut spec = app::four(&args.image);
        if let Some(spec) = spec.as_object_mut() {
            spec.insert("blueGreen".to_owned(), blue_green);
        }
        let app = App::create(namespace, "orders", spec).await?;
        app.ready().await?;
        app.answers().await?;
        let bare = Bare::create(&app).await?;
        let traffic = Traffic::of(namespace).await?;
        let edge = ComponentName::View;
        let load = Load::start(app.address(edge).await?, edge, args.rate);
        let all = ComponentName::ALL.into_iter();
        Ok(Self {
            stable: all.map(|c| names::stable(&app.name, c)).collect(),
            app,
            load,
            begin: Instant::now(),
            traffic,
            bare,
        })
    }

    async fn run(
        mut self,
        disturbance: Option<Disturbance>,
        greens: u32,
        turns: u32,
    ) -> Result<Measured> {
        let mut measured = Measured::default();
        let mut broken = Vec::new();
        let during = disturbance.map(|d| d.during(&self.app));
        for green in 0..greens {
            let variable = json!({"envVars": {"BENCH_GREEN": green.to_string()}});
            self.app.change(variable).await?;
            for turn in 0..turns {
                let revision = self.turn(disturbance, green, turn, &mut measured).await?;
                if let Some(disturbance) = disturbance {
                    let at = self.begin.elapsed();
                    if disturbance.strike(&self.app).await? {
                        broken.push((at, self.begin.elapsed() + Duration::from_secs(3)));
                        tokio::time::sleep(Duration::from_secs(3)).await;
                    }
                }
                if turn + 1 < turns && turn % 2 == 1 {
                    let retry = format!("retry {revision} r{green}-{turn}");
                    self.app.annotate(keys::COMMAND, &retry).await?;
                }
            }
            eprintln!(
                "switch: {} revisions after {:.0?}",
                green + 1,
                self.begin.elapsed()
            );
        }
        drop(during);
        let report = self.load.stop().await?;
        measured.requests = report.count();
        let lost = report.lost();
        let is_mixed = |why: &str| why.contains("mixed environments");
        for answer in lost {
            let why = answer.result.as_ref().err().map_or("", String::as_str);
            measured.mixed += usize::from(is_mixed(why));
            measured.lost += usize::from(!is_mixed(why));
            if broken.is_empty() {
                eprintln!("switch: lost {answer}");
            }
        }
        measured.outages = broken
            .iter()
            .map(|window| outage(&report, window))
            .collect();
        Ok(measured)
    }

    /// One switch, by command, and the same by the bare client; returns the revision that the spec asks for.
    async fn turn(
        &mut self,
        disturbance: Option<Disturbance>,
        green: u32,
        turn: u32,
        measured: &mut Measured,
    ) -> Result<i64> {
        let goes_back = turn % 2 == 1;
        let (phase, verb) = if goes_back {
            (RolloutPhase::Retaining, "rollback")
        } else {
            (RolloutPhase::Awaiting, "promote")
        };
        let what = format!("is {phase:?} (revision {green}, turn {turn})");
        let (revision, from) = self
            .app
            .until(&what, LIMIT, |restapi| {
                let told = restapi.rollout()?;
                let environment = restapi.status.as_ref()?.active_environment?;
                (told.phase == Some(phase)).then_some((told.revision?, environment))
            })
            .await?;
        let to = from.other();
        // Whoever gives commands takes longer than this to read the status.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let begin = Instant::now();
        let command = format!("{verb} {revision} {green}-{turn}");
        self.app.annotate(keys::COMMAND, &command).await?;
        if let Some(disturbance) = disturbance {
            let moment = Duration::from_millis(u64::from(turn * 37 % 160));
            disturbance.interrupt(&self.app, moment).await?;
        }
        let end = self.traffic.until(&self.stable, to, LIMIT).await?;
        let took = crate::sight::milliseconds(begin, end);
        if goes_back {
            measured.rollbacks.push(took);
        } else {
            measured.promotes.push(took);
        }
        self.settled(to).await?;
        measured
            .bare
            .push(self.bare.switch(to, &mut self.traffic).await?);
        Ok(revision)
    }

    async fn settled(&self, environment: Environment) -> Result<()> {
        let what = format!("says that {environment} serves");
        let told = |restapi: &RestAPI| {
            let status = restapi.status.as_ref()?;
            let phase = status.blue_green.as_ref()?.phase?;
            let is_over = matches!(phase, RolloutPhase::Retaining | RolloutPhase::Held);
            (is_over && status.active_environment == Some(environment)).then_some(())
        };
        self.app.until(&what, LIMIT, told).await
    }
}

/// From the first to the last request that was lost in a window of time, in milliseconds.
fn outage(report: &Report, (from, to): &(Duration, Duration)) -> f64 {
    let within = report
        .lost()
        .filter(|answer| (from..=to).contains(&&answer.at));
    let times: Vec<_> = within.map(|answer| answer.at).collect();
    match (times.iter().min(), times.iter().max()) {
        (Some(first), Some(last)) => last.saturating_sub(*first).as_secs_f64() * 1000.0,
        _ => 0.0,
    }
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
fn count(number: usize) -> f64 {
    number as f64
}

impl Measured {
    fn switches(&self) -> usize {
        self.promotes.len() + self.rollbacks.len()
    }

    fn undisturbed(&self) -> Vec<Figure> {
        let p99 = percentile(&self.promotes, 0.99);
        let bare = percentile(&self.bare, 0.99);
        vec![
            Figure::new("switches", count(self.switches()), ""),
            Figure::new("requests", count(self.requests), ""),
            Figure::new("lost", count(self.lost), ""),
            Figure::new("mixed", count(self.mixed), ""),
            Figure::new("promote_p50_ms", percentile(&self.promotes, 0.5), "ms"),
            Figure::new("promote_p99_ms", p99, "ms"),
            Figure::new("bare_p50_ms", percentile(&self.bare, 0.5), "ms"),
            Figure::new("bare_p99_ms", bare, "ms"),
            Figure::new("promote_ratio", p99 / bare, ""),
            Figure::new("rollback_p50_ms", percentile(&self.rollbacks, 0.5), "ms"),
            Figure::new("rollback_p99_ms", percentile(&self.rollbacks, 0.99), "ms"),
        ]
    }

    fn disturbed(&self, disturbance: Disturbance) -> Vec<Figure> {
        let named = |figure: &str, value, unit| {
            Figure::new(format!("{}.{figure}", disturbance.name()), value, unit)
        };
        let mut figures = vec![
            named("switches", count(self.switches()), ""),
            named("lost", count(self.lost), ""),
            named("mixed", count(self.mixed), ""),
            named("promote_p99_ms", percentile(&self.promotes, 0.99), "ms"),
        ];
        if !self.outages.is_empty() {
            figures.push(named(
                "outage_p99_ms",
                percentile(&self.outages, 0.99),
                "ms",
            ));
        }
        figures
    }
}
