//! gRPC's health protocol, at the port of everything else.

use std::net::SocketAddr;
use std::time::Duration;

use http::{Method, StatusCode};
use http_body_util::Empty;
use hyper::client::conn::http2::handshake;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus::{
    self, NotServing, ServiceUnknown, Serving,
};
use tonic_health::pb::health_client::HealthClient;

use crate::http_client::{get, json};
use crate::service::start;

/// How long anything here may take.
const LIMIT: Duration = Duration::from_secs(10);

async fn client(address: SocketAddr) -> HealthClient<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    HealthClient::new(endpoint.connect().await.unwrap())
}

fn request(service: &str) -> HealthCheckRequest {
    HealthCheckRequest {
        service: service.to_owned(),
    }
}

/// What a new connection is told.
async fn check(address: SocketAddr, service: &str) -> Result<ServingStatus, Status> {
    let answer = client(address).await.check(request(service)).await?;
    Ok(answer.into_inner().status())
}

#[tokio::test]
async fn a_check_says_what_health_and_ready_say() {
    let repository = start("repository", &["--allow-faults"]).await;
    let address = repository.address();
    for (faults, whole, ready) in [
        (json!({}), Serving, Serving),
        (json!({"ready": false}), Serving, NotServing),
        (json!({"health": false}), NotServing, NotServing),
    ] {
        json(address, Method::POST, "/faults", &faults).await;
        assert_eq!(check(address, "").await.unwrap(), whole, "{faults}");
        assert_eq!(check(address, "ready").await.unwrap(), ready, "{faults}");
        for (path, said) in [("/health", whole), ("/ready", ready)] {
            let is_ok = get(address, path).await.status == StatusCode::OK;
            assert_eq!(is_ok, said == Serving, "{path} with {faults}");
        }
    }
}

#[tokio::test]
async fn a_service_that_is_not_there_is_told_so() {
    let model = start("model", &[]).await;
    let refused = check(model.address(), "orders").await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    assert!(refused.message().contains("\"ready\""), "{refused}");
    let mut client = client(model.address()).await;
    let mut watched = client.watch(request("orders")).await.unwrap().into_inner();
    let first = watched.message().await.unwrap().unwrap();
    assert_eq!(first.status(), ServiceUnknown);
}

#[tokio::test]
async fn while_draining_new_connections_are_told_that_it_serves_no_longer() {
    let model = start("model", &["--drain-ms", "2000"]).await;
    let address = model.address();
    assert_eq!(check(address, "").await.unwrap(), Serving);
    model.drain();
    for service in ["", "ready"] {
        assert_eq!(check(address, service).await.unwrap(), NotServing);
    }
    timeout(LIMIT, model.ended()).await.unwrap();
}

#[tokio::test]
async fn who_watches_sees_every_change_and_the_end() {
    let more = ["--allow-faults", "--shutdown-ms", "60000"];
    let repository = start("repository", &more).await;
    let address = repository.address();
    let mut client = client(address).await;
    let mut watched = client.watch(request("ready")).await.unwrap().into_inner();
    let mut next = async || {
        let message = timeout(LIMIT, watched.message()).await.unwrap().unwrap();
        message.map(|message| message.status())
    };
    assert_eq!(next().await, Some(Serving));
    json(address, Method::POST, "/faults", &json!({"ready": false})).await;
    assert_eq!(next().await, Some(NotServing));
    json(address, Method::POST, "/faults", &json!({})).await;
    assert_eq!(next().await, Some(Serving));
    repository.drain();
    assert_eq!(next().await, Some(NotServing));
    assert_eq!(next().await, None);
    // Who watches keeps nobody from ending.
    timeout(LIMIT, repository.ended()).await.unwrap();
}

#[tokio::test]
async fn http_2_serves_the_rest_as_well_and_old_connections_are_renewed() {
    let model = start("model", &["--max-connection-age-seconds", "1"]).await;
    let stream = TcpStream::connect(model.address()).await.unwrap();
    let (mut sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let request = http::Request::get(format!("http://{}/health", model.address()))
        .body(Empty::<bytes::Bytes>::new())
        .unwrap();
    let answer = sender.send_request(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.version(), http::Version::HTTP_2);
    // The sender is still there: it is the server that ends the connection.
    let ended = timeout(LIMIT, connection).await.unwrap();
    ended.unwrap().unwrap();
    assert!(sender.is_closed());
}
