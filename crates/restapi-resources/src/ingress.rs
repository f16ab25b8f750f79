//! The Ingress of an application.

use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule,
    IngressServiceBackend, IngressSpec, IngressTLS, ServiceBackendPort,
};
use restapi_types::spec::routing as spec;
use restapi_types::{keys, names};

use crate::routing::{self, Way};
use crate::{Application, Invalid, labels};

const FIELD: &str = "spec.ingress";

/// The Ingress `APP`, where the spec asks for one: its routes for each of its hosts, to the stable Services.
///
/// # Errors
/// [`Invalid`] names the field that no Ingress can be made from.
pub fn ingress(app: &Application) -> Result<Option<Ingress>, Invalid> {
    let spec = app.spec.ingress.as_ref();
    let Some(spec) = spec.filter(|spec| spec.enabled != Some(false)) else {
        return Ok(None);
    };
    routing::check_hosts(&format!("{FIELD}.hosts"), spec.hosts.as_ref())?;
    let ways = routing::ways(app, FIELD, spec.routes.as_ref())?;
    let tls = tls(app, spec)?;
    let mut metadata = labels::owned(
        app,
        names::application(&app.name),
        labels::application(&app.name),
    );
    metadata.annotations = annotations(spec);
    Ok(Some(Ingress {
        metadata,
        spec: Some(IngressSpec {
            ingress_class_name: spec.class_name.clone(),
            rules: Some(rules(app, spec, &ways)),
            tls,
            default_backend: None,
        }),
        status: None,
    }))
}

fn annotations(spec: &spec::IngressSpec) -> Option<std::collections::BTreeMap<String, String>> {
    let mut annotations = spec.annotations.clone().unwrap_or_default();
    let issuer = spec.tls.as_ref().and_then(|tls| tls.cluster_issuer.clone());
    annotations.extend(issuer.map(|issuer| (keys::CLUSTER_ISSUER.to_owned(), issuer)));
    (!annotations.is_empty()).then_some(annotations)
}

/// One rule for each host; one for any host where none is named.
fn rules(app: &Application, spec: &spec::IngressSpec, ways: &[Way<'_>]) -> Vec<IngressRule> {
    let rule = |host: Option<String>| IngressRule {
        host,
        http: Some(HTTPIngressRuleValue {
            paths: ways.iter().map(|way| path(app, way)).collect(),
        }),
    };
    let hosts: Vec<_> = spec.hosts.iter().flatten().cloned().map(Some).collect();
    if hosts.is_empty() {
        return vec![rule(None)];
    }
    hosts.into_iter().map(rule).collect()
}

fn path(app: &Application, way: &Way<'_>) -> HTTPIngressPath {
    HTTPIngressPath {
        path: Some(way.path.to_owned()),
        path_type: way.path_type.of_ingress().to_owned(),
        backend: IngressBackend {
            service: Some(IngressServiceBackend {
                name: names::stable(&app.name, way.component.name),
                port: Some(ServiceBackendPort {
                    number: Some(way.service_port),
                    name: None,
                }),
            }),
            resource: None,
        },
    }
}

fn tls(app: &Application, spec: &spec::IngressSpec) -> Result<Option<Vec<IngressTLS>>, Invalid> {
    let Some(tls) = spec.tls.as_ref() else {
        return Ok(None);
    };
    let hosts = spec.hosts.clone().filter(|hosts| !hosts.is_empty());
    if tls.cluster_issuer.is_some() && hosts.is_none() {
        return Err(Invalid::new(
            format!("{FIELD}.tls.clusterIssuer"),
            "can't make a certificate for any host",
            format!("name the hosts in {FIELD}.hosts"),
        ));
    }
    let secret = tls.secret_name.clone();
    Ok(Some(vec![IngressTLS {
        hosts,
        secret_name: Some(secret.unwrap_or_else(|| names::tls_secret(&app.name))),
    }]))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::fixtures::restapi;

    fn rendered(fields: &str) -> Result<Option<Ingress>, Invalid> {
        let spec = format!(
            r#"{{"image": "a", "view": {{}}, "controller": {{"service": {{"port": 80}}}}{fields}}}"#
        );
        ingress(&Application::resolve(&restapi(&spec)).unwrap())
    }

    #[test]
    fn none_unless_asked_for() {
        assert_eq!(rendered(""), Ok(None));
        assert_eq!(rendered(r#", "ingress": {"enabled": false}"#), Ok(None));
    }

    #[test]
    fn by_default_everything_goes_to_the_view() {
        insta::assert_yaml_snapshot!(rendered(r#", "ingress": {}"#).unwrap());
    }

    #[test]
    fn every_field_has_its_place() {
        insta::assert_yaml_snapshot!(
            rendered(
                r#", "ingress": {
                    "className": "traefik",
                    "annotations": {"example.com/timeout": "30s"},
                    "hosts": ["shop.example.com", "*.shop.example.com"],
                    "routes": [
                        {"component": "controller", "path": "/api"},
                        {"component": "view", "path": "/about", "pathType": "Exact"},
                        {"component": "view"}
                    ],
                    "tls": {"clusterIssuer": "letsencrypt"}
                }"#
            )
            .unwrap()
        );
    }

    #[test]
    fn a_secret_that_is_named_holds_the_certificate() {
        let tls = r#", "ingress": {"tls": {"secretName": "own"}}"#;
        let spec = rendered(tls).unwrap().unwrap().spec.unwrap();
        let [tls] = spec.tls.as_deref().unwrap() else {
            panic!("one certificate")
        };
        assert_eq!(
            (tls.secret_name.as_deref(), &tls.hosts),
            (Some("own"), &None)
        );
    }

    #[rstest]
    #[case(r#""hosts": ["a.example", "10.0.0.1"]"#, "spec.ingress.hosts[1]")]
    #[case(r#""tls": {"clusterIssuer": "a"}"#, "spec.ingress.tls.clusterIssuer")]
    #[case(
        r#""routes": [{"component": "view", "path": "/a/../b"}]"#,
        "spec.ingress.routes[0].path"
    )]
    fn what_no_ingress_can_be_made_from_is_named(#[case] fields: &str, #[case] field: &str) {
        let ingress = format!(r#", "ingress": {{{fields}}}"#);
        assert_eq!(rendered(&ingress).unwrap_err().field, field);
    }
}
