//! A stand-in for the API server: objects in memory with resourceVersions, lists and watches, and
//! faults on demand. It checks nothing else.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Method, Request, Response, StatusCode};
use futures::stream;
use kube::Client;
use serde_json::{Value, json};
use tokio::sync::watch;

/// What happens to a request instead of an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// This status; with the second, a Retry-After in seconds.
    Status(u16, Option<u64>),
    /// Silence, before anything is changed.
    Hang,
    /// The change is made, but the answer never comes.
    LoseAnswer,
    /// The change is made, and the answer comes after this time.
    Late(Duration),
    /// The answer begins and stops in the middle.
    HangInBody,
}

type Faults = dyn Fn(&Method, &str) -> Option<Fault> + Send + Sync;

pub(crate) struct FakeApi {
    state: Mutex<State>,
    /// The latest resourceVersion.
    version: watch::Sender<u64>,
    faults: Mutex<Arc<Faults>>,
}

#[derive(Default)]
struct State {
    /// By path.
    objects: BTreeMap<String, Value>,
    changes: Vec<Change>,
    requests: Vec<(Method, String)>,
}

#[derive(Clone)]
struct Change {
    version: u64,
    path: String,
    event: Value,
}

impl FakeApi {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            version: watch::Sender::new(1),
            faults: Mutex::new(Arc::new(|_, _| None)),
        })
    }

    /// A client that speaks to it without a network, so that tests can run on paused time.
    pub(crate) fn client(self: &Arc<Self>) -> Client {
        self.client_behind(Arc::default())
    }

    /// The same, with a network that lets nothing through while `cut` is set.
    pub(crate) fn client_behind(self: &Arc<Self>, cut: Arc<AtomicBool>) -> Client {
        let api = self.clone();
        let service = tower::service_fn(move |request: Request<kube::client::Body>| {
            let (api, cut) = (api.clone(), cut.clone());
            async move {
                if cut.load(Ordering::SeqCst) {
                    std::future::pending::<()>().await;
                }
                let (parts, body) = request.into_parts();
                let body = body.collect_bytes().await.unwrap();
                Ok::<_, Infallible>(api.answer(&parts.method, &parts.uri, body).await)
            }
        });
        Client::new(service, "default")
    }

    /// The same over a network: serves on a free port and returns its number.
    pub(crate) async fn serve(self: &Arc<Self>) -> u16 {
        let api = self.clone();
        let handler = move |request: Request<Body>| async move {
            let (parts, body) = request.into_parts();
            let body = to_bytes(body, 1 << 20).await.unwrap();
            api.answer(&parts.method, &parts.uri, body).await
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let app = axum::Router::new().fallback(handler);
        tokio::spawn(async move { axum::serve(listener, app).await });
        port
    }

    /// Decides for each request, by method and path, whether it fails.
    pub(crate) fn fail(
        &self,
        faults: impl Fn(&Method, &str) -> Option<Fault> + Send + Sync + 'static,
    ) {
        *self.faults.lock().unwrap() = Arc::new(faults);
    }

    pub(crate) fn heal(&self) {
        self.fail(|_, _| None);
    }

    /// Creates or changes the object at the path of its own.
    pub(crate) fn put(&self, path: &str, object: Value) {
        self.store(path, object);
    }

    pub(crate) fn get(&self, path: &str) -> Option<Value> {
        self.state.lock().unwrap().objects.get(path).cloned()
    }

    pub(crate) fn delete(&self, path: &str) {
        let removed = self.state.lock().unwrap().objects.remove(path).unwrap();
        self.log_change("DELETED", path, removed);
    }

    /// All objects of a collection.
    pub(crate) fn objects_in(&self, collection: &str) -> Vec<Value> {
        let state = self.state.lock().unwrap();
        let within = state
            .objects
            .iter()
            .filter(|(path, _)| belongs(path, collection));
        within.map(|(_, object)| object.clone()).collect()
    }

    /// How many requests there were with this method and exactly this path.
    pub(crate) fn requests(&self, method: &Method, path: &str) -> usize {
        let state = self.state.lock().unwrap();
        state
            .requests
            .iter()
            .filter(|(m, p)| m == method && p == path)
            .count()
    }

    pub(crate) async fn answer(
        self: &Arc<Self>,
        method: &Method,
        uri: &axum::http::Uri,
        body: Bytes,
    ) -> Response<Body> {
        let path = uri.path().to_owned();
        self.state
            .lock()
            .unwrap()
            .requests
            .push((method.clone(), path.clone()));
        let faults = self.faults.lock().unwrap().clone();
        match faults(method, &path) {
            None => self.respond(method, uri, &body),
            Some(Fault::Status(code, after)) => refusal(code, after),
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::LoseAnswer) => {
                drop(self.respond(method, uri, &body));
                std::future::pending().await
            }
            Some(Fault::Late(delay)) => {
                let answer = self.respond(method, uri, &body);
                tokio::time::sleep(delay).await;
                answer
            }
            Some(Fault::HangInBody) => {
                let start = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"{"))]);
                let body = futures::StreamExt::chain(start, stream::pending());
                Response::new(Body::from_stream(body))
            }
        }
    }

    fn respond(
        self: &Arc<Self>,
        method: &Method,
        uri: &axum::http::Uri,
        body: &[u8],
    ) -> Response<Body> {
        let (path, query) = (uri.path(), uri.query().unwrap_or_default());
        let is_collection = path
            .rsplit('/')
            .next()
            .is_some_and(|last| last.ends_with('s'));
        let body = || serde_json::from_slice::<Value>(body).unwrap();
        match *method {
            Method::GET if query.contains("watch=true") => self.watch(path, query),
            Method::GET if is_collection => answer(&self.list(path)),
            Method::GET => self
                .get(path)
                .map_or_else(|| refusal(404, None), |object| answer(&object)),
            Method::POST => self.create(path, body()),
            Method::PUT => self.replace(path, body()),
            Method::PATCH => self.merge(path, &body()),
            _ => refusal(405, None),
        }
    }

    fn create(&self, collection: &str, object: Value) -> Response<Body> {
        let path = format!(
            "{collection}/{}",
            object["metadata"]["name"].as_str().unwrap()
        );
        if self.get(&path).is_some() {
            return refusal(409, None);
        }
        answer(&self.store(&path, object))
    }

    fn replace(&self, path: &str, object: Value) -> Response<Body> {
        let Some(existing) = self.get(path) else {
            return refusal(404, None);
        };
        let expected = &object["metadata"]["resourceVersion"];
        if !expected.is_null() && *expected != existing["metadata"]["resourceVersion"] {
            return refusal(409, None);
        }
        answer(&self.store(path, object))
    }

    fn merge(&self, path: &str, change: &Value) -> Response<Body> {
        let Some(mut object) = self.get(path) else {
            return refusal(404, None);
        };
        for (key, value) in change.as_object().unwrap() {
            if key != "metadata" {
                object[key] = value.clone();
            }
        }
        answer(&self.store(path, object))
    }

    fn store(&self, path: &str, mut object: Value) -> Value {
        let old = self.get(path);
        let uid = old.as_ref().map_or_else(
            || json!(format!("uid-{path}")),
            |o| o["metadata"]["uid"].clone(),
        );
        object["metadata"]["uid"] = uid;
        object["metadata"]["resourceVersion"] = json!((*self.version.borrow() + 1).to_string());
        self.state
            .lock()
            .unwrap()
            .objects
            .insert(path.to_owned(), object.clone());
        self.log_change(
            if old.is_some() { "MODIFIED" } else { "ADDED" },
            path,
            object.clone(),
        );
        object
    }

    fn log_change(&self, kind: &str, path: &str, mut object: Value) {
        let version = *self.version.borrow() + 1;
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        let event = json!({"type": kind, "object": object});
        self.state.lock().unwrap().changes.push(Change {
            version,
            path: path.to_owned(),
            event,
        });
        self.version.send_replace(version);
    }

    fn list(&self, collection: &str) -> Value {
        let items = self.objects_in(collection);
        let version = self.version.borrow().to_string();
        json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": version}, "items": items})
    }

    fn watch(self: &Arc<Self>, collection: &str, query: &str) -> Response<Body> {
        let from = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("resourceVersion="));
        let from: u64 = from.unwrap().parse().unwrap();
        let state = (
            self.clone(),
            self.version.subscribe(),
            from,
            collection.to_owned(),
        );
        let events = stream::unfold(state, |(api, mut version, from, collection)| async move {
            loop {
                let next = {
                    let state = api.state.lock().unwrap();
                    let later = |c: &&Change| c.version > from && belongs(&c.path, &collection);
                    state.changes.iter().find(later).cloned()
                };
                if let Some(change) = next {
                    let line = format!("{}\n", change.event);
                    return Some((
                        Ok::<_, Infallible>(line),
                        (api, version, change.version, collection),
                    ));
                }
                version.changed().await.ok()?;
            }
        });
        Response::new(Body::from_stream(events))
    }
}

/// Whether the object at `path` is in the collection, of one namespace or of all.
fn belongs(path: &str, collection: &str) -> bool {
    let Some((parent, _)) = path.rsplit_once('/') else {
        return false;
    };
    if parent == collection {
        return true;
    }
    let (Some((group, plural)), Some((own_group, rest))) = (
        collection.rsplit_once('/'),
        parent.split_once("/namespaces/"),
    ) else {
        return false;
    };
    group == own_group
        && rest
            .split_once('/')
            .is_some_and(|(_, own_plural)| own_plural == plural)
}

fn answer(value: &Value) -> Response<Body> {
    Response::new(Body::from(value.to_string()))
}

fn refusal(code: u16, retry_after: Option<u64>) -> Response<Body> {
    let reason = match code {
        404 => "NotFound",
        409 => "Conflict",
        _ => "Other",
    };
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": format!("refused with {code}"), "reason": reason, "code": code});
    let mut response = Response::new(Body::from(status.to_string()));
    *response.status_mut() = StatusCode::from_u16(code).unwrap();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert("retry-after", seconds.into());
    }
    response
}
