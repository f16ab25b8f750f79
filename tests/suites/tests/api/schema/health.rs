//! Health checks, probes, and what runs around a container's life.

use serde_json::{Value, json};

use super::Case;
use super::place::Place;

pub fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for place in Place::both() {
        let checks = place.within("healthCheck", json!({}));
        all.extend(place.object("healthCheck"));
        all.extend(simple(&checks));
        for probe in ["liveness", "readiness", "startup"] {
            all.extend(checks.object(probe));
            all.extend(settings(&checks, probe));
            all.extend(handlers(&checks, probe));
        }
    }
    all.extend(lifecycle());
    all
}

/// The settings from which probes are made.
fn simple(checks: &Place) -> Vec<Case> {
    let mut all = checks.flag("enabled");
    all.extend(checks.text(
        "path",
        512,
        &["/health", "/", "/a/b.c?deep=1&x=%20"],
        &[
            "",
            "health",
            "http://other/health",
            "/a b",
            "/a\n",
            "/ü",
            "/#top",
        ],
    ));
    all.extend(checks.number("port", 1, 65535));
    all.extend(checks.number("initialDelaySeconds", 0, 3600));
    all.extend(checks.number("periodSeconds", 1, 3600));
    all.extend(checks.number("timeoutSeconds", 1, 300));
    all.extend(checks.number("successThreshold", 1, 100));
    all.extend(checks.number("failureThreshold", 1, 1000));
    all
}

/// The numbers of a probe.
fn settings(checks: &Place, name: &str) -> Vec<Case> {
    let probe = checks.within(name, json!({"tcpSocket": {"port": 80}}));
    let mut all = probe.number("initialDelaySeconds", 0, 3600);
    all.extend(probe.number("periodSeconds", 1, 3600));
    all.extend(probe.number("timeoutSeconds", 1, 300));
    all.extend(probe.number("failureThreshold", 1, 1000));
    all.extend(probe.number(
        "successThreshold",
        1,
        if name == "readiness" { 100 } else { 1 },
    ));
    if name == "readiness" {
        // A readiness probe ends nothing, so there is nothing to wait for.
        all.push(probe.refuses(
            "terminationGracePeriodSeconds",
            json!(5),
            &["unknown field"],
        ));
    } else {
        all.extend(probe.number("terminationGracePeriodSeconds", 1, 86400));
    }
    all
}

/// How a probe asks.
fn handlers(checks: &Place, name: &str) -> Vec<Case> {
    let one = "a probe needs exactly one of exec, httpGet, tcpSocket, grpc";
    let none = checks.within(name, json!({}));
    let http = checks.within(name, json!({"httpGet": {"port": 80}}));
    let mut all = vec![
        checks.refuses(name, json!({}), &[one]),
        checks.refuses(name, json!({"periodSeconds": 5}), &[one]),
        http.refuses("tcpSocket", json!({"port": 80}), &[one]),
        http.refuses("exec", json!({"command": ["a"]}), &[one]),
        none.refuses(
            "tcpSocket",
            json!({"port": 80, "host": "10.0.0.1"}),
            &["unknown field", "tcpSocket.host"],
        ),
        none.refuses(
            "httpGet",
            json!({"port": 80, "host": "metadata.example"}),
            &["unknown field", "httpGet.host"],
        ),
        none.refuses(
            "httpGet",
            json!({"path": "/"}),
            &["httpGet.port", "Required"],
        ),
        none.refuses("tcpSocket", json!({}), &["tcpSocket.port", "Required"]),
        none.refuses("grpc", json!({}), &["grpc.port", "Required"]),
        none.refuses("exec", json!({}), &["exec.command", "Required"]),
    ];
    for handler in ["exec", "httpGet", "tcpSocket", "grpc"] {
        all.extend(none.object(handler));
    }
    all.extend(exec(&none));
    all.extend(port(&none.within("tcpSocket", json!({})), "port"));
    all.extend(http_get(&none));
    let grpc = none.within("grpc", json!({"port": 80}));
    all.extend(grpc.number("port", 1, 65535));
    all.extend(grpc.text("service", 253, &["live", "shop.Orders"], &[]));
    all
}

