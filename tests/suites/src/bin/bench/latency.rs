//! How long a change of a spec takes to reach the Deployment that changes.

mod bare;

use std::time::Instant;

use anyhow::{Context, Result};
use futures::try_join;
use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams};
use restapi_types::{ComponentName, Environment, RestAPI, names};
use serde_json::json;
use suites::namespace::Namespace;

use self::bare::Bare;
use crate::Common;
use crate::applications::{is_settled, name};
use crate::figures::{Figure, percentile};
use crate::population;
use crate::running;
use crate::sight::{Seen, Sight, milliseconds};

/// The image whose tag changes.
const IMAGE: &str = "example.com/changed";

/// Arguments of `bench latency`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// How many applications there are, of four components each.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u16).range(1..))]
    apps: u16,

    /// How many changes are made, one at a time.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..))]
    changes: u16,

    #[command(flatten)]
    common: Common,
}

/// Changes one application after the other.
///
/// # Errors
/// When a change is refused or has no effect in time.
pub async fn run(args: &Args) -> Result<Vec<Figure>> {
    let apps = usize::from(args.apps);
    let (namespace, manager) = population::managed(apps, &args.common).await?;
    let mut sight = Sight::of(&namespace, args.common.limit()).await?;
    let mut times = Vec::new();
    for number in 0..usize::from(args.changes) {
        let change = Change::new(&name(number % apps), number);
        times.push(change.measured(&namespace, &mut sight).await?);
    }
    running::stop(manager).await?;
    let bare = bare(args, &namespace, &mut sight).await?;
    eprintln!(
        "latency: {} changes, p90 {:.1} ms, max {:.1} ms",
        times.len(),
        percentile(&times, 0.9),
        percentile(&times, 1.0)
    );
    Ok(vec![
        Figure::new("first_write_p50_ms", percentile(&times, 0.5), "ms"),
        Figure::new("first_write_p99_ms", percentile(&times, 0.99), "ms"),
        Figure::new("bare_p50_ms", percentile(&bare, 0.5), "ms"),
        Figure::new("bare_p99_ms", percentile(&bare, 0.99), "ms"),
    ])
}

/// What the same changes take a client that has nothing to work out.
async fn bare(args: &Args, namespace: &Namespace, sight: &mut Sight) -> Result<Vec<f64>> {
    let changes = usize::from(args.changes);
    let change = |number| Change::new(&name(number % usize::from(args.apps)), number);
    let mut bare = Bare::like(&change(0), namespace).await?;
    let mut times = Vec::new();
    for number in changes..changes * 2 {
        times.push(bare.measured(&change(number), namespace, sight).await?);
    }
    Ok(times)
}

/// A new image of the component `view` of one application.
pub(crate) struct Change {
    app: String,
    deployment: String,
    image: String,
}

impl Change {
    /// Of the view's image.
    pub(crate) fn new(app: &str, number: usize) -> Self {
        // Unlike that of any run before, which a cluster that is kept may have seen.
        let now = jiff::Timestamp::now().as_millisecond();
        Self {
            app: app.to_owned(),
            deployment: names::coloured(app, ComponentName::View, Environment::Blue),
            image: format!("{IMAGE}:{number}-{now}"),
        }
    }

    /// The milliseconds from the change to the write of the Deployment: from the API server's answer to the
    /// change, or from the moment in which a watcher saw it, if that was sooner, to the moment in which the
    /// watcher saw the Deployment. Returns after all has settled again.
    pub(crate) async fn measured(&self, namespace: &Namespace, sight: &mut Sight) -> Result<f64> {
        let mut told = None;
        let written = sight.until("the Deployment changes", |seen| match seen {
            Seen::App(app) if told.is_none() && self.is_of(app) => {
                told = Some(Instant::now());
                None
            }
            Seen::Deployment(found) => runs(found, &self.deployment, &self.image).then_some(()),
            _ => None,
        });
        let ((answered, generation), (written, ())) = try_join!(self.made(namespace), written)?;
        let begin = told.map_or(answered, |told| told.min(answered));
        let settled = |seen: &Seen| match seen {
            Seen::App(app) if app.name_any() == self.app => {
                (is_settled(app) && app.metadata.generation == generation).then_some(())
            }
            _ => None,
        };
        sight
            .until("the application is ready again", settled)
            .await?;
        Ok(milliseconds(begin, written))
    }

    /// Changes the spec; returns when that was answered, and the generation that it made.
    async fn made(&self, namespace: &Namespace) -> Result<(Instant, Option<i64>)> {
        let spec = json!({"spec": {"view": {"image": self.image}}});
        let (params, patch) = (PatchParams::default(), Patch::Merge(spec));
        let api = namespace.api::<RestAPI>();
        let changed = api.patch(&self.app, &params, &patch).await;
        let changed = changed.with_context(|| format!("changing {}", self.app))?;
        Ok((Instant::now(), changed.metadata.generation))
    }

    fn is_of(&self, app: &RestAPI) -> bool {
        let view = app.spec.view.as_ref();
        let image = view.and_then(|view| view.image.as_ref());
        app.name_any() == self.app && image == Some(&self.image)
    }
}

/// Whether it is the Deployment of that name, and its pods are to run that image.
fn runs(deployment: &Deployment, name: &str, image: &str) -> bool {
    let template = deployment.spec.as_ref().map(|spec| &spec.template);
    let pod = template.and_then(|template| template.spec.as_ref());
    let mut containers = pod.into_iter().flat_map(|pod| &pod.containers);
    deployment.name_any() == name
        && containers.any(|container| container.image.as_deref() == Some(image))
}
