//! Orders: the one kind of thing that this service keeps.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::entropy::random_u64;

/// Identifies an order: 16 hexadecimal digits that sort by time of creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId(u64);

impl OrderId {
    const RANDOM_BITS: u32 = 20;

    /// A new id for an order made at `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        let milliseconds = u64::try_from(now.as_millisecond()).unwrap_or(0);
        Self((milliseconds << Self::RANDOM_BITS) | (random_u64() >> (64 - Self::RANDOM_BITS)))
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A text that is no order id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an order id is 16 hexadecimal digits in lower case, as in the answer to POST")]
pub struct BadOrderId;

impl FromStr for OrderId {
    type Err = BadOrderId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() != 16 || !text.bytes().all(digit) {
            return Err(BadOrderId);
        }
        u64::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| BadOrderId)
    }
}

impl Serialize for OrderId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OrderId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Received; every order starts here.
    New,
    /// Paid for.
    Paid,
    /// On its way; the end.
    Shipped,
    /// Given up; the end.
    Cancelled,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::New, Self::Paid, Self::Shipped, Self::Cancelled];

    /// The name, as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Paid => "paid",
            Self::Shipped => "shipped",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a client asks for; checked for shape and range, not yet for the rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewOrder {
    /// What is ordered, 1 to 80 characters.
    pub item: String,
    /// How many, 1 to 10 000.
    pub quantity: u32,
    /// Price of one piece, in cents.
    pub price_cents: u64,
}

/// A new order that the rules have accepted and priced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PricedOrder {
    /// What is ordered.
    pub item: String,
    /// How many.
    pub quantity: u32,
    /// Price of one piece, in cents.
    pub price_cents: u64,
    /// What the volume discount takes off, in cents.
    pub discount_cents: u64,
    /// What is to pay, in cents.
    pub total_cents: u64,
}

/// An order as it is stored and shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// The order's id.
    pub id: OrderId,
    /// What is ordered.
    pub item: String,
    /// How many.
    pub quantity: u32,
    /// Price of one piece, in cents.
    pub price_cents: u64,
    /// What the volume discount takes off, in cents.
    pub discount_cents: u64,
    /// What is to pay, in cents.
    pub total_cents: u64,
    /// Where the order stands.
    pub status: Status,
    /// When it was made.
    pub created_at: Timestamp,
    /// Counts the order's changes, from 1; a change names the revision that it starts from.
    pub revision: u64,
}

impl Order {
    /// The first revision of a priced order.
    #[must_use]
    pub fn first(id: OrderId, priced: PricedOrder, created_at: Timestamp) -> Self {
        Self {
            id,
            item: priced.item,
            quantity: priced.quantity,
            price_cents: priced.price_cents,
            discount_cents: priced.discount_cents,
            total_cents: priced.total_cents,
            status: Status::New,
            created_at,
            revision: 1,
        }
    }

    /// Whether the order was made from this request: what tells a retry from another request
    /// under the same key.
    #[must_use]
    pub fn was_made_from(&self, priced: &PricedOrder) -> bool {
        self.item == priced.item
            && self.quantity == priced.quantity
            && self.price_cents == priced.price_cents
    }
}

/// One page of orders, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderPage {
    /// The orders of this page.
    pub orders: Vec<Order>,
    /// How many orders there are in all.
    pub total: u64,
    /// What to give as `before` to get the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<OrderId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_and_sort_by_time() {
        let early = OrderId::new(Timestamp::from_millisecond(1_700_000_000_000).unwrap());
        let late = OrderId::new(Timestamp::from_millisecond(1_700_000_000_001).unwrap());
        assert!(early < late);
        assert!(early.to_string() < late.to_string());
        assert_eq!(early.to_string().parse(), Ok(early));
    }

    #[test]
    fn other_texts_are_no_ids() {
        for text in [
            "",
            "1",
            "00000000000000001",
            "000000000000000G",
            "+00000000000000a",
            "../etc",
        ] {
            assert_eq!(text.parse::<OrderId>(), Err(BadOrderId), "{text}");
        }
    }
}
