//! The routes of the Gateway API: a `GRPCRoute` where everything that is routed speaks gRPC, an `HTTPRoute` else.
//!
//! Never both. A Gateway takes only the older one of an `HTTPRoute` and a `GRPCRoute` with the same listener and
//! hosts, and ours would always have both in common. A call of gRPC is a request for `/SERVICE/METHOD`, so an
//! `HTTPRoute` leads it to its component as well; that it goes on as HTTP/2 the Service's `appProtocol` says.

use restapi_types::names;
use restapi_types::spec::network::Protocol;
use restapi_types::spec::routing::{GatewayReference, GatewaySpec, PathType};
use serde_json::{Value, json};

use crate::routing::{self, Way};
use crate::third_party::{ThirdParty, ThirdPartyKind};
use crate::{Application, Invalid, labels};

const FIELD: &str = "spec.gateway";

/// The route `APP`, where the spec asks for one, to the stable Services.
///
/// # Errors
/// [`Invalid`] names the field that no route can be made from.
pub fn route(app: &Application) -> Result<Option<ThirdParty>, Invalid> {
    let spec = app.spec.gateway.as_ref();
    let Some(spec) = spec.filter(|spec| spec.enabled != Some(false)) else {
        return Ok(None);
    };
    routing::check_hosts(&format!("{FIELD}.hostnames"), spec.hostnames.as_ref())?;
    check_parents(&spec.parent_refs)?;
    let ways = routing::ways(app, FIELD, spec.routes.as_ref())?;
    ways.iter().try_for_each(check)?;
    let all_grpc = ways
        .iter()
        .all(|way| way.component.protocol == Protocol::Grpc);
    let (kind, matches): (_, fn(&Way<'_>) -> Value) = if all_grpc {
        (ThirdPartyKind::GrpcRoute, call_matches)
    } else {
        (ThirdPartyKind::HttpRoute, path_matches)
    };
    let metadata = labels::owned(
        app,
        names::application(&app.name),
        labels::application(&app.name),
    );
    let rules: Vec<_> = ways
        .iter()
        .map(|way| rule(app, way, &matches(way)))
        .collect();
    Ok(Some(ThirdParty::new(
        kind,
        metadata,
        &route_spec(spec, &rules),
    )))
}

/// What the API server would fill in is written out, so that nothing seems to have been changed.
fn route_spec(spec: &GatewaySpec, rules: &[Value]) -> Value {
    let parents: Vec<_> = spec.parent_refs.iter().map(parent).collect();
    let mut route = json!({"parentRefs": parents, "rules": rules});
    if let Some(hostnames) = spec.hostnames.as_ref().filter(|hosts| !hosts.is_empty()) {
        insert(&mut route, "hostnames", json!(hostnames));
    }
    route
}

/// A Gateway of the same namespace: one of another would be a way out of it.
fn parent(gateway: &GatewayReference) -> Value {
    let mut parent = json!({
        "group": "gateway.networking.k8s.io",
        "kind": "Gateway",
        "name": gateway.name,
    });
    if let Some(section) = &gateway.section_name {
        insert(&mut parent, "sectionName", json!(section));
    }
    parent
}

/// A Gateway that is named twice: each time it must be another of its listeners.
fn check_parents(parents: &[GatewayReference]) -> Result<(), Invalid> {
    let is_taken = |(i, parent): &(usize, &GatewayReference)| {
        parents.iter().take(*i).any(|other| {
            let sections = (&parent.section_name, &other.section_name);
            parent.name == other.name
                && !matches!(sections, (Some(one), Some(another)) if one != another)
        })
    };
    match parents.iter().enumerate().find(is_taken) {
        None => Ok(()),
        Some((i, parent)) => Err(Invalid::new(
            format!("{FIELD}.parentRefs[{i}]"),
            format!("the Gateway {} is named before", parent.name),
            "remove one of the two, or give each a sectionName of its own",
        )),
    }
}

fn rule(app: &Application, way: &Way<'_>, matches: &Value) -> Value {
    let backend = json!({
        "group": "",
        "kind": "Service",
        "name": names::stable(&app.name, way.component.name),
        "port": way.service_port,
        "weight": 1,
    });
    json!({"matches": matches, "backendRefs": [backend]})
}

/// How an `HTTPRoute` finds the requests of a way.
fn path_matches(way: &Way<'_>) -> Value {
    json!([{"path": {"type": way.path_type.of_gateway(), "value": way.path}}])
}

/// How a `GRPCRoute` finds the calls of a way: no match at all finds every call.
fn call_matches(way: &Way<'_>) -> Value {
    match Calls::of(way) {
        None | Some(Calls::Every) => json!([]),
        Some(Calls::Service(service)) => {
            json!([{"method": {"type": "Exact", "service": service}}])
        }
        Some(Calls::Method(service, method)) => {
            json!([{"method": {"type": "Exact", "service": service, "method": method}}])
        }
    }
}

/// A way that leads to what neither kind of route can reach.
fn check(way: &Way<'_>) -> Result<(), Invalid> {
    match way.component.protocol {
        Protocol::Tcp => Err(Invalid::new(
            &way.field,
            format!(
                "leads to {}, which speaks TCP: routes are for HTTP and gRPC",
                way.component.name
            ),
            "let the route lead elsewhere, or expose the component by service.type",
        )),
        Protocol::Grpc if Calls::of(way).is_none() => Err(Invalid::new(
            format!("{}.path", way.field),
            format!("{} ({:?}) finds no call of gRPC", way.path, way.path_type),
            "write /SERVICE with pathType Prefix, /SERVICE/METHOD, or / for everything",
        )),
        Protocol::Http | Protocol::Grpc => Ok(()),
    }
}

/// The calls of gRPC that a path means.
enum Calls<'a> {
    Every,
    Service(&'a str),
    Method(&'a str, &'a str),
}

impl<'a> Calls<'a> {
    /// Nothing where no call has such a path.
    fn of(way: &Way<'a>) -> Option<Self> {
        let is_prefix = way.path_type == PathType::Prefix;
        let segments: Vec<_> = way.path.split('/').skip(1).collect();
        match segments.as_slice() {
            [""] if is_prefix => Some(Self::Every),
            [service] if is_prefix && is_service(service) => Some(Self::Service(service)),
            [service, method] if is_service(service) && is_identifier(method) => {
                Some(Self::Method(service, method))
            }
            _ => None,
        }
    }
}

fn is_service(text: &str) -> bool {
    text.split('.').all(is_identifier)
}

fn is_identifier(text: &str) -> bool {
    let is_start = |c: char| c.is_ascii_alphabetic() || c == '_';
    text.starts_with(is_start) && text.chars().all(|c| is_start(c) || c.is_ascii_digit())
}

fn insert(object: &mut Value, key: &str, value: Value) {
    if let Value::Object(fields) = object {
        fields.insert(key.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::fixtures::restapi;

    fn rendered(gateway: &str) -> Result<Option<ThirdParty>, Invalid> {
        let spec = format!(
            r#"{{"image": "a", "view": {{}}, "model": {{"protocol": "GRPC", "service": {{"port": 80}}}},
                "repository": {{"protocol": "TCP"}}, "gateway": {gateway}}}"#
        );
        route(&Application::resolve(&restapi(&spec)).unwrap())
    }

    fn with_routes(routes: &str) -> Result<Option<ThirdParty>, Invalid> {
        rendered(&format!(
            r#"{{"parentRefs": [{{"name": "public"}}], "routes": [{routes}]}}"#
        ))
    }

    fn object(gateway: &str) -> Value {
        json!(rendered(gateway).unwrap().unwrap().object)
    }

    #[test]
    fn none_unless_asked_for() {
        let off = r#"{"enabled": false, "parentRefs": [{"name": "public"}]}"#;
        assert_eq!(rendered(off), Ok(None));
        assert_eq!(rendered("null"), Ok(None));
    }

    #[test]
    fn by_default_everything_goes_to_the_view() {
        insta::assert_yaml_snapshot!(object(r#"{"parentRefs": [{"name": "public"}]}"#));
    }

    #[test]
    fn grpc_alone_has_a_route_of_its_own() {
        insta::assert_yaml_snapshot!(object(
            r#"{"parentRefs": [{"name": "public", "sectionName": "grpc"}], "hostnames": ["grpc.example.com"],
                "routes": [{"component": "model", "path": "/orders.v1.Orders/Get", "pathType": "Exact"},
                           {"component": "model", "path": "/orders.v1.Orders"},
                           {"component": "model"}]}"#
        ));
    }

    #[test]
    fn grpc_beside_http_is_routed_as_http() {
        insta::assert_yaml_snapshot!(object(
            r#"{"parentRefs": [{"name": "public"}],
                "routes": [{"component": "model", "path": "/orders.v1.Orders"}, {"component": "view"}]}"#
        ));
    }

    #[rstest]
    #[case(r#"{"name": "a"}, {"name": "b"}"#, None)]
    #[case(
        r#"{"name": "a", "sectionName": "x"}, {"name": "a", "sectionName": "y"}"#,
        None
    )]
    #[case(r#"{"name": "a"}, {"name": "a"}"#, Some("spec.gateway.parentRefs[1]"))]
    #[case(
        r#"{"name": "a"}, {"name": "b"}, {"name": "a", "sectionName": "y"}"#,
        Some("spec.gateway.parentRefs[2]")
    )]
    #[case(
        r#"{"name": "a", "sectionName": "x"}, {"name": "a", "sectionName": "x"}"#,
        Some("spec.gateway.parentRefs[1]")
    )]
    fn a_gateway_is_named_twice_only_with_different_listeners(
        #[case] parents: &str,
        #[case] field: Option<&str>,
    ) {
        let rendered = rendered(&format!(r#"{{"parentRefs": [{parents}]}}"#));
        assert_eq!(rendered.err().map(|e| e.field).as_deref(), field);
    }

    #[rstest]
    #[case(
        r#"{"component": "view"}, {"component": "repository", "path": "/data"}"#,
        "spec.gateway.routes[1]"
    )]
    #[case(
        r#"{"component": "model", "path": "/a/b/c"}"#,
        "spec.gateway.routes[0].path"
    )]
    #[case(
        r#"{"component": "model", "path": "/a-b"}"#,
        "spec.gateway.routes[0].path"
    )]
    #[case(
        r#"{"component": "model", "path": "/a.B/"}"#,
        "spec.gateway.routes[0].path"
    )]
    #[case(
        r#"{"component": "model", "path": "/a.B", "pathType": "Exact"}"#,
        "spec.gateway.routes[0].path"
    )]
    #[case(
        r#"{"component": "model", "path": "/1.B"}"#,
        "spec.gateway.routes[0].path"
    )]
    fn a_route_that_no_gateway_takes_is_named(#[case] routes: &str, #[case] field: &str) {
        assert_eq!(with_routes(routes).unwrap_err().field, field);
    }
}
