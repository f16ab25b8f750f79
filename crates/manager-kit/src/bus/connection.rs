//! The connection to NATS: made in the background, again and again, for as long as the manager runs.

use std::path::PathBuf;
use std::sync::{self, Arc};
use std::time::Duration;

use async_nats::jetstream::context::{ContextBuilder, CreateStreamErrorKind, PublishError};
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::{self, ErrorCode};
use async_nats::{Client, ConnectOptions, HeaderMap, ServerAddr, Subject};
use bytes::Bytes;
use restapi_types::event::{STREAM, inbox};
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep};

use super::metrics::{BusMetrics, Dependency, Step};
use super::settings::NatsArgs;
use super::stream;
use crate::random;
use crate::shell::ManagerInfo;
use crate::shutdown::Shutdown;

/// How long a server may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// How long a stream that is not as it should be is not looked at again.
const AGAIN: Duration = Duration::from_mins(1);

/// The delays between tries to connect, doubled with each.
const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);

/// Where to connect, and as whom.
pub(super) struct Settings {
    manager: &'static str,
    addresses: Vec<ServerAddr>,
    ca: Option<PathBuf>,
    identity: Option<(PathBuf, PathBuf)>,
}

impl Settings {
    /// What the arguments say; nothing where they say that there are to be no events.
    pub(super) fn new(info: ManagerInfo, args: &NatsArgs) -> Option<Self> {
        let addresses = args.addresses();
        (!addresses.is_empty()).then(|| Self {
            manager: info.name,
            addresses,
            ca: args.nats_ca_file.clone(),
            identity: args.nats_cert_file.clone().zip(args.nats_key_file.clone()),
        })
    }

    fn options(&self, state: watch::Sender<bool>, metrics: BusMetrics) -> ConnectOptions {
        let news = Arc::new(News {
            state,
            metrics,
            complaint: sync::Mutex::default(),
        });
        let mut options = ConnectOptions::new()
            .name(self.manager)
            // Nobody else may listen to answers: each manager is allowed its own prefix only.
            .custom_inbox_prefix(inbox(self.manager))
            .retry_on_initial_connect()
            .max_reconnects(None)
            .connection_timeout(ANSWER)
            .request_timeout(Some(ANSWER))
            .ping_interval(Duration::from_secs(10))
            .reconnect_delay_callback(delay)
            // They have no names of their own that a certificate could hold.
            .ignore_discovered_servers()
            .event_callback(move |event| {
                let news = Arc::clone(&news);
                async move { news.note(&event) }
            });
        if let Some(ca) = &self.ca {
            options = options.add_root_certificates(ca.clone());
        }
        if let Some((certificate, key)) = &self.identity {
            options = options.add_client_certificate(certificate.clone(), key.clone());
        }
        options
    }
}

fn delay(attempts: usize) -> Duration {
    let failures = u32::try_from(attempts).unwrap_or(u32::MAX);
    random::jitter(random::backoff(FIRST, LONGEST, failures))
}

/// What the client library tells of the connection.
struct News {
    state: watch::Sender<bool>,
    metrics: BusMetrics,
    /// What was last complained about since there was a connection.
    complaint: sync::Mutex<String>,
}

impl News {
    fn note(&self, event: &async_nats::Event) {
        match event {
            async_nats::Event::Connected => {
                tracing::info!("connected to NATS");
                self.metrics.up(Dependency::Nats, true);
                self.is_new(String::new());
                self.state.send_replace(true);
            }
            async_nats::Event::Disconnected | async_nats::Event::Closed => {
                self.metrics.up(Dependency::Nats, false);
                if self.state.send_replace(false) {
                    tracing::warn!(
                        "the connection to NATS is lost; events wait, nothing else does"
                    );
                }
            }
            async_nats::Event::ServerError(error) => self.complain(&error.to_string()),
            async_nats::Event::ClientError(error) => self.complain(&error.to_string()),
            _ => {}
        }
    }

    /// The same complaint comes with every try: it is made once.
    fn complain(&self, error: &str) {
        self.metrics.failed(Step::Connect);
        if self.is_new(error.to_owned()) {
            tracing::warn!(
                error,
                "NATS refuses, or can't be reached; it is tried again"
            );
        }
    }

    fn is_new(&self, complaint: String) -> bool {
        let mut last = self
            .complaint
            .lock()
            .unwrap_or_else(sync::PoisonError::into_inner);
        let is_new = *last != complaint;
        *last = complaint;
        is_new
    }
}

/// A connection, which may be away.
pub(super) struct Link {
    pub(super) jetstream: jetstream::Context,
    connected: watch::Receiver<bool>,
    replicas: u8,
    /// How the stream was when it was last looked at.
    stream: Mutex<Stream>,
    metrics: BusMetrics,
}

#[derive(Default)]
struct Stream {
    /// When it was last looked at, and whether it was as it should be.
    looked: Option<(Instant, bool)>,
    complaint: String,
}

/// Opens a connection, or returns nothing when the release was requested before that.
pub(super) async fn open(
    settings: &Settings,
    replicas: u8,
    metrics: &BusMetrics,
    release: &Shutdown,
) -> Option<Link> {
    let (state, connected) = watch::channel(false);
    metrics.announce();
    let client = tokio::select! {
        client = connect(settings, state, metrics) => client,
        () = release.requested() => return None,
    };
    Some(Link {
        jetstream: ContextBuilder::new().timeout(ANSWER).build(client),
        connected,
        replicas,
        stream: Mutex::default(),
        metrics: metrics.clone(),
    })
}

