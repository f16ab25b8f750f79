//! The page on `/`.

use http::{Method, StatusCode};

use crate::http_client::{Response, TestClient, get};
use crate::service::{Service, closed_address, start, url};

async fn submit(service: &Service, path: &str, more: &[(&str, &str)], form: &str) -> Response {
    let mut headers = vec![("content-type", "application/x-www-form-urlencoded")];
    headers.extend(more);
    let client = TestClient::new();
    client
        .send(service.view.address(), Method::POST, path, &headers, form)
        .await
        .unwrap()
}

#[tokio::test]
async fn orders_can_be_made_seen_and_deleted_without_scripts() {
    let service = Service::plain().await;
    let view = service.view.address();
    let empty = get(view, "/").await;
    assert_eq!(empty.status, StatusCode::OK);
    assert!(empty.header("content-type").starts_with("text/html"));
    assert!(
        empty
            .header("content-security-policy")
            .contains("default-src 'none'")
    );
    assert!(empty.text.contains("No orders yet."), "{}", empty.text);
    let key = empty
        .text
        .split("name=\"key\" value=\"")
        .nth(1)
        .unwrap()
        .get(..32)
        .unwrap();

    let form = format!("item=%3Cb%3Etea&quantity=2&priceCents=350&key={key}");
    for _ in 0..2 {
        let made = submit(&service, "/orders", &[], &form).await;
        assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.text);
        assert_eq!(made.header("location"), "/");
    }
    let list = get(view, "/").await.text;
    assert!(
        list.contains("1 of 1 orders"),
        "sent twice, made once: {list}"
    );
    assert!(
        list.contains("&lt;b&gt;tea") && !list.contains("<b>"),
        "{list}"
    );
    assert!(list.contains("repository: <span class=\"blue\">"), "{list}");

    let id = list
        .split("/orders/")
        .nth(1)
        .unwrap()
        .split('/')
        .next()
        .unwrap();
    submit(&service, &format!("/orders/{id}/delete"), &[], "").await;
    assert!(get(view, "/").await.text.contains("No orders yet."));
}

#[tokio::test]
async fn a_wrong_entry_is_shown_again_with_the_fix() {
    let service = Service::plain().await;
    let form = "item=tea&quantity=many&priceCents=350&key=k1";
    let refused = submit(&service, "/orders", &[], form).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text.contains("value=\"many\""), "{}", refused.text);
    assert!(
        refused.text.contains("aria-describedby=\"error-quantity\""),
        "{}",
        refused.text
    );
    assert!(
        refused.text.contains("a whole number from 1 to 10000"),
        "{}",
        refused.text
    );
}

#[tokio::test]
async fn forms_of_other_sites_are_refused() {
    let service = Service::plain().await;
    let form = "item=tea&quantity=1&priceCents=350&key=k1";
    let refused = submit(
        &service,
        "/orders",
        &[("sec-fetch-site", "cross-site")],
        form,
    )
    .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(
        get(service.view.address(), "/")
            .await
            .text
            .contains("No orders yet.")
    );
}

#[tokio::test]
async fn the_style_comes_from_the_view_itself() {
    let service = Service::plain().await;
    let style = get(service.view.address(), "/style.css").await;
    assert_eq!(style.status, StatusCode::OK);
    assert!(style.header("content-type").starts_with("text/css"));
}

#[tokio::test]
async fn an_outage_is_said_on_the_page() {
    let nobody = url(closed_address().await);
    let view = start("view", &["--controller-url", &nobody]).await;
    let page = get(view.address(), "/").await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        page.text.contains("The orders cannot be shown"),
        "{}",
        page.text
    );
}
