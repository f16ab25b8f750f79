//! What each sample ends with, what it needs, and what this cluster has not got of it.

use super::needs::Need;

/// A sample and what becomes of it.
pub(super) struct Case {
    pub(super) file: &'static str,
    /// Its components, with the number of their pods once it is Ready.
    pub(super) components: &'static [(&'static str, usize)],
    /// What is there before it is applied.
    pub(super) needs: &'static [Need],
    /// What it lacks even then, one after the other.
    pub(super) lacks: &'static [Lack],
}

/// Something that this cluster has not got.
pub(super) struct Lack {
    /// The reason that status gives.
    pub(super) reason: &'static str,
    /// What its message holds.
    pub(super) says: &'static [&'static str],
    pub(super) remedy: Remedy,
}

/// How a lack is settled.
#[derive(Clone, Copy)]
pub(super) enum Remedy {
    /// The application does without: a change of its spec, as JSON.
    Change(&'static str),
    /// It is made.
    Make(Need),
}

/// Every sample, by name.
pub(super) const CASES: &[Case] = &[
    Case::of(
        "blue-green.yaml",
        &[
            ("controller", 1),
            ("model", 1),
            ("repository", 1),
            ("view", 1),
        ],
    ),
    Case::of("config.yaml", &[("view", 1)])
        .needs(&[
            Need::PullSecret("registry"),
            Need::ConfigMap("shared", "COLOUR"),
            Need::ConfigMap("view-settings", "theme"),
            Need::Secret("view-secrets", "api-key"),
        ])
        // Its image is on the nodes and in no registry.
        .lacks(&[Lack {
            reason: "ImagePullFailed",
            says: &["view: image ", "correct spec.view.image"],
            remedy: Remedy::Change(r#"{"view": {"imagePullPolicy": "IfNotPresent"}}"#),
        }]),
    Case::of(
        "custom.yaml",
        &[
            ("controller", 3),
            ("model", 2),
            ("repository", 1),
            ("view", 2),
        ],
    ),
    Case::of(
        "gates.yaml",
        &[
            ("controller", 1),
            ("model", 1),
            ("repository", 1),
            ("view", 1),
        ],
    ),
    Case::of("minimal.yaml", &[("controller", 1)]),
    Case::of(
        "network-policy.yaml",
        &[("controller", 1), ("crawler", 1), ("view", 1)],
    ),
    Case::of("operations.yaml", &[("controller", 3), ("view", 3)]),
    Case::of(
        "orders.yaml",
        &[
            ("controller", 1),
            ("model", 1),
            ("repository", 1),
            ("view", 1),
        ],
    ),
    Case::of("placement.yaml", &[("controller", 2), ("view", 2)])
        .needs(&[Need::PriorityClass("orders"), Need::Zones]),
    Case::of("pods.yaml", &[("controller", 1), ("view", 1)]),
    Case::of(
        "probes.yaml",
        &[
            ("batch", 1),
            ("controller", 1),
            ("model", 1),
            ("repository", 1),
            ("view", 1),
        ],
    ),
    Case::of(
        "protocols.yaml",
        &[("controller", 1), ("model", 1), ("repository", 1)],
    ),
    Case::of("resources.yaml", &[("model", 1), ("view", 1)]),
    // The nodes have neither AppArmor nor the seccomp profile.
    Case::of("security-profiles.yaml", &[("controller", 1), ("view", 1)]).lacks(&[
        Lack {
            reason: "PodRejected",
            says: &["AppArmor: ", "change what that names in spec."],
            remedy: Remedy::Change(
                r#"{"view": {"podSecurityContext": {"appArmorProfile": null}},
                    "controller": {"securityContext": {"appArmorProfile": null}}}"#,
            ),
        },
        Lack {
            reason: "ContainerRefused",
            says: &["profiles/orders.json"],
            remedy: Remedy::Change(
                r#"{"view": {"podSecurityContext": {"seccompProfile": null}},
                    "controller": {"securityContext": {"seccompProfile": null}}}"#,
            ),
        },
    ]),
    Case::of("security.yaml", &[("controller", 1), ("view", 1)]),
    Case::of(
        "storage.yaml",
        &[("model", 1), ("repository", 2), ("view", 1)],
    )
    .lacks(&[Lack {
        reason: "StorageUnbound",
        says: &[
            "repository: its storage is not there yet",
            "see that the StorageClass standard exists",
        ],
        remedy: Remedy::Make(Need::StorageClass("standard")),
    }]),
    Case::of(
        "traffic.yaml",
        &[("controller", 1), ("model", 1), ("view", 1)],
    )
    .lacks(&[Lack {
        reason: "KindMissing",
        says: &["HTTPRoute traffic", "install the CRDs of the Gateway API"],
        remedy: Remedy::Change(r#"{"gateway": null}"#),
    }]),
    Case::of(
        "workers.yaml",
        &[
            ("controller", 1),
            ("mailer", 2),
            ("repository", 1),
            ("search", 1),
        ],
    ),
];

impl Case {
    const fn of(file: &'static str, components: &'static [(&'static str, usize)]) -> Self {
        Self {
            file,
            components,
            needs: &[],
            lacks: &[],
        }
    }

    const fn needs(self, needs: &'static [Need]) -> Self {
        Self { needs, ..self }
    }

    const fn lacks(self, lacks: &'static [Lack]) -> Self {
        Self { lacks, ..self }
    }
}
