//! How long it takes until what somebody else changed is back.

use std::time::Instant;

use anyhow::{Context, Result};
use futures::try_join;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt as _;
use kube::api::{DeleteParams, Patch, PatchParams};
use restapi_types::{ComponentName, Environment, names};
use serde_json::{Value, json};
use suites::namespace::Namespace;

use crate::Common;
use crate::applications::{is_available, name};
use crate::figures::{Figure, percentile};
use crate::population;
use crate::running;
use crate::sight::{Seen, Sight, milliseconds};

/// Arguments of `bench drift`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// How many applications there are, of four components each.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u16).range(1..))]
    apps: u16,

    /// How many objects are deleted or altered, one at a time.
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u16).range(1..))]
    repairs: u16,

    #[command(flatten)]
    common: Common,
}

/// What somebody else does to an object of an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    DeleteService,
    AlterService,
    DeleteDeployment,
    AlterDeployment,
}

impl Deed {
    const ALL: [Self; 4] = [
        Self::DeleteService,
        Self::AlterService,
        Self::DeleteDeployment,
        Self::AlterDeployment,
    ];
}

/// Deletes and alters objects of one application after the other.
///
/// # Errors
/// When something is refused or isn't back in time.
pub async fn run(args: &Args) -> Result<Vec<Figure>> {
    let apps = usize::from(args.apps);
    let (namespace, manager) = population::managed(apps, &args.common).await?;
    let mut sight = Sight::of(&namespace, args.common.limit()).await?;
    let mut times = Vec::new();
    for number in 0..usize::from(args.repairs) {
        // Another application each time: what was repaired a moment ago is not settled.
        let deed = Deed::ALL.into_iter().cycle().nth(number);
        let deed = deed.context("there are no deeds")?;
        let damage = Damage::new(&name(number % apps), deed);
        times.push((deed, damage.repaired(&namespace, &mut sight).await?));
    }
    running::stop(manager).await?;
    let of = |wanted: &dyn Fn(Deed) -> bool| -> Vec<f64> {
        let those = times.iter().filter(|(deed, _)| wanted(*deed));
        those.map(|(_, time)| *time).collect()
    };
    for deed in Deed::ALL {
        let times = of(&|other| other == deed);
        let (p50, max) = (percentile(&times, 0.5), percentile(&times, 1.0));
        eprintln!("drift: {deed:?}: p50 {p50:.1} ms, max {max:.1} ms");
    }
    let times = of(&|_| true);
    Ok(vec![
        Figure::new("repair_p50_ms", percentile(&times, 0.5), "ms"),
        Figure::new("repair_p99_ms", percentile(&times, 0.99), "ms"),
    ])
}

/// One object of one application, and what is done to it.
struct Damage {
    deed: Deed,
    deployment: String,
    service: String,
}

/// How an object looks to the watcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Whole,
    Damaged,
}

impl Damage {
    fn new(app: &str, deed: Deed) -> Self {
        Self {
            deed,
            deployment: names::coloured(app, ComponentName::View, Environment::Blue),
            service: names::stable(app, ComponentName::View),
        }
    }

    /// The milliseconds until the object is back: from the API server's answer, or from the moment in which a
    /// watcher saw the damage, if that was sooner, to the moment in which the watcher saw the object whole.
    /// Returns after all has settled again.
    async fn repaired(&self, namespace: &Namespace, sight: &mut Sight) -> Result<f64> {
        let answered = async {
            self.done(namespace).await?;
            Ok(Instant::now())
        };
        let mut damaged = None;
        let whole = sight.until("the object is back", |seen| match self.look(seen)? {
            Look::Damaged => {
                damaged = Some(Instant::now());
                None
            }
            Look::Whole => damaged.is_some().then_some(()),
        });
        let (answered, (whole, ())) = try_join!(answered, whole)?;
        let begin = damaged.map_or(answered, |damaged| damaged.min(answered));
        self.available(namespace, sight).await?;
        Ok(milliseconds(begin, whole))
    }

    async fn done(&self, namespace: &Namespace) -> Result<()> {
        let (services, deployments) = (namespace.api::<Service>(), namespace.api::<Deployment>());
        let (delete, foreign) = (DeleteParams::background(), foreign());
        let done = match self.deed {
            Deed::DeleteService => services.delete(&self.service, &delete).await.map(drop),
            Deed::DeleteDeployment => deployments
                .delete(&self.deployment, &delete)
                .await
                .map(drop),
            Deed::AlterService => {
                let patch = Patch::Strategic(json!({"spec": {"selector": {"bench": "drift"}}}));
                services
                    .patch(&self.service, &foreign, &patch)
                    .await
                    .map(drop)
            }
            Deed::AlterDeployment => {
                let patch = Patch::Strategic(altered_template());
                let patched = deployments.patch(&self.deployment, &foreign, &patch).await;
                patched.map(drop)
            }
        };
        done.with_context(|| format!("{:?} of {} or {}", self.deed, self.service, self.deployment))
    }

    /// What was seen of the object, if it is this one.
    fn look(&self, seen: &Seen) -> Option<Look> {
        let damaged = |is: bool| if is { Look::Damaged } else { Look::Whole };
        match (self.deed, seen) {
            (Deed::DeleteService, Seen::Gone(kind, name)) => {
                (kind == "Service" && *name == self.service).then_some(Look::Damaged)
            }
            (Deed::DeleteDeployment, Seen::Gone(kind, name)) => {
                (kind == "Deployment" && *name == self.deployment).then_some(Look::Damaged)
            }
            (Deed::DeleteService | Deed::AlterService, Seen::Service(service)) => {
                let spec = service.spec.as_ref();
                let selector = spec.and_then(|spec| spec.selector.as_ref());
                let is_altered = selector.is_some_and(|s| s.contains_key("bench"));
                (service.name_any() == self.service).then(|| damaged(is_altered))
            }
            (Deed::DeleteDeployment | Deed::AlterDeployment, Seen::Deployment(deployment)) => {
                let is_altered = grace(deployment) == Some(ALTERED_GRACE);
                (deployment.name_any() == self.deployment).then(|| damaged(is_altered))
            }
            _ => None,
        }
    }

    /// Waits until the Deployment has rolled out, as it must after some deeds.
    async fn available(&self, namespace: &Namespace, sight: &mut Sight) -> Result<()> {
        let now = namespace.api::<Deployment>().get(&self.deployment).await?;
        if is_available(&now) {
            return Ok(());
        }
        let available = |seen: &Seen| match seen {
            Seen::Deployment(d) if d.name_any() == self.deployment => is_available(d).then_some(()),
            _ => None,
        };
        sight
            .until("the Deployment is available", available)
            .await?;
        Ok(())
    }
}

/// A field of the pods that the operator sets, and another value of it.
const ALTERED_GRACE: i64 = 7;

fn altered_template() -> Value {
    json!({"spec": {"template": {"spec": {"terminationGracePeriodSeconds": ALTERED_GRACE}}}})
}

fn grace(deployment: &Deployment) -> Option<i64> {
    let template = &deployment.spec.as_ref()?.template;
    template.spec.as_ref()?.termination_grace_period_seconds
}

fn foreign() -> PatchParams {
    PatchParams {
        field_manager: Some("somebody".to_owned()),
        ..PatchParams::default()
    }
}
