//! The components of an application and what is fixed about each.

use std::fmt;

use arrayvec::ArrayString;

/// The longest name of an additional component, in characters.
pub const MAX_COMPONENT: usize = 15;

/// One component of an application: a place of the MVC+R shape, or an additional one.
///
/// The order is the order of the switch and of every list that people see: what others call first, the
/// edge last. Additional components come before the four, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ComponentName {
    /// One of `spec.additionalComponents`.
    Additional(ArrayString<MAX_COMPONENT>),
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
    /// The four places of the MVC+R shape, leaf first.
    pub const ALL: [Self; 4] = [Self::Repository, Self::Model, Self::Controller, Self::View];

    /// The name as it stands in the spec, in labels and in object names.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Additional(name) => name,
            Self::Repository => "repository",
            Self::Model => "model",
            Self::Controller => "controller",
            Self::View => "view",
        }
    }

    /// The TCP port that a component listens on when its spec names none. An additional component has
    /// none then: it is a worker, which nobody calls.
    #[must_use]
    pub const fn default_port(self) -> Option<i32> {
        match self {
            Self::Additional(_) => None,
            Self::Repository => Some(8082),
            Self::Model => Some(8080),
            Self::Controller => Some(8081),
            Self::View => Some(3000),
        }
    }

    /// Whether requests from outside reach the component when its spec does not say.
    #[must_use]
    pub const fn is_exposed_by_default(self) -> bool {
        matches!(self, Self::View)
    }

    /// The environment variable under which the other components find this one: `VIEW_URL`.
    #[must_use]
    pub fn url_variable(&self) -> String {
        format!("{}_URL", self.as_str().to_ascii_uppercase())
    }

    /// The path of the component's fields in the spec: `spec.view`, or
    /// `spec.additionalComponents[worker].template`.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::Additional(name) => format!("spec.additionalComponents[{name}].template"),
            fixed => format!("spec.{}", fixed.as_str()),
        }
    }

    /// The place of the MVC+R shape of that name, if there is one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.as_str() == name)
    }

    /// The component of that name, whether one of the four or additional; nothing if no component can have it.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::parse(name).or_else(|| Self::additional(name))
    }

    /// The additional component of that name. Lower-case letters and digits, a letter first, at most
    /// [`MAX_COMPONENT`]; not `blue`, `green` or a place of the shape: no object's name can then mean two things.
    #[must_use]
    pub fn additional(name: &str) -> Option<Self> {
        let is_word = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let is_free = Self::parse(name).is_none() && !matches!(name, "blue" | "green");
        (is_word && is_free)
            .then(|| ArrayString::from(name).ok())
            .flatten()
            .map(Self::Additional)
    }
}

impl fmt::Display for ComponentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_mean_something_else_are_none_of_an_additional_component() {
        for name in [
            "",
            "view",
            "blue",
            "green",
            "a-b",
            "A",
            "1a",
            "ä",
            "aaaaaaaaaaaaaaaa",
        ] {
            assert_eq!(ComponentName::additional(name), None, "{name}");
        }
        let worker = ComponentName::of("worker").unwrap();
        assert_eq!(worker.as_str(), "worker");
        assert_eq!(worker.url_variable(), "WORKER_URL");
        assert_eq!(ComponentName::of("view"), Some(ComponentName::View));
        assert!(
            worker < ComponentName::Repository && ComponentName::Controller < ComponentName::View
        );
    }
}
