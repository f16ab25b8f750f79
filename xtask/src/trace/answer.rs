//! What Jaeger's query API answers, as far as it is drawn.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

#[derive(Deserialize)]
struct Answer {
    data: Vec<Trace>,
}

/// A trace.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Trace {
    /// Its spans, in no order.
    pub(super) spans: Vec<Span>,
    processes: BTreeMap<String, Process>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Process {
    service_name: String,
}

/// A span.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Span {
    #[serde(rename = "spanID")]
    pub(super) id: String,
    #[serde(rename = "operationName")]
    pub(super) name: String,
    #[serde(default)]
    references: Vec<Reference>,
    /// When it began, in microseconds.
    #[serde(rename = "startTime")]
    pub(super) start: u64,
    /// How long it took, in microseconds.
    pub(super) duration: u64,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(rename = "processID")]
    process: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    ref_type: String,
    #[serde(rename = "spanID")]
    span: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Tag {
    key: String,
    value: serde_json::Value,
}

impl Trace {
    /// The first trace of an answer.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let answer: Answer = serde_json::from_str(text).context("reading Jaeger's answer")?;
        let first = answer.data.into_iter().next();
        first.context("Jaeger's answer holds no trace")
    }

    /// Who exported a span.
    pub(super) fn service(&self, span: &Span) -> &str {
        let process = self.processes.get(&span.process);
        process.map_or("", |process| &process.service_name)
    }
}

impl Span {
    /// The span that it is a part of.
    pub(super) fn parent(&self) -> Option<&str> {
        let mut references = self.references.iter();
        let parent = references.find(|reference| reference.ref_type == "CHILD_OF");
        parent.map(|reference| reference.span.as_str())
    }

    /// What it says under a key, if that is a text.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.tags.iter().find(|tag| tag.key == key)?.value.as_str()
    }

    /// Why it failed, if it did.
    pub(super) fn error(&self) -> Option<&str> {
        let failed = self.text("otel.status_code") == Some("ERROR");
        failed.then(|| self.text("otel.status_description").unwrap_or("failed"))
    }
}
