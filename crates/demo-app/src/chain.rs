//! The chain: which pods a request went through.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::role::Role;

/// The pod that answered at one step of the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// The role that the pod plays.
    pub role: Role,
    /// The environment (`blue` or `green`) that the pod belongs to; `none` outside a cluster.
    pub environment: String,
    /// The pod's template hash; changes with every rollout that replaces the pod.
    pub version: String,
    /// The pod's name.
    pub pod: String,
}

/// Whether the request crossed from one environment into another, which must never happen.
#[must_use]
pub fn is_mixed(chain: &[Hop]) -> bool {
    let environments: BTreeSet<&str> = chain.iter().map(|hop| hop.environment.as_str()).collect();
    environments.len() > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(role: Role, environment: &str) -> Hop {
        Hop {
            role,
            environment: environment.into(),
            version: "1".into(),
            pod: "p".into(),
        }
    }

    #[test]
    fn one_colour_is_not_mixed() {
        assert!(!is_mixed(&[]));
        assert!(!is_mixed(&[
            hop(Role::View, "blue"),
            hop(Role::Controller, "blue")
        ]));
    }

    #[test]
    fn two_colours_are_mixed() {
        assert!(is_mixed(&[
            hop(Role::View, "blue"),
            hop(Role::Controller, "green")
        ]));
    }
}
