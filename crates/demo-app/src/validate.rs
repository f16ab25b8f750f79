//! Input validation, as the controller does it: shape, types and ranges, all errors at once.

use http::StatusCode;
use serde_json::{Map, Value};

use crate::order::{NewOrder, OrderId, Status};
use crate::problem::{Detail, Failure};

const MAX_ITEM_CHARS: usize = 80;
const MAX_QUANTITY: u64 = 10_000;
const MAX_PRICE_CENTS: u64 = 100_000_000;
const MAX_KEY_BYTES: usize = 64;
const MAX_PAGE: u64 = 200;
const DEFAULT_PAGE: u64 = 50;

/// The body of `POST /api/orders`.
pub(crate) fn new_order(body: &[u8]) -> Result<NewOrder, Failure> {
    let object = object(body)?;
    let mut details = unknown_fields(&object, &["item", "quantity", "priceCents"]);
    let item = item(&object).map_err(|detail| details.push(detail)).ok();
    let quantity = whole_number(&object, "quantity", 1, MAX_QUANTITY)
        .map_err(|detail| details.push(detail))
        .ok();
    let price_cents = whole_number(&object, "priceCents", 0, MAX_PRICE_CENTS)
        .map_err(|detail| details.push(detail))
        .ok();
    match (item, quantity.map(u32::try_from), price_cents) {
        (Some(item), Some(Ok(quantity)), Some(price_cents)) if details.is_empty() => Ok(NewOrder {
            item,
            quantity,
            price_cents,
        }),
        _ => Err(invalid(details)),
    }
}

/// The body of `PATCH /api/orders/{id}`: the new status.
pub(crate) fn status_change(body: &[u8]) -> Result<Status, Failure> {
    let object = object(body)?;
    let mut details = unknown_fields(&object, &["status"]);
    let status = object
        .get("status")
        .and_then(Value::as_str)
        .and_then(Status::named);
    if status.is_none() {
        let problem = if object.contains_key("status") {
            "no known status"
        } else {
            "missing"
        };
        details.push(Detail::new(
            "status",
            problem,
            "one of new, paid, shipped, cancelled",
        ));
    }
    match status {
        Some(status) if details.is_empty() => Ok(status),
        _ => Err(invalid(details)),
    }
}

/// An order's id, as in the path.
pub(crate) fn order_id(text: &str) -> Result<OrderId, Failure> {
    text.parse::<OrderId>().map_err(|error| {
        invalid(vec![Detail::new(
            "id",
            "not an order id",
            error.to_string(),
        )])
    })
}

/// `limit` and `before` of a list.
pub(crate) fn page(limit: Option<&str>, before: Option<&str>) -> Result<PageQuery, Failure> {
    let mut details = Vec::new();
    let limit = limit.map_or(Ok(DEFAULT_PAGE), |text| {
        text.parse::<u64>()
            .ok()
            .filter(|limit| (1..=MAX_PAGE).contains(limit))
            .ok_or_else(|| {
                Detail::new(
                    "limit",
                    "not a number in range",
                    format!("a number from 1 to {MAX_PAGE}"),
                )
            })
    });
    let before = before
        .map(str::parse::<OrderId>)
        .transpose()
        .map_err(|error| Detail::new("before", "not an order id", error.to_string()));
    match (limit, before) {
        (Ok(limit), Ok(before)) => Ok(PageQuery { limit, before }),
        (limit, before) => {
            details.extend(limit.err());
            details.extend(before.err());
            Err(invalid(details))
        }
    }
}

/// A checked page query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageQuery {
    /// Most orders on the page.
    pub(crate) limit: u64,
    /// Only orders older than this one.
    pub(crate) before: Option<OrderId>,
}

/// An idempotency key: 1 to 64 printable ASCII characters without spaces.
pub(crate) fn idempotency_key(key: &str) -> Result<String, Failure> {
    let printable = key.bytes().all(|b| b.is_ascii_graphic());
    if key.is_empty() || key.len() > MAX_KEY_BYTES || !printable {
        return Err(invalid(vec![Detail::new(
            "Idempotency-Key",
            "empty, too long, or with other than printable ASCII characters",
            format!("1 to {MAX_KEY_BYTES} printable ASCII characters, for example a UUID"),
        )]));
    }
    Ok(key.to_owned())
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Failure> {
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        malformed(format!(
            "the body is no JSON: {error}; send one JSON object"
        ))
    })?;
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(malformed(
            "the body is no JSON object; send {\"item\": …} or alike".to_owned(),
        )),
    }
}

fn item(object: &Map<String, Value>) -> Result<String, Detail> {
    let fix = format!("a text of 1 to {MAX_ITEM_CHARS} characters without control characters");
    let text = match object.get("item") {
        None => return Err(Detail::new("item", "missing", fix)),
        Some(Value::String(text)) => text.trim(),
        Some(_) => return Err(Detail::new("item", "not a text", fix)),
    };
    if text.is_empty() {
        return Err(Detail::new("item", "empty", fix));
    }
    if text.chars().count() > MAX_ITEM_CHARS {
        return Err(Detail::new("item", "too long", fix));
    }
    if text.chars().any(char::is_control) {
        return Err(Detail::new("item", "holds control characters", fix));
    }
    Ok(text.to_owned())
}

