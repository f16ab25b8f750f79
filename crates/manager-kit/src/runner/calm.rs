//! Triggers that come in a flood, made few.
//!
//! Creating an application makes some fifty events of what it owns within a second: echoes of the writes,
//! then pods and counts. Each may be the one that matters, so none is lost; but what is reconciled once sees
//! all that came before. The first trigger after a while passes at once, so that drift is repaired at once.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::pin::{Pin, pin};
use std::time::Duration;

use futures::{Stream, StreamExt as _, stream};
use tokio::time::{Instant, sleep_until};

/// How much time is between two triggers for the same object at least.
const GAP: Duration = Duration::from_millis(100);

/// The same triggers, but for each object one in [`GAP`] at most: those that come sooner are one at its end.
pub(super) fn calm<K, S>(triggers: S) -> impl Stream<Item = K> + Send
where
    K: Clone + Eq + Hash + Send,
    S: Stream<Item = K> + Send,
{
    let triggers = Box::pin(triggers);
    let state = Calm {
        triggers,
        again: HashMap::new(),
        gaps: VecDeque::new(),
    };
    stream::unfold(state, |mut calm| async move {
        let next = calm.next().await?;
        Some((next, calm))
    })
}

struct Calm<K, S> {
    triggers: Pin<Box<S>>,
    /// The objects that passed within the last gap, and whether they were triggered again since.
    again: HashMap<K, bool>,
    /// When the gap of each ends, in order.
    gaps: VecDeque<(Instant, K)>,
}

impl<K, S> Calm<K, S>
where
    K: Clone + Eq + Hash,
    S: Stream<Item = K>,
{
    /// The next trigger that passes; none when there are no more.
    async fn next(&mut self) -> Option<K> {
        loop {
            let Some((end, _)) = self.gaps.front() else {
                let object = self.triggers.next().await?;
                return Some(self.pass(object));
            };
            let ended = pin!(sleep_until(*end));
            tokio::select! {
                biased;
                () = ended => if let Some(object) = self.gap_ended() {
                    return Some(self.pass(object));
                },
                object = self.triggers.next() => {
                    let object = object?;
                    match self.again.get_mut(&object) {
                        Some(again) => *again = true,
                        None => return Some(self.pass(object)),
                    }
                }
            }
        }
    }

    fn pass(&mut self, object: K) -> K {
        self.again.insert(object.clone(), false);
        self.gaps.push_back((Instant::now() + GAP, object.clone()));
        object
    }

    /// The object whose gap has ended, if it was triggered again within.
    fn gap_ended(&mut self) -> Option<K> {
        let (_, object) = self.gaps.pop_front()?;
        self.again.remove(&object)?.then_some(object)
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
