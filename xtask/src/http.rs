//! One plain HTTP request at a time, for probes and for the demo: no client library needed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Bodies above this are cut off with an error: nothing that is asked for here is larger.
const MAX_BODY_BYTES: usize = 1 << 20;

/// What a server answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Response {
    /// The status code, for instance 200.
    pub(crate) status: u16,
    /// The body as text; bytes that are no UTF-8 are replaced.
    pub(crate) body: String,
}

/// `GET path` from `address`, with `timeout` for connecting and for each read.
///
/// # Errors
/// When the server can't be reached, doesn't answer in time, or answers with something that is not HTTP/1.1.
pub(crate) fn get(address: SocketAddr, path: &str, timeout: Duration) -> Result<Response> {
    let mut stream = TcpStream::connect_timeout(&address, timeout)
        .with_context(|| format!("connecting to {address}"))?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: application/json\r\nConnection: close\r\n\r\n"
    );
    stream
        .write_all(request.as_bytes())
        .with_context(|| format!("asking {address} for {path}"))?;
    read_response(BufReader::new(stream)).with_context(|| format!("GET http://{address}{path}"))
}

/// Reads one response: status line, headers, and a body of known length, in chunks, or until the end.
fn read_response(mut from: impl BufRead) -> Result<Response> {
    let status_line = read_line(&mut from)?;
    let status = status_line
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.split(' ').nth(1))
        .and_then(|code| code.parse().ok())
        .with_context(|| format!("the answer doesn't start like HTTP/1.1: {status_line:?}"))?;
    let mut length = None;
    let mut chunked = false;
    loop {
        let line = read_line(&mut from)?;
        if line.is_empty() {
            break;
        }
        let Some((name, value)) = line.split_once(':') else {
            bail!("a header without a colon: {line:?}");
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = Some(value.trim().parse::<usize>()?),
            "transfer-encoding" => chunked = value.trim().eq_ignore_ascii_case("chunked"),
            _ => {}
        }
    }
    let body = if chunked {
        read_chunks(&mut from)?
    } else {
        read_body(&mut from, length)?
    };
    Ok(Response {
        status,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

fn read_line(from: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    if from.take(16 * 1024).read_line(&mut line)? == 0 {
        bail!("the connection was closed before the answer was complete");
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn read_body(from: &mut impl BufRead, length: Option<usize>) -> Result<Vec<u8>> {
    if length.is_some_and(|length| length > MAX_BODY_BYTES) {
        bail!("the body is larger than {MAX_BODY_BYTES} bytes");
    }
    let mut body = Vec::new();
    let limit = length.unwrap_or(MAX_BODY_BYTES + 1);
    from.take(limit as u64).read_to_end(&mut body)?;
    match length {
        Some(length) if body.len() < length => {
            bail!("the body ends after {} of {length} bytes", body.len())
        }
        None if body.len() > MAX_BODY_BYTES => {
            bail!("the body is larger than {MAX_BODY_BYTES} bytes")
        }
        _ => Ok(body),
    }
}

fn read_chunks(from: &mut impl BufRead) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = read_line(from)?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16)
            .with_context(|| format!("a chunk's size is no number: {line:?}"))?;
        if size == 0 {
            return Ok(body);
        }
        if body.len() + size > MAX_BODY_BYTES {
            bail!("the body is larger than {MAX_BODY_BYTES} bytes");
        }
        body.extend(read_body(from, Some(size))?);
        read_line(from)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Response> {
        read_response(text.as_bytes())
    }

    #[test]
    fn reads_a_body_of_known_length_and_no_more() {
        let answer = parse("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokXX").unwrap();
        assert_eq!(
            answer,
            Response {
                status: 200,
                body: "ok".into()
            }
        );
    }

    #[test]
    fn reads_chunks() {
        let answer =
            parse("HTTP/1.1 503 No\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n").unwrap();
        assert_eq!(
            answer,
            Response {
                status: 503,
                body: "abcd".into()
            }
        );
    }

    #[test]
    fn reads_until_the_end_when_there_is_no_length() {
        let answer = parse("HTTP/1.0 404 Not Found\r\n\r\ngone").unwrap();
        assert_eq!(
            answer,
            Response {
                status: 404,
                body: "gone".into()
            }
        );
    }

    #[test]
    fn refuses_what_is_cut_short_too_large_or_not_http() {
        assert!(parse("").is_err());
        assert!(parse("SSH-2.0-OpenSSH\r\n").is_err());
        assert!(parse("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort").is_err());
        assert!(parse("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n").is_err());
        assert!(parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n").is_err());
    }
}
