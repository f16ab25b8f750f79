//! The samples in `deploy/samples`: each is accepted, and together they show every field.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use kube::api::{Api, Patch, PatchParams};
use restapi_types::RestAPI;
use serde_json::Value;
use suites::env;

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

/// The samples by file name.
fn samples() -> Result<Vec<(String, String)>> {
    let folder = env::repository()?.join("deploy/samples");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .with_context(|| format!("reading {}", folder.display()))?
        .map(|file| Ok(file?.path()))
        .collect::<Result<_>>()?;
    files.sort();
    let read = files.into_iter().map(|path| {
        let text = std::fs::read_to_string(&path)?;
        Ok((
            path.file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            text,
        ))
    });
    read.collect()
}

fn parsed(text: &str) -> Result<Value> {
    Ok(serde_saphyr::from_str(text)?)
}

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
    for (name, text) in samples()? {
        let sample = parsed(&text).with_context(|| name.clone())?;
        set(&sample["spec"], &schema, "spec", &mut shown);
        ensure!(
            text.starts_with("# "),
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
        for (name, text) in samples()? {
            let sample = parsed(&text)?;
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
