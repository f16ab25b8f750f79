//! Rules that the checked-in manifests keep, whoever edits them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::deploy::MANAGERS;
use crate::paths;

/// Rights that no manager has: they lead to all others.
const FORBIDDEN: &[&str] = &[
    "*",
    "pods/exec",
    "pods/attach",
    "pods/portforward",
    "escalate",
    "bind",
    "impersonate",
    "deletecollection",
];

fn manifests(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(manifests(&path));
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            found.push(path);
        }
    }
    found
}

/// The documents of a file, each without its comments.
fn documents(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    text.split("\n---\n")
        .map(|document| {
            let lines = document.lines();
            let lines = lines.filter(|line| !line.trim_start().starts_with('#'));
            lines.collect::<Vec<_>>().join("\n")
        })
        .collect()
}

fn is_kind(document: &str, kind: &str) -> bool {
    document.lines().any(|line| line == format!("kind: {kind}"))
}

fn words(document: &str) -> impl Iterator<Item = &str> {
    document
        .split(|c: char| c.is_whitespace() || "[],:'\"".contains(c))
        .filter(|word| !word.is_empty())
}

#[test]
fn no_role_holds_a_right_that_leads_to_others() {
    let mut roles = 0;
    for path in manifests(&paths::repository().join("kustomize")) {
        for document in documents(&path) {
            if is_kind(&document, "ClusterRole") || is_kind(&document, "Role") {
                roles += 1;
                let bad: Vec<_> = words(&document)
                    .filter(|word| FORBIDDEN.contains(word))
                    .collect();
                assert!(bad.is_empty(), "{}: {bad:?}", path.display());
            }
        }
    }
    assert!(
        roles >= 2 * MANAGERS.len(),
        "the roles of the managers were not found"
    );
}

/// The rules of a file's Roles that name this resource, each as its words up to the next item.
fn rules_on(path: &Path, resource: &str) -> Vec<Vec<String>> {
    let documents = documents(path);
    let rules = documents
        .iter()
        .flat_map(|document| document.split("apiGroups:").skip(1));
    rules
        .map(|rule| {
            let words = words(rule).take_while(|word| *word != "-");
            words.map(str::to_owned).collect::<Vec<_>>()
        })
        .filter(|rule| rule.iter().any(|word| word == resource))
        .collect()
}

#[test]
fn secrets_are_read_by_name_unless_the_component_for_it_says_more() {
    let kustomize = paths::repository().join("kustomize");
    let component = kustomize.join("components/watch-secrets/kustomization.yaml");
    let mut granted = 0;
    for path in manifests(&kustomize) {
        for rule in rules_on(&path, "secrets") {
            let verbs = if path == component {
                "list watch"
            } else {
                "get"
            };
            let wanted = format!("resources secrets verbs {verbs}");
            assert_eq!(rule.join(" "), wanted, "{}", path.display());
            granted += 1;
        }
    }
    let wanted = MANAGERS.len() + 1;
    assert_eq!(granted, wanted, "the grants of Secrets were not found");
}

/// The folder of a manager's own manifests.
fn base(manager: &str) -> PathBuf {
    paths::repository().join("kustomize").join(manager)
}

/// The text below a heading, up to the next one.
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let (_, below) = text.split_once(&format!("\n## {heading}\n")).unwrap();
    below.split("\n## ").next().unwrap()
}

#[test]
fn the_reference_of_rights_leaves_none_out() {
    let reference = paths::repository().join("docs/reference/rbac.md");
    let reference = fs::read_to_string(reference).unwrap();
    for manager in MANAGERS {
        let shared = section(&reference, "What the specification asks for");
        let own = section(&reference, &format!("What {manager} holds besides"));
        let mut rights = 0;
        for file in ["role.yaml", "cluster-role.yaml"] {
            let rules = fs::read_to_string(base(manager).join(file)).unwrap();
            for line in rules.lines().map(str::trim) {
                let Some(resources) = line.strip_prefix("resources:") else {
                    continue;
                };
                for resource in words(resources) {
                    let named = format!("`{resource}`");
                    let is_named = shared.contains(&named) || own.contains(&named);
                    assert!(is_named, "{manager}: {file}: {named} is missing");
                    rights += 1;
                }
            }
        }
        assert!(rights > 10, "{manager}: the rules were not found");
    }
}

#[test]
fn a_manager_brings_neither_the_crd_nor_the_namespace() {
    for path in MANAGERS
        .iter()
        .flat_map(|manager| manifests(&base(manager)))
    {
        for document in documents(&path) {
            for kind in ["CustomResourceDefinition", "Namespace"] {
                assert!(
                    !is_kind(&document, kind),
                    "{} holds a {kind}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn every_overlay_has_every_manager() {
    let overlays = paths::repository().join("kustomize/overlays");
    for manager in MANAGERS {
        for (overlay, line) in [
            ("all", format!("  - ../../{manager}")),
            ("namespaced", format!("  - ../../{manager}")),
            ("local", format!("    newName: localhost/restapi/{manager}")),
        ] {
            let path = overlays.join(overlay).join("kustomization.yaml");
            let text = fs::read_to_string(&path).unwrap();
            let is_there = text.lines().any(|found| found == line);
            assert!(is_there, "{}: {line} is missing", path.display());
        }
    }
}

#[test]
fn an_overlay_that_moves_the_account_moves_the_bindings_too() {
    // kustomize matches a subject with its account by name and by namespace, as both are written.
    let namespace = "  namespace: restapi-system";
    for manager in MANAGERS {
        let account = fs::read_to_string(base(manager).join("service-account.yaml")).unwrap();
        assert!(account.lines().any(|line| line == namespace), "{account}");
        for file in ["role.yaml", "cluster-role.yaml"] {
            let binding = fs::read_to_string(base(manager).join(file)).unwrap();
            assert!(
                binding.contains(&format!("name: {manager}\n  {namespace}")),
                "{manager}: {file}"
            );
        }
    }
}
