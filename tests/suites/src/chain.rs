//! The chain that every answer of the demo application carries: which pods a request went through.

use anyhow::{Context, Result, ensure};
use restapi_types::ComponentName;
use serde::Deserialize;
use serde_json::Value;

/// The components that a request reaches, in this order.
pub const WAY: [ComponentName; 4] = [
    ComponentName::View,
    ComponentName::Controller,
    ComponentName::Model,
    ComponentName::Repository,
];

/// One pod that a request went through.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Hop {
    /// The component that the pod plays.
    pub role: String,
    /// The environment that it belongs to.
    pub environment: String,
    /// The hash of its template.
    pub version: String,
    /// Its name.
    pub pod: String,
}

/// The chain of an answer that went all the way: from the component `edge` to the repository, in one
/// environment.
///
/// # Errors
/// When the answer carries no chain, or one that took another way, or one of mixed environments.
pub fn whole(answer: &Value, edge: ComponentName) -> Result<Vec<Hop>> {
    let chain = answer
        .get("chain")
        .with_context(|| format!("no chain in {answer}"))?;
    let hops: Vec<Hop> =
        Vec::deserialize(chain).with_context(|| format!("not a chain: {chain}"))?;
    let way = WAY.into_iter().skip_while(|component| *component != edge);
    let took = hops.iter().map(|hop| ComponentName::parse(&hop.role));
    ensure!(
        took.eq(way.map(Some)),
        "not the whole way from the {edge}: {hops:?}"
    );
    let mut environments = hops.iter().map(|hop| &hop.environment);
    let first = environments.next();
    ensure!(
        environments.all(|other| Some(other) == first),
        "mixed environments: {hops:?}"
    );
    Ok(hops)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(hops: &[(&str, &str)]) -> Value {
        let hop = |(role, environment): &(&str, &str)| json!({"role": role, "environment": environment, "version": "1", "pod": "p"});
        json!({"chain": hops.iter().map(hop).collect::<Vec<_>>()})
    }

    #[test]
    fn only_the_whole_way_in_one_environment_counts() {
        let blue =
            ["view", "controller", "model", "repository"].map(|component| (component, "blue"));
        assert_eq!(whole(&answer(&blue), ComponentName::View).unwrap().len(), 4);
        assert_eq!(
            whole(&answer(&blue[1..]), ComponentName::Controller)
                .unwrap()
                .len(),
            3
        );
        assert!(
            whole(&answer(&blue[..3]), ComponentName::View).is_err(),
            "no repository"
        );
        assert!(
            whole(&answer(&blue[1..]), ComponentName::View).is_err(),
            "no view"
        );
        let mut mixed = blue;
        mixed[2].1 = "green";
        let error = whole(&answer(&mixed), ComponentName::View)
            .unwrap_err()
            .to_string();
        assert!(error.contains("mixed"), "{error}");
        assert!(whole(&json!({}), ComponentName::View).is_err());
    }
}
