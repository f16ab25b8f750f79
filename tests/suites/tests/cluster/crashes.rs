//! core-reconciler dies: what it was at work on is finished all the same, and nothing is done twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt as _;
use kube::api::ListParams;
use restapi_resources::companions::companions;
use restapi_resources::controller_revision::controller_revision;
use restapi_resources::ports::LivePorts;
use restapi_resources::surroundings::Surroundings;
use restapi_resources::{Application, PortsInUse, RenderVersion, render};
use restapi_types::{Environment, RestAPI};
use serde_json::{Value, json};
use suites::app::{App, is_ready};
use suites::audit::Snapshot;
use suites::namespace::Namespace;
use suites::operator::{self, Operator, TAKEN_OVER};
use suites::wait::{eventually, timed};
use suites::watch;

use crate::setting;

/// How many applications are created while core-reconciler dies.
const APPLICATIONS: u64 = 20;

/// How often it dies.
const DEATHS: u64 = 4;

/// How long everything may take to be ready: 50 pods, and a lease to run out more than once.
const READY: Duration = Duration::from_mins(3);

#[tokio::test]
async fn twenty_applications_get_ready_whenever_core_reconciler_dies() -> Result<()> {
    setting::alone("deaths", async |namespace| {
        let operator = Operator::new(&namespace.client);
        operator.complete().await?;
        let seed = u64::try_from(jiff::Timestamp::now().as_microsecond())?;
        println!("moments of death are drawn from {seed}");
        tokio::try_join!(create_all(&namespace), die(&operator, seed))?;
        let all = namespace.api::<RestAPI>();
        watch::until_all(all, usize::try_from(APPLICATIONS)?, READY, is_ready).await?;
        exactly_what_is_asked_for(&namespace).await?;
        operator.complete().await
    })
    .await
}

