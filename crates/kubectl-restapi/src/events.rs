//! `events`: what the managers told, as NATS keeps it, and what they tell from now on.
//!
//! It reads the stream message by message and leaves no trace there.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use async_nats::ConnectOptions;
use async_nats::jetstream;
use async_nats::jetstream::stream::{DirectGetErrorKind, Stream};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Secret;
use restapi_types::Event;
use restapi_types::event::{READER, STREAM, inbox};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use crate::args::{Events, EventsFormat, Place};
use crate::cluster::Cluster;
use crate::failure::Failure;
use crate::output::say;

/// How long the port may take to be forwarded.
const FORWARDED: Duration = Duration::from_secs(15);

/// How often there is looked for more.
const AGAIN: Duration = Duration::from_millis(300);

/// Prints events, oldest first.
///
/// # Errors
/// When NATS can't be reached, or has no events.
pub async fn run(cluster: &Cluster, place: &Place, args: &Events) -> Result<(), Failure> {
    let files = files(cluster, args).await?;
    let (address, _forward) = if let Some(server) = &args.server {
        (server.clone(), None)
    } else {
        let forward = Forward::start(place, args).await?;
        (format!("tls://localhost:{}", forward.port), Some(forward))
    };
    let stream = stream(&address, files.path()).await?;
    let namespace = (!args.all_namespaces).then(|| cluster.namespace());
    let subject = subject(namespace, args.name.as_deref());
    show(&stream, &subject, args).await
}

/// The subjects of an application, of all of a namespace, or of all.
fn subject(namespace: Option<&str>, name: Option<&str>) -> String {
    let (namespace, name) = (namespace.unwrap_or("*"), name.unwrap_or("*"));
    format!("restapi.v1.{namespace}.{name}.>")
}

async fn show(stream: &Stream, subject: &str, args: &Events) -> Result<(), Failure> {
    let age = args.since.unwrap_or(SignedDuration::MAX);
    let from = Timestamp::now()
        .saturating_sub(age)
        .unwrap_or(Timestamp::MIN);
    let mut sequence = 1;
    loop {
        let next = stream.direct_get_next_for_subject(subject, Some(sequence));
        match next.await {
            Ok(message) => {
                sequence = message.sequence + 1;
                let event = serde_json::from_slice::<Event>(&message.payload);
                // What nobody can read is no event; the managers put it aside.
                if let Some(event) = event.ok().filter(|event| event.time >= from) {
                    say(&line(&event, args.output)?)?;
                }
            }
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => {
                if !args.follow {
                    return Ok(());
                }
                sleep(AGAIN).await;
            }
            Err(error) => return Err(Failure::Cluster(format!("reading events: {error}"))),
        }
    }
}

/// An event in a line.
fn line(event: &Event, format: EventsFormat) -> Result<String, Failure> {
    if format == EventsFormat::Json {
        return serde_json::to_string(event).map_err(|error| Failure::Cluster(error.to_string()));
    }
    let data = &event.data;
    let what = event
        .known_kind()
        .map_or(event.kind.as_str(), |kind| kind.as_str());
    let head = format!("{:.6}  {what:<20}  {}", event.time, event.subject);
    let facts = [
        ("revision", data.revision.map(|number| number.to_string())),
        ("gate", data.gate.clone()),
        ("reason", data.reason.clone()),
    ];
    let told = facts
        .into_iter()
        .filter_map(|(name, value)| Some(format!("  {name} {}", value?)));
    Ok(std::iter::once(head).chain(told).collect())
}

/// The reader's certificate, from its Secret, as files that nobody else can read and that go with the value.
async fn files(cluster: &Cluster, args: &Events) -> Result<tempfile::TempDir, Failure> {
    let api = cluster.api_in::<Secret>(&args.managers_namespace);
    let name = format!("{READER}-nats");
    let secret = api.get_opt(&name).await?.ok_or_else(|| {
        Failure::Cluster(format!(
            "there is no Secret {name} in the namespace {}: is NATS installed (docs/events.md)?",
            args.managers_namespace
        ))
    })?;
    let folder = tempfile::tempdir()?;
    let data = secret.data.unwrap_or_default();
    for file in ["ca.crt", "tls.crt", "tls.key"] {
        let content = data.get(file).map(|content| content.0.as_slice());
        std::fs::write(folder.path().join(file), content.unwrap_or_default())?;
    }
    Ok(folder)
}

