//! What users install can be built: every kustomization by itself, every component on what it is for. No API server has a
//! part in it, but kubectl, which every suite but unit has.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use suites::env;

const FILE: &str = "kustomization.yaml";

/// What has to be there for the component of Argo CD: a part of its own installation.
const ARGOCD: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-cm}\n";

/// A folder that has a kustomization, relative to the repository.
struct Folder {
    name: String,
    is_component: bool,
}

/// All below `deploy` and `kustomize`.
fn folders() -> Result<Vec<Folder>> {
    let repository = env::repository()?;
    let mut all = Vec::new();
    let mut ahead: Vec<PathBuf> = ["deploy", "kustomize"]
        .map(|name| repository.join(name))
        .to_vec();
    while let Some(folder) = ahead.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                ahead.push(path);
            } else if path.ends_with(FILE) {
                let text = std::fs::read_to_string(&path)?;
                let name = folder.strip_prefix(&repository)?.to_string_lossy();
                all.push(Folder {
                    name: name.into_owned(),
                    is_component: text.lines().any(|line| line == "kind: Component"),
                });
            }
        }
    }
    Ok(all)
}

fn built(folder: &Path) -> Result<String> {
    let mut kubectl = Command::new(env::variable("RESTAPI_TEST_KUBECTL")?);
    let output = kubectl.arg("kustomize").arg(folder).output()?;
    let complained = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{} can't be built: {complained}",
        folder.display()
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// What a component is for: another folder, or, with an ending, a file.
fn base(component: &str) -> Result<&'static str> {
    Ok(match component {
        "deploy/argocd" => "argocd-cm.yaml",
        "deploy/grafana/alerting" => "deploy/grafana",
        _ if component.starts_with("kustomize/components/") => "kustomize/overlays/all",
        _ => bail!("{component} is new: say here on what it can be built"),
    })
}

/// An overlay of the base with these components.
fn overlay(name: &str, base: &str, components: &[&str]) -> Result<String> {
    let folder = env::repository()?.join("target/kustomizations").join(name);
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("argocd-cm.yaml"), ARGOCD)?;
    // kustomize takes no absolute path.
    let up = "../../..";
    let base = match base.strip_suffix(".yaml") {
        Some(_) => base.to_owned(),
        None => format!("{up}/{base}"),
    };
    let components: Vec<_> = components.iter().map(|it| format!("{up}/{it}")).collect();
    let text = serde_json::json!({"resources": [base], "components": components});
    std::fs::write(folder.join(FILE), text.to_string())?;
    built(&folder)
}

#[test]
fn every_kustomization_can_be_built() -> Result<()> {
    let repository = env::repository()?;
    let folders = folders()?;
    for known in ["deploy/nats/production", "kustomize/overlays/all"] {
        let is_found = folders.iter().any(|folder| folder.name == known);
        ensure!(is_found, "{known} is not among those that were found");
    }
    for folder in folders.iter().filter(|folder| !folder.is_component) {
        let built = built(&repository.join(&folder.name))?;
        ensure!(built.contains("kind: "), "{} is empty", folder.name);
    }
    Ok(())
}

/// A patch whose target is not there, or not any more, is none that kustomize complains of.
#[test]
fn every_component_can_be_built_and_changes_what_it_is_for() -> Result<()> {
    let folders = folders()?;
    for component in folders.iter().filter(|folder| folder.is_component) {
        let (name, base) = (component.name.as_str(), base(&component.name)?);
        let place = name.replace('/', "-");
        let with = overlay(&place, base, &[name]).with_context(|| name.to_owned())?;
        let without = overlay(&place, base, &[])?;
        ensure!(with != without, "{name} changes nothing of {base}");
    }
    Ok(())
}

#[test]
fn all_components_of_the_managers_go_together() -> Result<()> {
    let folders = folders()?;
    let names = folders.iter().map(|folder| folder.name.as_str());
    let mut components: Vec<_> = names
        .filter(|name| name.starts_with("kustomize/components/"))
        .collect();
    for _ in 0..2 {
        overlay("all", "kustomize/overlays/all", &components)?;
        // In whatever order.
        components.reverse();
    }
    Ok(())
}
