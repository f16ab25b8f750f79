//! The way of one request through the demo's pods, as its answer tells it.

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::table;

/// One pod that the request went through.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Hop {
    /// What the pod plays: view, controller, model or repository.
    pub(crate) role: String,
    /// The pod's name.
    pub(crate) pod: String,
    /// Blue or green.
    pub(crate) environment: String,
    /// The hash of the pod's template.
    pub(crate) version: String,
}

#[derive(Deserialize)]
struct Answer {
    chain: Vec<Hop>,
}

/// The hops in an answer, first hop first.
///
/// # Errors
/// When the answer isn't JSON with a `chain`.
pub(crate) fn hops(body: &str) -> Result<Vec<Hop>> {
    let answer: Answer = serde_json::from_str(body)
        .with_context(|| format!("the answer carries no chain of hops: {body}"))?;
    Ok(answer.chain)
}

/// The hops as a table.
pub(crate) fn table(hops: &[Hop]) -> String {
    let rows: Vec<Vec<String>> = hops
        .iter()
        .enumerate()
        .map(|(index, hop)| {
            vec![
                (index + 1).to_string(),
                hop.role.clone(),
                hop.pod.clone(),
                hop.environment.clone(),
                hop.version.clone(),
            ]
        })
        .collect();
    table::render(&["HOP", "ROLE", "POD", "ENVIRONMENT", "VERSION"], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_shows_each_hop_in_order() {
        let body = r#"{"orders":[],"chain":[
            {"role":"view","environment":"blue","version":"5d4","pod":"orders-view-blue-1"},
            {"role":"controller","environment":"blue","version":"77c","pod":"orders-controller-blue-1"}]}"#;
        let text = table(&hops(body).unwrap());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[1].starts_with("1    view") && lines[1].contains("orders-view-blue-1"));
        assert!(lines[2].starts_with("2    controller") && lines[2].ends_with("77c"));
    }

    #[test]
    fn an_answer_without_a_chain_is_shown() {
        let error = hops(r#"{"error":"controller is down"}"#).unwrap_err();
        assert!(error.to_string().contains("controller is down"));
    }
}
