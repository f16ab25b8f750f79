//! Prometheus in the cluster, asked through the API server, so that it is reached in whatever cluster.

use anyhow::{Context, Result};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;

use crate::cluster::Target;

/// Its API.
const API: &str = "/api/v1/namespaces/observability/services/prometheus:http/proxy/api/v1";

/// What it answers at `endpoint`, such as `query`, to these parameters.
///
/// # Errors
/// When it does not answer, or with something else.
pub(crate) fn ask<T: DeserializeOwned>(
    target: &Target,
    endpoint: &str,
    parameters: &[(&str, &str)],
) -> Result<T> {
    let path = path(endpoint, parameters);
    let asked = target.kubectl().args(["get", "--raw", &path]).read();
    let text = asked.with_context(|| {
        format!("Prometheus does not answer {endpoint} {parameters:?}: is it installed (`cargo xtask deploy --with prometheus`)?")
    })?;
    Ok(serde_json::from_str(&text)?)
}

fn path(endpoint: &str, parameters: &[(&str, &str)]) -> String {
    let parameters: Vec<_> = parameters
        .iter()
        .map(|(name, value)| format!("{name}={}", escaped(value)))
        .collect();
    format!("{API}/{endpoint}?{}", parameters.join("&"))
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
        assert_eq!(escaped("up{a=\"+\"}"), "up%7Ba%3D%22%2B%22%7D");
    }
}
