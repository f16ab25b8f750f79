//! What a local cluster is to be: what was asked for, and else what it is already.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use super::cilium;
use crate::cluster::UpArgs;
use crate::cluster::record::{Backend, Extra, Network, Record, Speaks};
use crate::tools::Tool;

/// The shape of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// How many real nodes it has.
    pub(super) nodes: u8,
    /// How many nodes KWOK plays.
    pub(super) fake_nodes: u16,
    /// What connects its pods.
    pub(super) network: Network,
    /// What its control plane speaks.
    pub(super) speaks: Speaks,
    /// What it has beside the usual parts.
    pub(super) with: BTreeSet<Extra>,
}

impl Wanted {
    /// The shape that `args` ask for, of a cluster that is there or of a new one.
    ///
    /// # Errors
    /// The cluster is there with another network, from which its pods have their addresses, or speaks another
    /// version, which may have kinds that the one asked for does not have.
    pub(super) fn new(args: &UpArgs, present: Option<&Record>) -> Result<Self> {
        let network = args.network.or(present.map(|record| record.network));
        let network = network.unwrap_or_default();
        if let Some(record) = present.filter(|record| record.network != network) {
            bail!(
                "the pods of cluster {name:?} are connected by {}: `cargo xtask down --name {name}` \
                 first, or choose another --name",
                record.network.name(),
                name = args.name
            );
        }
        let speaks = args.speaks.or(present.map(|record| record.speaks));
        let speaks = speaks.unwrap_or_default();
        if present.is_some_and(|record| record.speaks != speaks) {
            bail!(
                "cluster {name:?} speaks another version: `cargo xtask down --name {name}` first, or choose \
                 another --name",
                name = args.name
            );
        }
        let nodes = args.nodes.or(present.map(|record| record.nodes));
        let fake_nodes = args.fake_nodes.or(present.map(|record| record.fake_nodes));
        let mut with: BTreeSet<Extra> = present.map_or_else(BTreeSet::new, |it| it.with.clone());
        with.extend(&args.with);
        Ok(Self {
            nodes: nodes.unwrap_or(1),
            fake_nodes: fake_nodes.unwrap_or(0),
            network,
            speaks,
            with,
        })
    }

    /// The record of a new cluster of this shape.
    pub(super) fn record(&self, slot: u8) -> Record {
        self.applied_to(&Record {
            slot,
            ..Record::foreign(Backend::Local, 0, None)
        })
    }

    /// The record of a cluster that gets this shape.
    pub(super) fn applied_to(&self, record: &Record) -> Record {
        Record {
            nodes: self.nodes,
            fake_nodes: self.fake_nodes,
            network: self.network,
            speaks: self.speaks,
            with: self.with.clone(),
            ..record.clone()
        }
    }

    /// The programs that a cluster of this shape is made of.
    pub(super) fn tools(&self) -> Vec<Tool> {
        let mut tools = vec![
            Tool::Etcd,
            Tool::ApiServer,
            Tool::ControllerManager,
            Tool::Scheduler,
            Tool::Kubectl,
        ];
        if self.nodes > 0 {
            tools.extend([Tool::Kubelet, Tool::KubeProxy, Tool::Pause, Tool::CoreDns]);
            tools.extend([Tool::MetricsServer, Tool::LocalPathProvisioner]);
            tools.push(Tool::VolumeHelper);
        }
        if self.nodes > 0 && self.network == Network::Cilium {
            tools.extend(cilium::TOOLS);
        }
        if self.fake_nodes > 0 {
            tools.push(Tool::Kwok);
        }
        tools.extend(self.with.iter().map(|extra| match extra {
            Extra::Registry => Tool::Registry,
            Extra::Ingress => Tool::Traefik,
        }));
        tools
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            fake_nodes: 5,
            with: BTreeSet::from([Extra::Registry]),
            ..Record::foreign(Backend::Local, 2, None)
        }
    }

    #[test]
    fn what_is_not_asked_for_stays() {
        let args = UpArgs {
            nodes: Some(3),
            with: vec![Extra::Ingress],
            ..UpArgs::named("one")
        };
        let wanted = Wanted::new(&args, Some(&record())).unwrap();
        assert_eq!((wanted.nodes, wanted.fake_nodes), (3, 5));
        assert_eq!(
            wanted.with,
            BTreeSet::from([Extra::Registry, Extra::Ingress])
        );
        let new = Wanted::new(&UpArgs::named("one"), None).unwrap();
        assert_eq!((new.nodes, new.network), (1, Network::Bridge));
    }

    #[test]
    fn the_network_of_a_cluster_is_not_changed_in_place() {
        let args = UpArgs {
            network: Some(Network::Cilium),
            ..UpArgs::named("one")
        };
        let error = Wanted::new(&args, Some(&record())).unwrap_err().to_string();
        assert!(
            error.contains("bridge") && error.contains("down --name one"),
            "{error}"
        );
        let wanted = Wanted::new(&args, None).unwrap();
        let again = Wanted::new(&UpArgs::named("one"), Some(&wanted.record(3))).unwrap();
        assert_eq!(again, wanted);
    }

    #[test]
    fn what_a_cluster_speaks_is_not_changed_in_place() {
        let args = UpArgs {
            speaks: Some(Speaks::Oldest),
            ..UpArgs::named("one")
        };
        let error = Wanted::new(&args, Some(&record())).unwrap_err().to_string();
        assert!(error.contains("speaks another version"), "{error}");
        let wanted = Wanted::new(&args, None).unwrap();
        let again = Wanted::new(&UpArgs::named("one"), Some(&wanted.record(3))).unwrap();
        assert_eq!(again.speaks, Speaks::Oldest);
    }

    #[test]
    fn what_is_heavy_is_built_only_when_it_is_asked_for() {
        let plain = Wanted::new(&UpArgs::named("one"), None).unwrap();
        let heavy = [Tool::Registry, Tool::Traefik, Tool::CiliumAgent];
        assert!(!plain.tools().iter().any(|tool| heavy.contains(tool)));
        let all = Wanted {
            network: Network::Cilium,
            with: BTreeSet::from([Extra::Registry, Extra::Ingress]),
            ..plain
        };
        assert!(heavy.iter().all(|tool| all.tools().contains(tool)));
        let bare = Wanted { nodes: 0, ..all };
        assert!(!bare.tools().contains(&Tool::CiliumAgent));
    }
}
