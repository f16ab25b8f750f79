//! A line for each application. Pure.

use jiff::Timestamp;
use kube::ResourceExt as _;
use restapi_types::RestAPI;
use serde::Serialize;

use crate::text::{age, columns};
use crate::tree::API_VERSION;
use crate::{answer, marks, standing};

/// The applications of one namespace, or of all.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Table {
    /// [`API_VERSION`].
    pub api_version: &'static str,
    /// Always `RolloutList`.
    pub kind: &'static str,
    /// A line for each.
    pub items: Vec<Line>,
}

/// One application.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// Where it is.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Where it stands, in a word.
    pub phase: String,
    /// Whether it is ready.
    pub ready: String,
    /// With blue/green on, where the rollout stands, in a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<String>,
    /// The revision that the spec asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
    /// With blue/green on, the revision that serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serving: Option<i64>,
    /// The environment that serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Since when it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
}

/// The applications, by namespace and name.
#[must_use]
pub fn table<'a>(restapis: impl Iterator<Item = &'a RestAPI>) -> Table {
    let mut items: Vec<_> = restapis.map(line).collect();
    items.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    Table {
        api_version: API_VERSION,
        kind: "RolloutList",
        items,
    }
}

fn line(restapi: &RestAPI) -> Line {
    let status = restapi.status.clone().unwrap_or_default();
    let asked = marks::asked_in_place(restapi);
    let is_on = standing::is_blue_green(restapi);
    let told = status.blue_green.filter(|_| is_on).unwrap_or_default();
    Line {
        namespace: restapi.namespace().unwrap_or_default(),
        name: restapi.name_any(),
        phase: status
            .phase
            .map_or_else(String::new, |phase| format!("{phase:?}")),
        ready: answer::ready(restapi)
            .map_or("Unknown", |ready| &ready.status)
            .to_owned(),
        rollout: told.phase.map(|phase| format!("{phase:?}")),
        revision: told.revision.or(asked),
        serving: told.serving,
        environment: status
            .active_environment
            .map(|environment| environment.to_string()),
        created: restapi
            .metadata
            .creation_timestamp
            .as_ref()
            .map(|time| time.0),
    }
}

/// The table as people read it.
#[must_use]
pub fn text(table: &Table, everywhere: bool, now: Timestamp) -> String {
    if table.items.is_empty() {
        return "there are no RestAPIs".to_owned();
    }
    let head = [
        "NAMESPACE",
        "NAME",
        "PHASE",
        "READY",
        "ROLLOUT",
        "REVISION",
        "SERVING",
        "ENVIRONMENT",
        "AGE",
    ];
    let lines = table.items.iter().map(|line| {
        let number = |number: Option<i64>| number.map_or_else(String::new, |n| n.to_string());
        [
            line.namespace.clone(),
            line.name.clone(),
            line.phase.clone(),
            line.ready.clone(),
            line.rollout.clone().unwrap_or_default(),
            number(line.revision),
            number(line.serving),
            line.environment.clone().unwrap_or_default(),
            age(line.created, now),
        ]
    });
    let all: Vec<_> = std::iter::once(head.map(str::to_owned))
        .chain(lines)
        .collect();
    let skipped = usize::from(!everywhere);
    let row =
        |cells: &'_ [String]| -> Vec<String> { cells.iter().skip(skipped).cloned().collect() };
    let rows: Vec<_> = all.iter().map(|cells| row(cells)).collect();
    let rows: Vec<Vec<_>> = rows
        .iter()
        .map(|r| r.iter().map(String::as_str).collect())
        .collect();
    columns(&rows)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tree::tests::{in_place, starting};

    #[test]
    fn a_line_for_each_application() {
        let (mut first, second) = ((*starting().restapi).clone(), (*in_place().restapi).clone());
        first.metadata.name = Some("zoo".to_owned());
        let new: RestAPI = serde_json::from_value(json!({
            "metadata": {"name": "new", "namespace": "shop"}, "spec": {"image": "app:1", "view": {}},
        }))
        .unwrap();
        let now = "2026-01-01T00:01:30Z".parse().unwrap();
        let table = table([&first, &second, &new].into_iter());
        insta::assert_snapshot!(text(&table, true, now), @r"
        NAMESPACE  NAME    PHASE        READY    ROLLOUT   REVISION  SERVING  ENVIRONMENT  AGE
        shop       new                  Unknown
        shop       orders  Degraded     Unknown            2                  blue
        shop       zoo     Progressing  False    Starting  4         1        blue         90s
        ");
        insta::assert_snapshot!(text(&table, false, now), @r"
        NAME    PHASE        READY    ROLLOUT   REVISION  SERVING  ENVIRONMENT  AGE
        new                  Unknown
        orders  Degraded     Unknown            2                  blue
        zoo     Progressing  False    Starting  4         1        blue         90s
        ");
    }
}
