//! What a container that waits says.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::ResourceExt as _;
use restapi_resources::Component;

use super::Cause;

/// Where in the spec a container stands.
struct Whose {
    /// How it is called where it is not the component's own.
    name: String,
    image: String,
    field: String,
    image_field: String,
}

impl Whose {
    fn of(component: &Component, container: &ContainerStatus) -> Self {
        let field = format!("spec.{}", component.name);
        if container.name == component.name.as_str() {
            return Self {
                name: String::new(),
                image: component.image.clone(),
                image_field: format!("{field}.image (or spec.image)"),
                field,
            };
        }
        Self {
            name: format!(" {}", container.name),
            image: container.image.clone(),
            image_field: format!("that of {} in {field}", container.name),
            field: format!("{} in {field}", container.name),
        }
    }
}

/// Why the container doesn't run, if nothing will come of waiting.
pub(super) fn cause(
    component: &Component,
    pod: &Pod,
    container: &ContainerStatus,
) -> Option<Cause> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let said = waiting.message.as_deref().unwrap_or_default();
    let whose = Whose::of(component, container);
    let (reason, message, is_final) = match waiting.reason.as_deref()? {
        "ErrImagePull" | "ImagePullBackOff" | "ErrImageNeverPull" | "InvalidImageName"
        | "ImageInspectError" => (
            "ImagePullFailed",
            format!(
                "image {} can't be pulled: {}; correct {}, or make the image available",
                whose.image,
                pull_error(said),
                whose.image_field
            ),
            true,
        ),
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => (
            "ContainerRefused",
            format!(
                "the node can't start the container{}: {said}; correct the image or {}",
                whose.name, whose.field
            ),
            true,
        ),
        "CrashLoopBackOff" => (
            "CrashLooping",
            format!(
                "the program{} ends again and again{}; see its output: kubectl -n {} logs {} -c {} --previous",
                whose.name,
                last_exit(container),
                pod.namespace().unwrap_or_default(),
                pod.name_any(),
                container.name
            ),
            true,
        ),
        _ => return None,
    };
    Some(Cause {
        reason,
        message,
        is_final,
    })
}

/// The kubelet's words without what changes from try to try.
fn pull_error(said: &str) -> &str {
    let error = said
        .rsplit_once("ErrImagePull: ")
        .map_or(said, |(_, error)| error);
    if error.is_empty() {
        "the node gives no reason"
    } else {
        error
    }
}

fn last_exit(container: &ContainerStatus) -> String {
    let last = container
        .last_state
        .as_ref()
        .and_then(|s| s.terminated.as_ref());
    last.map_or_else(String::new, |t| {
        format!(
            " (exit code {}, {})",
            t.exit_code,
            t.reason.as_deref().unwrap_or("no reason given")
        )
    })
}
