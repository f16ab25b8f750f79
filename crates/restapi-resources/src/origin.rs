//! Where in the spec a part of a rendered pod comes from, for messages that name the field.

use k8s_openapi::api::core::v1::{Container, PodSpec};

use crate::Component;

/// Finds the fields of one component.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a>(pub(crate) &'a Component);

impl Origin<'_> {
    /// The path of one of the component's own fields.
    pub(crate) fn field(self, field: &str) -> String {
        format!("{}.{field}", self.0.name.path())
    }

    /// The path of a field of the pod that only `podOverrides` can set.
    pub(crate) fn overrides(self, field: &str) -> String {
        self.field(&format!("podOverrides.{field}"))
    }

    /// The path of the last field that says something about a container.
    pub(crate) fn container(self, name: &str, is_init: bool) -> String {
        let list = if is_init {
            "initContainers"
        } else {
            "containers"
        };
        if self.overridden(name, is_init).is_some() || (!is_init && name != self.0.name.as_str()) {
            return self.overrides(&format!("spec.{list}[{name}]"));
        }
        let is_named = |c: &Container| c.name == name;
        match () {
            () if !is_init => self.0.name.path(),
            () if self.0.parts.sidecars.iter().any(is_named) => {
                self.field(&format!("sidecars[{name}]"))
            }
            () => self.field(&format!("initContainers[{name}]")),
        }
    }

    /// The path of the last field that says something about a container's security context.
    pub(crate) fn container_security(self, name: &str, is_init: bool) -> String {
        let overrides = self.overridden(name, is_init);
        let is_own = !is_init && name == self.0.name.as_str();
        if is_own && overrides.is_none_or(|c| c.security_context.is_none()) {
            return self.field("securityContext");
        }
        format!("{}.securityContext", self.container(name, is_init))
    }

    /// The path of the last field that says something about the pod's security context.
    pub(crate) fn pod_security(self) -> String {
        match self
            .override_spec()
            .and_then(|s| s.security_context.as_ref())
        {
            Some(_) => self.overrides("spec.securityContext"),
            None => self.field("podSecurityContext"),
        }
    }

    /// The path of the field that asks for a token.
    pub(crate) fn token(self) -> String {
        let overridden = self.override_spec();
        match overridden.and_then(|s| s.automount_service_account_token) {
            Some(_) => self.overrides("spec.automountServiceAccountToken"),
            None if self.0.spec.service_account.is_some() => {
                self.field("serviceAccount.automountToken")
            }
            None => "spec.serviceAccount.automountToken".to_owned(),
        }
    }

    /// The path of the last field that says something about a volume.
    pub(crate) fn volume(self, name: &str) -> String {
        let overridden = self.override_spec().and_then(|s| s.volumes.as_ref());
        if overridden.into_iter().flatten().any(|v| v.name == name) {
            return self.overrides(&format!("spec.volumes[{name}]"));
        }
        self.field(&format!("volumes[{name}]"))
    }

    fn override_spec(&self) -> Option<&PodSpec> {
        self.0.parts.overrides.as_ref()?.spec.as_ref()
    }

    fn overridden(&self, name: &str, is_init: bool) -> Option<&Container> {
        let spec = self.override_spec()?;
        let init = spec.init_containers.iter().flatten();
        let mut all: Box<dyn Iterator<Item = &Container>> = if is_init {
            Box::new(init)
        } else {
            Box::new(spec.containers.iter())
        };
        all.find(|c| c.name == name)
    }
}

/// Every container, and whether it is one of `initContainers`, where sidecars are too.
pub(crate) fn containers(pod: &PodSpec) -> impl Iterator<Item = (&Container, bool)> {
    let init = pod.init_containers.iter().flatten();
    let beside = pod.containers.iter().map(|c| (c, false));
    init.map(|c| (c, true)).chain(beside)
}
