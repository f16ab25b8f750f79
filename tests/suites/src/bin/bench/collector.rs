//! Whether a collector of traces that is away, never answers, or refuses makes reconciles slower.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use suites::metrics::Metrics;
use suites::namespace::Namespace;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::Common;
use crate::applications::name;
use crate::figures::{Figure, percentile};
use crate::latency::Change;
use crate::sight::Sight;
use crate::{population, running};

/// Arguments of `bench collector`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// How many applications there are, of four components each.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..))]
    apps: u16,

    /// How many changes each run makes, one at a time.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..))]
    changes: u16,

    /// How many pairs of runs, one without a collector and one with, for each kind of trouble.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    pairs: u16,

    #[command(flatten)]
    common: Common,
}

/// What is wrong with the collector.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// Nobody listens there.
    Down,
    /// It takes connections and never answers.
    Slow,
    /// It ends every connection at once.
    Refusing,
}

impl Trouble {
    const ALL: [Self; 3] = [Self::Down, Self::Slow, Self::Refusing];

    const fn name(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Slow => "slow",
            Self::Refusing => "refusing",
        }
    }
}

/// A collector with something wrong; gone when dropped.
struct Collector {
    address: SocketAddr,
    task: Option<JoinHandle<()>>,
}

impl Collector {
    async fn start(trouble: Trouble) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let task = match trouble {
            // Dropped with the listener: the port is closed.
            Trouble::Down => None,
            Trouble::Slow => Some(tokio::spawn(hold(listener))),
            Trouble::Refusing => Some(tokio::spawn(refuse(listener))),
        };
        Ok(Self { address, task })
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn hold(listener: TcpListener) {
    let mut held: Vec<TcpStream> = Vec::new();
    while let Ok((stream, _)) = listener.accept().await {
        held.push(stream);
    }
}

async fn refuse(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        drop(stream);
    }
}

/// Measures pairs of runs.
///
/// # Errors
/// When a change has no effect in time, or spans are not counted as lost.
pub async fn run(args: &Args) -> Result<Vec<Figure>> {
    let namespace = population::settled(usize::from(args.apps), &args.common).await?;
    let mut sight = Sight::of(&namespace, args.common.limit()).await?;
    let mut runs = Runs {
        args,
        namespace: &namespace,
        sight: &mut sight,
        number: 0,
    };
    let mut figures = Vec::new();
    for trouble in Trouble::ALL {
        let mut ratios = Vec::new();
        for _ in 0..args.pairs {
            let (without, _) = runs.one(None).await?;
            let collector = Collector::start(trouble).await?;
            let (with, metrics) = runs.one(Some(collector.address)).await?;
            let lost = metrics.sum("restapi_spans_dropped_total", &[]);
            ensure!(lost > 0.0, "no span was lost: nothing was measured");
            eprintln!(
                "collector {trouble:?}: p99 {with:.1} ms, without {without:.1} ms, {lost} spans lost"
            );
            ratios.push(with / without);
        }
        let name = format!("p99_ratio_{}", trouble.name());
        figures.push(Figure::new(name, percentile(&ratios, 0.5), ""));
    }
    Ok(figures)
}

struct Runs<'a> {
    args: &'a Args,
    namespace: &'a Namespace,
    sight: &'a mut Sight,
    number: usize,
}

impl Runs<'_> {
    /// The p99 of the milliseconds from a change to its write, and what was counted meanwhile.
    async fn one(&mut self, collector: Option<SocketAddr>) -> Result<(f64, Metrics)> {
        let endpoint = collector.map(|address| format!("http://{address}"));
        let more: Vec<_> = endpoint
            .iter()
            .flat_map(|endpoint| {
                [
                    ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
                    // What is lost is counted when it was given up: within the run.
                    ("OTEL_EXPORTER_OTLP_TIMEOUT", "2000"),
                ]
            })
            .collect();
        let manager = running::start_with(self.namespace, &self.args.common, &more).await?;
        let mut times = Vec::new();
        for _ in 0..self.args.changes {
            let app = name(self.number % usize::from(self.args.apps));
            let change = Change::new(&app, self.number);
            times.push(change.measured(self.namespace, self.sight).await?);
            self.number += 1;
        }
        let metrics = manager.metrics().await.context("reading its metrics")?;
        running::stop(manager).await?;
        Ok((percentile(&times, 0.99), metrics))
    }
}