/// Returns at once, whether or not there is a server yet; again where the settings themselves don't work yet.
async fn connect(settings: &Settings, state: watch::Sender<bool>, metrics: &BusMetrics) -> Client {
    let mut complaint = String::new();
    loop {
        let options = settings.options(state.clone(), metrics.clone());
        match options.connect(settings.addresses.clone()).await {
            Ok(client) => return client,
            Err(error) => {
                metrics.failed(Step::Connect);
                let why = crate::telemetry::chain(&error);
                if complaint != why {
                    tracing::warn!(error = why, "cannot connect to NATS; it is tried again");
                    complaint = why;
                }
                sleep(random::jitter(LONGEST)).await;
            }
        }
    }
}

impl Link {
    /// Whether it is there.
    pub(super) fn is_up(&self) -> bool {
        *self.connected.borrow()
    }

    /// Completes once it is there.
    pub(super) async fn up(&self) {
        let mut connected = self.connected.clone();
        // An error would mean that the client is gone, which outlives this.
        if connected.wait_for(|is_up| *is_up).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Makes the stream where it is not there, and says what is wrong with one that is. One that was as it should be is
    /// not looked at again before [`Link::doubt_stream`], another one after a while.
    pub(super) async fn stream(&self) -> Result<(), Trouble> {
        let mut known = self.stream.lock().await;
        let is_known = |(at, fits): (Instant, bool)| fits || at.elapsed() < AGAIN;
        if known.looked.is_some_and(is_known) {
            return Ok(());
        }
        let found = self.find_or_make().await;
        let (complaint, result) = match found {
            Ok(drift) => {
                self.metrics.up(Dependency::Stream, drift.is_empty());
                known.looked = Some((Instant::now(), drift.is_empty()));
                (drift.join("; "), Ok(()))
            }
            Err(trouble) => {
                self.metrics.up(Dependency::Stream, false);
                self.metrics.failed(Step::Stream);
                (trouble.to_string(), Err(trouble))
            }
        };
        if !complaint.is_empty() && complaint != known.complaint {
            tracing::warn!(
                stream = STREAM,
                complaint,
                "the stream of events is not as it should be"
            );
        }
        known.complaint = complaint;
        result
    }

    /// Publishes a message, and waits until it is kept.
    pub(super) async fn publish(
        &self,
        subject: String,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<PublishAck, String> {
        let why = |error: PublishError| crate::telemetry::chain(&error);
        let subject = Subject::from(subject);
        let sent = self
            .jetstream
            .publish_with_headers(subject, headers, payload);
        sent.await.map_err(why)?.await.map_err(why)
    }

    /// Has the stream looked at again before it is next used.
    pub(super) async fn doubt_stream(&self) {
        self.stream.lock().await.looked = None;
    }

    /// Looks at the stream from time to time, also where nothing is told or heard: whoever puts it right sees that.
    pub(super) async fn keep_looking(&self) {
        loop {
            self.up().await;
            // What went wrong was said there.
            let _ = self.stream().await;
            sleep(AGAIN).await;
        }
    }

    async fn find_or_make(&self) -> Result<Vec<&'static str>, Trouble> {
        let made = self.jetstream.create_stream(stream::wanted(self.replicas));
        let error = match made.await {
            Ok(made) => return Ok(stream::drift(&made.cached_info().config)),
            Err(error) => error,
        };
        let is_there = matches!(
            error.kind(),
            CreateStreamErrorKind::JetStream(error)
                if error.error_code() == ErrorCode::STREAM_NAME_EXIST
        );
        if !is_there {
            return Err(Trouble::Stream(crate::telemetry::chain(&error)));
        }
        let found = self.jetstream.get_stream(STREAM).await;
        let found = found.map_err(|error| Trouble::Stream(crate::telemetry::chain(&error)))?;
        Ok(stream::drift(&found.cached_info().config))
    }
}

/// What went wrong at NATS.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// There is no stream, and none can be made.
    #[error("there is no stream {STREAM}, and it can't be made: {0}")]
    Stream(String),
    /// An event was not taken.
    #[error("an event was not taken: {0}")]
    Publish(String),
    /// Events of others can't be had.
    #[error("events of others can't be had: {0}")]
    Consume(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_made_once_until_there_was_a_connection() {
        let (state, connected) = watch::channel(false);
        let news = News {
            state,
            metrics: BusMetrics::default(),
            complaint: sync::Mutex::default(),
        };
        assert!(news.is_new("refused".to_owned()));
        assert!(!news.is_new("refused".to_owned()));
        news.note(&async_nats::Event::Connected);
        assert!(*connected.borrow());
        assert!(news.is_new("refused".to_owned()));
        news.note(&async_nats::Event::Disconnected);
        assert!(!*connected.borrow());
    }

    #[test]
    fn tries_to_connect_are_ten_seconds_apart_at_most() {
        assert!(delay(1) <= FIRST);
        assert!(delay(4) <= FIRST * 8 && delay(4) >= FIRST * 4);
        assert!(delay(1000) <= LONGEST && delay(1000) >= LONGEST / 2);
    }
}
