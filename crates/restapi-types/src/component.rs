//! The components of an application and what is fixed about each.

use std::fmt;

/// One of the four places of the MVC+R shape.
///
/// The order is the order of the switch and of every list that people see: the leaf of the call
/// chain first, the edge last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ComponentName {
    /// Data access, database operations, caching.
    Repository,
    /// Business logic, data structures, validation, rules.
    Model,
    /// Request routing, input validation, flow control.
    Controller,
    /// Templates, UI logic, response formatting.
    View,
}

impl ComponentName {
    /// Every component, leaf first.
    pub const ALL: [Self; 4] = [Self::Repository, Self::Model, Self::Controller, Self::View];

    /// The name as it stands in the spec, in labels and in object names.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Repository => "repository",
            Self::Model => "model",
            Self::Controller => "controller",
            Self::View => "view",
        }
    }

    /// The TCP port that a component listens on when its spec names none.
    #[must_use]
    pub const fn default_port(self) -> i32 {
        match self {
            Self::Repository => 8082,
            Self::Model => 8080,
            Self::Controller => 8081,
            Self::View => 3000,
        }
    }

    /// The environment variable under which the other components find this one.
    #[must_use]
    pub const fn url_variable(self) -> &'static str {
        match self {
            Self::Repository => "REPOSITORY_URL",
            Self::Model => "MODEL_URL",
            Self::Controller => "CONTROLLER_URL",
            Self::View => "VIEW_URL",
        }
    }

    /// The component of that name, if there is one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.as_str() == name)
    }
}

impl fmt::Display for ComponentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
