//! A proxy before the API server that is late with everything and fails at some of it.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use futures::StreamExt as _;
use http::header::HOST;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, BodyStream, Full, StreamBody};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::Client;
use kube::client::Body;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// How late each request reaches the API server.
const LATENCY: Duration = Duration::from_millis(20);

/// One request in so many fails.
const FAILS: u64 = 20;

/// For how many seconds a watch goes on, at the least, and how many more at the most.
const WATCHED: (u64, u64) = (5, 20);

type Answer = Response<UnsyncBoxBody<Bytes, kube::Error>>;

/// A running proxy; ends when dropped.
pub(super) struct Proxy {
    address: SocketAddr,
    counts: Arc<Counts>,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Counts {
            requests,
            failed,
            watches,
        } = &*self.counts;
        let (requests, failed, watches) = (of(requests), of(failed), of(watches));
        write!(
            f,
            "of {requests} requests {failed} failed; {watches} watches were cut"
        )
    }
}

#[derive(Debug, Default)]
struct Counts {
    requests: AtomicU64,
    failed: AtomicU64,
    watches: AtomicU64,
}

/// What is done to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It is answered by the API server.
    Passes,
    /// It is refused before it gets there.
    Refused(StatusCode),
    /// The connection breaks before it gets there.
    Lost,
    /// It is carried out, and the connection breaks before the answer is there.
    Unanswered,
}

impl Proxy {
    /// Starts one that asks with that client.
    pub(super) async fn start(client: Client) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let counts = Arc::<Counts>::default();
        let task = tokio::spawn(serve(listener, client, Arc::clone(&counts)));
        Ok(Self {
            address,
            counts,
            task,
        })
    }

    /// Where it listens, without TLS.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn serve(listener: TcpListener, client: Client, counts: Arc<Counts>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(connection(stream, client.clone(), Arc::clone(&counts)));
    }
}

async fn connection(stream: TcpStream, client: Client, counts: Arc<Counts>) {
    let service = service_fn(|request| answer(&client, &counts, request));
    let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // An error is what a connection ends with that is to break.
    drop(served.await);
}

async fn answer(client: &Client, counts: &Counts, request: Request<Incoming>) -> Result<Answer> {
    let number = counts.requests.fetch_add(1, Ordering::Relaxed);
    sleep(LATENCY).await;
    if is_watch(request.uri()) {
        let answer = pass_on(client, request).await?;
        counts.watches.fetch_add(1, Ordering::Relaxed);
        return Ok(cut(answer, watched(number)));
    }
    let fate = fate(number);
    if fate != Fate::Passes {
        counts.failed.fetch_add(1, Ordering::Relaxed);
    }
    match fate {
        Fate::Passes => {
            let answer = pass_on(client, request).await?;
            Ok(answer.map(http_body_util::BodyExt::boxed_unsync))
        }
        Fate::Refused(code) => refusal(code),
        Fate::Lost => Err(anyhow!("lost")),
        Fate::Unanswered => {
            pass_on(client, request).await?;
            Err(anyhow!("unanswered"))
        }
    }
}

async fn pass_on(client: &Client, request: Request<Incoming>) -> Result<Response<Body>> {
    let (mut head, body) = request.into_parts();
    head.headers.remove(HOST);
    let body = body.collect().await?.to_bytes();
    let answer = client.send(Request::from_parts(head, body.into())).await;
    answer.context("the API server does not answer")
}

fn is_watch(uri: &Uri) -> bool {
    let words = uri.query().unwrap_or_default().split('&');
    words
        .into_iter()
        .any(|word| matches!(word, "watch=true" | "watch=1"))
}

/// Ends an answer after that time, as if it were complete.
fn cut(answer: Response<Body>, after: Duration) -> Answer {
    answer
        .map(|body| StreamBody::new(BodyStream::new(body).take_until(sleep(after))).boxed_unsync())
}

fn refusal(code: StatusCode) -> Result<Answer> {
    let status = json!({
        "apiVersion": "v1", "kind": "Status", "status": "Failure",
        "code": code.as_u16(), "reason": "Disturbed", "message": "disturbed by the proxy",
    });
    let body = Full::from(status.to_string()).map_err(|never| match never {});
    let answer = Response::builder().status(code);
    let answer = answer.header("content-type", "application/json");
    Ok(answer.body(body.boxed_unsync())?)
}

/// What happens to request `number`: the same in each run, and no pattern that what is asked in turn could follow.
fn fate(number: u64) -> Fate {
    let random = mixed(number);
    if !random.is_multiple_of(FAILS) {
        return Fate::Passes;
    }
    match random / FAILS % 4 {
        0 => Fate::Refused(StatusCode::SERVICE_UNAVAILABLE),
        1 => Fate::Refused(StatusCode::INTERNAL_SERVER_ERROR),
        2 => Fate::Lost,
        _ => Fate::Unanswered,
    }
}

fn watched(number: u64) -> Duration {
    let (least, more) = WATCHED;
    Duration::from_secs(least + mixed(number) % more)
}

/// `SplitMix64`.
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_request_in_twenty_fails_in_one_of_four_ways() {
        let fates: Vec<_> = (0..10_000).map(fate).collect();
        let failed = fates.iter().filter(|fate| **fate != Fate::Passes).count();
        assert!((400..600).contains(&failed), "{failed}");
        assert!(fates.contains(&Fate::Lost) && fates.contains(&Fate::Unanswered));
    }

    #[test]
    fn watches_are_known_by_their_query() {
        let is = |path: &str| is_watch(&path.parse().unwrap());
        assert!(is("/api/v1/pods?limit=1&watch=true") && is("/api/v1/pods?watch=1"));
        assert!(!is("/api/v1/pods") && !is("/api/v1/pods?labelSelector=watch"));
    }
}
