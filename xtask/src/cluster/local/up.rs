//! `cargo xtask up`: makes a local cluster, or brings one back.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use super::api::Api;
use super::layout::Layout;
use super::plan::{MAX_NODES, NodePlan, Plan};
use super::wanted::Wanted;
use super::{
    addons, cilium, control_plane, extras, fake, health, kernel, network, node, pki, preflight,
    process, slots,
};
use crate::cluster::UpArgs;
use crate::cluster::record::{self, Network, Record};
use crate::paths;
use crate::tools::{self, Tool};
use crate::ui::{self, Progress};

/// How long nodes may take to get ready, and the name service to answer.
const READY: Duration = Duration::from_secs(90);

/// A cluster on its way up.
struct Up {
    layout: Layout,
    plan: Plan,
    record: Record,
    api: Api,
}

/// Makes the cluster, brings back what of it doesn't work, or does nothing when all does.
///
/// # Errors
/// The machine can't run it, something is missing, or a part doesn't come up: the error names the
/// part and its log.
pub(crate) fn up(args: &UpArgs) -> Result<()> {
    let begin = Instant::now();
    let layout = Layout::new(&paths::cluster(&args.name)?);
    preflight::check(&layout)?;
    let wanted = Wanted::new(args, Record::read(layout.folder())?.as_ref())?;
    preflight::packages(wanted.nodes, wanted.network, args.no_install)?;
    let tools = wanted.tools();
    tools::ensure(&tools)?;
    ensure(args, &layout, &programs(&tools)?)?;
    let time = ui::seconds(begin.elapsed());
    eprintln!("up: cluster {:?} is up ({time})", args.name);
    eprintln!("up: export KUBECONFIG={}", layout.kubeconfig().display());
    Ok(())
}

/// Brings the cluster up as it is asked for, with these programs, unless it is.
fn ensure(args: &UpArgs, layout: &Layout, programs: &str) -> Result<()> {
    let _lock = record::lock(layout.folder())?;
    let api = Api::new(layout)?;
    // Read under the lock: another command may have changed it until now.
    let present = Record::read(layout.folder())?;
    let wanted = Wanted::new(args, present.as_ref())?;
    let record = match &present {
        Some(record) => wanted.applied_to(record),
        None => slots::claim(&args.name, layout, &wanted)?,
    };
    let unchanged = present.as_ref() == Some(&record) && record.programs == programs;
    if unchanged && health::is_healthy(&health::parts(layout, &record, &api)?) {
        return Ok(());
    }
    let up = Up {
        plan: Plan::new(record.slot),
        layout: layout.clone(),
        record,
        api,
    };
    up.bring_up(present.is_some(), programs.to_owned())
}

/// What the programs were built from: it changes when any of them does.
fn programs(tools: &[Tool]) -> Result<String> {
    let paths: Vec<_> = tools
        .iter()
        .map(|tool| tools::path(*tool))
        .collect::<Result<_>>()?;
    let folders = paths
        .iter()
        .filter_map(|path| path.parent()?.file_name()?.to_str());
    Ok(folders.collect::<Vec<_>>().join(" "))
}

impl Up {
    fn bring_up(&self, present: bool, programs: String) -> Result<()> {
        // Until all is up the record names no programs, so that a later run doesn't take it for done.
        let unfinished = Record {
            programs: String::new(),
            ..self.record.clone()
        };
        unfinished.write(self.layout.folder())?;
        let steps = if self.record.nodes > 0 { 5 } else { 3 } + self.record.with.len();
        let progress = Progress::with_total("up", steps);
        progress.step("certificates and network", || {
            pki::ensure(&self.layout, self.plan, self.record.nodes)?;
            if self.record.nodes > 0 {
                kernel::remember(&self.layout)?;
            }
            network::ensure_bridge(&self.layout, self.plan)
        })?;
        let what = match self.record.nodes {
            0 => "control plane".to_owned(),
            count => format!("control plane, containers of {count} node(s)"),
        };
        progress.step(&what, || self.foundations())?;
        if present {
            self.remove_surplus_nodes()?;
        }
        if self.record.nodes > 0 {
            progress.step("nodes", || self.nodes())?;
            progress.step("cluster DNS", || self.name_service())?;
        }
        let what = format!("{} fake node(s)", self.record.fake_nodes);
        progress.step(&what, || self.fake_nodes())?;
        for extra in &self.record.with {
            let nodes: Vec<_> = self.node_plans().collect();
            progress.step(extras::process(*extra), || {
                extras::ensure(*extra, &self.layout, self.plan, &self.api, &nodes)
            })?;
        }
        Record {
            programs,
            ..self.record.clone()
        }
        .write(self.layout.folder())
    }

