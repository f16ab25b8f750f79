//! Triggers that come in a flood, made few.
//!
//! Creating an application makes some fifty events of what it owns within a second: echoes of the writes,
//! then pods and counts. Each may be the one that matters, so none is lost; but what is reconciled once sees
//! all that came before. The first trigger after a while passes at once, so that drift is repaired at once.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::pin::{Pin, pin};
use std::time::Duration;

use futures::{Stream, StreamExt as _, stream};
use tokio::time::{Instant, sleep_until};

/// How much time is between two triggers for the same object at least: first this much, doubled each time that
/// there were more within it, up to the second.
const GAP: Duration = Duration::from_millis(100);
const LONGEST_GAP: Duration = Duration::from_millis(400);

/// The same triggers, but for each object one in a gap at most: those that come sooner are one at its end.
pub(super) fn calm<K, S>(triggers: S) -> impl Stream<Item = K> + Send
where
    K: Clone + Eq + Hash + Send,
    S: Stream<Item = K> + Send,
{
    let state = Calm {
        triggers: Box::pin(triggers),
        recent: HashMap::new(),
        ends: BTreeMap::new(),
        passed: 0,
    };
    stream::unfold(state, |mut calm| async move {
        let next = calm.next().await?;
        Some((next, calm))
    })
}

struct Calm<K, S> {
    triggers: Pin<Box<S>>,
    /// The objects that are within a gap.
    recent: HashMap<K, Recent>,
    /// When the gap of each ends; the number tells those of the same moment apart.
    ends: BTreeMap<(Instant, u64), K>,
    passed: u64,
}

struct Recent {
    gap: Duration,
    /// Whether the object was triggered again within the gap.
    again: bool,
}

impl<K, S> Calm<K, S>
where
    K: Clone + Eq + Hash,
    S: Stream<Item = K>,
{
    /// The next trigger that passes; none when there are no more.
    async fn next(&mut self) -> Option<K> {
        loop {
            let Some(((end, _), _)) = self.ends.first_key_value() else {
                let object = self.triggers.next().await?;
                return Some(self.pass(object, GAP));
            };
            let ended = pin!(sleep_until(*end));
            tokio::select! {
                biased;
                () = ended => if let Some((object, gap)) = self.gap_ended() {
                    let longer = gap.saturating_mul(2).min(LONGEST_GAP);
                    return Some(self.pass(object, longer));
                },
                object = self.triggers.next() => {
                    let object = object?;
                    match self.recent.get_mut(&object) {
                        Some(recent) => recent.again = true,
                        None => return Some(self.pass(object, GAP)),
                    }
                }
            }
        }
    }

    /// Lets the object pass; its gap begins.
    fn pass(&mut self, object: K, gap: Duration) -> K {
        self.passed = self.passed.wrapping_add(1);
        let end = (Instant::now() + gap, self.passed);
        self.ends.insert(end, object.clone());
        self.recent
            .insert(object.clone(), Recent { gap, again: false });
        object
    }

    /// Ends the first gap; returns its object and how long it was, if the object was triggered again within.
    fn gap_ended(&mut self) -> Option<(K, Duration)> {
        let (_, object) = self.ends.pop_first()?;
        let recent = self.recent.remove(&object)?;
        recent.again.then_some((object, recent.gap))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What passes, and after how many milliseconds, of triggers at these milliseconds.
    async fn passed(triggers: &[(u64, char)]) -> Vec<(u128, char)> {
        let begin = Instant::now();
        let at = triggers.to_vec();
        let source = stream::iter(at).then(move |(ms, object)| async move {
            sleep_until(begin + Duration::from_millis(ms)).await;
            object
        });
        // Triggers never end in life; here they end after everything has passed.
        let source = source.chain(stream::once(async move {
            sleep_until(begin + Duration::from_secs(10)).await;
            '.'
        }));
        let passed = calm(source).map(move |object| (begin.elapsed().as_millis(), object));
        passed
            .take_while(|(_, object)| std::future::ready(*object != '.'))
            .collect()
            .await
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_passes_at_once_and_a_flood_is_one_more() {
        let flood = [(0, 'a'), (1, 'a'), (2, 'a'), (50, 'a'), (99, 'a')];
        let passed = passed(&flood).await;
        assert_eq!(passed.iter().map(|p| p.1).collect::<String>(), "aa");
        assert_eq!(passed[0].0, 0);
        assert!((100..=102).contains(&passed[1].0), "{passed:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn objects_do_not_wait_for_each_other() {
        let passed = passed(&[(0, 'a'), (10, 'b'), (20, 'a'), (30, 'c')]).await;
        assert_eq!(passed.iter().map(|p| p.1).collect::<String>(), "abca");
        assert!(passed[2].0 < 35, "{passed:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_flood_passes_ever_more_rarely() {
        let flood: Vec<_> = (0..200).map(|n| (n * 10, 'a')).collect();
        let at: Vec<_> = passed(&flood).await.iter().map(|p| p.0 / 50).collect();
        // After 0, 100, 300, 700, 1100, 1500, 1900 and, for those after that, 2300 ms.
        assert_eq!(at, [0, 2, 6, 14, 22, 30, 38, 46]);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_while_the_next_passes_at_once_again() {
        let passed = passed(&[(0, 'a'), (150, 'a'), (151, 'a')]).await;
        let at: Vec<_> = passed.iter().map(|p| p.0).collect();
        assert_eq!(at.len(), 3);
        assert!(
            (150..=151).contains(&at[1]) && (250..=253).contains(&at[2]),
            "{at:?}"
        );
    }
}
