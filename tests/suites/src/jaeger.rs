//! Traces as Jaeger's query API tells them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::core::v1::Service;
use kube::{Api, Client};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::http;
use crate::wait::eventually;

/// Where Jaeger is installed.
pub const NAMESPACE: &str = "observability";

/// The port of its query API.
const QUERY: u16 = 16686;

/// Jaeger, to be asked.
#[derive(Clone, Debug)]
pub struct Jaeger(SocketAddr);

/// What an answer holds.
#[derive(Debug, Deserialize)]
struct Answer<T> {
    data: Option<T>,
}

/// A trace.
#[derive(Clone, Debug, Deserialize)]
pub struct Trace {
    /// Its spans, in no order.
    pub spans: Vec<Span>,
    /// Who exported them.
    processes: BTreeMap<String, Process>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Process {
    service_name: String,
}

/// A span.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    /// Its id.
    #[serde(rename = "spanID")]
    pub id: String,
    /// What it is.
    #[serde(rename = "operationName")]
    pub name: String,
    /// What it refers to: its parent first of all.
    pub references: Vec<Reference>,
    /// When it began, in microseconds.
    #[serde(rename = "startTime")]
    pub start: u64,
    /// How long it took, in microseconds.
    pub duration: u64,
    #[serde(rename = "processID")]
    process: String,
    tags: Vec<Tag>,
}

/// A span that another one refers to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reference {
    /// `CHILD_OF` for the parent, `FOLLOWS_FROM` for a link.
    pub ref_type: String,
    /// Its trace.
    #[serde(rename = "traceID")]
    pub trace: String,
    /// The span.
    #[serde(rename = "spanID")]
    pub span: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Tag {
    key: String,
    value: serde_json::Value,
}

impl Span {
    /// When it ended, in microseconds.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.start + self.duration
    }

    /// The span that it is a part of.
    #[must_use]
    pub fn parent(&self) -> Option<&str> {
        let mut references = self.references.iter();
        let parent = references.find(|reference| reference.ref_type == "CHILD_OF");
        parent.map(|reference| reference.span.as_str())
    }

    /// Whether it refers to a span of that trace.
    #[must_use]
    pub fn is_linked(&self, trace: &str) -> bool {
        let mut references = self.references.iter();
        references.any(|reference| reference.ref_type != "CHILD_OF" && reference.trace == trace)
    }

    /// What it says under a key.
    #[must_use]
    pub fn tag(&self, key: &str) -> Option<String> {
        let tag = self.tags.iter().find(|tag| tag.key == key)?;
        let text = tag.value.as_str().map(str::to_owned);
        Some(text.unwrap_or_else(|| tag.value.to_string()))
    }
}

impl Trace {
    /// The names of its spans, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.spans.iter().map(|span| span.name.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// The one span of that name.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub fn one(&self, name: &str) -> Result<&Span> {
        let mut all = self.spans.iter().filter(|span| span.name == name);
        let first = all.next().with_context(|| format!("no span {name}"))?;
        ensure!(all.next().is_none(), "more than one span {name}");
        Ok(first)
    }

    /// Who exported a span.
    #[must_use]
    pub fn service(&self, span: &Span) -> Option<&str> {
        let process = self.processes.get(&span.process)?;
        Some(&process.service_name)
    }
}

impl Jaeger {
    /// The Jaeger that is installed in the cluster.
    ///
    /// # Errors
    /// When there is none.
    pub async fn installed(client: &Client) -> Result<Self> {
        let api = Api::<Service>::namespaced(client.clone(), NAMESPACE);
        let service = api.get("jaeger").await.context("the Service of Jaeger")?;
        let address = service.spec.and_then(|spec| spec.cluster_ip);
        let address = address.context("the Service of Jaeger has no address")?;
        Ok(Self(SocketAddr::new(address.parse()?, QUERY)))
    }

    /// The trace of that id, once it holds what `is_whole` looks for.
    ///
    /// # Errors
    /// When it does not within `limit`, with what still lacks.
    pub async fn trace(
        &self,
        id: &str,
        limit: Duration,
        is_whole: impl Fn(&Trace) -> Result<()>,
    ) -> Result<Trace> {
        let what = format!("the trace {id} is whole");
        eventually(limit, &what, async || {
            let traces: Vec<Trace> = self.ask(&format!("traces/{id}")).await?;
            let trace = traces.into_iter().next().context("there is none")?;
            is_whole(&trace).with_context(|| format!("it has {:?}", trace.names()))?;
            Ok(trace)
        })
        .await
    }

    /// Traces that have a span of that name from that service, the newest of them.
    ///
    /// # Errors
    /// When Jaeger does not answer.
    pub async fn traces(&self, service: &str, name: &str) -> Result<Vec<Trace>> {
        self.ask(&format!(
            "traces?service={service}&operation={name}&limit=200&lookback=1h"
        ))
        .await
    }

    async fn ask<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let url = format!("http://{}/api/{path}", self.0);
        let (code, text) = http::get(&url).await?;
        if code != 200 {
            bail!("GET {url} answers {code}: {text}");
        }
        let answer: Answer<T> =
            serde_json::from_str(&text).with_context(|| format!("GET {url} answers {text}"))?;
        answer
            .data
            .with_context(|| format!("GET {url} has no data"))
    }
}