    /// The control plane and, at the same time, everything of the nodes that doesn't need it.
    fn foundations(&self) -> Result<()> {
        control_plane::start_store_and_api(&self.layout, self.plan, self.record.speaks)?;
        thread::scope(|scope| {
            let (count, network) = (self.record.nodes, self.record.network);
            let prepare =
                |node| move || node::prepare(&self.layout, self.plan, node, count, network);
            let nodes: Vec<_> = self
                .node_plans()
                .map(|node| scope.spawn(prepare(node)))
                .collect();
            let control_plane = self.control_plane();
            let nodes = nodes.into_iter().map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|_| Err(anyhow!("a node's thread has panicked")))
            });
            // The control plane's error first: without it no node works.
            control_plane.and(nodes.collect())
        })
    }

    fn control_plane(&self) -> Result<()> {
        control_plane::wait_for_api(&self.layout, self.plan, &self.api)?;
        control_plane::start_controllers(&self.layout, self.plan, self.record.speaks)?;
        if self.record.nodes == 0 {
            return Ok(());
        }
        let objects: Vec<_> = self.node_plans().map(node::object).collect();
        let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": objects});
        self.api
            .apply(&list.to_string())
            .context("making the nodes' objects")?;
        let nodes: Vec<_> = self.node_plans().collect();
        addons::apply(&self.api, &self.layout, self.plan, &nodes).context("applying the addons")?;
        match self.record.network {
            Network::Bridge => Ok(()),
            Network::Cilium => cilium::apply_definitions(&self.api),
        }
    }

    fn nodes(&self) -> Result<()> {
        for node in self.node_plans() {
            node::start(&self.layout, self.plan, node, self.record.network)?;
        }
        let names: Vec<String> = self
            .node_plans()
            .map(|node| format!("node/{}", node.name()))
            .collect();
        let mut args = vec!["--for=condition=Ready"];
        args.extend(names.iter().map(String::as_str));
        self.api
            .wait(&args, READY, || self.check())
            .context("the nodes don't get ready")
    }

    fn name_service(&self) -> Result<()> {
        let mut ended = Ok(());
        let answers = process::wait_until(READY, || {
            ended = self.check();
            ended.is_err() || addons::answers(self.plan)
        });
        ended?;
        if !answers {
            bail!(
                "CoreDNS does not answer at {}:53 after {} s: see `kubectl -n kube-system describe \
                 pods` and {}",
                self.plan.dns(),
                READY.as_secs(),
                self.layout.log("kubelet-1").display()
            );
        }
        Ok(())
    }

    fn fake_nodes(&self) -> Result<()> {
        let (count, real) = (self.record.fake_nodes, self.record.nodes);
        fake::ensure(&self.layout, self.plan, &self.api, count, real)
    }

    /// Removes the nodes that the cluster had and shall not have.
    fn remove_surplus_nodes(&self) -> Result<()> {
        let beyond = self
            .plan
            .nodes(MAX_NODES)
            .skip(usize::from(self.record.nodes));
        for node in beyond.filter(|node| self.layout.node(*node).folder().exists()) {
            node::remove(&self.layout, &self.api, node, self.record.network)
                .with_context(|| format!("removing {}", node.name()))?;
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        for name in control_plane::PROCESSES {
            process::check(&self.layout, name)?;
        }
        self.node_plans().try_for_each(|node| {
            node::start_again(&self.layout, self.plan, node)?;
            node::check(&self.layout, node, self.record.network)
        })
    }

    fn node_plans(&self) -> impl Iterator<Item = NodePlan> {
        self.plan.nodes(self.record.nodes)
    }
}
