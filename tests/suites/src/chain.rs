//! The chain that every answer of the demo application carries: which pods a request went through.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;

/// The roles of a request that entered at the view, in the order in which it reaches them.
pub const WAY: [&str; 4] = ["view", "controller", "model", "repository"];

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

/// The chain of an answer that went all the way: from the view to the repository, in one environment.
///
/// # Errors
/// When the answer carries no chain, or one that took another way, or one of mixed environments.
pub fn whole(answer: &Value) -> Result<Vec<Hop>> {
    let chain = answer
        .get("chain")
        .with_context(|| format!("no chain in {answer}"))?;
    let hops: Vec<Hop> =
        Vec::deserialize(chain).with_context(|| format!("not a chain: {chain}"))?;
    ensure!(
        hops.iter().map(|hop| hop.role.as_str()).eq(WAY),
        "not the whole way: {hops:?}"
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
        let blue = WAY.map(|role| (role, "blue"));
        assert_eq!(whole(&answer(&blue)).unwrap().len(), 4);
        assert!(whole(&answer(&blue[..3])).is_err(), "too short");
        let mut mixed = blue;
        mixed[2].1 = "green";
        assert!(
            whole(&answer(&mixed))
                .unwrap_err()
                .to_string()
                .contains("mixed")
        );
        assert!(whole(&json!({})).is_err());
    }
}