fn whole_number(
    object: &Map<String, Value>,
    field: &str,
    least: u64,
    most: u64,
) -> Result<u64, Detail> {
    let fix = format!("a whole number from {least} to {most}");
    match object.get(field) {
        None => Err(Detail::new(field, "missing", fix)),
        Some(value) => match value.as_u64() {
            Some(number) if (least..=most).contains(&number) => Ok(number),
            Some(_) => Err(Detail::new(field, "out of range", fix)),
            None if value.is_i64() => Err(Detail::new(field, "negative", fix)),
            None => Err(Detail::new(field, "not a whole number", fix)),
        },
    }
}

fn unknown_fields(object: &Map<String, Value>, known: &[&str]) -> Vec<Detail> {
    object
        .keys()
        .filter(|key| !known.contains(&key.as_str()))
        .map(|key| {
            let shown: String = key.chars().take(MAX_ITEM_CHARS).collect();
            Detail::new(
                shown,
                "unknown field",
                format!("leave it out; known: {}", known.join(", ")),
            )
        })
        .collect()
}

fn malformed(message: String) -> Failure {
    Failure::new(StatusCode::BAD_REQUEST, "malformed", message)
}

fn invalid(details: Vec<Detail>) -> Failure {
    let fields: Vec<&str> = details.iter().map(|detail| detail.field.as_str()).collect();
    let message = format!(
        "invalid: {}; see details for the fix of each",
        fields.join(", ")
    );
    Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message).with_details(details)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(failure: &Failure) -> Vec<(&str, &str)> {
        failure
            .details()
            .iter()
            .map(|d| (d.field.as_str(), d.problem.as_str()))
            .collect()
    }

    #[test]
    fn a_good_order_is_read_and_trimmed() {
        let order = new_order(br#"{"item":" tea ","quantity":2,"priceCents":350}"#).unwrap();
        assert_eq!(
            order,
            NewOrder {
                item: "tea".into(),
                quantity: 2,
                price_cents: 350
            }
        );
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let failure =
            new_order(br#"{"item":"","quantity":0,"priceCents":-1,"colour":"red"}"#).unwrap_err();
        assert_eq!(failure.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(
            fields(&failure),
            [
                ("colour", "unknown field"),
                ("item", "empty"),
                ("quantity", "out of range"),
                ("priceCents", "negative")
            ]
        );
        assert!(
            failure
                .details()
                .iter()
                .all(|detail| !detail.fix.is_empty())
        );
    }

    #[test]
    fn missing_and_mistyped_fields_are_told_apart() {
        let failure = new_order(br#"{"item":7,"priceCents":1.5}"#).unwrap_err();
        assert_eq!(
            fields(&failure),
            [
                ("item", "not a text"),
                ("quantity", "missing"),
                ("priceCents", "not a whole number")
            ]
        );
    }

    #[test]
    fn what_is_no_json_object_is_a_bad_request() {
        for body in [&b"{"[..], b"[]", b"", b"\xff"] {
            assert_eq!(
                new_order(body).unwrap_err().status(),
                StatusCode::BAD_REQUEST
            );
        }
    }

    #[test]
    fn items_are_bounded_in_characters_and_kept_printable() {
        let long = format!(
            r#"{{"item":"{}","quantity":1,"priceCents":1}}"#,
            "é".repeat(81)
        );
        assert_eq!(
            fields(&new_order(long.as_bytes()).unwrap_err()),
            [("item", "too long")]
        );
        let control = br#"{"item":"a\u0000b","quantity":1,"priceCents":1}"#;
        assert_eq!(
            fields(&new_order(control).unwrap_err()),
            [("item", "holds control characters")]
        );
    }

    #[test]
    fn a_status_change_needs_a_known_status() {
        assert_eq!(
            status_change(br#"{"status":"paid"}"#).unwrap(),
            Status::Paid
        );
        for body in [&br#"{"status":"lost"}"#[..], br#"{"status":1}"#, b"{}"] {
            assert_eq!(fields(&status_change(body).unwrap_err())[0].0, "status");
        }
    }

    #[test]
    fn pages_are_bounded() {
        assert_eq!(
            page(None, None).unwrap(),
            PageQuery {
                limit: 50,
                before: None
            }
        );
        assert_eq!(page(Some("200"), None).unwrap().limit, 200);
        for limit in ["0", "201", "-1", "many"] {
            assert_eq!(fields(&page(Some(limit), None).unwrap_err())[0].0, "limit");
        }
        assert_eq!(page(Some("0"), Some("x")).unwrap_err().details().len(), 2);
    }

    #[test]
    fn keys_are_short_and_printable() {
        assert!(idempotency_key("3f0c-77").is_ok());
        for key in ["", "with space", &"k".repeat(65)] {
            assert!(idempotency_key(key).is_err());
        }
    }
}
