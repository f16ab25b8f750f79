//! The store as its users see it, and what it finds again after a crash.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;

fn priced(item: &str) -> PricedOrder {
    PricedOrder {
        item: item.into(),
        quantity: 2,
        price_cents: 100,
        discount_cents: 0,
        total_cents: 200,
    }
}

struct Fixture {
    directory: TempDir,
    limits: Limits,
}

impl Fixture {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            limits: Limits::default(),
        }
    }

    fn open(&self) -> Store {
        Store::open(self.directory.path(), self.limits).unwrap()
    }

    fn log(&self) -> PathBuf {
        self.directory.path().join("orders.log")
    }
}

async fn create(store: &Store, key: &str) -> Order {
    store.create(key.into(), priced(key)).await.unwrap().order
}

#[tokio::test]
async fn orders_outlive_the_process() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let kept = create(&store, "kept").await;
    let paid = create(&store, "paid").await;
    let gone = create(&store, "gone").await;
    let paid = store.set_status(paid.id, 1, Status::Paid).await.unwrap();
    store.remove(gone.id, 1).await.unwrap();
    store.close().await;

    let store = fixture.open();
    assert_eq!(store.get(kept.id).await.unwrap(), Some(kept.clone()));
    assert_eq!(
        store.get(paid.id).await.unwrap().unwrap().status,
        Status::Paid
    );
    assert_eq!(store.get(gone.id).await.unwrap(), None);
    assert!(store.was_removed(gone.id));
    assert!(
        store
            .create("kept".into(), priced("kept"))
            .await
            .unwrap()
            .replayed
    );
}

#[tokio::test]
async fn a_cut_at_any_byte_of_the_last_write_loses_only_that_write() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let first = create(&store, "first").await;
    let before = store.figures().log_bytes;
    let second = create(&store, "second").await;
    store.close().await;
    let whole = fs::read(fixture.log()).unwrap();
    for length in usize::try_from(before).unwrap()..whole.len() {
        fs::write(fixture.log(), &whole[..length]).unwrap();
        let store = fixture.open();
        assert_eq!(
            store.get(first.id).await.unwrap().as_ref(),
            Some(&first),
            "{length} bytes"
        );
        assert_eq!(store.get(second.id).await.unwrap(), None, "{length} bytes");
        assert_eq!(store.figures().log_bytes, before);
        let third = create(&store, "third").await;
        store.close().await;
        let store = fixture.open();
        assert_eq!(
            store.get(third.id).await.unwrap(),
            Some(third),
            "{length} bytes"
        );
        store.close().await;
    }
}

#[tokio::test]
async fn damage_before_the_end_is_not_swept_away() {
    let fixture = Fixture::new();
    let store = fixture.open();
    create(&store, "first").await;
    create(&store, "second").await;
    store.close().await;
    let mut bytes = fs::read(fixture.log()).unwrap();
    bytes[60] ^= 1;
    fs::write(fixture.log(), &bytes).unwrap();
    let error = Store::open(fixture.directory.path(), fixture.limits).unwrap_err();
    assert!(
        matches!(error, OpenError::Damaged { offset: 22, .. }),
        "{error}"
    );
    assert_eq!(
        fs::read(fixture.log()).unwrap(),
        bytes,
        "the log is left as it was"
    );
}

#[tokio::test]
async fn a_file_of_another_kind_is_refused() {
    let fixture = Fixture::new();
    fs::write(
        fixture.log(),
        "someone's notes, longer than the first line\n",
    )
    .unwrap();
    let error = Store::open(fixture.directory.path(), fixture.limits).unwrap_err();
    assert!(
        matches!(error, OpenError::Damaged { offset: 0, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn two_processes_cannot_share_a_directory() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let error = Store::open(fixture.directory.path(), fixture.limits).unwrap_err();
    assert!(matches!(error, OpenError::Locked(_)), "{error}");
    store.close().await;
    fixture.open().close().await;
}

#[tokio::test]
async fn one_key_makes_one_order_however_often_it_is_sent() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let attempts = (0..50).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { store.create("same".into(), priced("tea")).await.unwrap() })
    });
    let mut made = Vec::new();
    for attempt in attempts.collect::<Vec<_>>() {
        made.push(attempt.await.unwrap());
    }
    assert_eq!(made.iter().filter(|created| !created.replayed).count(), 1);
    assert!(made.iter().all(|created| created.order == made[0].order));
    assert_eq!(store.figures().orders, 1);
}

#[tokio::test]
async fn a_key_belongs_to_its_request() {
    let store = Fixture::new();
    let store = store.open();
    let order = create(&store, "key").await;
    let other = store.create("key".into(), priced("another thing")).await;
    assert_eq!(other, Err(StoreError::KeyReused));
    store.remove(order.id, 1).await.unwrap();
    assert_eq!(
        store.create("key".into(), priced("key")).await,
        Err(StoreError::KeyDeleted)
    );
}

