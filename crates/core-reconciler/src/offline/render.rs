//! `core-reconciler render`: the objects that RestAPIs in files stand for, by the same code that makes them
//! on a cluster.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::sync::Arc;

use clap::builder::PossibleValuesParser;
use manager_kit::writer::Write;
use restapi_resources::surroundings::Surroundings;
use restapi_resources::third_party::ThirdPartyKind;
use restapi_types::keys;
use serde::Serialize;
use serde_json::{Map, Value};
use workloads::plan::{Obstacle, PlanError};
use workloads::world::World;

use super::admission::{Accepted, Admission};
use super::documents::{Document, FileArgs};
use super::findings::{Finding, Located};
use super::{End, printed};
use crate::args::SurroundingsArgs;
use crate::plan::whole;

/// What `render` takes.
#[derive(Clone, Debug, clap::Args)]
pub struct RenderArgs {
    #[command(flatten)]
    files: FileArgs,

    /// The namespace of RestAPIs that name none.
    #[arg(short, long, value_name = "NAMESPACE", default_value = "default")]
    namespace: String,

    /// A kind that the cluster lacks. May be given several times.
    #[arg(long, value_name = "KIND", value_parser = PossibleValuesParser::new(["HTTPRoute", "GRPCRoute", "PodMonitor"]))]
    lacking: Vec<String>,

    /// The namespace of the managers, which generated NetworkPolicies admit.
    #[arg(long, value_name = "NAMESPACE", default_value = "restapi-system")]
    managers_namespace: String,

    #[command(flatten)]
    surroundings: SurroundingsArgs,
}

/// Renders the files.
pub(super) fn run(args: &RenderArgs) -> End {
    let documents = match args.files.read() {
        Ok(documents) => documents,
        Err(unreadable) => {
            eprintln!("{unreadable}");
            return End::Unreadable;
        }
    };
    let (mut objects, mut problems) = (Vec::new(), documents.problems);
    let admission = Admission::to(&args.namespace);
    for document in &documents.restapis {
        match render(document, &admission, args) {
            Ok(rendered) => objects.extend(rendered),
            Err(found) => problems.extend(found),
        }
    }
    if !problems.is_empty() {
        for problem in problems {
            eprintln!("{problem}");
        }
        return End::Bad;
    }
    printed(print(&objects), End::Good)
}

fn render(
    document: &Document,
    admission: &Admission,
    args: &RenderArgs,
) -> Result<Vec<Value>, Vec<Located>> {
    let locate = |found: Vec<Finding>| -> Vec<Located> {
        found.into_iter().map(|f| document.locate(f)).collect()
    };
    let accepted = admission.accept(&document.object).map_err(locate)?;
    let surroundings = args.surroundings.of(&args.managers_namespace);
    let rendered = objects(accepted, &surroundings, &args.lacking);
    let (objects, lacking) = rendered.map_err(|error| locate(vec![impossible(&error)]))?;
    for obstacle in lacking {
        if let Obstacle::KindMissing(target, install) = obstacle {
            eprintln!(
                "{} {} is left out: it needs {install}",
                target.kind, target.name
            );
        }
    }
    Ok(objects)
}

/// A document that is admitted, and from which no plan can be made.
pub(super) fn impossible(error: &PlanError) -> Finding {
    match error {
        PlanError::Invalid(invalid) => Finding::from(invalid),
        PlanError::Json(error) => {
            let fix = "report it with the document";
            Finding::refused("internal", "", error.to_string(), fix)
        }
    }
}

/// The objects of an application on a cluster that has nothing of it, and what the cluster lacks.
///
/// # Errors
/// When no plan can be made.
pub(super) fn objects(
    accepted: Accepted,
    surroundings: &Surroundings,
    lacking: &[String],
) -> Result<(Vec<Value>, Vec<Obstacle>), PlanError> {
    let mut restapi = accepted.restapi;
    restapi.spec.paused = None;
    if let Some(annotations) = &mut restapi.metadata.annotations {
        annotations.remove(keys::ROLLBACK);
    }
    let kinds = ThirdPartyKind::ALL.map(|kind| kind.resource().kind);
    let served: BTreeSet<_> = kinds
        .into_iter()
        .filter(|kind| !lacking.contains(kind))
        .collect();
    let world = World {
        served,
        ..World::empty(Arc::new(restapi))
    };
    let plan = whole(&accepted.app, &world, surroundings)?;
    let steps = plan.waves.into_iter().flatten();
    let objects = steps.filter_map(|step| match step.write {
        Write::Create(draft) => Some(without_what_a_cluster_gives(draft.body)),
        Write::Apply(..) | Write::Replace(..) | Write::Mark(..) | Write::Delete(..) => None,
    });
    Ok((objects.collect(), plan.obstacles))
}

