//! The programs that the local cluster is made of. They are built from published Go modules, whose
//! versions and checksums the modules under `tests/cluster` pin, and kept in the cache.

mod build;
mod gomod;
pub(crate) mod packages;
mod store;

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::ui::Progress;

/// A program that is built and cached when it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    /// `kubectl`, the client.
    Kubectl,
    /// `kustomize`, which builds manifests.
    Kustomize,
    /// `kwok`, which plays nodes and their pods.
    Kwok,
    /// `etcd`, the API server's store.
    Etcd,
    /// `kube-apiserver`.
    ApiServer,
    /// `kube-controller-manager`.
    ControllerManager,
    /// `kube-scheduler`.
    Scheduler,
    /// `kubelet`, a node's agent.
    Kubelet,
    /// `kube-proxy`, which makes Services work on a node.
    KubeProxy,
    /// `coredns`, the cluster's name service.
    CoreDns,
    /// `metrics-server`, the source of CPU and memory figures.
    MetricsServer,
    /// `pause`, the first process of every pod.
    Pause,
    /// `local-path-provisioner`, which makes volumes for claims.
    LocalPathProvisioner,
    /// `volume-helper`, which makes and removes their folders on the nodes.
    VolumeHelper,
    /// `cilium-agent`, which enforces `NetworkPolicies` on a node.
    CiliumAgent,
    /// `cilium-cni`, which connects pods to the agent.
    CiliumPlugin,
    /// `registry`, which keeps images.
    Registry,
    /// `traefik`, which serves Ingresses and Gateways.
    Traefik,
    /// `jaeger`, which keeps and shows traces.
    Jaeger,
    /// `nats-server`, which carries events.
    NatsServer,
    /// `prometheus`, which collects metrics and evaluates rules.
    Prometheus,
    /// `promtool`, which checks and tests rules.
    Promtool,
}

/// How a program is made from its module.
#[derive(Clone, Copy, Debug)]
struct Recipe {
    /// The name of the program, and of its file.
    name: &'static str,
    /// The module's folder under `tests/cluster`.
    module: &'static str,
    /// The Go package to build.
    package: &'static str,
    /// The required module whose version is the program's; none: the program is ours.
    version_of: Option<&'static str>,
    /// The linker's `-X` settings; `{version}`, `{major}` and `{minor}` are filled in.
    settings: &'static [&'static str],
    /// Files, and folders with all in them, that the program needs when it runs: inside the required
    /// module, or, as `MODULE//PATH`, inside another that its module requires.
    data: &'static [&'static str],
}

const KUBERNETES_SETTINGS: &[&str] = &[
    "k8s.io/component-base/version.gitVersion={version}",
    "k8s.io/component-base/version.gitMajor={major}",
    "k8s.io/component-base/version.gitMinor={minor}",
    "k8s.io/client-go/pkg/version.gitVersion={version}",
];

impl Tool {
    /// The program's name, as its own project writes it.
    pub(crate) fn name(self) -> &'static str {
        self.recipe().name
    }

    /// The program's version with its `v`, as its module pins it.
    ///
    /// # Errors
    /// The module's `go.mod` can't be read or doesn't require it.
    pub(crate) fn version(self) -> Result<String> {
        gomod::version(&self.recipe())
    }

    fn recipe(self) -> Recipe {
        match self {
            Self::ApiServer => kubernetes("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
            Self::ControllerManager => kubernetes(
                "kube-controller-manager",
                "k8s.io/kubernetes/cmd/kube-controller-manager",
            ),
            Self::Scheduler => kubernetes("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler"),
            Self::Kubelet => kubernetes("kubelet", "k8s.io/kubernetes/cmd/kubelet"),
            Self::KubeProxy => kubernetes("kube-proxy", "k8s.io/kubernetes/cmd/kube-proxy"),
            Self::Kubectl => kubernetes("kubectl", "k8s.io/kubernetes/cmd/kubectl"),
            Self::Etcd => plain(
                "etcd",
                "go.etcd.io/etcd/server/v3",
                "go.etcd.io/etcd/server/v3",
            ),
            Self::CoreDns => plain("coredns", ".", "github.com/coredns/coredns"),
            Self::MetricsServer => plain(
                "metrics-server",
                "sigs.k8s.io/metrics-server/cmd/metrics-server",
                "sigs.k8s.io/metrics-server",
            ),
            Self::Kustomize => Recipe {
                settings: &["sigs.k8s.io/kustomize/api/provenance.version={version}"],
                ..plain(
                    "kustomize",
                    "sigs.k8s.io/kustomize/kustomize/v5",
                    "sigs.k8s.io/kustomize/kustomize/v5",
                )
            },
            Self::Kwok => Recipe {
                data: &[
                    "kustomize/stage/node/fast/node-initialize.yaml",
                    "kustomize/stage/node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
                    "kustomize/stage/pod/fast/pod-ready.yaml",
                    "kustomize/stage/pod/fast/pod-complete.yaml",
                    "kustomize/stage/pod/fast/pod-delete.yaml",
                ],
                ..plain("kwok", "sigs.k8s.io/kwok/cmd/kwok", "sigs.k8s.io/kwok")
            },
            Self::Pause => own("pause"),
            Self::VolumeHelper => own("volume-helper"),
            Self::CiliumAgent => Recipe {
                data: &[
                    "bpf",
                    "pkg/k8s/apis/cilium.io/client/crds/v2",
                    "pkg/k8s/apis/cilium.io/client/crds/v2alpha1",
                ],
                ..cilium("cilium-agent", "github.com/cilium/cilium/daemon")
            },
            Self::CiliumPlugin => {
                cilium("cilium-cni", "github.com/cilium/cilium/plugins/cilium-cni")
            }
            Self::Registry => Recipe {
                settings: &["github.com/distribution/distribution/v3/version.version={version}"],
                ..plain("registry", ".", "github.com/distribution/distribution/v3")
            },
            Self::Traefik => Recipe {
                settings: &["github.com/traefik/traefik/v3/pkg/version.Version={version}"],
                data: &["sigs.k8s.io/gateway-api//config/crd/standard"],
                ..plain(
                    "traefik",
                    "github.com/traefik/traefik/v3/cmd/traefik",
                    "github.com/traefik/traefik/v3",
                )
            },
            Self::Jaeger => Recipe {
                settings: &[
                    "github.com/jaegertracing/jaeger/internal/version.latestVersion={version}",
                ],
                ..plain(
                    "jaeger",
                    "github.com/jaegertracing/jaeger/cmd/jaeger",
                    "github.com/jaegertracing/jaeger",
                )
            },
            Self::NatsServer => Recipe {
                module: "nats",
                ..plain(
                    "nats-server",
                    "github.com/nats-io/nats-server/v2",
                    "github.com/nats-io/nats-server/v2",
                )
            },
            Self::Prometheus => prometheus(
                "prometheus",
                "github.com/prometheus/prometheus/cmd/prometheus",
            ),
            Self::Promtool => {
                prometheus("promtool", "github.com/prometheus/prometheus/cmd/promtool")
            }
            Self::LocalPathProvisioner => Recipe {
                settings: &["main.VERSION={version}"],
                ..plain(
                    "local-path-provisioner",
                    "github.com/rancher/local-path-provisioner",
                    "github.com/rancher/local-path-provisioner",
                )
            },
        }
    }
}

