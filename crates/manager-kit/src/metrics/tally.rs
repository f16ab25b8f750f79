//! How many objects of the main kind there are of which sort.
//!
//! They are counted as they are watched, so a scrape costs the same with one object and with ten thousand, and no object
//! adds a series. An instance counts those whose shard it holds: over all instances each is counted once, and one that
//! stands by says 0.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use kube::runtime::watcher::Event;
use kube::{Resource, ResourceExt};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

use super::Metrics;
use crate::clock::Clock;
use crate::lease::Shards;
use crate::watch::Guarded;

/// One sort that an object is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// Its name: one of [`Words::sorts`].
    pub name: &'static str,
    /// Since when it is, where that is measured.
    pub since: Option<Timestamp>,
}

/// How a tally is called, and what it tells apart.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// The name of the metric that counts.
    pub metric: &'static str,
    /// What it counts.
    pub help: &'static str,
    /// The name of the label that says of which sort.
    pub label: &'static str,
    /// Every sort there is. Each has a series, also with none of it.
    pub sorts: &'static [&'static str],
    /// The name of the metric that measures, in seconds, the one that has been of its sort for longest, and what that
    /// means.
    pub longest: Option<(&'static str, &'static str)>,
}

/// A count of objects, which [`crate::watch::tallied_main_stream`] keeps. Clones share it.
pub struct Tally<K> {
    sorts_of: fn(&Guarded<K>) -> Vec<Sort>,
    objects: Objects,
}

impl<K> Clone for Tally<K> {
    fn clone(&self) -> Self {
        Self {
            sorts_of: self.sorts_of,
            objects: self.objects.clone(),
        }
    }
}

impl<K> fmt::Debug for Tally<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tally").finish_non_exhaustive()
    }
}

/// What is known of the objects, by their uid.
#[derive(Clone, Debug, Default)]
struct Objects(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    present: HashMap<String, Vec<Sort>>,
    /// Those of a list that is not complete yet: what is not among them is gone once it is.
    listed: Option<HashMap<String, Vec<Sort>>>,
}

impl<K> Tally<K>
where
    K: Resource<DynamicType = ()> + Clone,
{
    /// Registers one, of the objects whose shard is held here.
    #[must_use]
    pub fn register(
        metrics: &Metrics,
        (shards, clock): (&Shards, &Clock),
        words: Words,
        sorts_of: fn(&Guarded<K>) -> Vec<Sort>,
    ) -> Self {
        let objects = Objects::default();
        metrics.collect(Box::new(Counted {
            words,
            objects: objects.clone(),
            shards: shards.clone(),
            clock: clock.clone(),
        }));
        Self { sorts_of, objects }
    }

    /// Takes an event of the watch into account.
    pub fn note(&self, event: &Event<Guarded<K>>) {
        let mut known = self
            .objects
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Init => known.listed = Some(HashMap::new()),
            Event::InitApply(object) => {
                let (uid, sorts) = self.entry(object);
                if let Some(listed) = &mut known.listed {
                    listed.insert(uid, sorts);
                }
            }
            Event::InitDone => {
                if let Some(listed) = known.listed.take() {
                    known.present = listed;
                }
            }
            Event::Apply(object) => {
                let (uid, sorts) = self.entry(object);
                known.present.insert(uid, sorts);
            }
            Event::Delete(object) => {
                known.present.remove(&object.uid().unwrap_or_default());
            }
        }
    }

    fn entry(&self, object: &Guarded<K>) -> (String, Vec<Sort>) {
        (object.uid().unwrap_or_default(), (self.sorts_of)(object))
    }
}

/// Counts at each scrape, since shards come and go.
#[derive(Debug)]
struct Counted {
    words: Words,
    objects: Objects,
    shards: Shards,
    clock: Clock,
}

/// The figures of one sort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Figures {
    count: i64,
    /// The earliest that any has been of it.
    since: Option<Timestamp>,
}

impl Figures {
    fn add(&mut self, sort: Sort) {
        self.count = self.count.saturating_add(1);
        self.since = match (self.since, sort.since) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
}

impl Counted {
    fn figures(&self) -> HashMap<&'static str, Figures> {
        let known = self
            .objects
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut figures: HashMap<_, Figures> = HashMap::new();
        for (uid, sorts) in &known.present {
            if self.shards.held(self.shards.of(uid)).is_none() {
                continue;
            }
            for sort in sorts {
                figures.entry(sort.name).or_default().add(*sort);
            }
        }
        figures
    }

