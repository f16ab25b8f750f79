//! What bluegreen-manager says, as far as Ready depends on it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use restapi_resources::Application;
use restapi_types::conditions;
use workloads::plan::{held, history};
use workloads::world::World;

use super::issue::{Issue, Weight};

/// The application as it is served, where bluegreen-manager serves another revision than the spec asks for.
pub(super) fn served(app: &Application, world: &World) -> Option<Application> {
    app.spec.blue_green()?;
    let attempt = world.attempt_in(world.objects.active_environment())?;
    let records = world.records();
    held::again(app, history::of_hash(app, &records, &attempt.hash)?).ok()
}

/// What stands between the application and Ready, besides what core-reconciler sees itself.
pub(super) fn issue(app: &Application, world: &World) -> Option<Issue> {
    app.spec.blue_green()?;
    if world.restapi.rollout().is_none() {
        return Some(Issue {
            reason: "WaitingForBlueGreenManager".to_owned(),
            message: "spec.blueGreen is on, and bluegreen-manager has not taken this generation up: see that it is installed and runs; what serves goes on serving".to_owned(),
            weight: Weight::Progress,
        });
    }
    let status = world.restapi.status.as_ref();
    let all = status.and_then(|status| status.conditions.as_deref());
    let all = all.unwrap_or_default();
    let (condition, weight) = first(
        all,
        &[
            (conditions::ROLLED_BACK, Weight::Final),
            (conditions::AWAITING_PROMOTION, Weight::Paused),
            (conditions::ROLLOUT_PROGRESSING, Weight::Progress),
        ],
    )?;
    Some(Issue {
        reason: condition.reason.clone(),
        message: condition.message.clone(),
        weight,
    })
}

/// The first of these conditions that is True.
fn first<'a>(all: &'a [Condition], types: &[(&str, Weight)]) -> Option<(&'a Condition, Weight)> {
    types.iter().find_map(|(type_, weight)| {
        let found = all
            .iter()
            .find(|c| c.type_ == *type_ && c.status == "True")?;
        Some((found, *weight))
    })
}
