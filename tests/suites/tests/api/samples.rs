//! The samples in `deploy/samples`: each is accepted, and together they show every field.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use kube::api::{Api, Patch, PatchParams};
use restapi_types::RestAPI;
use suites::samples;

use super::schema::coverage::{fields, set, spec_schema};
use super::support::run;

/// Fields that are only there to be refused with a message.
const REFUSED: [&str; 11] = [
    "hostPath",
    "hostPort",
    "hostNetwork",
    "hostPID",
    "hostIPC",
    "nodeName",
    "serviceAccountName",
    "podOverrides.spec.serviceAccount",
    "privileged",
    "procMount",
    "audience",
];

/// Fields that a component shares with the application: shown in one of the two places.
const SHARED: [&str; 6] = [
    "healthCheck",
    "networkPolicy",
    "disruption",
    "serviceAccount",
    "env",
    "envFrom",
];

/// The path under which a field is shown: once for what stands in several places.
fn place(path: &str) -> String {
    let mut path = path.to_owned();
    for shared in SHARED {
        let inside = format!("spec.COMPONENT.{shared}.");
        if let Some(rest) = path.strip_prefix(&inside) {
            path = format!("spec.{shared}.{rest}");
        }
    }
    for probe in ["liveness", "readiness", "startup"] {
        path = path.replace(&format!("healthCheck.{probe}."), "healthCheck.PROBE.");
    }
    path
}

#[test]
fn every_field_is_shown_in_a_sample() -> Result<()> {
    let schema = spec_schema();
    let (mut all, mut shown) = (BTreeSet::new(), BTreeSet::new());
    fields(&schema, "spec", &mut all);
    for sample in samples::all()? {
        let (name, object) = (&sample.file, sample.object()?);
        set(&object["spec"], &schema, "spec", &mut shown);
        ensure!(
            sample.text.starts_with("# "),
            "{name} does not begin with a comment that says what it shows"
        );
    }
    let shown: BTreeSet<String> = shown.iter().map(|path| place(path)).collect();
    let mut missing: BTreeSet<String> = all.iter().map(|path| place(path)).collect();
    missing
        .retain(|path| !shown.contains(path) && !REFUSED.iter().any(|name| path.ends_with(name)));
    ensure!(missing.is_empty(), "no sample shows {missing:#?}");
    Ok(())
}

#[tokio::test]
async fn every_sample_is_accepted() -> Result<()> {
    run("samples", async |ns| {
        let params = PatchParams {
            field_validation: Some(kube::api::ValidationDirective::Strict),
            ..PatchParams::apply("samples").dry_run()
        };
        for sample in samples::all()? {
            let name = sample.file.clone();
            let sample = sample.object()?;
            let object = sample["metadata"]["name"].as_str().context("a name")?;
            let namespace = sample["metadata"]["namespace"]
                .as_str()
                .context("a namespace")?;
            ensure!(
                name == format!("{object}.yaml"),
                "{name} holds the RestAPI {object}"
            );
            let api = Api::<RestAPI>::namespaced(ns.client.clone(), namespace);
            let applied = api.patch(object, &params, &Patch::Apply(&sample)).await;
            applied.with_context(|| format!("applying {name}"))?;
        }
        Ok(())
    })
    .await
}