/// The path of the program, which is built first unless the cache holds it.
///
/// # Errors
/// The build fails, or the cached file's digest is not the one recorded when it was built.
pub(crate) fn path(tool: Tool) -> Result<PathBuf> {
    store::ensure(tool)
}

/// The folder of the files that the program needs when it runs; the program is built first unless
/// the cache holds it. Few have such files: stages, definitions, sources.
///
/// # Errors
/// As [`path`].
pub(crate) fn data(tool: Tool) -> Result<PathBuf> {
    Ok(store::ensure(tool)?.with_file_name(store::DATA))
}

/// Builds all of these that the cache doesn't hold, and says how many are left.
///
/// # Errors
/// As [`path`].
pub(crate) fn ensure(tools: &[Tool]) -> Result<()> {
    let mut missing = Vec::new();
    for tool in tools {
        if !store::is_cached(*tool)? {
            missing.push(*tool);
        }
    }
    let progress = Progress::with_total("programs", missing.len());
    for tool in missing {
        let what = format!("{} {}: building", tool.name(), tool.version()?);
        progress.step(&what, || path(tool))?;
    }
    Ok(())
}

/// Waits until no other process makes something in this folder of the cache, and keeps others from
/// it while the result lives.
///
/// # Errors
/// The folder can't be made or locked.
pub(crate) fn lock(folder: &Path) -> Result<File> {
    store::lock(folder)
}

const fn kubernetes(name: &'static str, package: &'static str) -> Recipe {
    Recipe {
        name,
        module: "kubernetes",
        package,
        version_of: Some("k8s.io/kubernetes"),
        settings: KUBERNETES_SETTINGS,
        data: &[],
    }
}

const fn plain(name: &'static str, package: &'static str, required: &'static str) -> Recipe {
    Recipe {
        name,
        module: name,
        package,
        version_of: Some(required),
        settings: &[],
        data: &[],
    }
}

const fn cilium(name: &'static str, package: &'static str) -> Recipe {
    Recipe {
        name,
        module: "cilium",
        package,
        version_of: Some("github.com/cilium/cilium"),
        settings: &["github.com/cilium/cilium/pkg/version.ciliumVersion={version}"],
        data: &[],
    }
}

const fn prometheus(name: &'static str, package: &'static str) -> Recipe {
    Recipe {
        name,
        module: "prometheus",
        package,
        version_of: Some("github.com/prometheus/prometheus"),
        settings: &["github.com/prometheus/common/version.Version={version}"],
        data: &[],
    }
}

/// A program of ours, which needs nothing but Go.
const fn own(name: &'static str) -> Recipe {
    Recipe {
        version_of: None,
        ..plain(name, ".", "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_has_a_pinned_version() {
        let tools = [
            Tool::Kubectl,
            Tool::Kustomize,
            Tool::Kwok,
            Tool::Etcd,
            Tool::ApiServer,
            Tool::ControllerManager,
            Tool::Scheduler,
            Tool::Kubelet,
            Tool::KubeProxy,
            Tool::CoreDns,
            Tool::MetricsServer,
            Tool::Pause,
            Tool::LocalPathProvisioner,
            Tool::VolumeHelper,
            Tool::CiliumAgent,
            Tool::CiliumPlugin,
            Tool::Registry,
            Tool::Traefik,
            Tool::Jaeger,
            Tool::Prometheus,
            Tool::Promtool,
        ];
        for tool in tools {
            let version = tool.version().unwrap();
            assert!(
                version.starts_with('v') && version.len() > 1,
                "{}: {version}",
                tool.name()
            );
        }
        assert_eq!(
            Tool::Kubelet.version().unwrap(),
            Tool::Kubectl.version().unwrap()
        );
    }
}
