//! The form that makes an order.

use serde::Deserialize;
use serde_json::{Value, json};

/// What was entered, as text: the controller says what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrderForm {
    pub(super) item: String,
    pub(super) quantity: String,
    pub(super) price_cents: String,
    /// Made with the page, so that sending the form twice makes one order.
    pub(super) key: String,
}

impl OrderForm {
    pub(super) fn empty(key: String) -> Self {
        Self {
            item: String::new(),
            quantity: "1".into(),
            price_cents: String::new(),
            key,
        }
    }

    /// The order as the API takes it. What is no number stays a text, for the controller to
    /// refuse by name.
    pub(super) fn to_json(&self) -> String {
        let number = |text: &str| {
            text.trim()
                .parse::<i64>()
                .map_or_else(|_| Value::from(text), Value::from)
        };
        json!({
            "item": self.item,
            "quantity": number(&self.quantity),
            "priceCents": number(&self.price_cents),
        })
        .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_numbers_and_the_rest_stays_text() {
        let form = OrderForm {
            item: "tea".into(),
            quantity: " 2 ".into(),
            price_cents: "three".into(),
            key: "k".into(),
        };
        let sent: Value = serde_json::from_str(&form.to_json()).unwrap();
        assert_eq!(
            sent,
            json!({"item": "tea", "quantity": 2, "priceCents": "three"})
        );
    }
}
