//! Faults, which exist only where they are allowed.

use http::{Method, StatusCode};
use serde_json::json;

use crate::http_client::{TestClient, get, json};
use crate::service::{Options, Service};

#[tokio::test]
async fn without_the_switch_there_are_no_faults() {
    let service = Service::plain().await;
    let address = service.model.address();
    for method in [Method::GET, Method::POST, Method::DELETE] {
        let answer = json(address, method, "/faults", &json!({"delayMs": 1})).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert_eq!(answer.roles(), ["model"]);
    }
}

#[tokio::test]
async fn faults_come_show_and_go() {
    let service = Service::start(Options {
        model: &["--allow-faults"],
        ..Options::default()
    })
    .await;
    let model = service.model.address();
    let status = async |path: &str| get(model, path).await.status;
    let set = json(
        model,
        Method::POST,
        "/faults",
        &json!({"errorRate": 1, "ready": false}),
    )
    .await;
    assert_eq!(set.json()["faults"]["errorRate"], 1.0, "{}", set.text);
    assert_eq!(
        get(model, "/faults").await.json()["faults"],
        set.json()["faults"]
    );
    assert_eq!(status("/ready").await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(status("/health").await, StatusCode::OK);
    let answer = get(service.view.address(), "/api/chain").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.json()["error"]["code"], "fault_injected");
    assert_eq!(answer.roles(), ["view", "controller", "model"]);

    json(model, Method::POST, "/faults", &json!({"health": false})).await;
    assert_eq!(status("/health").await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        status("/chain").await,
        StatusCode::OK,
        "a new set replaces the old one"
    );

    let ended = TestClient::new()
        .send(model, Method::DELETE, "/faults", &[], "")
        .await
        .unwrap();
    assert_eq!(ended.status, StatusCode::OK);
    assert_eq!(status("/health").await, StatusCode::OK);
    assert_eq!(status("/ready").await, StatusCode::OK);
}

#[tokio::test]
async fn wrong_faults_are_refused_and_change_nothing() {
    let service = Service::start(Options {
        model: &["--allow-faults"],
        ..Options::default()
    })
    .await;
    let model = service.model.address();
    let refused = json(
        model,
        Method::POST,
        "/faults",
        &json!({"errorRate": 2, "delayMs": 9}),
    )
    .await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.json()["error"]["details"][0]["field"], "errorRate");
    assert_eq!(get(model, "/faults").await.json()["faults"]["delayMs"], 0);
}