/// What is written to a cluster without what would be untrue of it elsewhere.
fn without_what_a_cluster_gives(mut object: Value) -> Value {
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        metadata.remove("ownerReferences");
        remove(metadata, "labels", keys::GENERATION);
        remove(metadata, "labels", keys::APPLIED);
        remove(metadata, "labels", keys::TEMPLATE);
        remove(metadata, "annotations", keys::APPLIED);
    }
    object
}

fn remove(metadata: &mut Map<String, Value>, map: &str, key: &str) {
    let is_empty = metadata
        .get_mut(map)
        .and_then(Value::as_object_mut)
        .is_some_and(|map| {
            map.remove(key);
            map.is_empty()
        });
    if is_empty {
        metadata.remove(map);
    }
}

/// An object as people write it: what it is before what it says.
#[derive(Serialize)]
struct Readable<'a> {
    #[serde(rename = "apiVersion")]
    api_version: &'a Value,
    kind: &'a Value,
    metadata: &'a Value,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

fn yaml(object: &Value) -> Result<String, serde_saphyr::ser::Error> {
    let mut rest = object.as_object().cloned().unwrap_or_default();
    rest.retain(|field, _| !matches!(field.as_str(), "apiVersion" | "kind" | "metadata"));
    let field = |name: &str| object.get(name).unwrap_or(&Value::Null);
    serde_saphyr::to_string(&Readable {
        api_version: field("apiVersion"),
        kind: field("kind"),
        metadata: field("metadata"),
        rest,
    })
}

fn print(objects: &[Value]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for object in objects {
        let text = yaml(object).map_err(io::Error::other)?;
        writeln!(out, "---\n{}", text.trim_end())?;
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use workloads::fixtures::surroundings;

    use super::*;

    fn rendered(spec: &Value, lacking: &[&str]) -> (Vec<Value>, Vec<Obstacle>) {
        let object = json!({"apiVersion": "restapi.dev/v1alpha1", "kind": "RestAPI",
            "metadata": {"name": "orders", "annotations": {"restapi.dev/rollback": "1"}}, "spec": spec});
        let accepted = Admission::to("shop").accept(&object).unwrap();
        let lacking: Vec<_> = lacking.iter().map(|kind| (*kind).to_owned()).collect();
        objects(accepted, &surroundings(), &lacking).unwrap()
    }

    fn kinds(objects: &[Value]) -> Vec<&str> {
        objects
            .iter()
            .map(|o| o["kind"].as_str().unwrap())
            .collect()
    }

    #[test]
    fn the_sample_renders_to_these_objects() {
        let sample = include_str!("../../../../deploy/samples/orders.yaml");
        let object: Value = serde_saphyr::from_str(sample).unwrap();
        let accepted = Admission::to("shop").accept(&object).unwrap();
        let (objects, _) = objects(accepted, &surroundings(), &[]).unwrap();
        insta::assert_yaml_snapshot!(objects);
    }

    #[test]
    fn what_a_cluster_gives_is_left_out_and_nothing_else() {
        let (objects, _) = rendered(&json!({"image": "a", "view": {}, "paused": true}), &[]);
        let text = json!(objects).to_string();
        for key in [
            keys::APPLIED,
            keys::GENERATION,
            "ownerReferences",
            super::super::admission::PLACEHOLDER,
        ] {
            assert!(!text.contains(key), "{key}");
        }
        assert!(
            objects
                .iter()
                .all(|o| o["metadata"]["namespace"] == json!("shop"))
        );
        assert!(kinds(&objects).contains(&"Deployment"));
    }

    #[test]
    fn kinds_that_a_cluster_lacks_are_named_and_left_out() {
        let spec =
            json!({"image": "a", "view": {}, "gateway": {"parentRefs": [{"name": "public"}]}});
        let (all, lacking) = rendered(&spec, &[]);
        assert!(kinds(&all).contains(&"HTTPRoute") && lacking.is_empty());
        let (fewer, lacking) = rendered(&spec, &["HTTPRoute"]);
        assert!(!kinds(&fewer).contains(&"HTTPRoute"));
        assert!(
            matches!(lacking.as_slice(), [Obstacle::KindMissing(..)]),
            "{lacking:?}"
        );
    }

    #[test]
    fn yaml_says_what_the_object_says() {
        let spec = json!({"image": "a", "view": {}, "envVars": {
            "A": "on", "B": "1", "C": "a: b", "D": "two\nlines\n", "E": "", "F": "~", "G": "0x10", "H": "# x"}});
        for object in rendered(&spec, &[]).0 {
            let text = yaml(&object).unwrap();
            assert_eq!(serde_saphyr::from_str::<Value>(&text).unwrap(), object);
        }
    }
}