async fn create_all(namespace: &Namespace) -> Result<()> {
    let image = setting::demo()?;
    for number in 0..APPLICATIONS {
        // Some of each shape; the machine has room for about a hundred pods that ask for little.
        let small = json!({"resources": {"requests": {"cpu": "10m", "memory": "16Mi"}}});
        let components: &[&str] = match number % 4 {
            0 => &["view", "controller", "model", "repository"],
            1 => &["controller", "model", "repository"],
            _ => &["model", "repository"],
        };
        let mut spec = json!({"image": image});
        for component in components {
            spec[*component] = small.clone();
        }
        App::create(namespace, &format!("app-{number:02}"), spec).await?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// Kills the core-reconciler that works, at random moments: its process, or its pod.
async fn die(operator: &Operator, seed: u64) -> Result<()> {
    let mut random = seed | 1;
    for death in 0..DEATHS {
        // Xorshift: no pattern, and the same again from the same seed.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        tokio::time::sleep(Duration::from_millis(random % 700)).await;
        let leader = operator.leader().await?;
        if death % 2 == 0 {
            operator::kill_process(&leader)?;
        } else {
            operator.remove(&leader).await?;
        }
        println!("death {death}: {}", leader.name_any());
    }
    Ok(())
}

/// Compares everything that exists with what the applications render to.
async fn exactly_what_is_asked_for(namespace: &Namespace) -> Result<()> {
    let mut wanted = BTreeMap::new();
    for restapi in namespace
        .api::<RestAPI>()
        .list(&ListParams::default())
        .await?
    {
        wanted.extend(rendered(&restapi)?);
    }
    let existing = Snapshot::of(namespace).await?.owned();
    let ids: BTreeSet<&str> = existing.ids().into_iter().collect();
    let wanted_ids: BTreeSet<&str> = wanted.keys().map(String::as_str).collect();
    ensure!(
        ids == wanted_ids,
        "not the same: {:?}",
        ids.symmetric_difference(&wanted_ids)
    );
    for (id, object) in &wanted {
        let is = serde_json::to_value(existing.get(id))?;
        ensure!(
            holds(&is, object),
            "{id} is {is:#}, but should hold {object:#}"
        );
    }
    for deployment in namespace
        .api::<Deployment>()
        .list(&ListParams::default())
        .await?
    {
        let revision = deployment
            .annotations()
            .get("deployment.kubernetes.io/revision");
        let name = deployment.name_any();
        ensure!(
            revision.is_some_and(|r| r == "1"),
            "{name}: pods were replaced ({revision:?})"
        );
    }
    Ok(())
}

/// What an application renders to, by `KIND/NAME`.
fn rendered(restapi: &RestAPI) -> Result<BTreeMap<String, Value>> {
    let app = Application::resolve(restapi)?;
    let all = render(
        &app,
        Environment::Blue,
        operator::NAME,
        RenderVersion::default(),
        &PortsInUse::default(),
    );
    let beside = companions(
        &app,
        &[Environment::Blue],
        &surroundings(),
        &LivePorts::default(),
    )?;
    let mut objects = vec![json!(controller_revision(&app, 1))];
    objects.extend(beside.service_accounts.iter().map(|o| json!(o)));
    objects.extend(beside.network_policies.iter().map(|o| json!(o)));
    objects.extend(beside.disruption_budgets.iter().map(|o| json!(o)));
    for c in &all.components {
        objects.extend(c.workload.deployment().map(|o| json!(o)));
        objects.extend(c.config_map.iter().map(|o| json!(o)));
        objects.extend(c.coloured.iter().chain(&c.stable).map(|o| json!(o)));
    }
    objects
        .into_iter()
        .map(|object| identified(object).context("no kind or name"))
        .collect()
}

/// What the installed operator was told about its surroundings.
fn surroundings() -> Surroundings {
    Surroundings {
        managers_namespace: "restapi-system".to_owned(),
        monitoring_namespace: None,
        otlp: None,
    }
}

/// An object by its `KIND/NAME`, without the type, which objects of a list don't carry.
fn identified(mut object: Value) -> Option<(String, Value)> {
    let name = object["metadata"]["name"].as_str()?.to_owned();
    let fields = object.as_object_mut()?;
    fields.remove("apiVersion");
    let kind = fields.remove("kind")?;
    Some((format!("{}/{name}", kind.as_str()?), object))
}

/// Whether `value` holds everything that `part` says.
fn holds(value: &Value, part: &Value) -> bool {
    match (value, part) {
        (Value::Object(all), Value::Object(some)) => some
            .iter()
            .all(|(key, part)| all.get(key).is_some_and(|value| holds(value, part))),
        (Value::Array(all), Value::Array(some)) => {
            all.len() == some.len() && all.iter().zip(some).all(|(value, part)| holds(value, part))
        }
        _ => value == part,
    }
}

#[tokio::test]
async fn the_one_that_stands_by_takes_over_from_a_killed_one() -> Result<()> {
    setting::alone("standby", async |namespace| {
        let operator = Operator::new(&namespace.client);
        operator.complete().await?;
        let killed = operator.leader().await?;
        operator::kill_process(&killed)?;
        // Without its pod it can't come back under its own name and go on with its own lease.
        operator.remove(&killed).await?;
        let spec = json!({"image": setting::demo()?, "model": {}});
        let app = App::create(&namespace, "orders", spec).await?;
        timed(TAKEN_OVER, "a new application is taken up", async || {
            let status = app
                .restapi()
                .await?
                .status
                .context("it has no status yet")?;
            status.phase.context("it has no phase yet")
        })
        .await?;
        assert_ne!(operator.leader().await?.name_any(), killed.name_any());
        app.ready().await?;
        operator.complete().await
    })
    .await
}

#[tokio::test]
async fn one_that_is_told_to_stop_hands_over_at_once() -> Result<()> {
    setting::alone("handover", async |namespace| {
        let operator = Operator::new(&namespace.client);
        operator.complete().await?;
        let stopped = operator.leader().await?;
        let pods = kube::Api::<k8s_openapi::api::core::v1::Pod>::namespaced(
            namespace.client.clone(),
            operator::NAMESPACE,
        );
        pods.delete(&stopped.name_any(), &kube::api::DeleteParams::default())
            .await?;
        let limit = Duration::from_secs(5);
        eventually(limit, "another one holds the lease", async || {
            let leader = operator.leader().await?.name_any();
            ensure!(leader != stopped.name_any(), "{leader} does");
            Ok(())
        })
        .await?;
        operator.complete().await
    })
    .await
}
