//! How long it takes to move an application from one environment to the other and back, and what is lost.

mod bare;
mod disturbance;
mod long_lived;
mod measured;
mod part;
mod switched;
mod traffic;

use std::path::PathBuf;

use anyhow::{Context, Result};
use suites::namespace::{self, Namespace};

use self::disturbance::Disturbance;
use self::part::Part;
use self::switched::Switched;
use crate::figures::Figure;

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

    /// 60 revisions and 1,020 switches, and the part with many endpoints.
    #[arg(long)]
    full: bool,

    /// Only this part; may be given more than once. Figures of other parts stay in the file.
    #[arg(long, value_name = "PART")]
    only: Vec<Part>,

    /// The part with many endpoints too, which takes some ten minutes and 4 GiB.
    #[arg(long)]
    many_endpoints: bool,

    /// How many pods the view has in that part. A slice of endpoints holds 100.
    #[arg(long, default_value_t = 110, value_parser = clap::value_parser!(u32).range(1..=1000))]
    endpoints: u32,

    /// How many requests per second, half of them over new connections and half over kept ones.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,

    /// The image of the demo application.
    #[arg(long, env = "RESTAPI_TEST_DEMO_IMAGE")]
    image: String,

    /// The program bluegreen-manager, for the part in which it runs out of the cluster; the one beside
    /// core-reconciler's when absent.
    #[arg(long, env = "BLUEGREEN_MANAGER_BIN", value_name = "PATH")]
    bluegreen_manager: Option<PathBuf>,
}

impl Args {
    /// Whether parts are left out.
    pub fn is_partial(&self) -> bool {
        !self.only.is_empty()
    }

    fn parts(&self) -> Vec<Part> {
        if self.is_partial() {
            return self.only.clone();
        }
        let mut parts = Part::SHORT.to_vec();
        if self.full || self.many_endpoints {
            // Last: it takes long until so many pods are gone.
            parts.push(Part::ManyEndpoints);
        }
        parts.retain(|part| *part == Part::Calm || self.disturbed_greens > 0);
        parts
    }

    /// How many revisions are started in a part, and how often each is switched to or from.
    fn size(&self, part: Part) -> (u32, u32) {
        let (greens, turns) = if self.full {
            (60, 17)
        } else {
            (self.greens, self.turns)
        };
        match part {
            Part::Calm => (greens, turns),
            // Turns are few where pods are many: each that goes forward starts all of them.
            Part::ManyEndpoints => (self.disturbed_greens, self.turns),
            _ => (self.disturbed_greens, turns.min(part.turns())),
        }
    }
}

/// Switches an application under load, undisturbed and then under each disturbance.
///
/// # Errors
/// When a switch does not happen.
pub async fn run(args: &Args) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for part in args.parts() {
        figures.extend(measured(args, part).await?);
    }
    Ok(figures)
}

async fn measured(args: &Args, part: Part) -> Result<Vec<Figure>> {
    let mut figures = None;
    let in_name = part.name().replace('_', "-");
    namespace::with(&in_name, async |namespace| {
        let disturbance = Disturbance::begin(part, &namespace, args).await?;
        let seen = figures_of(args, part, &namespace, &disturbance).await;
        // Also when nothing was measured: the cluster is to be left as it was.
        disturbance.end().await?;
        figures = Some(seen?);
        Ok(())
    })
    .await?;
    figures.context("nothing was measured")
}

async fn figures_of(
    args: &Args,
    part: Part,
    namespace: &Namespace,
    disturbance: &Disturbance,
) -> Result<Vec<Figure>> {
    let (greens, turns) = args.size(part);
    let switched = Switched::start(part, namespace, args).await?;
    if part == Part::LongLived {
        return long_lived::run(switched, greens).await;
    }
    let measured = switched.run(disturbance, greens, turns).await?;
    eprintln!("{}: {measured:.1?}", part.name());
    Ok(measured.figures(part))
}
