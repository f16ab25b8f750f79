//! Which pods a request goes through, and what errors look like on the way.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::json;

use crate::http_client::{TestClient, get, json};
use crate::service::{Options, Service, closed_address, start, url};

#[tokio::test]
async fn a_request_goes_through_all_four_roles_in_order() {
    let service = Service::plain().await;
    let answer = get(service.view.address(), "/api/chain").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        answer.roles(),
        ["view", "controller", "model", "repository"]
    );
    assert_eq!(answer.hops("environment"), ["blue"; 4]);
    assert_eq!(answer.hops("version"), ["r1"; 4]);
    assert_eq!(
        answer.hops("pod"),
        ["view-pod", "controller-pod", "model-pod", "repository-pod"]
    );
    assert_eq!(answer.json()["mixed"], false);
}

#[tokio::test]
async fn the_controller_may_be_the_edge() {
    let service = Service::plain().await;
    let answer = get(service.controller.address(), "/api/orders").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.roles(), ["controller", "model", "repository"]);
    assert_eq!(answer.json()["orders"], json!([]));
}

#[tokio::test]
async fn mixed_colours_are_seen_in_the_answer_and_counted() {
    let service = Service::start(Options {
        repository: &["--environment", "green"],
        ..Options::default()
    })
    .await;
    let answer = get(service.view.address(), "/api/chain").await;
    assert_eq!(
        answer.hops("environment"),
        ["blue", "blue", "blue", "green"]
    );
    assert_eq!(answer.json()["mixed"], true);
    for caller in [&service.view, &service.model] {
        let metrics = get(caller.address(), "/metrics").await.text;
        assert!(
            metrics.contains("demo_app_mixed_chains_total 1"),
            "{metrics}"
        );
    }
}

#[tokio::test]
async fn errors_of_the_router_are_json_with_a_chain() {
    let service = Service::plain().await;
    let view = service.view.address();
    let unknown = get(view, "/api/nothing").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert_eq!(unknown.json()["error"]["code"], "unknown_path");
    assert_eq!(unknown.roles(), ["view"]);
    let method = json(view, Method::PUT, "/api/orders", &json!({})).await;
    assert_eq!(method.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(
        method.header("allow").contains("POST"),
        "{:?}",
        method.headers
    );
    let client = TestClient::new();
    let text = client
        .send(view, Method::POST, "/api/orders", &[], "{}")
        .await
        .unwrap();
    assert_eq!(text.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let large = json!({"item": "x".repeat(20_000)});
    let large = json(view, Method::POST, "/api/orders", &large).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(large.roles(), ["view"]);
}

#[tokio::test]
async fn probes_and_metrics_tell_who_answers() {
    let service = Service::plain().await;
    for (instance, role) in [
        (&service.view, "view"),
        (&service.controller, "controller"),
        (&service.model, "model"),
        (&service.repository, "repository"),
    ] {
        for path in ["/health", "/ready"] {
            let answer = get(instance.address(), path).await;
            assert_eq!(
                (answer.status, answer.roles()),
                (StatusCode::OK, vec![role.to_owned()])
            );
        }
        let metrics = get(instance.address(), "/metrics").await;
        assert!(
            metrics
                .header("content-type")
                .starts_with("application/openmetrics-text")
        );
        let info = format!(r#"role="{role}",environment="blue",revision="r1""#);
        assert!(metrics.text.contains(&info), "{}", metrics.text);
        assert!(
            metrics.text.contains(r#"route="/health",status="200"} 1"#),
            "{}",
            metrics.text
        );
    }
}

#[tokio::test]
async fn unknown_paths_share_one_metric() {
    let service = Service::plain().await;
    for path in ["/a", "/b", "/c"] {
        get(service.view.address(), path).await;
    }
    let metrics = get(service.view.address(), "/metrics").await.text;
    assert!(
        metrics.contains(r#"route="unmatched",status="404"} 3"#),
        "{metrics}"
    );
}

#[tokio::test]
async fn without_the_address_of_the_next_hop_a_role_is_not_ready() {
    let controller = start("controller", &[]).await;
    let ready = get(controller.address(), "/ready").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(ready.text.contains("MODEL_URL"), "{}", ready.text);
    assert_eq!(
        get(controller.address(), "/health").await.status,
        StatusCode::OK
    );
    let answer = get(controller.address(), "/api/orders").await;
    assert_eq!(answer.json()["error"]["code"], "peer_not_configured");
}

#[tokio::test]
async fn an_outage_of_the_next_hop_does_not_make_a_role_unready() {
    let nobody = url(closed_address().await);
    let model = start("model", &["--repository-url", &nobody]).await;
    assert_eq!(get(model.address(), "/ready").await.status, StatusCode::OK);
    let answer = get(model.address(), "/orders").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json()["error"]["code"], "peer_unavailable");
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.roles(), ["model"]);
}

#[tokio::test]
async fn what_is_no_part_of_the_application_is_named_as_such() {
    let repository =
        crate::network::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
    let model = start("model", &["--repository-url", &url(repository)]).await;
    let answer = get(model.address(), "/chain").await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert!(answer.text.contains("REPOSITORY_URL"), "{}", answer.text);
}

#[tokio::test]
async fn too_many_requests_are_refused_at_once() {
    let service = Service::start(Options {
        controller: &["--max-in-flight", "1", "--max-queued", "0"],
        model: &["--allow-faults"],
        ..Options::default()
    })
    .await;
    let delay = json!({"delayMs": 2000});
    json(service.model.address(), Method::POST, "/faults", &delay).await;
    let (controller, model) = (service.controller.address(), service.model.address());
    let first = tokio::spawn(async move { get(controller, "/api/chain").await });
    let started = tokio::time::Instant::now();
    let reached = r"http_requests_in_flight 2";
    while !get(model, "/metrics").await.text.contains(reached) {
        assert!(
            started.elapsed() < Duration::from_secs(2),
            "the first request never arrived"
        );
    }
    let refused = get(controller, "/api/chain").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.json()["error"]["code"], "overloaded");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(first.await.unwrap().status, StatusCode::OK);
    assert_eq!(
        get(controller, "/api/chain").await.status,
        StatusCode::OK,
        "the place is free"
    );
}
