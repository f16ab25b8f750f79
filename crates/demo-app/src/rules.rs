//! The rules of the domain: prices, limits and what may follow what. Pure.

use crate::order::{NewOrder, PricedOrder, Status};

/// Dearest order that is accepted, in cents, after the discount.
pub const MAX_TOTAL_CENTS: u64 = 100_000_000;

/// Volume discounts, largest first: from this quantity on, this many per cent.
const DISCOUNTS: [(u32, u64); 2] = [(100, 10), (10, 5)];

/// A request that the rules refuse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleViolation {
    /// The order is too dear.
    #[error("the order costs more than {MAX_TOTAL_CENTS} cents; split it, or order fewer pieces")]
    TotalTooLarge,
    /// The status may not follow the present one.
    #[error("an order that is {from} cannot become {to}; {fix}", fix = next_steps(*from))]
    Transition {
        /// The present status.
        from: Status,
        /// The status that was asked for.
        to: Status,
    },
    /// The order may not be deleted as it stands.
    #[error("an order that is {0} cannot be deleted; only new and cancelled ones can")]
    NotDeletable(Status),
}

/// Prices an order: quantity × price, less the volume discount (rounded down).
pub fn price(order: NewOrder) -> Result<PricedOrder, RuleViolation> {
    let gross = order
        .price_cents
        .checked_mul(u64::from(order.quantity))
        .ok_or(RuleViolation::TotalTooLarge)?;
    let percent = DISCOUNTS
        .iter()
        .find(|(from, _)| order.quantity >= *from)
        .map_or(0, |(_, percent)| *percent);
    let discount_cents = gross
        .checked_mul(percent)
        .ok_or(RuleViolation::TotalTooLarge)?
        / 100;
    let total_cents = gross - discount_cents;
    if total_cents > MAX_TOTAL_CENTS {
        return Err(RuleViolation::TotalTooLarge);
    }
    Ok(PricedOrder {
        item: order.item,
        quantity: order.quantity,
        price_cents: order.price_cents,
        discount_cents,
        total_cents,
    })
}

/// Whether `to` may follow `from`. A status may follow itself, so that a retry is harmless.
pub fn check_transition(from: Status, to: Status) -> Result<(), RuleViolation> {
    if from == to || successors(from).contains(&to) {
        Ok(())
    } else {
        Err(RuleViolation::Transition { from, to })
    }
}

/// Whether an order may be deleted as it stands.
pub fn check_deletion(status: Status) -> Result<(), RuleViolation> {
    match status {
        Status::New | Status::Cancelled => Ok(()),
        Status::Paid | Status::Shipped => Err(RuleViolation::NotDeletable(status)),
    }
}

/// What may follow a status.
#[must_use]
pub const fn successors(status: Status) -> &'static [Status] {
    match status {
        Status::New => &[Status::Paid, Status::Cancelled],
        Status::Paid => &[Status::Shipped, Status::Cancelled],
        Status::Shipped | Status::Cancelled => &[],
    }
}

fn next_steps(from: Status) -> String {
    let names: Vec<&str> = successors(from)
        .iter()
        .map(|status| status.name())
        .collect();
    if names.is_empty() {
        "it stays as it is".to_owned()
    } else {
        format!("possible now: {}", names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(quantity: u32, price_cents: u64) -> NewOrder {
        NewOrder {
            item: "tea".into(),
            quantity,
            price_cents,
        }
    }

    #[test]
    fn discounts_start_at_their_quantity() {
        for (quantity, discount, total) in [
            (9, 0, 900),
            (10, 50, 950),
            (99, 495, 9405),
            (100, 1000, 9000),
        ] {
            let priced = price(order(quantity, 100)).unwrap();
            assert_eq!(
                (priced.discount_cents, priced.total_cents),
                (discount, total)
            );
        }
    }

    #[test]
    fn a_discount_is_rounded_down() {
        let priced = price(order(11, 1)).unwrap();
        assert_eq!((priced.discount_cents, priced.total_cents), (0, 11));
    }

    #[test]
    fn a_dear_order_is_refused_without_overflow() {
        assert!(price(order(1, MAX_TOTAL_CENTS)).is_ok());
        for refused in [
            order(1, MAX_TOTAL_CENTS + 1),
            order(2, u64::MAX),
            order(1, u64::MAX),
        ] {
            assert_eq!(price(refused), Err(RuleViolation::TotalTooLarge));
        }
        assert_eq!(
            price(order(100, u64::MAX / 150)),
            Err(RuleViolation::TotalTooLarge)
        );
    }

    #[test]
    fn every_transition_is_as_drawn() {
        use Status::{Cancelled, New, Paid, Shipped};
        let allowed = [
            (New, Paid),
            (New, Cancelled),
            (Paid, Shipped),
            (Paid, Cancelled),
        ];
        for from in Status::ALL {
            for to in Status::ALL {
                let expected = from == to || allowed.contains(&(from, to));
                assert_eq!(
                    check_transition(from, to).is_ok(),
                    expected,
                    "{from} → {to}"
                );
            }
        }
    }

    #[test]
    fn a_refusal_names_the_way_on() {
        let refusal = check_transition(Status::New, Status::Shipped).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "an order that is new cannot become shipped; possible now: paid, cancelled"
        );
    }

    #[test]
    fn paid_orders_are_kept() {
        assert!(check_deletion(Status::New).is_ok());
        assert!(check_deletion(Status::Cancelled).is_ok());
        assert!(check_deletion(Status::Paid).is_err());
        assert!(check_deletion(Status::Shipped).is_err());
    }
}
