//! The cluster's network: one bridge on the host with a route to each node's pods and one to the
//! Services, and a network namespace with a cable to the bridge for each node. The host's packet
//! filter and its settings are left alone.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::layout::Layout;
use super::plan::{NodePlan, Plan};
use super::procfs;
use crate::run::Cmd;

/// What the alias of a cluster's links begins with; the cluster's folder follows.
const OWNER: &str = "restapi-cluster ";
/// What a node's kernel must do: pass packets on, and show bridged packets to the packet filter
/// (without it, a pod that reaches itself or a neighbour through a Service gets answers from an
/// address that it did not ask).
const NODE_SETTINGS: &str = "echo 1 >/proc/sys/net/ipv4/ip_forward; \
     echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables";

/// A network interface as `ip -json` tells it.
#[derive(Debug, Deserialize)]
struct Link {
    ifname: String,
    #[serde(default)]
    ifalias: Option<String>,
}

/// A route as `ip -json` tells it.
#[derive(Debug, Deserialize)]
struct Route {
    dst: String,
    #[serde(default)]
    dev: Option<String>,
}

/// Makes the bridge, unless it is there.
///
/// # Errors
/// Something that isn't this cluster's has its name or its addresses.
pub(super) fn ensure_bridge(layout: &Layout, plan: Plan) -> Result<()> {
    load_bridge_filter()?;
    let bridge = plan.bridge();
    if let Some(found) = link(&bridge)? {
        check_owner(&found, layout)?;
    } else {
        check_routes(plan)?;
        ip(&["link", "add", &bridge, "type", "bridge"])?;
    }
    ip(&["link", "set", &bridge, "alias", &owner(layout)])?;
    let address = format!("{}/24", plan.host());
    ip(&["address", "replace", &address, "dev", &bridge])?;
    ip(&["link", "set", &bridge, "up"])
}

/// Whether something that is not this cluster's has the name of its bridge or an address of its
/// plan: the reason in words.
pub(super) fn conflict(layout: &Layout, plan: Plan) -> Result<Option<String>> {
    let Some(found) = link(&plan.bridge())? else {
        return Ok(check_routes(plan).err().map(|error| error.to_string()));
    };
    Ok(check_owner(&found, layout)
        .err()
        .map(|error| error.to_string()))
}

/// The slot of this cluster, as its bridge tells; none when it has no bridge.
pub(super) fn slot(layout: &Layout) -> Option<u8> {
    let own = owner(layout);
    let mut links = links()
        .ok()?
        .into_iter()
        .filter(|link| link.ifalias.as_ref() == Some(&own));
    links.find_map(|link| link.ifname.strip_prefix("ra")?.parse().ok())
}

/// Whether the node has its namespace. It hasn't after a reboot.
pub(super) fn has_namespace(layout: &Layout, node: NodePlan) -> Result<bool> {
    let point = layout.node(node).namespace();
    Ok(procfs::mounts()?
        .iter()
        .any(|mount| mount.point == point && mount.kind == "nsfs"))
}

/// Makes the node's namespace, its cable and the host's routes to it, unless they are there.
///
/// # Errors
/// A link of that name is not ours, or the kernel refuses something.
pub(super) fn ensure_node(layout: &Layout, plan: Plan, node: NodePlan) -> Result<()> {
    let namespace = layout.node(node).namespace();
    if !has_namespace(layout, node)? {
        fs::write(&namespace, "")?;
        let net = format!("--net={}", namespace.display());
        Cmd::new("unshare").arg(net).arg("true").run()?;
    }
    ensure_cable(layout, plan, node)?;
    ip(&[
        "route",
        "replace",
        &node.pods(),
        "via",
        &node.address().to_string(),
    ])?;
    if node.number() == 1 {
        ip(&[
            "route",
            "replace",
            &plan.services(),
            "via",
            &node.address().to_string(),
        ])?;
    }
    Ok(())
}

