//! The custom resource `RestAPI` (`restapi.dev/v1alpha1`) and everything that its managers agree on
//! by name: conditions, labels, annotations, the names of generated objects.
//!
//! Nothing here does I/O. The exact schema that users see is `kustomize/crd/restapis.restapi.dev.yaml`,
//! generated from this crate by `cargo xtask generate`.
#![forbid(unsafe_code)]

pub mod aborted;
pub mod attempt;
pub mod command;
pub mod component;
pub mod conditions;
pub mod crd;
pub mod environment;
pub mod event;
pub mod gates;
pub mod keys;
pub mod names;
pub mod requirements;
pub mod rollout;
mod schema;
pub mod spec;
pub mod status;
pub mod text;
pub mod trace;

pub use aborted::Aborted;
pub use attempt::{AttemptMark, Seals};
pub use component::ComponentName;
pub use environment::Environment;
pub use event::{Event, EventKind};
pub use gates::{GateMark, GateMarks};
pub use requirements::ResourceRequirements;
pub use rollout::{RolloutEnd, RolloutMark, RolloutOutcome};
pub use spec::component::ComponentSpec;
pub use spec::{RestAPI, RestAPISpec};
pub use status::{ComponentStatus, Phase, RestAPIStatus};
pub use trace::TraceParent;
