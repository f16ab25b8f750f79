//! What was found in a document, and how it is told.

use std::fmt;

use restapi_resources::Invalid;
use serde::Serialize;

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Severity {
    /// Good to know.
    Info,
    /// It works, but most likely not as it should.
    Warning,
    /// The API server or core-reconciler refuses it.
    Error,
}

impl Severity {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// How grave it is.
    pub(super) severity: Severity,
    /// The rule's name, by which it can be allowed.
    pub(super) rule: &'static str,
    /// The path of the field.
    pub(super) field: String,
    /// What is the matter.
    pub(super) message: String,
    /// What to write instead, where the message does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fix: Option<String>,
}

impl Finding {
    /// A finding with its fix.
    pub(super) fn new(
        severity: Severity,
        rule: &'static str,
        field: impl Into<String>,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            rule,
            field: field.into(),
            message: message.into(),
            fix: Some(fix.into()),
        }
    }

    /// Something that the API server refuses.
    pub(super) fn refused(
        rule: &'static str,
        field: impl Into<String>,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self::new(Severity::Error, rule, field, message, fix)
    }
}

impl From<&Invalid> for Finding {
    fn from(invalid: &Invalid) -> Self {
        Self::refused(
            "invalid-spec",
            &invalid.field,
            &invalid.problem,
            &invalid.fix,
        )
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.severity.as_str())?;
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        write!(f, "{}", self.message)?;
        if let Some(fix) = &self.fix {
            write!(f, "; {fix}")?;
        }
        write!(f, " ({})", self.rule)
    }
}

/// A finding, and where it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Located {
    /// The file, `-` for standard input.
    pub(super) file: String,
    /// The number of the document in the file, from 1; nothing when the file as a whole can't be decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) document: Option<usize>,
    /// The name of the RestAPI, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(flatten)]
    pub(super) finding: Finding,
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(document) = self.document {
            write!(f, "#{document}")?;
        }
        if let Some(name) = &self.name {
            write!(f, " {name}")?;
        }
        write!(f, ": {}", self.finding)
    }
}
