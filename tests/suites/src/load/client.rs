//! Clients as applications have them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::Request;
use http::header::{CONNECTION, HeaderValue};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use restapi_types::ComponentName;
use tokio::time::timeout;

use super::{Answer, Connection};
use crate::chain::{self, Hop};

/// A request that takes longer is lost.
const LIMIT: Duration = Duration::from_secs(5);

/// How long a client keeps a connection that it does not use: shorter than the demo serves on after it was
/// told to stop, as the demo asks of its clients.
const IDLE: Duration = Duration::from_secs(1);

/// Clients that keep connections.
const KEEPERS: usize = 4;

type Http = Client<HttpConnector, Empty<Bytes>>;

/// Clients that keep their connections, and one that doesn't.
#[derive(Debug)]
pub(super) struct Clients {
    url: String,
    edge: ComponentName,
    keepers: [Http; KEEPERS],
    fresh: Http,
}

fn client(kept: usize) -> Http {
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(kept)
        .build_http()
}

impl Clients {
    /// Clients that ask the component `edge` for `url`.
    pub(super) fn new(url: String, edge: ComponentName) -> Self {
        Self {
            url,
            edge,
            keepers: std::array::from_fn(|_| client(1)),
            fresh: client(0),
        }
    }

    /// Request number `number`: in turn over a new and a kept connection.
    pub(super) fn ask(
        &self,
        number: usize,
        begin: Instant,
    ) -> impl Future<Output = Answer> + use<> {
        let keeper = self
            .keepers
            .get(number / 2 % KEEPERS)
            .filter(|_| !number.is_multiple_of(2));
        let (connection, client) = match keeper {
            Some(keeper) => (Connection::Kept, keeper.clone()),
            None => (Connection::New, self.fresh.clone()),
        };
        let (url, edge) = (self.url.clone(), self.edge);
        async move {
            let (at, sent) = (begin.elapsed(), Instant::now());
            let result = match timeout(LIMIT, whole_way(&client, &url, edge, connection)).await {
                Ok(result) => result.map_err(|error| format!("{error:#}")),
                Err(_) => Err(format!("no answer within {LIMIT:?}")),
            };
            Answer {
                at,
                took: sent.elapsed(),
                connection,
                result,
            }
        }
    }
}

/// Asks for `url` and returns the chain of the answer, which must have gone the whole way.
async fn whole_way(
    client: &Http,
    url: &str,
    edge: ComponentName,
    connection: Connection,
) -> Result<Vec<Hop>> {
    let mut request = Request::get(url).body(Empty::new())?;
    if connection == Connection::New {
        request
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    let answer = client.request(request).await?;
    let status = answer.status();
    let body = answer
        .into_body()
        .collect()
        .await
        .context("the answer broke off")?
        .to_bytes();
    ensure!(
        status.is_success(),
        "{status}: {}",
        String::from_utf8_lossy(&body)
    );
    chain::whole(
        &serde_json::from_slice(&body).context("the answer is no JSON")?,
        edge,
    )
}
