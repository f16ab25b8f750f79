//! Which requests from outside go to which component: what an Ingress and the routes of the Gateway API share.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use restapi_types::ComponentName;
use restapi_types::spec::network::ServiceType;
use restapi_types::spec::routing::{PathType, Route};

use crate::{Application, Component, Invalid};

/// A route whose component was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Way<'a> {
    /// Where the route stands in the object.
    pub field: String,
    /// The component that answers.
    pub component: &'a Component,
    /// The port of its stable Service.
    pub service_port: i32,
    /// The path of the requests.
    pub path: &'a str,
    /// How the path is compared.
    pub path_type: PathType,
}

/// The port of a component's stable Service; a worker has no Service.
#[must_use]
pub fn service_port(component: &Component) -> Option<i32> {
    let own = component.port?;
    let service = component.spec.service.as_ref();
    Some(service.and_then(|service| service.port).unwrap_or(own))
}

/// Whether requests from outside the application may reach the component's own port. Where the author does not
/// say, that follows from what leads there: a Service that the outside sees, or a route. A component that says
/// `exposed: false` stays closed; a route to it is refused.
#[must_use]
pub fn is_open(app: &Application, component: &Component) -> bool {
    if component.spec.exposed.is_some() {
        return component.is_exposed;
    }
    let service = component.spec.service.as_ref();
    let type_ = service
        .and_then(|service| service.type_)
        .unwrap_or_default();
    component.is_exposed || type_ != ServiceType::ClusterIp || has_route(app, component)
}

fn has_route(app: &Application, component: &Component) -> bool {
    let ingress = app.spec.ingress.as_ref();
    let ingress = ingress.filter(|ingress| ingress.enabled != Some(false));
    let gateway = app.spec.gateway.as_ref();
    let gateway = gateway.filter(|gateway| gateway.enabled != Some(false));
    let routes = [
        ingress.and_then(|ingress| ingress.routes.as_ref()),
        gateway.and_then(|gateway| gateway.routes.as_ref()),
    ];
    let mut routes = routes.into_iter().flatten().flatten();
    routes.any(|route| route.component == component.name.as_str())
}

/// The ways of `routes`, which stand in the block at `field`; everything to the view where there are none.
///
/// # Errors
/// [`Invalid`] names the route that leads nowhere, or that the API server would refuse.
pub fn ways<'a>(
    app: &'a Application,
    field: &str,
    routes: Option<&'a Vec<Route>>,
) -> Result<Vec<Way<'a>>, Invalid> {
    let Some(routes) = routes.filter(|routes| !routes.is_empty()) else {
        return Ok(vec![to_the_view(app, field)?]);
    };
    let mut seen = BTreeSet::new();
    let mut ways = Vec::new();
    for (i, route) in routes.iter().enumerate() {
        let way = way(app, format!("{field}.routes[{i}]"), route)?;
        if !seen.insert((way.path, way.path_type.of_ingress())) {
            return Err(Invalid::new(
                format!("{}.path", way.field),
                format!("{} has two routes of the same pathType", way.path),
                "remove one of the two",
            ));
        }
        ways.push(way);
    }
    Ok(ways)
}

fn to_the_view<'a>(app: &'a Application, field: &str) -> Result<Way<'a>, Invalid> {
    let view = app.component(ComponentName::View).ok_or_else(|| {
        Invalid::new(
            format!("{field}.routes"),
            "is absent, so everything goes to the view, and there is none",
            "add routes or the view",
        )
    })?;
    leads_to(view, format!("{field}.routes"), "/", PathType::Prefix)
}

fn way<'a>(app: &'a Application, field: String, route: &'a Route) -> Result<Way<'a>, Invalid> {
    let component = ComponentName::of(&route.component).and_then(|name| app.component(name));
    let component = component.ok_or_else(|| {
        Invalid::new(
            format!("{field}.component"),
            format!("the application has no component {}", route.component),
            "add the component or correct the route",
        )
    })?;
    let path = route.path.as_deref().unwrap_or("/");
    if let Some(problem) = path_problem(path) {
        return Err(Invalid::new(
            format!("{field}.path"),
            format!("{path} {problem}"),
            "write the path as requests have it, such as /api/v1",
        ));
    }
    leads_to(component, field, path, route.path_type.unwrap_or_default())
}

fn leads_to<'a>(
    component: &'a Component,
    field: String,
    path: &'a str,
    path_type: PathType,
) -> Result<Way<'a>, Invalid> {
    let name = component.name;
    let Some(service_port) = service_port(component) else {
        return Err(Invalid::new(
            field,
            format!("leads to {name}, a worker, which has no port"),
            format!("set {}.port, or let the route lead elsewhere", name.path()),
        ));
    };
    if component.spec.exposed == Some(false) {
        return Err(Invalid::new(
            field,
            format!("leads to {name}, which nothing outside may reach"),
            format!("remove {}.exposed or the route", name.path()),
        ));
    }
    Ok(Way {
        field,
        component,
        service_port,
        path,
        path_type,
    })
}

