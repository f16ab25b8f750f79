//! What people ask of bluegreen-manager: `VERB REVISION ID` in the annotation [`crate::keys::COMMAND`] of a `RestAPI`.

use std::fmt;

/// What is to be done about a revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Let it serve once it is ready.
    Promote,
    /// Give it up while it does not serve.
    Abort,
    /// Go back from it to the one before, which is still there.
    Rollback,
    /// Go back to it, whichever is recorded.
    Undo,
    /// Try it again, which was given up.
    Retry,
    /// Replace its pods, one after another, where it serves.
    Restart,
    /// Read again at once what pods refer to.
    Refresh,
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Promote,
        Self::Abort,
        Self::Rollback,
        Self::Undo,
        Self::Retry,
        Self::Restart,
        Self::Refresh,
    ];

    /// As it stands in the annotation.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Promote => "promote",
            Self::Abort => "abort",
            Self::Rollback => "rollback",
            Self::Undo => "undo",
            Self::Retry => "retry",
            Self::Restart => "restart",
            Self::Refresh => "refresh",
        }
    }

    /// The verb of that name, if there is one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.as_str() == name)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// By what a command is known again: its third word, or all of it where it is not made of three.
#[must_use]
pub fn id(command: &str) -> String {
    let words: Vec<_> = command.split_whitespace().collect();
    match words[..] {
        [_, _, id] => id.to_owned(),
        _ => words.join("-"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verb_is_known_by_its_name_and_a_command_by_its_id() {
        for verb in Verb::ALL {
            assert_eq!(Verb::parse(verb.as_str()), Some(verb));
        }
        assert_eq!(Verb::parse("explode"), None);
        assert_eq!(id("promote 2 x"), "x");
        assert_eq!(id("do it"), "do-it");
    }
}