/// A command that is run in the container.
fn exec(handler: &Place) -> Vec<Case> {
    let exec = handler.within("exec", json!({}));
    let mut all = exec.list("command", 32, |n| json!(format!("word{n}")));
    all.push(exec.refuses("command", json!([]), &["exec.command", "at least 1"]));
    all.push(exec.refuses(
        "command",
        json!(["w".repeat(1025)]),
        &["exec.command[0]", "1024"],
    ));
    all
}

/// A port by number or name.
fn port(place: &Place, field: &str) -> Vec<Case> {
    let mut all = place.accepts(field, [json!(1), json!(65535), json!("main"), json!("a-1")]);
    for bad in [
        json!(0),
        json!(65536),
        json!(""),
        json!("80"),
        json!("HTTP"),
        json!("a--b"),
        json!("-a"),
        json!("a".repeat(16)),
        json!(true),
        json!(1.5),
    ] {
        all.push(place.refuses(field, bad, &[".port"]));
    }
    all
}

/// A request over HTTP.
fn http_get(handler: &Place) -> Vec<Case> {
    let http = handler.within("httpGet", json!({"port": 80}));
    let mut all = port(&http, "port");
    all.extend(http.text("path", 512, &["/", "/live?x=1"], &[]));
    all.extend(http.choice("scheme", &["HTTP", "HTTPS"]));
    let header = |n: usize| json!({"name": format!("X-{n}"), "value": "1"});
    all.extend(http.list("httpHeaders", 32, header));
    let first = http.within("httpHeaders[0]", json!({"name": "X-A", "value": "1"}));
    all.extend(first.text("name", 1024, &["X-Probe"], &["", "X Probe", "X:", "Ⅹ"]));
    all.extend(first.text("value", 1024, &["", "any thing"], &[]));
    all
}

/// What runs after a container's start and before its end.
fn lifecycle() -> Vec<Case> {
    let view = Place::view();
    let needs = "lifecycle needs preStop or postStart, and each of them exactly one of exec, httpGet, sleep";
    let mut all = view.object("lifecycle");
    all.push(view.refuses("lifecycle", json!({}), &[needs]));
    all.push(view.refuses(
        "lifecycle",
        json!({"stopSignal": "SIGUSR1"}),
        &["unknown field"],
    ));
    for hook in ["preStop", "postStart"] {
        let life = view.within("lifecycle", json!({}));
        let none = life.within(hook, json!({}));
        all.extend(life.object(hook));
        all.push(life.refuses(hook, json!({}), &[needs]));
        all.push(life.refuses(
            hook,
            json!({"exec": {"command": ["a"]}, "sleep": {"seconds": 1}}),
            &[needs],
        ));
        all.push(life.refuses(
            hook,
            json!({"tcpSocket": {"port": 80}}),
            &["unknown field", "tcpSocket"],
        ));
        all.push(life.refuses(
            hook,
            json!({"httpGet": {"port": 80, "host": "other"}}),
            &["unknown field", "httpGet.host"],
        ));
        for handler in ["exec", "httpGet", "sleep"] {
            all.extend(none.object(handler));
        }
        all.extend(exec(&none));
        all.extend(http_get(&none));
        all.extend(sleep(&none));
    }
    all
}

/// A hook that waits, no longer than the container has until it is killed.
fn sleep(hook: &Place) -> Vec<Case> {
    let longer =
        "lifecycle sleeps longer than terminationGracePeriodSeconds (30 unless set): raise it";
    let sleep = hook.within("sleep", json!({}));
    let patient = sleep.and("spec.view.terminationGracePeriodSeconds", json!(86400));
    let hasty = sleep.and("spec.view.terminationGracePeriodSeconds", json!(10));
    let mut all = patient.number("seconds", 0, 86400);
    all.extend(sleep.accepts("seconds", [json!(30)]));
    all.push(sleep.refuses("seconds", json!(31), &[longer]));
    all.extend(hasty.accepts("seconds", [json!(10)]));
    all.push(hasty.refuses("seconds", json!(11), &[longer]));
    all.push(sleep.refuses("seconds", Value::Null, &["seconds", "Required"]));
    all
}
