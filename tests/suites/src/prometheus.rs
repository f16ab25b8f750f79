//! What Prometheus has collected, and what its rules have come to.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use k8s_openapi::api::core::v1::Service;
use kube::{Api, Client};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{http, jaeger};

/// The port of its API.
const PORT: u16 = 9090;

/// Prometheus, to be asked.
#[derive(Clone, Debug)]
pub struct Prometheus(SocketAddr);

#[derive(Debug, Deserialize)]
struct Answer<T> {
    data: T,
}

/// What a query over a time has found.
#[derive(Debug, Deserialize)]
struct Matrix {
    result: Vec<Series>,
}

/// A series, with its values at points in time.
#[derive(Clone, Debug, Deserialize)]
pub struct Series {
    /// Its labels.
    pub metric: BTreeMap<String, String>,
    values: Vec<(f64, String)>,
}

impl Series {
    /// Whether it has a number at any time: a share of nothing has none.
    #[must_use]
    pub fn has_number(&self) -> bool {
        let mut values = self.values.iter();
        values.any(|(_, value)| value.parse::<f64>().is_ok_and(f64::is_finite))
    }
}

#[derive(Debug, Deserialize)]
struct Groups {
    groups: Vec<Group>,
}

#[derive(Debug, Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

/// A rule that Prometheus has loaded.
#[derive(Clone, Debug, Deserialize)]
pub struct Rule {
    /// The alert's name, or that of the series that it records.
    pub name: String,
    /// `ok`, `err`, or `unknown` before it was evaluated.
    pub health: String,
    /// What went wrong.
    #[serde(rename = "lastError", default)]
    pub error: String,
    /// Of an alert: `inactive`, `pending` or `firing`.
    #[serde(default)]
    pub state: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Exemplars {
    exemplars: Vec<Exemplar>,
}

#[derive(Debug, Deserialize)]
struct Exemplar {
    labels: BTreeMap<String, String>,
}

impl Prometheus {
    /// The Prometheus that is installed in the cluster.
    ///
    /// # Errors
    /// When there is none.
    pub async fn installed(client: &Client) -> Result<Self> {
        let api = Api::<Service>::namespaced(client.clone(), jaeger::NAMESPACE);
        let service = api.get("prometheus").await;
        let service = service.context("the Service of Prometheus")?;
        let address = service.spec.and_then(|spec| spec.cluster_ip);
        let address = address.context("the Service of Prometheus has no address")?;
        Ok(Self(SocketAddr::new(address.parse()?, PORT)))
    }

    /// What a query yields over the last time, as a dashboard's panel asks.
    ///
    /// # Errors
    /// When Prometheus does not answer, or refuses the query.
    pub async fn over(&self, query: &str, last: Duration) -> Result<Vec<Series>> {
        let (start, end) = range(last)?;
        let query = escaped(query);
        let path = format!("query_range?query={query}&start={start}&end={end}&step=15");
        Ok(self.ask::<Matrix>(&path).await?.result)
    }

    /// The names of all series that a selector matches.
    ///
    /// # Errors
    /// When Prometheus does not answer.
    pub async fn names(&self, selector: &str) -> Result<Vec<String>> {
        let selector = escaped(selector);
        let path = format!("label/__name__/values?match[]={selector}");
        self.ask(&path).await
    }

    /// All rules.
    ///
    /// # Errors
    /// When Prometheus does not answer.
    pub async fn rules(&self) -> Result<Vec<Rule>> {
        let groups = self.ask::<Groups>("rules").await?.groups;
        Ok(groups.into_iter().flat_map(|group| group.rules).collect())
    }

    /// The traces that the exemplars of a query's series name.
    ///
    /// # Errors
    /// When Prometheus does not answer.
    pub async fn traces(&self, query: &str, last: Duration) -> Result<Vec<String>> {
        let (start, end) = range(last)?;
        let query = escaped(query);
        let path = format!("query_exemplars?query={query}&start={start}&end={end}");
        let series: Vec<Exemplars> = self.ask(&path).await?;
        let exemplars = series.into_iter().flat_map(|series| series.exemplars);
        let traces = exemplars.filter_map(|mut exemplar| exemplar.labels.remove("trace_id"));
        Ok(traces.collect())
    }

    async fn ask<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let url = format!("http://{}/api/v1/{path}", self.0);
        let (code, text) = http::get(&url).await?;
        if code != 200 {
            bail!("GET {url} answers {code}: {text}");
        }
        let answer: Answer<T> =
            serde_json::from_str(&text).with_context(|| format!("GET {url} answers {text}"))?;
        Ok(answer.data)
    }
}

/// From then until now, in seconds.
fn range(last: Duration) -> Result<(u64, u64)> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok((now.saturating_sub(last).as_secs(), now.as_secs()))
}

/// As it may stand in a URL.
fn escaped(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_escaped() {
        assert_eq!(escaped("up{a=~\"+\"}"), "up%7Ba%3D%7E%22%2B%22%7D");
    }
}
