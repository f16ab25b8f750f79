//! Requests by a host's name to an address that is told, as from outside of a cluster through its front door.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::handshake;
use hyper::rt::{Read, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::authority::Authority;

/// How long a request may take.
const LIMIT: Duration = Duration::from_secs(5);

/// The status code and the body of the answer to a plain `GET http://HOST PATH` at `address`.
///
/// # Errors
/// When no complete answer comes within 5 s.
pub async fn get(address: SocketAddr, host: &str, path: &str) -> Result<(u16, String)> {
    let exchange = async { exchange(TcpStream::connect(address).await?, host, path).await };
    let answer = timeout(LIMIT, exchange).await;
    answer
        .with_context(|| format!("no answer within {LIMIT:?}"))?
        .with_context(|| format!("GET http://{host}{path} at {address}"))
}

/// As [`get`], but encrypted, with a server whose certificate is made out for the host by the authority.
///
/// # Errors
/// As [`get`], and when the certificate is another.
pub async fn get_encrypted(
    address: SocketAddr,
    host: &str,
    path: &str,
    authority: &Authority,
) -> Result<(u16, String)> {
    let connector = TlsConnector::from(config(authority)?);
    let name = ServerName::try_from(host.to_owned())?;
    let exchange = async {
        let stream = TcpStream::connect(address).await?;
        exchange(connector.connect(name, stream).await?, host, path).await
    };
    let answer = timeout(LIMIT, exchange).await;
    answer
        .with_context(|| format!("no answer within {LIMIT:?}"))?
        .with_context(|| format!("GET https://{host}{path} at {address}"))
}

async fn exchange<S>(stream: S, host: &str, path: &str) -> Result<(u16, String)>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    TokioIo<S>: Read + Write,
{
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let request = Request::get(path).header("host", host);
    let answer = sender
        .send_request(request.body(Empty::<Bytes>::new())?)
        .await?;
    let code = answer.status().as_u16();
    let body = answer.into_body().collect().await?.to_bytes();
    driver.abort();
    Ok((code, String::from_utf8_lossy(&body).into_owned()))
}

/// Trusts what the authority has signed.
fn config(authority: &Authority) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate().der().clone())?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
