//! A client that moves Services and does nothing else: what a switch costs at the least.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams, PostParams};
use restapi_resources::labels::selector;
use restapi_types::{ComponentName, Environment, keys};
use serde_json::json;
use suites::app::App;

use super::traffic::Traffic;
use crate::sight::milliseconds;

/// Services of its own, for the same pods.
pub(super) struct Bare {
    app: App,
    services: Vec<Service>,
}

impl Bare {
    /// One for each component, which select blue. Those that others call first come first.
    pub(super) async fn create(app: &App) -> Result<Self> {
        let mut services = Vec::new();
        for component in ComponentName::ALL {
            let selector = selector(&app.name, component, Environment::Blue);
            let service = json!({
                "apiVersion": "v1", "kind": "Service", "metadata": {"name": format!("bare-{component}")},
                "spec": {"selector": selector, "ports": [{"port": 80, "targetPort": "main"}]},
            });
            let service: Service = serde_json::from_value(service)?;
            let api = app.namespace.api::<Service>();
            services.push(api.create(&PostParams::default(), &service).await?);
        }
        Ok(Self {
            app: app.clone(),
            services,
        })
    }

    /// Moves all, in order, each in the state in which it was last seen; returns the milliseconds until their endpoints
    /// had moved.
    pub(super) async fn switch(
        &mut self,
        to: Environment,
        limit: Duration,
        traffic: &mut Traffic,
    ) -> Result<f64> {
        let names: Vec<_> = self.services.iter().map(Service::name_any).collect();
        let api = self.app.namespace.api::<Service>();
        let begin = Instant::now();
        for service in &mut self.services {
            let version = service.resource_version().context("no version")?;
            let pointer = format!("/spec/selector/{}", keys::ENVIRONMENT.replace('/', "~1"));
            let patch = json!([
                {"op": "test", "path": "/metadata/resourceVersion", "value": version},
                {"op": "replace", "path": pointer, "value": to.as_str()},
            ]);
            let patch: Patch<()> = Patch::Json(serde_json::from_value(patch)?);
            let params = PatchParams::default();
            *service = api.patch(&service.name_any(), &params, &patch).await?;
        }
        let end = traffic.until(&names, to, limit).await?;
        Ok(milliseconds(begin, end))
    }
}
