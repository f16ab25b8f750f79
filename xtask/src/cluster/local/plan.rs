//! The address plan: every name and address of a cluster follows from its slot, so that clusters
//! of different slots never meet.

use std::net::Ipv4Addr;

/// How many local clusters one machine can have.
pub(crate) const SLOTS: u8 = 16;
/// How many real nodes one cluster can have.
pub(crate) const MAX_NODES: u8 = 200;

/// The names and addresses of one cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    slot: u8,
}

/// The names and addresses of one node; nodes are numbered from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NodePlan {
    slot: u8,
    number: u8,
}

impl Plan {
    /// The plan of this slot, which is less than [`SLOTS`].
    pub(super) fn new(slot: u8) -> Self {
        Self { slot }
    }

    /// The host's bridge, to which all nodes are connected.
    pub(super) fn bridge(self) -> String {
        format!("ra{}", self.slot)
    }

    /// The host's address on the bridge: the control plane listens here.
    pub(super) fn host(self) -> Ipv4Addr {
        Ipv4Addr::new(172, 30, self.slot, 1)
    }

    /// The network of the bridge: the host and the nodes.
    pub(super) fn network(self) -> String {
        format!("172.30.{}.0/24", self.slot)
    }

    /// The addresses of all pods.
    pub(super) fn pods(self) -> String {
        format!("10.{}.0.0/16", self.pods_octet())
    }

    /// The addresses of Services.
    pub(super) fn services(self) -> String {
        format!("10.{}.0.0/16", self.services_octet())
    }

    /// The Service of the API server.
    pub(super) fn api_service(self) -> Ipv4Addr {
        Ipv4Addr::new(10, self.services_octet(), 0, 1)
    }

    /// The Service of the cluster's name server.
    pub(super) fn dns(self) -> Ipv4Addr {
        Ipv4Addr::new(10, self.services_octet(), 0, 10)
    }

    /// The addresses of the pods that KWOK plays; nothing answers there.
    pub(super) fn fake_pods(self) -> String {
        format!("10.{}.0.0/16", 224 + self.slot)
    }

    /// The node of this number.
    pub(super) fn node(self, number: u8) -> NodePlan {
        NodePlan {
            slot: self.slot,
            number,
        }
    }

    /// The nodes 1 to `count`.
    pub(super) fn nodes(self, count: u8) -> impl Iterator<Item = NodePlan> {
        (1..=count).map(move |number| self.node(number))
    }

    fn pods_octet(self) -> u8 {
        192 + self.slot
    }

    fn services_octet(self) -> u8 {
        208 + self.slot
    }
}

impl NodePlan {
    /// The node's name in Kubernetes.
    pub(super) fn name(self) -> String {
        format!("node-{}", self.number)
    }

    /// The node's number, from 1.
    pub(super) fn number(self) -> u8 {
        self.number
    }

    /// The host's end of the cable to the node; the node's cgroup and CNI network have this name
    /// as well.
    pub(super) fn link(self) -> String {
        format!("ra{}-{}", self.slot, self.number)
    }

    /// The node's address.
    pub(super) fn address(self) -> Ipv4Addr {
        Ipv4Addr::new(172, 30, self.slot, 10 + self.number)
    }

    /// The node's hardware address: fixed, so that a node that is made anew is found at once.
    pub(super) fn hardware_address(self) -> String {
        format!("02:72:61:00:{:02x}:{:02x}", self.slot, self.number)
    }

    /// The addresses of the node's pods.
    pub(super) fn pods(self) -> String {
        format!("10.{}.{}.0/24", 192 + self.slot, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_two_clusters_share_a_name_or_a_range() {
        let mut seen = HashSet::new();
        for slot in 0..SLOTS {
            let plan = Plan::new(slot);
            let ranges = [
                plan.network(),
                plan.pods(),
                plan.services(),
                plan.fake_pods(),
            ];
            for value in ranges
                .into_iter()
                .chain([plan.bridge(), plan.host().to_string()])
            {
                assert!(seen.insert(value.clone()), "{value} twice");
            }
            for node in plan.nodes(MAX_NODES) {
                let own = [
                    node.link(),
                    node.address().to_string(),
                    node.hardware_address(),
                ];
                for value in own.into_iter().chain([node.pods()]) {
                    assert!(seen.insert(value.clone()), "{value} twice");
                }
            }
        }
    }

    #[test]
    fn names_fit_the_kernel() {
        assert!(Plan::new(SLOTS - 1).node(MAX_NODES).link().len() < 16);
    }

    #[test]
    fn addresses_lie_in_their_ranges() {
        let plan = Plan::new(2);
        assert_eq!(plan.host().to_string(), "172.30.2.1");
        assert_eq!(plan.node(1).address().to_string(), "172.30.2.11");
        assert_eq!(plan.pods(), "10.194.0.0/16");
        assert_eq!(plan.node(3).pods(), "10.194.3.0/24");
        assert_eq!(plan.dns().to_string(), "10.210.0.10");
    }
}