    /// A gauge with a series for every sort.
    fn gauge<N>(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        (name, help): (&str, &str),
        value: impl Fn(&'static str) -> N,
    ) -> Result<(), fmt::Error>
    where
        ConstGauge<N>: EncodeMetric,
    {
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for sort in self.words.sorts {
            let labels = [(self.words.label, *sort)];
            ConstGauge::new(value(sort)).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

impl Collector for Counted {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let figures = self.figures();
        let of = |sort| figures.get(sort).copied().unwrap_or_default();
        let words = (self.words.metric, self.words.help);
        self.gauge(&mut encoder, words, |sort| of(sort).count)?;
        if let Some(words) = self.words.longest {
            let now = self.clock.now();
            self.gauge(&mut encoder, words, |sort| {
                let since = of(sort).since.unwrap_or(now);
                now.duration_since(since).as_secs_f64().max(0.0)
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use k8s_openapi::api::core::v1::ConfigMap;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;
    use crate::shell::ManagerInfo;

    const WORDS: Words = Words {
        metric: "maps",
        help: "Maps, by whether they hold anything",
        label: "holds",
        sorts: &["something", "nothing"],
        longest: Some(("maps_longest_seconds", "How long, in seconds")),
    };

    fn metrics() -> Metrics {
        Metrics::new(ManagerInfo {
            name: "test",
            version: "0",
        })
    }

    fn tally(metrics: &Metrics, shards: &Shards, clock: &Clock) -> Tally<ConfigMap> {
        Tally::register(metrics, (shards, clock), WORDS, |object| {
            let map = object.valid();
            let name = if map.is_some_and(|map| map.data.is_some()) {
                "something"
            } else {
                "nothing"
            };
            let created = object.meta().creation_timestamp.as_ref();
            vec![Sort {
                name,
                since: created.map(|time| time.0),
            }]
        })
    }

    fn map(uid: &str, holds: bool) -> Guarded<ConfigMap> {
        let mut map = ConfigMap::default();
        map.metadata.uid = Some(uid.to_owned());
        map.data = holds.then(std::collections::BTreeMap::new);
        Guarded::Valid(Arc::new(map))
    }

    fn value(metrics: &Metrics, series: &str) -> String {
        let text = metrics.encode();
        let prefix = format!("{series} ");
        let mut lines = text.lines();
        let found = lines.find_map(|line| line.strip_prefix(&prefix));
        found.unwrap_or("no such series").to_owned()
    }

    fn all(metrics: &Metrics) -> [String; 2] {
        ["something", "nothing"].map(|sort| value(metrics, &format!("maps{{holds=\"{sort}\"}}")))
    }

    #[test]
    fn changes_deletions_and_new_lists_are_followed() {
        let metrics = metrics();
        let shards = Shards::without_leases(NonZeroU32::MIN, metrics.clone());
        let tally = tally(&metrics, &shards, &Clock::system());
        assert_eq!(all(&metrics), ["0", "0"]);
        tally.note(&Event::Init);
        tally.note(&Event::InitApply(map("a", true)));
        tally.note(&Event::InitApply(map("b", true)));
        tally.note(&Event::InitDone);
        assert_eq!(all(&metrics), ["2", "0"]);
        tally.note(&Event::Apply(map("a", false)));
        tally.note(&Event::Apply(map("c", false)));
        assert_eq!(all(&metrics), ["1", "2"]);
        tally.note(&Event::Delete(map("c", false)));
        assert_eq!(all(&metrics), ["1", "1"]);
        tally.note(&Event::Init);
        tally.note(&Event::InitApply(map("b", true)));
        assert_eq!(all(&metrics), ["1", "1"], "the list is not complete");
        tally.note(&Event::InitDone);
        assert_eq!(all(&metrics), ["1", "0"]);
    }

    #[test]
    fn who_stands_by_counts_nothing() {
        let metrics = metrics();
        let shards = Shards::new(NonZeroU32::MIN, metrics.clone());
        let tally = tally(&metrics, &shards, &Clock::system());
        tally.note(&Event::Apply(map("a", true)));
        assert_eq!(all(&metrics), ["0", "0"]);
    }

    #[test]
    fn the_one_that_is_so_for_longest_is_measured() {
        let metrics = metrics();
        let shards = Shards::without_leases(NonZeroU32::MIN, metrics.clone());
        let clock = Clock::manual(Timestamp::UNIX_EPOCH + Duration::from_hours(9));
        let tally = tally(&metrics, &shards, &clock);
        for (uid, age) in [("a", 60), ("b", 7200), ("c", 5)] {
            let mut object = map(uid, true);
            let made = clock.now() - Duration::from_secs(age);
            object.meta_mut().creation_timestamp = Some(Time(made));
            tally.note(&Event::Apply(object));
        }
        let seconds = |sort| {
            value(
                &metrics,
                &format!("maps_longest_seconds{{holds=\"{sort}\"}}"),
            )
        };
        assert_eq!(seconds("something"), "7200.0");
        assert_eq!(seconds("nothing"), "0.0");
    }
}
