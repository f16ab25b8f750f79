//! What can go wrong in the shell itself.

use std::net::SocketAddr;

/// Errors that end a manager's process. Everything else is retried where it happens.
#[derive(Debug, thiserror::Error)]
pub enum KitError {
    /// The process could not create its runtime.
    #[error("cannot start the runtime: {0}; check the limits on threads and open files")]
    Runtime(#[source] std::io::Error),

    /// The logs or traces could not be set up.
    #[error("cannot set up logs and traces: {0}")]
    Telemetry(String),

    /// Neither a service account nor a kubeconfig could be read.
    #[error(
        "cannot find the cluster's address and credentials: {0}; run in a pod with a service account, \
         or set KUBECONFIG"
    )]
    ClusterConfig(#[source] Box<dyn std::error::Error + Send + Sync>),

    /// The client could not be built from the configuration.
    #[error(
        "cannot build the client for the API server: {0}; check the certificates and the proxy"
    )]
    Client(#[source] Box<kube::Error>),

    /// The address for probes and metrics is not available.
    #[error(
        "cannot listen on {address}: {source}; choose another address with --listen or LISTEN_ADDR"
    )]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// Why it is not available.
        source: std::io::Error,
    },

    /// The server for probes and metrics failed while running.
    #[error("the server for probes and metrics failed: {0}")]
    Serve(#[source] std::io::Error),

    /// The handlers for SIGTERM and SIGINT could not be installed.
    #[error("cannot listen for signals: {0}")]
    Signals(#[source] std::io::Error),

    /// A task that must run as long as the process ended by itself.
    #[error("the task '{0}' ended although no shutdown was requested")]
    TaskEnded(&'static str),

    /// A task that must run as long as the process panicked.
    #[error("the task '{task}' panicked: {message}")]
    TaskPanicked {
        /// The task's name.
        task: &'static str,
        /// What it panicked with.
        message: String,
    },

    /// A stream of triggers ended, so changes would go unnoticed.
    #[error("the controller '{controller}' lost its {stream}: changes would go unnoticed")]
    StreamEnded {
        /// The controller's name.
        controller: &'static str,
        /// Which of its streams ended.
        stream: &'static str,
    },

    /// The manager's own part failed.
    #[error("{0}")]
    Manager(#[source] Box<dyn std::error::Error + Send + Sync>),
}
