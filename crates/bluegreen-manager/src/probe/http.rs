//! One GET over a connection of its own. No redirect is followed, and no body read beyond a bound.

use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::net::TcpStream;

/// The most that is read of an answer, in bytes.
const MAX_BODY: usize = 1 << 20;

/// Whom a server sees asking.
const AGENT: &str = concat!("restapi-bluegreen-manager/", env!("CARGO_PKG_VERSION"));

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    /// Its status.
    pub(super) status: StatusCode,
    /// Its body.
    pub(super) body: Bytes,
}

/// What kept an answer from coming.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// Nobody listens, or nobody can be reached.
    #[error("{0}")]
    Connect(std::io::Error),
    /// Something else than HTTP was spoken, or the connection was lost.
    #[error("{0}")]
    Http(#[from] hyper::Error),
    /// The request can't be made.
    #[error("{0}")]
    Request(#[from] hyper::http::Error),
    /// The body is too long, or was cut off.
    #[error("its body could not be read: {0}")]
    Body(Box<dyn std::error::Error + Send + Sync>),
}

/// Asks for `path` at `address`, a host or IP with a port, under the name `host`.
pub(super) async fn get(address: &str, host: &str, path: &str) -> Result<Reply, Error> {
    let stream = TcpStream::connect(address).await.map_err(Error::Connect)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(path)
        .header(header::HOST, host)
        .header(header::USER_AGENT, AGENT)
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())?;
    let answer = async {
        let response = sender.send_request(request).await?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_BODY).collect().await;
        let body = body.map_err(|error| match error.downcast::<LengthLimitError>() {
            Ok(_) => Error::Body(format!("it has more than {MAX_BODY} bytes").into()),
            Err(error) => Error::Body(error),
        })?;
        Ok(Reply {
            status: head.status,
            body: body.to_bytes(),
        })
    };
    // The connection lives as long as the question, and is dropped with it when time is up.
    tokio::pin!(answer);
    tokio::select! {
        answer = &mut answer => answer,
        ended = connection => match ended {
            Ok(()) => answer.await,
            Err(error) => Err(error.into()),
        },
    }
}

/// Where Prometheus answers, as the manager was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prometheus {
    address: String,
    prefix: String,
}

impl std::str::FromStr for Prometheus {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        let wrong = || format!("{url} is no address such as http://prometheus.monitoring:9090");
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let host = uri.host().filter(|_| uri.scheme_str() == Some("http"));
        let host = host.ok_or_else(wrong)?;
        Ok(Self {
            address: format!("{host}:{}", uri.port_u16().unwrap_or(80)),
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }
}

impl Prometheus {
    /// Has it work out a query for the present.
    pub(super) async fn query(&self, query: &str) -> Result<Reply, Error> {
        let path = format!("{}/api/v1/query?query={}", self.prefix, encoded(query));
        get(&self.address, &self.address, &path).await
    }
}

/// What does not stand as it is in the query of a URL: all but the unreserved of RFC 3986.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A value as it stands in the query of a URL.
fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_a_port_and_a_prefix() {
        let of = |url: &str| {
            let found = url.parse::<Prometheus>().ok()?;
            Some((found.address, found.prefix))
        };
        let some = |address: &str, prefix: &str| Some((address.to_owned(), prefix.to_owned()));
        assert_eq!(of("http://prometheus:9090"), some("prometheus:9090", ""));
        assert_eq!(of("http://[::1]:9090/p/"), some("[::1]:9090", "/p"));
        assert_eq!(of("http://prometheus"), some("prometheus:80", ""));
        for wrong in ["https://prometheus", "prometheus:9090", "", "http://"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_query_is_spelled_for_a_url() {
        assert_eq!(
            encoded(r#"up{a="ä"} > 1"#),
            "up%7Ba%3D%22%C3%A4%22%7D%20%3E%201"
        );
    }
}
