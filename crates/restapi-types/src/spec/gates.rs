//! What is tried before a revision may serve, and once it serves.

use std::fmt;
use std::time::Duration;

use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::values::{LABEL, component_name, image, url_path, words};
use crate::schema::{bare, by_name, own_list_by_name};

/// The most gates of one moment.
const MAX: usize = 8;

/// When a gate is tried.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Moment {
    /// Once a revision is ready, and before it may serve.
    PreSwitch,
    /// Once it serves.
    PostSwitch,
}

impl Moment {
    /// Both.
    pub const ALL: [Self; 2] = [Self::PreSwitch, Self::PostSwitch];

    /// As the field of the spec is called.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PreSwitch => "preSwitch",
            Self::PostSwitch => "postSwitch",
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A request to a component of the revision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HttpGate {
    /// The component that is asked, at the Service of the revision's own environment.
    #[schemars(schema_with = "component_name")]
    pub component: String,
    /// What is asked for, with GET; `/` unless set. Every status from 200 to 299 passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "url_path")]
    pub path: Option<String>,
}

/// A query to the Prometheus that bluegreen-manager is configured with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.min) || has(self.max)")
    .message("prometheus needs min or max, which every value has to keep to"))]
pub struct PrometheusGate {
    /// The query. `$namespace`, `$name`, `$environment` and `$revision` stand for those of the revision.
    #[schemars(length(min = 1, max = 1024))]
    pub query: String,
    /// The least that every value may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "decimal")]
    pub min: Option<String>,
    /// The most that every value may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "decimal")]
    pub max: Option<String>,
}

/// A Job, which is told the addresses of the revision's components as their pods are: `VIEW_URL`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobGate {
    /// The container image.
    #[schemars(schema_with = "image")]
    pub image: String,
    /// What is started in place of the image's own entry point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words")]
    pub command: Option<Vec<String>>,
    /// Arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words")]
    pub args: Option<Vec<String>>,
}

/// Something that has to pass: a request, a query or a Job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.http), has(self.prometheus), has(self.job)].filter(x, x).size() == 1")
        .message("a gate needs exactly one of http, prometheus, job"),
    validation = Rule::new("!has(self.job) || !(has(self.count) || has(self.intervalSeconds))")
        .message("a job passes when it completes: remove count and intervalSeconds"),
)]
pub struct GateSpec {
    /// By what status names it.
    #[schemars(schema_with = "gate_name")]
    pub name: String,
    /// A request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpGate>,
    /// A query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<PrometheusGate>,
    /// A Job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobGate>,
    /// How often it has to pass; 1 unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub count: Option<i32>,
    /// Seconds from one try to the next; 10 unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3600))]
    pub interval_seconds: Option<i32>,
    /// How often it may fail; 0 unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub failure_limit: Option<i32>,
    /// Seconds that one try may take, 10 unless set; of a Job, all of it, 600 unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3600))]
    pub timeout_seconds: Option<i32>,
}

impl GateSpec {
    /// How often it has to pass.
    #[must_use]
    pub fn count(&self) -> u32 {
        number(self.count, 1)
    }

    /// From one try to the next.
    #[must_use]
    pub fn interval(&self) -> Duration {
        Duration::from_secs(number(self.interval_seconds, 10).into())
    }

    /// How often it may fail.
    #[must_use]
    pub fn failure_limit(&self) -> u32 {
        number(self.failure_limit, 0)
    }

    /// How long one try may take; of a Job, all of it.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        let default = if self.job.is_some() { 600 } else { 10 };
        Duration::from_secs(number(self.timeout_seconds, default).into())
    }
}

fn number(given: Option<i32>, default: u32) -> u32 {
    given
        .and_then(|given| u32::try_from(given).ok())
        .unwrap_or(default)
}

fn gate_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "minLength": 1, "maxLength": 30, "pattern": LABEL})
}

/// A decimal number: the API has no fractions.
fn decimal(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "maxLength": 20, "pattern": r"^-?[0-9]+(\.[0-9]+)?$"})
}

/// Gates, each with a name of its own.
pub(crate) fn gates(generator: &mut SchemaGenerator) -> Schema {
    own_list_by_name::<GateSpec, MAX>(generator)
}

/// The same without descriptions, which stand at the first ones.
pub(crate) fn more_gates(generator: &mut SchemaGenerator) -> Schema {
    let items = bare::<GateSpec>(generator);
    by_name(json_schema!({"type": "array", "maxItems": MAX, "items": items}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_set_has_a_default() {
        let gate: GateSpec =
            serde_json::from_str(r#"{"name": "smoke", "http": {"component": "view"}}"#).unwrap();
        let seconds = Duration::from_secs(10);
        assert_eq!((gate.count(), gate.failure_limit()), (1, 0));
        assert_eq!((gate.interval(), gate.timeout()), (seconds, seconds));
        let job: GateSpec =
            serde_json::from_str(r#"{"name": "smoke", "job": {"image": "a"}}"#).unwrap();
        assert_eq!(job.timeout(), Duration::from_mins(10));
    }
}
