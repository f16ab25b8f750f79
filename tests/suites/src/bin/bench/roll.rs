//! How many requests are lost by rolling updates.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use restapi_types::ComponentName;
use serde_json::{Map, Value, json};
use suites::app::App;
use suites::load::{Load, Report};
use suites::namespace::{self, Namespace};

use crate::figures::Figure;

/// Arguments of `bench roll`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// How many rolling updates, each of one component in turn.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    updates: u32,

    /// How many requests per second, half of them over new connections and half over kept ones.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,

    /// How many requests at least: updates go on until they are made.
    #[arg(long, default_value_t = 60_000)]
    requests: u32,

    /// The image of the demo application.
    #[arg(long, env = "RESTAPI_TEST_DEMO_IMAGE")]
    image: String,
}

/// Updates an application under load.
///
/// # Errors
/// When it doesn't get ready.
pub async fn run(args: &Args) -> Result<Vec<Figure>> {
    let mut report = None;
    namespace::with("roll", async |namespace| {
        report = Some(rolled(&namespace, args).await?);
        Ok(())
    })
    .await?;
    let report: Report = report.context("nothing was measured")?;
    eprintln!("roll: {report}");
    for lost in report.lost().take(20) {
        eprintln!("roll: lost {lost}");
    }
    Ok(vec![
        Figure::new("requests", count(report.count()), ""),
        Figure::new("lost", count(report.lost().count()), ""),
    ])
}

async fn rolled(namespace: &Namespace, args: &Args) -> Result<Report> {
    let app = App::orders(namespace, &args.image).await?;
    let edge = ComponentName::View;
    let load = Load::start(app.address(edge).await?, edge, args.rate);
    let begin = Instant::now();
    let least = Duration::from_secs(1) * args.requests / args.rate;
    let mut updates = 0;
    while updates < args.updates || begin.elapsed() < least {
        update(&app, updates).await?;
        updates += 1;
        eprintln!("roll: {updates} updates after {:.0?}", begin.elapsed());
    }
    load.stop().await
}

/// Replaces the pods of one component, in turn, by changing a variable of theirs.
async fn update(app: &App, number: u32) -> Result<()> {
    let component = ComponentName::ALL
        .into_iter()
        .cycle()
        .nth(usize::try_from(number)?)
        .context("there are no components")?;
    let settings = json!({"envVars": {"BENCH_UPDATE": number.to_string()}});
    let change = Map::from_iter([(component.as_str().to_owned(), settings)]);
    app.change(Value::Object(change)).await?;
    app.ready().await?;
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
fn count(number: usize) -> f64 {
    number as f64
}
