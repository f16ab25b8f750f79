//! A running process: starting it, telling it to end, waiting for that.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::app::{App, SetupError};
use crate::args::Args;
use crate::lifecycle::{Lifecycle, Phase};
use crate::server::{self, ServerLimits};
use crate::spans::Spans;
use crate::store::Store;

/// Why the process could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Something that the role needs could not be set up.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The port could not be listened on.
    #[error("could not listen on {address}: {source}; choose another --port or --address")]
    Listen {
        /// Address and port.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// A role that is being served.
#[derive(Debug)]
pub struct Instance {
    address: SocketAddr,
    lifecycle: Lifecycle,
    store: Option<Store>,
    spans: Spans,
    task: JoinHandle<()>,
}

impl Instance {
    /// Starts to serve; when this returns, connections are accepted.
    ///
    /// # Errors
    /// [`StartError`] names what could not be set up and the fix.
    pub async fn start(args: Args) -> Result<Self, StartError> {
        let listener = listen(args.address, args.listen_port()).await?;
        let address = listener.local_addr().map_err(|source| StartError::Listen {
            address: SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), args.listen_port()),
            source,
        })?;
        let limits = ServerLimits {
            max_connections: args.max_connections,
            max_connection_age: Duration::from_secs(args.max_connection_age_seconds),
            drain: Duration::from_millis(args.drain_ms),
            shutdown: Duration::from_millis(args.shutdown_ms),
        };
        let app = Arc::new(App::new(args)?);
        let (lifecycle, store) = (app.lifecycle.clone(), app.store.clone());
        let spans = app.spans.clone();
        let (application, role) = (app.args.name.as_str(), app.this.role);
        tracing::info!(application, %role, %address, "serving");
        let task = tokio::spawn(server::serve(
            listener,
            app.router(),
            lifecycle.clone(),
            limits,
        ));
        Ok(Self {
            address,
            lifecycle,
            store,
            spans,
            task,
        })
    }

    /// Where the process listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Tells the process to end: it drains, finishes what runs, and ends. Returns at once.
    pub fn drain(&self) {
        tracing::info!("shutting down: draining");
        self.lifecycle.advance(Phase::Draining);
    }

    /// Waits until the process has ended.
    pub async fn ended(self) {
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the server ended unexpectedly");
        }
        if let Some(store) = self.store {
            store.close().await;
        }
        self.spans.close().await;
        tracing::info!("ended");
    }
}

/// Listens on the address, or on all: of both families where IPv6 is there, else of IPv4.
async fn listen(address: Option<IpAddr>, port: u16) -> Result<TcpListener, StartError> {
    let all = IpAddr::from(Ipv6Addr::UNSPECIFIED);
    let first = SocketAddr::new(address.unwrap_or(all), port);
    match TcpListener::bind(first).await {
        Err(error) if address.is_none() && error.kind() != io::ErrorKind::AddrInUse => {
            let second = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port);
            TcpListener::bind(second)
                .await
                .map_err(|source| StartError::Listen {
                    address: second,
                    source,
                })
        }
        bound => bound.map_err(|source| StartError::Listen {
            address: first,
            source,
        }),
    }
}
