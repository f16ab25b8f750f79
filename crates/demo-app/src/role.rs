//! The four roles, and what differs between them by name alone.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which part of the application this process plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The edge: HTML on `/`, JSON on `/api`.
    View,
    /// Routing, input validation and flow control.
    Controller,
    /// The rules of the domain.
    Model,
    /// Storage and caching.
    Repository,
}

impl Role {
    /// Every role, in the order in which a request travels.
    pub const ALL: [Self; 4] = [Self::View, Self::Controller, Self::Model, Self::Repository];

    /// The role's name, as in `--role` and in `chain`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Controller => "controller",
            Self::Model => "model",
            Self::Repository => "repository",
        }
    }

    /// The TCP port that the role listens on unless told otherwise.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::View => 3000,
            Self::Controller => 8081,
            Self::Model => 8080,
            Self::Repository => 8082,
        }
    }

    /// The role that this one passes requests on to; `None` at the end of the chain.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match self {
            Self::View => Some(Self::Controller),
            Self::Controller => Some(Self::Model),
            Self::Model => Some(Self::Repository),
            Self::Repository => None,
        }
    }

    /// The environment variable that holds this role's address, for its callers.
    #[must_use]
    pub const fn url_variable(self) -> &'static str {
        match self {
            Self::View => "VIEW_URL",
            Self::Controller => "CONTROLLER_URL",
            Self::Model => "MODEL_URL",
            Self::Repository => "REPOSITORY_URL",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is none of the four roles.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no role; set --role to view, controller, model or repository")]
pub struct UnknownRole(String);

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|role| role.name() == name)
            .ok_or_else(|| UnknownRole(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_back_to_their_role() {
        for role in Role::ALL {
            assert_eq!(role.name().parse(), Ok(role));
        }
        assert!("billing".parse::<Role>().is_err());
    }

    #[test]
    fn the_chain_visits_every_role_once() {
        let mut visited = vec![Role::View];
        while let Some(next) = visited.last().and_then(|role| role.next()) {
            visited.push(next);
        }
        assert_eq!(visited, Role::ALL);
    }
}