#[tokio::test]
async fn changes_name_the_revision_that_they_start_from() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let order = create(&store, "key").await;
    let paid = store.set_status(order.id, 1, Status::Paid).await.unwrap();
    assert_eq!(paid.revision, 2);
    let retried = store.set_status(order.id, 1, Status::Paid).await.unwrap();
    assert_eq!(retried, paid, "a retry finds its own change");
    let conflict = StoreError::Conflict {
        id: order.id,
        expected: 1,
        actual: 2,
    };
    assert_eq!(
        store.set_status(order.id, 1, Status::Cancelled).await,
        Err(conflict.clone())
    );
    assert_eq!(store.remove(order.id, 1).await, Err(conflict));
    store.remove(order.id, 2).await.unwrap();
    store.remove(order.id, 2).await.unwrap();
    let never = OrderId::new(jiff::Timestamp::UNIX_EPOCH);
    assert_eq!(
        store.remove(never, 1).await,
        Err(StoreError::NotFound(never))
    );
}

#[tokio::test]
async fn of_racing_changes_exactly_one_wins() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let order = create(&store, "key").await;
    let (paid, cancelled) = tokio::join!(
        store.set_status(order.id, 1, Status::Paid),
        store.set_status(order.id, 1, Status::Cancelled)
    );
    assert!(paid.is_ok() ^ cancelled.is_ok(), "{paid:?} {cancelled:?}");
}

#[tokio::test]
async fn pages_go_from_the_newest_to_the_oldest() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let mut made = Vec::new();
    for number in 0..7 {
        made.push(create(&store, &format!("key-{number}")).await.id);
    }
    made.sort_unstable();
    made.reverse();
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = store.page(3, before).await.unwrap();
        assert_eq!(page.total, 7);
        seen.extend(page.orders.iter().map(|order| order.id));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen, made);
}

#[tokio::test]
async fn a_full_store_refuses_and_deletions_make_room() {
    let fixture = Fixture {
        limits: Limits {
            max_orders: 2,
            ..Limits::default()
        },
        ..Fixture::new()
    };
    let store = fixture.open();
    let first = create(&store, "1").await;
    create(&store, "2").await;
    assert_eq!(
        store.create("3".into(), priced("3")).await,
        Err(StoreError::Full(2))
    );
    store.remove(first.id, 1).await.unwrap();
    create(&store, "3").await;
}

#[tokio::test]
async fn compaction_keeps_everything_that_counts() {
    let limits = Limits {
        compact_above: 4096,
        cached_orders: 0,
        ..Limits::default()
    };
    let fixture = Fixture {
        limits,
        ..Fixture::new()
    };
    let store = fixture.open();
    let kept = create(&store, "kept").await;
    let kept = store.set_status(kept.id, 1, Status::Paid).await.unwrap();
    let mut last = None;
    for number in 0..100 {
        let order = create(&store, &format!("short-lived-{number}")).await;
        store.remove(order.id, 1).await.unwrap();
        last = Some(order.id);
    }
    let grown = store.figures().log_bytes;
    assert_eq!(store.get(kept.id).await.unwrap(), Some(kept.clone()));
    store.close().await;
    assert!(
        grown < 20_000,
        "{grown} bytes: 100 deleted orders would take more"
    );

    let store = fixture.open();
    assert_eq!(store.get(kept.id).await.unwrap(), Some(kept));
    assert!(store.was_removed(last.unwrap()));
    assert_eq!(store.figures().orders, 1);
    assert!(!fixture.directory.path().join("orders.log.new").exists());
}

#[tokio::test]
async fn a_compaction_that_was_cut_short_changes_nothing() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let order = create(&store, "key").await;
    store.close().await;
    let mut unfinished = OpenOptions::new()
        .create(true)
        .append(true)
        .open(fixture.directory.path().join("orders.log.new"))
        .unwrap();
    unfinished.write_all(b"half a log").unwrap();
    let store = fixture.open();
    assert_eq!(store.get(order.id).await.unwrap(), Some(order));
}

#[tokio::test]
async fn reads_are_cached_and_never_stale() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let order = create(&store, "key").await;
    store.close().await;
    let store = fixture.open();
    for _ in 0..3 {
        store.get(order.id).await.unwrap();
    }
    let figures = store.figures();
    assert_eq!((figures.cache_misses, figures.cache_hits), (1, 2));
    store.set_status(order.id, 1, Status::Paid).await.unwrap();
    assert_eq!(
        store.get(order.id).await.unwrap().unwrap().status,
        Status::Paid
    );
}
