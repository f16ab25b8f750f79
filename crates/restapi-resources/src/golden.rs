//! The hashes of pod templates that each version of the rendering makes, over a corpus of specs.

use std::fmt::Write as _;

use restapi_types::Environment;
use serde_json::{Map, Value, json};

use crate::fixtures::{FULL, SPEC, application};
use crate::{RenderVersion, canonical, workload};

/// Specs by name: the two fixtures, and one for each field that reaches a pod, alone.
fn corpus() -> Vec<(String, Value)> {
    let fields: Map<String, Value> =
        serde_json::from_str(include_str!("fixtures/fields.json")).unwrap();
    let one = |(name, view): (String, Value)| (name, json!({"image": "app:1", "view": view}));
    let whole = [("full", FULL), ("plain", SPEC)]
        .map(|(name, spec)| (name.to_owned(), serde_json::from_str(spec).unwrap()));
    whole
        .into_iter()
        .chain(fields.into_iter().map(one))
        .collect()
}

#[test]
fn unchanged_specs_have_unchanged_pod_templates() {
    let mut lines = String::new();
    for (name, spec) in corpus() {
        let app = application(&spec.to_string()).pinned(|_| Some("0123456789ab".to_owned()));
        for component in &app.components {
            let workload =
                workload::workload(&app, component, Environment::Blue, RenderVersion::V1);
            let hash = canonical::hash(&json!(workload.template()));
            writeln!(lines, "v1 {name} {} {hash}", component.name).unwrap();
        }
    }
    insta::with_settings!({
        description => "A difference here restarts people's pods when the manager is upgraded. Make it a new \
                        RenderVersion, unless the version was never released.",
        prepend_module_to_snapshot => false,
    }, {
        insta::assert_snapshot!("golden-hashes", lines);
    });
}

#[test]
fn every_field_of_the_corpus_makes_another_template() {
    let template = |spec: &Value| {
        let app = application(&spec.to_string());
        let component = &app.components[0];
        json!(workload::workload(&app, component, Environment::Blue, RenderVersion::V1).template())
    };
    let nothing = template(&json!({"image": "app:1", "view": {}}));
    for (name, spec) in corpus().iter().filter(|(name, _)| name != "nothing") {
        assert_ne!(template(spec), nothing, "{name}");
    }
}
