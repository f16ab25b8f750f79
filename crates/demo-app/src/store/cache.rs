//! The read cache: the orders read or written last.

use std::collections::HashMap;

use crate::order::{Order, OrderId};

/// Holds at most `capacity` orders; the one used longest ago makes room.
#[derive(Debug)]
pub(super) struct Cache {
    capacity: usize,
    uses: u64,
    orders: HashMap<OrderId, (u64, Order)>,
    /// Reads answered.
    pub(super) hits: u64,
    /// Reads not answered.
    pub(super) misses: u64,
}

impl Cache {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            uses: 0,
            orders: HashMap::new(),
            hits: 0,
            misses: 0,
        }
    }

    pub(super) fn get(&mut self, id: OrderId) -> Option<Order> {
        self.uses += 1;
        if let Some((used, order)) = self.orders.get_mut(&id) {
            *used = self.uses;
            self.hits += 1;
            return Some(order.clone());
        }
        self.misses += 1;
        None
    }

    pub(super) fn put(&mut self, order: Order) {
        if self.capacity == 0 {
            return;
        }
        self.uses += 1;
        self.orders.insert(order.id, (self.uses, order));
        if self.orders.len() > self.capacity {
            let oldest = self
                .orders
                .iter()
                .min_by_key(|(_, (used, _))| *used)
                .map(|(id, _)| *id);
            if let Some(id) = oldest {
                self.orders.remove(&id);
            }
        }
    }

    pub(super) fn forget(&mut self, id: OrderId) {
        self.orders.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::order::PricedOrder;

    fn order(id: &str) -> Order {
        let priced = PricedOrder {
            item: "tea".into(),
            quantity: 1,
            price_cents: 1,
            discount_cents: 0,
            total_cents: 1,
        };
        Order::first(id.parse().unwrap(), priced, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn the_least_recently_used_order_makes_room() {
        let [a, b, c] = ["a", "b", "c"].map(|name| order(&format!("{name:0>16}")));
        let mut cache = Cache::new(2);
        cache.put(a.clone());
        cache.put(b.clone());
        assert_eq!(cache.get(a.id).as_ref(), Some(&a));
        cache.put(c.clone());
        assert_eq!(cache.get(b.id), None);
        assert_eq!(cache.get(a.id), Some(a));
        assert_eq!(cache.get(c.id), Some(c));
        assert_eq!((cache.hits, cache.misses), (3, 1));
    }

    #[test]
    fn forgotten_orders_are_gone() {
        let order = order("000000000000000a");
        let mut cache = Cache::new(2);
        cache.put(order.clone());
        cache.forget(order.id);
        assert_eq!(cache.get(order.id), None);
    }
}
