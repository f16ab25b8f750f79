//! A component's port changes under load: whoever was told the old one is served on it until the last of them
//! is gone.

use std::time::Duration;

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::runtime::watcher;
use restapi_types::{ComponentName, names};
use serde_json::json;
use suites::app::{App, READY};
use suites::load::{Load, Report};
use suites::wait::timed;
use suites::{pods, watch};

use crate::setting;

/// Requests a second, half of them over new connections and half over kept ones.
const RATE: u32 = 50;

/// How long Services may keep a port after the last pod that calls it is gone.
const FORGOTTEN: Duration = Duration::from_secs(5);

/// A component's port, as it is by default and as it becomes.
struct Move {
    component: ComponentName,
    from: i32,
    to: i32,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_port_of_a_called_component_changes_without_a_lost_request() -> Result<()> {
    let model = Move {
        component: ComponentName::Model,
        from: 8080,
        to: 8090,
    };
    setting::measured("port", async |namespace| {
        let app = App::orders(&namespace, &setting::demo()?).await?;
        let edge = ComponentName::View;
        let load = Load::start(app.address(edge).await?, edge, RATE);
        tokio::try_join!(model.both(&app), model.made(&app))?;
        model.over(&app).await?;
        judged(&model, &load.stop().await?)
    })
    .await
}

/// Callers of the view are outside of the application: they move to the new port once a pod listens on it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_move_to_a_new_port_without_a_lost_request() -> Result<()> {
    let view = Move {
        component: ComponentName::View,
        from: 3000,
        to: 3100,
    };
    setting::measured("view-port", async |namespace| {
        let app = App::orders(&namespace, &setting::demo()?).await?;
        let edge = ComponentName::Controller;
        let inner = Load::start(app.address(edge).await?, edge, RATE);
        let mut at = app.address(view.component).await?;
        ensure!(i32::from(at.port()) == view.from, "the view is at {at}");
        let old = Load::start(at, view.component, RATE);
        tokio::try_join!(view.both(&app), view.made(&app))?;
        view.listened_on(&app).await?;
        at.set_port(u16::try_from(view.to)?);
        let new = Load::start(at, view.component, RATE);
        judged(&view, &old.stop().await?)?;
        view.over(&app).await?;
        judged(&view, &new.stop().await?)?;
        judged(&view, &inner.stop().await?)
    })
    .await
}

fn judged(moved: &Move, report: &Report) -> Result<()> {
    println!(
        "{} {} → {}: {report}",
        moved.component, moved.from, moved.to
    );
    report.none_lost(50)
}

impl Move {
    async fn made(&self, app: &App) -> Result<()> {
        let fields = json!({"port": self.to});
        app.change(json!({(self.component.as_str()): fields})).await
    }

    /// Waits until the component's Services listen on both ports.
    async fn both(&self, app: &App) -> Result<()> {
        for name in self.services(app) {
            let only = watcher::Config::default().fields(&format!("metadata.name={name}"));
            let api = app.namespace.api::<Service>();
            let what = format!("{name} listens on both ports");
            let listens = |service: &Service| {
                let ports = numbers(service);
                (ports.contains(&self.from) && ports.contains(&self.to)).then_some(())
            };
            watch::first(api, only, READY, &what, listens).await?;
        }
        Ok(())
    }

    /// Waits until a ready pod listens on the new port.
    async fn listened_on(&self, app: &App) -> Result<()> {
        let component = self.component.as_str();
        let only = watcher::Config::default().labels(&pods::selector(&app.name, Some(component)));
        let what = format!("a pod of {component} listens on {}", self.to);
        let listens = |pod: &Pod| (pods::is_ready(pod) && port(pod) == Some(self.to)).then_some(());
        watch::first(app.namespace.api::<Pod>(), only, READY, &what, listens).await
    }

    /// Waits until all pods are replaced, and then until the Services have forgotten the old port.
    async fn over(&self, app: &App) -> Result<()> {
        app.ready().await?;
        let pods = app.only_ready_pods(4).await?;
        for pod in pods
            .iter()
            .filter(|pod| pods::component(pod) == self.component.as_str())
        {
            ensure!(port(pod) == Some(self.to), "{pod:?}");
        }
        for name in self.services(app) {
            let what = format!("{name} listens on the new port alone");
            timed(FORGOTTEN, &what, async || {
                let service = app.namespace.api::<Service>().get(&name).await?;
                let ports = numbers(&service);
                ensure!(ports == [self.to], "{ports:?}");
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    fn services(&self, app: &App) -> [String; 2] {
        let stable = names::stable(&app.name, self.component);
        [format!("{stable}-blue"), stable]
    }
}

fn numbers(service: &Service) -> Vec<i32> {
    let ports = service.spec.as_ref().and_then(|spec| spec.ports.as_ref());
    ports.into_iter().flatten().map(|port| port.port).collect()
}

/// The port on which the pod's container listens.
fn port(pod: &Pod) -> Option<i32> {
    let container = pod.spec.as_ref()?.containers.first()?;
    Some(container.ports.as_ref()?.first()?.container_port)
}
