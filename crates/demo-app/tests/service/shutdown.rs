//! Ending without losing a request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use serde_json::json;
use tokio::net::TcpStream;

use crate::http_client::{TestClient, get, json};
use crate::network::Balancer;
use crate::service::{Service, start, url};

/// Waits until `holds`, for at most ten seconds.
async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !holds().await {
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "never happened: {what}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn running_requests_are_finished_and_new_ones_served_while_draining() {
    let service = Service::plain().await;
    let peer = url(service.repository.address());
    let model = start(
        "model",
        &[
            "--repository-url",
            &peer,
            "--allow-faults",
            "--drain-ms",
            "700",
        ],
    )
    .await;
    let address = model.address();
    json(address, Method::POST, "/faults", &json!({"delayMs": 1200})).await;
    let running = tokio::spawn(async move { get(address, "/chain").await });
    eventually("the request arrives", async || {
        get(address, "/metrics")
            .await
            .text
            .contains("http_requests_in_flight 2")
    })
    .await;

    model.drain();
    assert_eq!(
        get(address, "/ready").await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(get(address, "/health").await.status, StatusCode::OK);
    let late = tokio::spawn(async move { get(address, "/chain").await });
    model.ended().await;
    for answer in [running.await.unwrap(), late.await.unwrap()] {
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        assert_eq!(answer.header("connection"), "close");
    }
    assert!(
        TcpStream::connect(address).await.is_err(),
        "the port is closed"
    );
}

#[tokio::test]
async fn a_request_on_a_connection_made_before_the_end_is_answered() {
    let service = Service::plain().await;
    let model = start(
        "model",
        &["--repository-url", &url(service.repository.address())],
    )
    .await;
    let mut stream = TcpStream::connect(model.address()).await.unwrap();
    model.drain();
    let ended = tokio::spawn(model.ended());
    let mut answer = Vec::new();
    let exchange = async {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        stream
            .write_all(b"GET /chain HTTP/1.1\r\nhost: model\r\n\r\n")
            .await
            .unwrap();
        stream.read_to_end(&mut answer).await.unwrap();
    };
    tokio::time::timeout(Duration::from_secs(10), exchange)
        .await
        .unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    ended.await.unwrap();
}

#[tokio::test]
async fn the_end_does_not_wait_for_ever() {
    let service = Service::plain().await;
    let peer = url(service.repository.address());
    let more = [
        "--repository-url",
        &peer,
        "--allow-faults",
        "--shutdown-ms",
        "300",
    ];
    let model = start("model", &more).await;
    let address = model.address();
    json(
        address,
        Method::POST,
        "/faults",
        &json!({"delayMs": 60_000}),
    )
    .await;
    let hanging = tokio::spawn(async move { TestClient::new().get(address, "/chain").await });
    eventually("the request arrives", async || {
        get(address, "/metrics")
            .await
            .text
            .contains("http_requests_in_flight 2")
    })
    .await;
    let started = Instant::now();
    model.drain();
    model.ended().await;
    assert!(
        started.elapsed() < Duration::from_secs(4),
        "{:?}",
        started.elapsed()
    );
    assert!(hanging.await.unwrap().is_err());
}

#[tokio::test]
async fn old_connections_are_renewed() {
    let service = Service::plain().await;
    let peer = url(service.repository.address());
    let more = [
        "--repository-url",
        &peer,
        "--max-connection-age-seconds",
        "1",
    ];
    let model = start("model", &more).await;
    let client = TestClient::new();
    let first = client.get(model.address(), "/chain").await.unwrap();
    assert_eq!(first.header("connection"), "");
    // Used often enough to stay the same connection, until the server ends it.
    eventually("the connection is ended", async || {
        let answer = client.get(model.address(), "/chain").await.unwrap();
        answer.status == StatusCode::OK && answer.header("connection") == "close"
    })
    .await;
    assert_eq!(
        client.get(model.address(), "/chain").await.unwrap().status,
        StatusCode::OK
    );
}

/// Pods of every role but the last are replaced again and again, as a rolling update does, while
/// clients with and without kept connections ask all the time: no request may fail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rolling_replacement_loses_no_request() {
    const DRAIN: &str = "1200";
    let service = Service::plain().await;
    let models = Balancer::start(&[service.model.address()]).await;
    let controllers = Balancer::start(&[service.controller.address()]).await;
    let model_peer = url(service.repository.address());
    let controller_peer = url(models.address);
    let view = start("view", &["--controller-url", &url(controllers.address)]).await;
    let model_args = ["--repository-url", &model_peer, "--drain-ms", DRAIN];
    let controller_args = ["--model-url", &controller_peer, "--drain-ms", DRAIN];
    let new_model = || start("model", &model_args);
    let new_controller = || start("controller", &controller_args);
    let (mut model, mut controller) = (new_model().await, new_controller().await);
    models.set(&[model.address()]);
    controllers.set(&[controller.address()]);

    let stop = Arc::new(AtomicBool::new(false));
    let address = view.address();
    let load: Vec<_> = (0..4)
        .map(|number| tokio::spawn(ask(number, address, Arc::clone(&stop))))
        .collect();
    for _ in 0..3 {
        let (next_model, next_controller) = (new_model().await, new_controller().await);
        models.set(&[next_model.address()]);
        controllers.set(&[next_controller.address()]);
        let old_model = std::mem::replace(&mut model, next_model);
        let old_controller = std::mem::replace(&mut controller, next_controller);
        old_model.drain();
        old_controller.drain();
        tokio::join!(old_model.ended(), old_controller.ended());
    }
    stop.store(true, Ordering::Relaxed);
    let mut served = 0;
    for client in load {
        served += client.await.unwrap();
    }
    assert!(served > 200, "only {served} requests were made");
}

/// Asks until told to stop; returns how often. Client 0 makes a connection for each request,
/// client 1 makes orders.
async fn ask(number: usize, address: SocketAddr, stop: Arc<AtomicBool>) -> usize {
    let kept = TestClient::new();
    let order = json!({"item": "tea", "quantity": 1, "priceCents": 1});
    let mut served = 0;
    while !stop.load(Ordering::Relaxed) {
        let client = if number == 0 {
            TestClient::new()
        } else {
            kept.clone()
        };
        let answer = match number {
            1 => {
                client
                    .json(address, Method::POST, "/api/orders", &order)
                    .await
            }
            _ => client.get(address, "/api/chain").await,
        };
        let answer = answer.unwrap();
        assert!(
            answer.status.is_success(),
            "{} {}",
            answer.status,
            answer.text
        );
        served += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    served
}
