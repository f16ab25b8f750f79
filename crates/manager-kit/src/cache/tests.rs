use k8s_openapi::api::core::v1::Service;
use serde_json::json;

use super::*;

fn service(name: &str, instance: &str, uid: &str) -> Service {
    serde_json::from_value(json!({"metadata": {
        "name": name, "namespace": "shop", "uid": uid, "resourceVersion": "1",
        "labels": {"app.kubernetes.io/instance": instance},
    }}))
    .unwrap()
}

fn owner(name: &str) -> Owner {
    ("shop".into(), name.into())
}

async fn fed(events: Vec<Event<Service>>) -> (Cache<Service>, Vec<Owner>) {
    let cache = Cache::default();
    let changed = feed(cache.clone(), stream::iter(events)).collect().await;
    (cache, changed)
}

#[tokio::test]
async fn deletions_are_told_and_relists_forget_what_is_gone() {
    let (cache, changed) = fed(vec![
        Event::Init,
        Event::InitApply(service("a", "one", "1")),
        Event::InitApply(service("b", "two", "2")),
        Event::InitDone,
        Event::Delete(service("b", "two", "2")),
        Event::Init,
        Event::InitApply(service("c", "three", "3")),
        Event::InitDone,
    ])
    .await;
    assert_eq!(changed, ["two", "three", "one"].map(owner));
    assert!(cache.is_synced());
    assert!(cache.of(&owner("one")).is_empty() && cache.of(&owner("two")).is_empty());
    assert_eq!(cache.version(&owner("three"), "c").unwrap().uid, "3");
}

#[tokio::test]
async fn a_relist_tells_nobody_what_is_as_it_was() {
    let mut labelled = service("b", "two", "2");
    labelled.labels_mut().insert("more".into(), "yes".into());
    let (cache, changed) = fed(vec![
        Event::Init,
        Event::InitApply(service("a", "one", "1")),
        Event::InitApply(service("b", "two", "2")),
        Event::InitDone,
        Event::Init,
        Event::InitApply(service("a", "one", "1")),
        Event::InitApply(labelled.clone()),
        Event::InitDone,
    ])
    .await;
    assert_eq!(changed, [owner("two")]);
    let two = cache.of(&owner("two"));
    assert_eq!(
        two.iter().map(|s| (**s).clone()).collect::<Vec<_>>(),
        [labelled]
    );
}

#[tokio::test]
async fn a_list_that_broke_off_forgets_nothing() {
    let (cache, changed) = fed(vec![
        Event::Init,
        Event::InitApply(service("a", "one", "1")),
        Event::InitApply(service("b", "two", "2")),
        Event::InitDone,
        Event::Init,
        Event::InitApply(service("a", "one", "1")),
        Event::Init,
        Event::InitApply(service("b", "two", "2")),
        Event::InitApply(service("a", "one", "1")),
        Event::InitDone,
    ])
    .await;
    assert_eq!(changed, []);
    assert_eq!(
        (cache.of(&owner("one")).len(), cache.of(&owner("two")).len()),
        (1, 1)
    );
}

#[tokio::test]
async fn a_new_version_is_kept_but_is_no_news_when_it_says_the_same() {
    let mut later = service("a", "one", "1");
    later.metadata.resource_version = Some("2".into());
    later.metadata.managed_fields = Some(Vec::new());
    let (cache, changed) = fed(vec![
        Event::Apply(service("a", "one", "1")),
        Event::Apply(later),
    ])
    .await;
    assert_eq!(changed, [owner("one")]);
    let version = cache.version(&owner("one"), "a").unwrap();
    assert_eq!(version.resource_version, "2");
}

#[tokio::test]
async fn an_object_that_moves_to_another_owner_leaves_the_first() {
    let (cache, changed) = fed(vec![
        Event::Apply(service("a", "one", "1")),
        Event::Apply(service("a", "two", "1")),
    ])
    .await;
    assert_eq!(changed, ["one", "one", "two"].map(owner));
    assert!(cache.of(&owner("one")).is_empty());
    assert_eq!(cache.of(&owner("two")).len(), 1);
}

#[tokio::test]
async fn a_late_delete_of_a_predecessor_does_not_remove_its_successor() {
    let (cache, changed) = fed(vec![
        Event::Apply(service("a", "one", "2")),
        Event::Delete(service("a", "one", "1")),
    ])
    .await;
    assert_eq!(changed, [owner("one")]);
    assert_eq!(cache.version(&owner("one"), "a").unwrap().uid, "2");
}

#[tokio::test]
async fn the_objects_of_an_owner_come_by_name() {
    let names = ["c", "a", "b"].map(|name| Event::Apply(service(name, "one", name)));
    let (cache, _) = fed(names.into()).await;
    let of_one = cache.of(&owner("one"));
    let names: Vec<_> = of_one.iter().map(|service| service.name_any()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert!(cache.of(&owner("two")).is_empty());
}
