//! The network itself: without policies everything passes, and what a policy doesn't allow is dropped. What
//! the other tests of this suite see means something only because of this one.

use anyhow::Result;
use serde_json::{Value, json};
use suites::namespace::{self, Namespace};
use suites::plain;
use suites::reach::{Source, Target, matrix};

use crate::setting::{self, NODES, no_policies, policy};

/// The pods and what they are tried with.
struct Stage {
    sources: Vec<Source>,
    targets: Vec<Target>,
}

impl Stage {
    /// A server, and a friend on the other node, a stranger on the same one and one in another namespace.
    async fn build(own: &Namespace, other: &Namespace) -> Result<Self> {
        let image = setting::demo()?;
        let [one, two] = NODES;
        let pods = [
            (own, "server", one),
            (own, "friend", two),
            (own, "stranger", one),
            (other, "foreigner", two),
        ];
        let mut sources = vec![Source::machine()];
        let mut targets = vec![Target::tcp(
            "server-service",
            plain::service(own, "server").await?,
        )];
        for (namespace, name, node) in pods {
            let pod = plain::pod(namespace, name, node, &image).await?;
            sources.push(Source::pod(name, &pod)?);
            if name == "server" {
                let at = |port| plain::address(&pod, port);
                targets.push(Target::tcp("server", at(plain::PORT)?));
                // Nobody listens there: that a connection is refused shows that the packets came through.
                targets.push(Target::tcp("other-port", at(plain::PORT + 1)?));
            }
        }
        sources.retain(|source| source.name != "server");
        Ok(Self { sources, targets })
    }

    async fn is(&self, what: &str, reaches: impl Fn(&str, &str) -> bool) -> Result<()> {
        matrix(what, &self.sources, &self.targets, reaches).await
    }
}

fn selecting(app: &str) -> Value {
    json!({"podSelector": {"matchLabels": {"app": app}}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_policy_allows_is_dropped() -> Result<()> {
    setting::shared("enforcement", async |own| {
        namespace::with("foreign", async |other| {
            let stage = Stage::build(&own, &other).await?;
            stage.is("without policies all pass", |_, _| true).await?;

            let deny = json!({"podSelector": {}, "policyTypes": ["Ingress"]});
            policy(&own, "deny", deny).await?;
            stage.is("default deny: none passes", |_, _| false).await?;

            let port = json!([{"port": plain::PORT, "protocol": "TCP"}]);
            let friend = json!({
                "podSelector": selecting("server")["podSelector"],
                "ingress": [{"from": [selecting("friend")], "ports": port}],
            });
            policy(&own, "friend", friend).await?;
            let by_pod = |from: &str, to: &str| from == "friend" && to != "other-port";
            stage.is("one pod, one port", by_pod).await?;

            let name = json!({"kubernetes.io/metadata.name": other.name});
            let foreign = json!({
                "podSelector": selecting("server")["podSelector"],
                "ingress": [{"from": [{"namespaceSelector": {"matchLabels": name}}], "ports": port}],
            });
            policy(&own, "foreign", foreign).await?;
            let by_namespace = |from: &str, to: &str| from == "foreigner" || by_pod(from, to);
            let with_port = |from: &str, to: &str| by_namespace(from, to) && to != "other-port";
            stage.is("another namespace as well", with_port).await?;

            no_policies(&own).await?;
            stage.is("without policies all pass again", |_, _| true).await
        })
        .await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_policy_lets_out_is_dropped() -> Result<()> {
    setting::shared("egress", async |own| {
        let image = setting::demo()?;
        let [one, two] = NODES;
        let server = plain::pod(&own, "server", one, &image).await?;
        let client = plain::pod(&own, "client", two, &image).await?;
        let sources = [Source::pod("client", &client)?];
        let targets = [
            Target::tcp("server", plain::address(&server, plain::PORT)?),
            Target::dns("dns", setting::dns(&own).await?),
        ];
        matrix("all gets out", &sources, &targets, |_, _| true).await?;
        let dns = json!({
            "podSelector": selecting("client")["podSelector"],
            "policyTypes": ["Egress"],
            "egress": [{"ports": [{"port": 53, "protocol": "UDP"}]}],
        });
        policy(&own, "dns-only", dns).await?;
        let only_dns = |_: &str, to: &str| to == "dns";
        matrix(
            "only questions of names get out",
            &sources,
            &targets,
            only_dns,
        )
        .await
    })
    .await
}