/// Gives a node the routes to the pods of the nodes 1 to `count`.
///
/// # Errors
/// The kernel refuses a route.
pub(super) fn ensure_routes(layout: &Layout, plan: Plan, node: NodePlan, count: u8) -> Result<()> {
    let mut batch = String::new();
    for other in plan.nodes(count).filter(|other| *other != node) {
        let (pods, address) = (other.pods(), other.address());
        let _ = writeln!(batch, "route replace {pods} via {address}");
    }
    inside(layout, node)
        .args(["ip", "-batch", "-"])
        .stdin(batch)
        .run()
}

/// A command inside the node's network namespace.
pub(super) fn inside(layout: &Layout, node: NodePlan) -> Cmd {
    Cmd::new("nsenter").arg(format!("--net={}", layout.node(node).namespace().display()))
}

/// Removes the node's cable and the host's routes to it; its namespace ends with its last process.
///
/// # Errors
/// The kernel refuses.
pub(super) fn remove_node(layout: &Layout, node: NodePlan) -> Result<()> {
    remove_link(layout, &node.link())?;
    let routes = routes()?;
    if routes.iter().any(|route| route.dst == node.pods()) {
        ip(&["route", "del", &node.pods()])?;
    }
    Ok(())
}

/// Removes every link of this cluster; their routes go with them.
///
/// # Errors
/// The kernel refuses.
pub(super) fn remove_all(layout: &Layout) -> Result<()> {
    let own = owner(layout);
    for link in links()?
        .iter()
        .filter(|link| link.ifalias.as_ref() == Some(&own))
    {
        remove_link(layout, &link.ifname)?;
    }
    Ok(())
}

/// Loads the kernel's filter for bridged packets where it is a module that isn't loaded, and turns
/// it off for the host's own bridges, which were not filtered before either.
fn load_bridge_filter() -> Result<()> {
    let settings = Path::new("/proc/sys/net/bridge");
    if settings.is_dir() {
        return Ok(());
    }
    let load = Cmd::new("modprobe").arg("br_netfilter").run();
    load.context("Services need the kernel's br_netfilter, which can't be loaded")?;
    for name in ["iptables", "ip6tables", "arptables"] {
        fs::write(settings.join(format!("bridge-nf-call-{name}")), "0")?;
    }
    Ok(())
}

fn ensure_cable(layout: &Layout, plan: Plan, node: NodePlan) -> Result<()> {
    let name = node.link();
    let namespace = layout.node(node).namespace();
    if let Some(found) = link(&name)? {
        check_owner(&found, layout)?;
    } else {
        let namespace = namespace.to_string_lossy();
        let hardware = node.hardware_address();
        let ours = ["link", "add", &name, "type", "veth"];
        let peer = [
            "peer", "name", "eth0", "address", &hardware, "netns", &namespace,
        ];
        ip(&[&ours[..], &peer[..]].concat())?;
    }
    ip(&[
        "link",
        "set",
        &name,
        "alias",
        &owner(layout),
        "master",
        &plan.bridge(),
        "up",
    ])?;
    let batch = format!(
        "link set lo up\naddress replace {}/24 dev eth0\nlink set eth0 up\n\
         route replace default via {}\n",
        node.address(),
        plan.host()
    );
    inside(layout, node)
        .args(["ip", "-batch", "-"])
        .stdin(batch)
        .run()?;
    inside(layout, node)
        .args(["sh", "-ec", NODE_SETTINGS])
        .run()
        .context("the node's network settings")
}

fn remove_link(layout: &Layout, name: &str) -> Result<()> {
    let Some(found) = link(name)? else {
        return Ok(());
    };
    check_owner(&found, layout)?;
    ip(&["link", "del", name])
}

/// What the cluster writes on its links, to know them again: its folder.
fn owner(layout: &Layout) -> String {
    format!("{OWNER}{}", layout.folder().display())
}

