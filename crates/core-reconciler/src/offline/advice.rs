//! What is allowed, and most likely not what its author wants. Pure functions of the application.
//!
//! A rule is worth a line only when whoever sees it would thank for it: it says what will happen, and what to
//! write instead.

mod availability;
mod pods;
mod secrets;
mod whole;

use restapi_resources::{Application, Component};
use restapi_types::{ComponentSpec, Environment};

use super::findings::{Finding, Severity};
use crate::verdict::told;

/// One component, and where its fields stand.
struct Subject<'a> {
    app: &'a Application,
    component: &'a Component,
}

impl Subject<'_> {
    /// The path of a field that may be inherited: where it really stands.
    fn path(&self, field: &str, is_own: impl Fn(&ComponentSpec) -> bool) -> String {
        let own = self.app.spec.component(self.component.name);
        if own.is_some_and(is_own) {
            self.own(field)
        } else {
            format!("spec.{field}")
        }
    }

    /// The path of a field of the component.
    fn own(&self, field: &str) -> String {
        format!("{}.{field}", self.component.name.path())
    }
}

/// A rule about one component.
type Rule = fn(&Subject<'_>) -> Vec<Finding>;

const RULES: [Rule; 10] = [
    pods::image,
    pods::memory_limit,
    pods::health_check,
    pods::probe_timeouts,
    pods::grace_period,
    availability::one_replica,
    availability::budget,
    availability::all_at_once,
    availability::claim,
    secrets::plain_values,
];

/// What there is to say about an application.
pub(super) fn of(app: &Application) -> Vec<Finding> {
    let mut all = whole::findings(app);
    for component in &app.components {
        let subject = Subject { app, component };
        all.extend(RULES.iter().flat_map(|rule| rule(&subject)));
        let notices = told(app, component, Environment::default());
        all.extend(notices.iter().map(|n| noticed(n)));
    }
    // What components inherit is said once.
    let mut once: Vec<Finding> = Vec::new();
    for finding in all {
        if !once.contains(&finding) {
            once.push(finding);
        }
    }
    once
}

/// A notice that status has as well. It starts with the path of its field.
fn noticed(notice: &str) -> Finding {
    let (field, message) = notice.split_once(": ").unwrap_or(("", notice));
    Finding {
        fix: None,
        ..Finding::new(Severity::Warning, "notice", field, message, "")
    }
}

fn warning(
    rule: &'static str,
    field: impl Into<String>,
    message: impl Into<String>,
    fix: impl Into<String>,
) -> Finding {
    Finding::new(Severity::Warning, rule, field, message, fix)
}

fn info(
    rule: &'static str,
    field: impl Into<String>,
    message: impl Into<String>,
    fix: impl Into<String>,
) -> Finding {
    Finding::new(Severity::Info, rule, field, message, fix)
}

#[cfg(test)]
mod tests;
