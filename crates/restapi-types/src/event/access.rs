//! Who may do what at NATS, as its configuration: each manager tells its own events, hears the others', and can neither
//! change nor remove what is there.

use std::fmt::Write as _;

use super::{DEAD_LETTERS, EventKind, STREAM, durable, inbox, subject};

/// Who only reads events: people, with `kubectl restapi events`, and whatever else listens.
pub const READER: &str = "events-reader";

/// The name that a client certificate is to hold (subject alternative name, DNS) for `who`: a manager, or [`READER`].
#[must_use]
pub fn certificate_name(who: &str) -> String {
    format!("{who}.restapi-events")
}

/// The managers that there are, each once.
#[must_use]
pub fn managers() -> Vec<&'static str> {
    let mut managers: Vec<_> = EventKind::ALL.map(EventKind::manager).to_vec();
    managers.sort_unstable();
    managers.dedup();
    managers
}

/// The block `authorization` of the configuration of a NATS server that maps client certificates to users
/// (`verify_and_map`). `namespace`: the only one that the managers work in.
#[must_use]
pub fn authorization(namespace: Option<&str>) -> String {
    let mut text = "authorization {\n  users = [\n".to_owned();
    for manager in managers() {
        let publish = told_by(manager, namespace);
        user(&mut text, manager, &publish);
    }
    user(&mut text, READER, &read());
    text.push_str("  ]\n}\n");
    text
}

/// What a manager may publish: its own events, what it could not read, and the requests by which it makes the stream
/// where there is none, and its own place in it. Not: the requests that change, purge or delete a stream.
fn told_by(manager: &str, namespace: Option<&str>) -> Vec<String> {
    let own = EventKind::ALL
        .into_iter()
        .filter(|kind| kind.manager() == manager);
    let of = namespace.unwrap_or("*");
    let place = durable(manager, namespace);
    own.map(|kind| subject(of, "*", kind))
        .chain([
            format!("{DEAD_LETTERS}.{manager}"),
            format!("$JS.API.STREAM.CREATE.{STREAM}"),
            format!("$JS.API.STREAM.INFO.{STREAM}"),
            format!("$JS.API.CONSUMER.CREATE.{STREAM}.{place}"),
            // What the client library asks once a lost connection is there again.
            format!("$JS.API.CONSUMER.INFO.{STREAM}.{place}"),
            format!("$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{place}"),
            format!("$JS.ACK.{STREAM}.{place}.>"),
        ])
        .collect()
}

/// What a reader may ask: what the stream holds, message by message. It leaves no trace there.
fn read() -> Vec<String> {
    vec![
        format!("$JS.API.STREAM.INFO.{STREAM}"),
        format!("$JS.API.DIRECT.GET.{STREAM}"),
        format!("$JS.API.DIRECT.GET.{STREAM}.>"),
    ]
}

fn user(text: &mut String, who: &str, publish: &[String]) {
    let publish: Vec<_> = publish.iter().map(|one| format!("{one:?}")).collect();
    let separator = ",\n            ";
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        r#"    {{
      user = "{name}"
      permissions {{
        publish {{
          allow = [
            {publish}
          ]
        }}
        subscribe {{
          allow = ["{inbox}.>"]
        }}
      }}
    }}
"#,
        name = certificate_name(who),
        publish = publish.join(separator),
        inbox = inbox(who),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manager_tells_its_own_events_and_no_others() {
        let core = told_by("core-reconciler", None);
        assert!(core.contains(&"restapi.v1.*.*.application.ready".to_owned()));
        assert!(!core.iter().any(|one| one.contains(".rollout.")));
        let one = told_by("core-reconciler", Some("shop"));
        assert!(one.contains(&"restapi.v1.shop.*.application.ready".to_owned()));
    }

    #[test]
    fn nobody_can_change_or_remove_what_is_there() {
        let text = authorization(None);
        for request in [
            "STREAM.UPDATE",
            "STREAM.DELETE",
            "STREAM.PURGE",
            "MSG.DELETE",
            "\">\"",
        ] {
            assert!(!text.contains(request), "{request}");
        }
        assert_eq!(text.matches("user = ").count(), managers().len() + 1);
    }
}
