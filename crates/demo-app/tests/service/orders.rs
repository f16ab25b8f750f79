//! Orders through all four roles: rules, validation, retries.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::http_client::{Response, TestClient, get, json};
use crate::network::losing_answers;
use crate::service::{Service, start, url};

fn tea() -> Value {
    json!({"item": "tea", "quantity": 10, "priceCents": 100})
}

async fn post(address: std::net::SocketAddr, key: &str, body: &Value) -> Response {
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", key),
    ];
    TestClient::new()
        .send(
            address,
            Method::POST,
            "/api/orders",
            &headers,
            &body.to_string(),
        )
        .await
        .unwrap()
}

fn id_of(answer: &Response) -> String {
    let body = answer.json();
    let id = body["order"]["id"].as_str();
    id.unwrap_or_else(|| panic!("no order: {}", answer.text))
        .to_owned()
}

#[tokio::test]
async fn an_order_lives_from_creation_to_shipment() {
    let service = Service::plain().await;
    let view = service.view.address();
    let made = json(view, Method::POST, "/api/orders", &tea()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    assert_eq!(made.roles(), ["view", "controller", "model", "repository"]);
    let order = &made.json()["order"];
    assert_eq!(
        (&order["discountCents"], &order["totalCents"]),
        (&json!(50), &json!(950))
    );
    assert_eq!(order["status"], "new");

    let path = format!("/api/orders/{}", id_of(&made));
    assert_eq!(&get(view, &path).await.json()["order"], order);
    let skipped = json(view, Method::PATCH, &path, &json!({"status": "shipped"})).await;
    assert_eq!(skipped.status, StatusCode::CONFLICT);
    assert_eq!(
        skipped.roles(),
        ["view", "controller", "model", "repository"]
    );
    for status in ["paid", "paid", "shipped"] {
        let changed = json(view, Method::PATCH, &path, &json!({"status": status})).await;
        assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
        assert_eq!(changed.json()["order"]["status"], status);
    }
    let kept = json(view, Method::DELETE, &path, &Value::Null).await;
    assert_eq!(kept.json()["error"]["code"], "deletion_refused");
    assert_eq!(get(view, &path).await.json()["order"]["revision"], 3);
}

#[tokio::test]
async fn deleted_orders_are_gone_and_deleting_twice_is_harmless() {
    let service = Service::plain().await;
    let view = service.view.address();
    let id = id_of(&json(view, Method::POST, "/api/orders", &tea()).await);
    let path = format!("/api/orders/{id}");
    for _ in 0..2 {
        let deleted = json(view, Method::DELETE, &path, &Value::Null).await;
        assert_eq!(deleted.status, StatusCode::OK, "{}", deleted.text);
        assert_eq!(deleted.json()["deleted"], json!(id));
    }
    assert_eq!(get(view, &path).await.status, StatusCode::NOT_FOUND);
    let never = json(
        view,
        Method::DELETE,
        "/api/orders/0000000000000001",
        &Value::Null,
    )
    .await;
    assert_eq!(never.status, StatusCode::NOT_FOUND);
    assert_eq!(get(view, "/api/orders").await.json()["total"], 0);
}

#[tokio::test]
async fn lists_are_paged() {
    let service = Service::plain().await;
    let view = service.view.address();
    for _ in 0..3 {
        json(view, Method::POST, "/api/orders", &tea()).await;
    }
    let first = get(view, "/api/orders?limit=2").await.json();
    assert_eq!(first["orders"].as_array().unwrap().len(), 2);
    assert_eq!(first["total"], 3);
    let next = first["next"].as_str().unwrap();
    let second = get(view, &format!("/api/orders?limit=2&before={next}"))
        .await
        .json();
    assert_eq!(second["orders"].as_array().unwrap().len(), 1);
    assert_eq!(second.get("next"), None);
    let wrong = get(view, "/api/orders?limit=0").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn wrong_orders_are_refused_by_the_controller_with_the_fix() {
    let service = Service::plain().await;
    let wrong = json!({"item": "", "quantity": 0, "priceCents": 1});
    let refused = json(service.view.address(), Method::POST, "/api/orders", &wrong).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.roles(), ["view", "controller"]);
    let body = refused.json();
    let details = body["error"]["details"].as_array().unwrap();
    let fields: Vec<_> = details
        .iter()
        .map(|detail| detail["field"].as_str().unwrap())
        .collect();
    assert_eq!(fields, ["item", "quantity"]);
    assert_eq!(details[1]["fix"], "a whole number from 1 to 10000");

    let client = TestClient::new();
    let headers = [("content-type", "application/json")];
    let broken = client
        .send(
            service.view.address(),
            Method::POST,
            "/api/orders",
            &headers,
            "{\"item\":",
        )
        .await
        .unwrap();
    assert_eq!(broken.status, StatusCode::BAD_REQUEST);
    assert_eq!(broken.json()["error"]["code"], "malformed");
    let odd = get(service.view.address(), "/api/orders/..%2fsecret").await;
    assert_eq!(odd.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn rules_are_the_models() {
    let service = Service::plain().await;
    let dear = json!({"item": "ship", "quantity": 10_000, "priceCents": 100_000_000});
    let refused = json(service.view.address(), Method::POST, "/api/orders", &dear).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.roles(), ["view", "controller", "model"]);
    assert_eq!(refused.json()["error"]["code"], "total_too_large");
}

#[tokio::test]
async fn a_key_makes_one_order_and_belongs_to_it() {
    let service = Service::plain().await;
    let view = service.view.address();
    let sent: Vec<_> = (0..10)
        .map(|_| tokio::spawn(async move { post(view, "key-1", &tea()).await }))
        .collect();
    let mut replayed = 0;
    let mut ids = Vec::new();
    for answer in sent {
        let answer = answer.await.unwrap();
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        replayed += usize::from(answer.header("idempotent-replayed") == "true");
        ids.push(id_of(&answer));
    }
    assert_eq!(replayed, 9);
    assert!(ids.iter().all(|id| *id == ids[0]));
    let other = json!({"item": "coffee", "quantity": 1, "priceCents": 1});
    let reused = post(view, "key-1", &other).await;
    assert_eq!(reused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(reused.json()["error"]["code"], "idempotency_key_reused");
    let bad = post(view, &"k".repeat(65), &tea()).await;
    assert_eq!(
        bad.json()["error"]["details"][0]["field"],
        "Idempotency-Key"
    );
    json(view, Method::POST, "/api/orders", &tea()).await;
    json(view, Method::POST, "/api/orders", &tea()).await;
    assert_eq!(
        get(view, "/api/orders").await.json()["total"],
        3,
        "without a key, each is new"
    );
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_and_never_makes_two_orders() {
    let service = Service::plain().await;
    let lossy = losing_answers(service.repository.address(), 1).await;
    let model = start("model", &["--repository-url", &url(lossy)]).await;
    let controller = start("controller", &["--model-url", &url(model.address())]).await;
    let made = json(controller.address(), Method::POST, "/api/orders", &tea()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    assert_eq!(
        made.header("idempotent-replayed"),
        "true",
        "the first attempt had made it"
    );
    let list = get(service.view.address(), "/api/orders").await.json();
    assert_eq!(list["total"], 1);
    let metrics = get(model.address(), "/metrics").await.text;
    assert!(
        metrics.contains("demo_app_peer_retries_total 1"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_lost_answer_to_a_deletion_or_a_change_is_made_good() {
    let service = Service::plain().await;
    let view = service.view.address();
    for (method, body) in [
        (Method::PATCH, json!({"status": "paid"})),
        (Method::DELETE, Value::Null),
    ] {
        let id = id_of(&json(view, Method::POST, "/api/orders", &tea()).await);
        let lossy = losing_answers(service.model.address(), 1).await;
        let controller = start("controller", &["--model-url", &url(lossy)]).await;
        let path = format!("/api/orders/{id}");
        let done = json(controller.address(), method.clone(), &path, &body).await;
        assert_eq!(done.status, StatusCode::OK, "{method}: {}", done.text);
    }
}

#[tokio::test]
async fn retries_end_when_the_peer_keeps_breaking_off() {
    let service = Service::plain().await;
    let lossy = losing_answers(service.repository.address(), 100).await;
    let model = start("model", &["--repository-url", &url(lossy)]).await;
    let answer = get(model.address(), "/orders").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json()["error"]["code"], "peer_unavailable");
}
