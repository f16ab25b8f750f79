//! Kubernetes Events: aggregated when equal, not when their text differs; never in the way.

use std::time::Duration;

use axum::http::Method;
use k8s_openapi::api::core::v1::ObjectReference;
use manager_kit::{EventRecorder, Metrics, Severity, Shutdown};
use serde_json::Value;

use crate::support::fake_api::{FakeApi, Fault};
use crate::support::{INFO, eventually};

const EVENTS: &str = "/apis/events.k8s.io/v1/namespaces/shop/events";

fn about(version: &str) -> ObjectReference {
    ObjectReference {
        kind: Some("RestAPI".into()),
        name: Some("orders".into()),
        namespace: Some("shop".into()),
        uid: Some("u".into()),
        resource_version: Some(version.into()),
        ..ObjectReference::default()
    }
}

struct Setup {
    api: std::sync::Arc<FakeApi>,
    recorder: EventRecorder,
    stop: manager_kit::shutdown::ShutdownTrigger,
    task: tokio::task::JoinHandle<()>,
    metrics: Metrics,
}

fn setup() -> Setup {
    let (api, metrics) = (FakeApi::new(), Metrics::new(INFO));
    let (recorder, publisher) = EventRecorder::new(api.client(), "core", "pod-a", metrics.clone());
    let (stop, stopped) = Shutdown::channel();
    Setup {
        api,
        recorder,
        stop,
        task: tokio::spawn(publisher.run(stopped)),
        metrics,
    }
}

impl Setup {
    fn published(&self) -> Vec<Value> {
        self.api.objects_in(EVENTS)
    }
}

#[tokio::test(start_paused = true)]
async fn equal_events_are_counted_in_one_also_when_the_object_changed_between() {
    let s = setup();
    for version in ["1", "2", "3"] {
        s.recorder.publish(
            &about(version),
            Severity::Warning,
            "ImageMissing",
            "Apply",
            "no such image",
        );
    }
    eventually("the third is counted", || {
        s.published()
            .first()
            .is_some_and(|event| event["series"]["count"] == 3)
    })
    .await;
    let events = s.published();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["note"], "no such image");
    assert_eq!(events[0]["type"], "Warning");
    assert_eq!(events[0]["reportingController"], "core");
    assert_eq!(events[0]["regarding"]["name"], "orders");
}

/// The library's recorder would count the second as a repetition of the first and never show it.
#[tokio::test(start_paused = true)]
async fn an_event_with_another_text_is_another_event() {
    let s = setup();
    for note in ["view: no such image", "model: no such image"] {
        s.recorder.publish(
            &about("1"),
            Severity::Warning,
            "ImageMissing",
            "Apply",
            note,
        );
    }
    eventually("both are there", || s.published().len() == 2).await;
    let notes: Vec<Value> = s
        .published()
        .iter()
        .map(|event| event["note"].clone())
        .collect();
    assert!(notes.contains(&"model: no such image".into()), "{notes:?}");
}

#[tokio::test(start_paused = true)]
async fn long_texts_are_cut_at_a_character() {
    let s = setup();
    let note = "ä".repeat(2000);
    s.recorder.publish(
        &about("1"),
        Severity::Normal,
        &"R".repeat(300),
        "Apply",
        &note,
    );
    eventually("it is there", || s.published().len() == 1).await;
    let event = s.published().remove(0);
    let note = event["note"].as_str().unwrap();
    assert!(
        note.len() <= 1024 && note.ends_with("ä…"),
        "{} bytes",
        note.len()
    );
    assert!(event["reason"].as_str().unwrap().len() <= 128);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_drops_and_counts_and_never_blocks() {
    let s = setup();
    s.api.fail(|_, _| Some(Fault::Hang));
    for i in 0..1000 {
        s.recorder.publish(
            &about("1"),
            Severity::Normal,
            "Applied",
            "Apply",
            &i.to_string(),
        );
    }
    let text = s.metrics.encode();
    let line = text
        .lines()
        .find(|line| line.starts_with("restapi_events_dropped_total"))
        .unwrap();
    let dropped: u32 = line.rsplit(' ').next().unwrap().parse().unwrap();
    assert!((740..=750).contains(&dropped), "{dropped} dropped");
}

#[tokio::test(start_paused = true)]
async fn refused_events_are_counted_and_the_next_are_published() {
    let s = setup();
    s.api.fail(|_, _| Some(Fault::Status(403, None)));
    s.recorder
        .publish(&about("1"), Severity::Normal, "Applied", "Apply", "first");
    eventually("it was refused", || {
        s.metrics
            .encode()
            .contains("restapi_events_dropped_total 1")
    })
    .await;
    s.api.heal();
    s.recorder
        .publish(&about("1"), Severity::Normal, "Applied", "Apply", "second");
    eventually("the next is there", || s.published().len() == 1).await;
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_published_at_the_end() {
    let s = setup();
    for i in 0..20 {
        s.recorder.publish(
            &about("1"),
            Severity::Normal,
            "Applied",
            "Apply",
            &i.to_string(),
        );
    }
    s.stop.request();
    let ended = tokio::time::timeout(Duration::from_secs(5), s.task).await;
    ended.unwrap().unwrap();
    assert_eq!(s.api.requests(&Method::POST, EVENTS), 20);
}