/// What no route can have as its path, also where the object was stored before admission refused it. Most of it the API
/// server takes neither in an Ingress nor in a route of the Gateway API; the rest it takes in an Ingress, which then
/// never finds a request by it.
fn path_problem(path: &str) -> Option<&'static str> {
    let lower = path.to_ascii_lowercase();
    if !path.starts_with('/') {
        return Some("does not begin with /");
    }
    if path.contains('?') {
        return Some("has a query, which routes do not compare");
    }
    if path.contains("//") || lower.contains("%2f") {
        return Some("has an empty or an encoded segment");
    }
    if path.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Some("leads up with . or ..");
    }
    let mut escapes = path.split('%');
    escapes.next();
    let is_escape = |rest: &str| {
        let digits = rest.chars().take(2);
        digits.filter(char::is_ascii_hexdigit).count() == 2
    };
    (!escapes.all(is_escape)).then_some("has a % that is no escape")
}

/// Host names that are addresses, which neither an Ingress nor a Gateway takes.
///
/// # Errors
/// [`Invalid`] names the host.
pub fn check_hosts(field: &str, hosts: Option<&Vec<String>>) -> Result<(), Invalid> {
    let mut hosts = hosts.into_iter().flatten().enumerate();
    match hosts.find(|(_, host)| host.parse::<Ipv4Addr>().is_ok()) {
        None => Ok(()),
        Some((i, host)) => Err(Invalid::new(
            format!("{field}[{i}]"),
            format!("{host} is an address, no host name"),
            "write a host name, or leave the list out to serve any",
        )),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::fixtures::restapi;

    fn app(fields: &str) -> Application {
        let spec = format!(r#"{{"image": "a", {fields}}}"#);
        Application::resolve(&restapi(&spec)).unwrap()
    }

    fn ingress_ways(app: &Application) -> Result<Vec<Way<'_>>, Invalid> {
        let ingress = app.spec.ingress.as_ref().unwrap();
        ways(app, "spec.ingress", ingress.routes.as_ref())
    }

    #[test]
    fn a_service_s_port_is_its_own_or_the_component_s() {
        let app = app(r#""model": {}, "view": {"service": {"port": 80}},
               "additionalComponents": [{"name": "worker", "template": {}}]"#);
        let ports: Vec<_> = app.components.iter().map(service_port).collect();
        assert_eq!(ports, [None, Some(8080), Some(80)]);
    }

    #[rstest]
    #[case(r#""model": {}"#, false)]
    #[case(r#""model": {"exposed": true}"#, true)]
    #[case(r#""model": {"service": {"type": "LoadBalancer"}}"#, true)]
    #[case(
        r#""model": {"service": {"type": "NodePort"}, "exposed": false}"#,
        false
    )]
    #[case(
        r#""model": {}, "ingress": {"routes": [{"component": "model"}]}"#,
        true
    )]
    #[case(
        r#""model": {}, "ingress": {"enabled": false, "routes": [{"component": "model"}]}"#,
        false
    )]
    #[case(
        r#""model": {}, "gateway": {"parentRefs": [{"name": "g"}], "routes": [{"component": "model"}]}"#,
        true
    )]
    fn what_the_outside_is_led_to_is_open(#[case] fields: &str, #[case] open: bool) {
        let app = app(fields);
        let model = app.component(ComponentName::Model).unwrap();
        assert_eq!(is_open(&app, model), open);
    }

    #[rstest]
    #[case(r#""model": {}, "ingress": {}"#, "spec.ingress.routes")]
    #[case(r#""view": {"exposed": false}, "ingress": {}"#, "spec.ingress.routes")]
    #[case(
        r#""view": {"port": 0}, "ingress": {"routes": []}"#,
        "spec.ingress.routes"
    )]
    #[case(
        r#""view": {}, "ingress": {"routes": [{"component": "view"}, {"component": "model"}]}"#,
        "spec.ingress.routes[1].component"
    )]
    #[case(
        r#""view": {}, "ingress": {"routes": [{"component": "v-w"}]}"#,
        "spec.ingress.routes[0].component"
    )]
    #[case(
        r#""view": {}, "ingress": {"routes": [{"component": "view", "path": "/"}, {"component": "view"}]}"#,
        "spec.ingress.routes[1].path"
    )]
    #[case(
        r#""additionalComponents": [{"name": "worker", "template": {}}], "ingress": {"routes": [{"component": "worker"}]}"#,
        "spec.ingress.routes[0]"
    )]
    fn a_route_that_leads_nowhere_is_named(#[case] fields: &str, #[case] field: &str) {
        assert_eq!(ingress_ways(&app(fields)).unwrap_err().field, field);
    }

    #[rstest]
    #[case("/", true)]
    #[case("/api/v1.2/a..b/%7Euser/", true)]
    #[case("api", false)]
    #[case("/a//b", false)]
    #[case("/a/../b", false)]
    #[case("/a/.", false)]
    #[case("/a%2Fb", false)]
    #[case("/a%2fb", false)]
    #[case("/a%zz", false)]
    #[case("/a%4", false)]
    #[case("/a?b=c", false)]
    fn paths_that_no_request_is_found_by_are_refused(#[case] path: &str, #[case] good: bool) {
        assert_eq!(path_problem(path).is_none(), good);
    }
}
