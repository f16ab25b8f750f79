//! About the application as a whole.

use restapi_resources::Application;

use super::{info, secrets, warning};
use crate::offline::findings::Finding;

/// What there is to say about an application as a whole.
pub(super) fn findings(app: &Application) -> Vec<Finding> {
    let all = [paused(app), quota(app), plain_ingress(app)];
    let mut all: Vec<_> = all.into_iter().flatten().collect();
    all.extend(secrets::of_application(app));
    all
}

fn paused(app: &Application) -> Option<Finding> {
    (app.spec.paused == Some(true)).then(|| {
        warning(
            "paused",
            "spec.paused",
            "nothing is made, changed or repaired while it is true",
            "remove it when the work that needs it is done",
        )
    })
}

fn quota(app: &Application) -> Option<Finding> {
    let quota = app.spec.resource_quota.as_ref()?;
    (quota.enabled != Some(false)).then(|| {
        info(
            "quota-counts-namespace",
            "spec.resourceQuota",
            "it counts everything in the namespace, not only this application",
            "give the application a namespace of its own",
        )
    })
}

fn plain_ingress(app: &Application) -> Option<Finding> {
    let ingress = app.spec.ingress.as_ref()?;
    (ingress.enabled != Some(false) && ingress.tls.is_none()).then(|| {
        info(
            "ingress-without-tls",
            "spec.ingress",
            "requests travel unencrypted up to the Ingress, unless something before it ends TLS",
            "set ingress.tls",
        )
    })
}
