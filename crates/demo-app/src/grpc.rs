//! gRPC's own health protocol, `grpc.health.v1.Health`, at the port at which HTTP is served.
//!
//! It says what `/health` and `/ready` say, with one difference that gRPC asks for: a process that
//! is being shut down serves no longer, so that clients which watch it go elsewhere.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures::Stream;
use futures::stream::unfold;
use tokio::time::sleep;
use tonic::{Request, Response, Status, async_trait};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::app::App;
use crate::lifecycle::Phase;
use crate::probes;

/// How often a watched status is looked at; being shut down is seen at once.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Adds what every role has for clients of gRPC.
pub(crate) fn add(router: Router, app: Arc<App>) -> Router {
    let service = HealthServer::new(Probed(app));
    router.route_service("/grpc.health.v1.Health/{method}", service)
}

/// What can be asked for.
#[derive(Debug, Clone, Copy)]
enum Service {
    /// The empty name: the process as a whole.
    Whole,
    /// `ready`: whether requests should be sent here.
    Ready,
}

impl Service {
    fn named(name: &str) -> Option<Self> {
        match name {
            "" => Some(Self::Whole),
            "ready" => Some(Self::Ready),
            _ => None,
        }
    }

    fn status(self, app: &App) -> ServingStatus {
        let serves = match self {
            Self::Whole => {
                app.lifecycle.phase() == Phase::Serving && probes::illness(app).is_none()
            }
            Self::Ready => probes::hindrance(app).is_none(),
        };
        if serves {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        }
    }
}

struct Probed(Arc<App>);

#[async_trait]
impl Health for Probed {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let name = request.into_inner().service;
        let service = Service::named(&name).ok_or_else(|| unknown(&name))?;
        Ok(Response::new(response(service.status(&self.0))))
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let watch = Watch {
            app: Arc::clone(&self.0),
            service: Service::named(&request.into_inner().service),
            last: None,
        };
        let changes = unfold(watch, async |mut watch| {
            let status = watch.next().await?;
            Some((Ok(response(status)), watch))
        });
        Ok(Response::new(Box::pin(changes)))
    }
}

/// A client that watches a service.
struct Watch {
    app: Arc<App>,
    /// None where there is no such service: the protocol wants that watched as well.
    service: Option<Service>,
    last: Option<ServingStatus>,
}

impl Watch {
    /// The next status that is not the last one; none once connections are closed.
    async fn next(&mut self) -> Option<ServingStatus> {
        loop {
            let unknown = ServingStatus::ServiceUnknown;
            let now = self
                .service
                .map_or(unknown, |service| service.status(&self.app));
            if self.last.replace(now) != Some(now) {
                return Some(now);
            }
            let lifecycle = &self.app.lifecycle;
            let next = match lifecycle.phase() {
                Phase::Serving => Phase::Draining,
                Phase::Draining | Phase::Closing => Phase::Closing,
            };
            tokio::select! {
                () = lifecycle.reached(next) => if next == Phase::Closing { return None },
                () = sleep(LOOK_AGAIN) => {}
            }
        }
    }
}

fn response(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse {
        status: status.into(),
    }
}

fn unknown(name: &str) -> Status {
    Status::not_found(format!(
        "there is no service {name:?}; ask for \"\" or for \"ready\""
    ))
}