async fn stream(address: &str, files: &Path) -> Result<Stream, Failure> {
    let options = ConnectOptions::new()
        .name("kubectl-restapi")
        .custom_inbox_prefix(inbox(READER))
        .add_root_certificates(files.join("ca.crt"))
        .add_client_certificate(files.join("tls.crt"), files.join("tls.key"));
    let client = options
        .connect(address)
        .await
        .map_err(|error| Failure::Cluster(format!("NATS can't be reached: {error}")))?;
    let stream = jetstream::new(client).get_stream(STREAM).await;
    stream.map_err(|error| Failure::Cluster(format!("there is no stream {STREAM} yet: {error}")))
}

/// `kubectl port-forward`, which ends with this value.
struct Forward {
    port: u16,
    _child: Child,
}

impl Forward {
    async fn start(place: &Place, args: &Events) -> Result<Self, Failure> {
        let mut command = Command::new("kubectl");
        command
            .args(["port-forward", "--namespace", &args.nats_namespace])
            .args(["service/nats", ":4222"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        if let Some(context) = &place.context {
            command.args(["--context", context]);
        }
        if let Some(kubeconfig) = &place.kubeconfig {
            command.arg("--kubeconfig").arg(kubeconfig);
        }
        let mut child = command.spawn().map_err(|error| {
            Failure::Cluster(format!(
                "kubectl can't be started to forward NATS' port: {error}; or name an address with --server"
            ))
        })?;
        let (found, port) = oneshot::channel();
        if let Some(output) = child.stdout.take() {
            tokio::spawn(read(output, found));
        }
        let port = timeout(FORWARDED, port).await;
        let port = port.ok().and_then(Result::ok).ok_or_else(|| {
            Failure::Cluster(
                "NATS' port can't be forwarded: is it installed (docs/events.md)?".to_owned(),
            )
        })?;
        Ok(Self {
            port,
            _child: child,
        })
    }
}

/// Reads what kubectl says until it ends: it would end itself if nobody did. `found` gets the port.
async fn read(output: ChildStdout, found: oneshot::Sender<u16>) {
    let mut lines = BufReader::new(output).lines();
    let mut found = Some(found);
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(port) = forwarded(&line)
            && let Some(found) = found.take()
        {
            // Nobody waits any more where it came too late.
            let _ = found.send(port);
        }
    }
}

/// The port of this machine that kubectl says it forwards.
fn forwarded(line: &str) -> Option<u16> {
    let rest = line.strip_prefix("Forwarding from 127.0.0.1:")?;
    rest.split_once(' ')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use restapi_types::EventKind;
    use restapi_types::event::{ApplicationRef, Facts};

    use super::*;

    #[test]
    fn the_port_is_read_off_what_kubectl_says() {
        assert_eq!(
            forwarded("Forwarding from 127.0.0.1:40123 -> 4222"),
            Some(40123)
        );
        assert_eq!(forwarded("Forwarding from [::1]:40123 -> 4222"), None);
    }

    #[test]
    fn an_event_is_a_line() {
        let application = ApplicationRef {
            namespace: "shop".to_owned(),
            name: "orders".to_owned(),
            uid: "u".to_owned(),
        };
        let facts = Facts {
            revision: Some(2),
            gate: Some("smoke".to_owned()),
            ..Facts::of(application)
        };
        let time = "2026-01-02T03:04:05Z".parse().unwrap();
        let event = Event::new(EventKind::GatePassed, time, facts);
        assert_eq!(
            line(&event, EventsFormat::Text).unwrap(),
            "2026-01-02T03:04:05.000000Z  gate.passed           shop/orders  revision 2  gate smoke"
        );
    }

    #[test]
    fn one_application_or_all_are_asked_for() {
        assert_eq!(
            subject(Some("shop"), Some("orders")),
            "restapi.v1.shop.orders.>"
        );
        assert_eq!(subject(None, None), "restapi.v1.*.*.>");
    }
}