/// A link with our name and without any owner was left by a run that was killed right after it
/// made it: nobody else's links are named like that and unused.
fn check_owner(link: &Link, layout: &Layout) -> Result<()> {
    match &link.ifalias {
        Some(alias) if *alias == owner(layout) => Ok(()),
        None if is_unused(&link.ifname) => Ok(()),
        Some(alias) if alias.starts_with(OWNER) => bail!(
            "the network interface {} is that of the cluster in {}: take that one down first, or \
             use another --name",
            link.ifname,
            alias.trim_start_matches(OWNER)
        ),
        _ => bail!(
            "the network interface {name} is not this cluster's: remove it with `ip link del \
             {name}`, or use another --name",
            name = link.ifname
        ),
    }
}

fn is_unused(name: &str) -> bool {
    let folder = Path::new("/sys/class/net").join(name);
    let ports = fs::read_dir(folder.join("brif")).map_or(0, Iterator::count);
    let state = fs::read_to_string(folder.join("operstate")).unwrap_or_default();
    ports == 0 && !folder.join("master").exists() && state.trim() == "down"
}

/// Routes of others into the ranges that the cluster needs would lead its packets away, or ours
/// theirs.
fn check_routes(plan: Plan) -> Result<()> {
    let needed = [plan.network(), plan.pods(), plan.services()];
    for route in routes()? {
        let taken = needed.iter().find(|range| overlap(range, &route.dst));
        if let Some(range) = taken {
            bail!(
                "the cluster needs the addresses {range}, and this machine has a route to {} \
                 through {}: use another --name, which has other addresses",
                route.dst,
                route.dev.as_deref().unwrap_or("a gateway")
            );
        }
    }
    Ok(())
}

/// Whether two ranges `A.B.C.D/N` (a host without `/N`) have an address in common. What is no
/// range, as `default`, has none with any.
fn overlap(one: &str, other: &str) -> bool {
    let parse = |text: &str| {
        let (address, bits) = text.split_once('/').unwrap_or((text, "32"));
        let address: std::net::Ipv4Addr = address.parse().ok()?;
        Some((u32::from(address), bits.parse::<u32>().ok()?))
    };
    let (Some((one, one_bits)), Some((other, other_bits))) = (parse(one), parse(other)) else {
        return false;
    };
    let shared = one_bits.min(other_bits);
    let mask = u32::MAX.checked_shl(32 - shared).unwrap_or(0);
    one & mask == other & mask
}

fn link(name: &str) -> Result<Option<Link>> {
    Ok(links()?.into_iter().find(|link| link.ifname == name))
}

fn links() -> Result<Vec<Link>> {
    json(&["-json", "link", "show"])
}

fn routes() -> Result<Vec<Route>> {
    json(&["-json", "-4", "route", "show"])
}

fn json<T: for<'a> Deserialize<'a>>(args: &[&str]) -> Result<Vec<T>> {
    let text = Cmd::new("ip").args(args).read()?;
    let text = if text.trim().is_empty() { "[]" } else { &text };
    serde_json::from_str(text)
        .with_context(|| format!("can't read what `ip {}` says", args.join(" ")))
}

fn ip(args: &[&str]) -> Result<()> {
    Cmd::new("ip").args(args).run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_overlap_when_one_holds_the_other() {
        assert!(overlap("10.192.0.0/16", "10.192.3.0/24"));
        assert!(overlap("172.30.0.5", "172.30.0.0/24"));
        assert!(overlap("0.0.0.0/0", "10.0.0.0/8"));
        assert!(!overlap("10.192.0.0/16", "10.193.0.0/16"));
        assert!(!overlap("10.192.0.0/16", "default"));
    }

    #[test]
    fn the_output_of_ip_is_understood() {
        let text =
            r#"[{"ifname":"lo"},{"ifname":"ra0","ifalias":"restapi-cluster /x","flags":[]}]"#;
        let links: Vec<Link> = serde_json::from_str(text).unwrap();
        let layout = Layout::new(Path::new("/x"));
        assert!(check_owner(&links[1], &layout).is_ok());
        let error = check_owner(&links[0], &layout).unwrap_err().to_string();
        assert!(error.contains("lo is not this cluster's"), "{error}");
    }
}
