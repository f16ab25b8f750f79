//! The reconciles that run now, and for how long already: what shows one that hangs before it has ended.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};

use super::QueueLabels;

/// When each running reconcile began, by controller and number. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Running(Arc<Mutex<Begun>>);

#[derive(Debug, Default)]
struct Begun {
    next: u64,
    controllers: BTreeMap<&'static str, BTreeMap<u64, Instant>>,
}

/// A reconcile that is running.
#[derive(Debug)]
pub(crate) struct Active {
    gauge: Gauge,
    running: Running,
    controller: &'static str,
    number: u64,
}

impl Running {
    /// Makes a controller's series exist with zeros.
    pub(super) fn announce(&self, controller: &'static str) {
        self.with(|begun| {
            begun.controllers.entry(controller).or_default();
        });
    }

    /// Counts a reconcile as running, also in `gauge`, until the returned value is dropped.
    pub(super) fn start(&self, controller: &'static str, gauge: Gauge) -> Active {
        gauge.inc();
        let number = self.with(|begun| {
            begun.next = begun.next.wrapping_add(1);
            let of_controller = begun.controllers.entry(controller).or_default();
            of_controller.insert(begun.next, Instant::now());
            begun.next
        });
        Active {
            gauge,
            running: self.clone(),
            controller,
            number,
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Begun) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// By controller, how long the running ones have run, each.
    fn elapsed(&self) -> BTreeMap<&'static str, Vec<Duration>> {
        let now = Instant::now();
        let since = |started: &Instant| now.saturating_duration_since(*started);
        self.with(|begun| {
            let all = begun.controllers.iter();
            all.map(|(name, begun)| (*name, begun.values().map(since).collect()))
                .collect()
        })
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.gauge.dec();
        self.running.with(|begun| {
            if let Some(of_controller) = begun.controllers.get_mut(self.controller) {
                of_controller.remove(&self.number);
            }
        });
    }
}

impl Collector for Running {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let elapsed = self.elapsed();
        let mut gauge = |name, help, figure: fn(&[Duration]) -> Duration| {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (controller, elapsed) in &elapsed {
                let labels = QueueLabels::of(controller);
                let value = ConstGauge::new(figure(elapsed).as_secs_f64());
                value.encode(family.encode_family(&labels)?)?;
            }
            Ok(())
        };
        gauge(
            "unfinished_work_seconds",
            "How long all reconciles that run now have run, together, in seconds",
            |elapsed| elapsed.iter().sum(),
        )?;
        gauge(
            "longest_running_processor_seconds",
            "How long the reconcile that has run longest of those that run now has run, in seconds",
            |elapsed| elapsed.iter().max().copied().unwrap_or_default(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn longest(running: &Running) -> Option<Duration> {
        let elapsed = running.elapsed();
        elapsed.get("apps")?.iter().max().copied()
    }

    #[test]
    fn what_has_ended_is_not_measured_any_more() {
        let running = Running::default();
        running.announce("apps");
        let first = running.start("apps", Gauge::default());
        let second = running.start("apps", Gauge::default());
        std::thread::sleep(Duration::from_millis(5));
        drop(second);
        assert!(longest(&running) >= Some(Duration::from_millis(5)));
        drop(first);
        assert_eq!(longest(&running), None);
    }
}
