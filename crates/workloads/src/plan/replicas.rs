//! Who decides how many pods a workload has.
//!
//! While an autoscaler decides, no apply of ours carries `replicas`. A field whose last owner leaves falls to
//! its default, 1; so before the first apply that leaves it out, a field manager of its own takes the live
//! number over, and keeps it for good (argo-rollouts #4407 and argocd-operator PR 860 are what happens else).

use kube::core::DynamicObject;
use manager_kit::cache::version;
use manager_kit::writer::{Draft, Guard, Write};
use restapi_types::keys;
use serde_json::{Value, json};

use super::Step;
use crate::kinds::Role;

/// The annotation's value while an autoscaler decides, and after it.
const HELD: &str = "true";
const GIVEN_BACK: &str = "false";

/// What is to become of a workload's replicas.
pub enum Replicas {
    /// The draft carries them.
    Ours,
    /// First the live number has to be taken over by the field manager that holds it.
    TakeOver(Box<Step>),
}

/// Settles `replicas` in the draft of a workload. `asked` is the number that its author wrote, if any;
/// `is_autoscaled` says whether somebody else decides.
pub fn settle(
    draft: &mut Draft,
    live: Option<&DynamicObject>,
    asked: Option<i32>,
    is_autoscaled: bool,
) -> Replicas {
    let Some(live) = live else {
        // The first apply carries a number in any case.
        return Replicas::Ours;
    };
    let number = live.data.pointer("/spec/replicas").cloned();
    let annotations = live.metadata.annotations.as_ref();
    let held = annotations.and_then(|a| a.get(keys::REPLICAS).map(String::as_str));
    match (is_autoscaled, held) {
        (true, Some(HELD)) => {
            if let Some(Value::Object(spec)) = draft.body.get_mut("spec") {
                spec.remove("replicas");
            }
            Replicas::Ours
        }
        (true, _) => Replicas::TakeOver(Box::new(take_over(draft, live, number))),
        (false, Some(_)) => {
            note(draft, GIVEN_BACK);
            // Nobody wrote a number: what the autoscaler left is better than a guess.
            if let (None, Some(number), Some(Value::Object(spec))) =
                (asked, number, draft.body.get_mut("spec"))
            {
                spec.insert("replicas".to_owned(), number);
            }
            Replicas::Ours
        }
        (false, None) => Replicas::Ours,
    }
}

fn take_over(draft: &Draft, live: &DynamicObject, number: Option<Value>) -> Step {
    let mut draft = Draft {
        resource: draft.resource.clone(),
        name: draft.name.clone(),
        body: json!({
            "apiVersion": draft.resource.api_version,
            "kind": draft.resource.kind,
            "metadata": {"name": draft.name, "namespace": live.metadata.namespace},
            "spec": {"replicas": number.unwrap_or(json!(1))},
        }),
    };
    note(&mut draft, HELD);
    Step {
        role: Role::Replicas,
        write: Write::Apply(draft, version(live), Guard::Unchanged),
    }
}

fn note(draft: &mut Draft, value: &str) {
    super::compare::set(&mut draft.body, "annotations", keys::REPLICAS, value);
}
