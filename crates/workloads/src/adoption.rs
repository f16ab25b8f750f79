//! Taking over Services that served before the `RestAPI` existed: what is asked for, what is remembered, and what
//! is to be known of others' objects.
//!
//! The annotation [`keys::ADOPT`] on the `RestAPI` starts it. From then on the record in the annotation
//! [`keys::ADOPTED`] of the Service itself says how far it is, so that a restart, a wiped status or an annotation that
//! is removed half-way changes nothing.

mod notices;
mod predecessors;
mod record;
mod request;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;

pub use notices::notices;
pub use predecessors::{Fate, predecessors};
pub use record::{Record, port_key};
pub use request::Request;

#[cfg(doc)]
use restapi_types::keys;

/// What there is of others in the namespace of an application that takes a Service over.
#[derive(Clone, Debug, Default)]
pub struct Adoption {
    /// When it was read.
    pub at: Timestamp,
    /// The addresses behind the stable and the coloured Services concerned.
    pub endpoints: BTreeMap<String, Endpoints>,
    /// Every Deployment, whoever owns it.
    pub deployments: Vec<Deployment>,
    /// Every Service, whoever owns it.
    pub services: Vec<Service>,
}

/// What the `EndpointSlices` of one Service hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// Every address.
    pub all: BTreeSet<String>,
    /// Those that receive requests.
    pub ready: BTreeSet<String>,
}

impl Adoption {
    /// What is behind the Service of that name; nothing when it has no `EndpointSlices`.
    #[must_use]
    pub fn behind(&self, service: &str) -> Endpoints {
        self.endpoints.get(service).cloned().unwrap_or_default()
    }
}
