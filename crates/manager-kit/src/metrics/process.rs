//! What Prometheus shows of every process: memory, processor time and when it started.

use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// The parts of a second in which Linux tells programs of processor time, on every architecture.
const TICKS: f64 = 100.0;

/// Reads the process's own figures at each scrape.
#[derive(Debug)]
pub(super) struct Process {
    /// Seconds since the Unix epoch.
    started: f64,
}

impl Process {
    pub(super) fn started_now() -> Self {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            started: since.as_secs_f64(),
        }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let started = ConstGauge::new(self.started);
        let name = "process_start_time_seconds";
        let help = "When the process started, in seconds since the Unix epoch";
        started.encode(encoder.encode_descriptor(name, help, None, type_of(&started))?)?;
        // Not there on systems without /proc: a missing figure is better than a wrong one.
        if let Some(bytes) = resident_bytes() {
            let resident = ConstGauge::new(bytes);
            let name = "process_resident_memory_bytes";
            let help = "Memory of the process that is in RAM, in bytes";
            resident.encode(encoder.encode_descriptor(name, help, None, type_of(&resident))?)?;
        }
        if let Some(seconds) = cpu_seconds() {
            let used = ConstCounter::new(seconds);
            let name = "process_cpu_seconds";
            let help = "Processor time that the process has used, in seconds";
            used.encode(encoder.encode_descriptor(name, help, None, type_of(&used))?)?;
        }
        Ok(())
    }
}

fn type_of(metric: &impl EncodeMetric) -> prometheus_client::metrics::MetricType {
    metric.metric_type()
}

fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// In the program and in the kernel for it.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name before it may hold anything, parentheses too.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let mut ticks = || fields.next()?.parse::<u32>().ok();
    Some((f64::from(ticks()?) + f64::from(ticks()?)) / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_processor_time_and_start_are_plausible() {
        let begin = std::time::Instant::now();
        while begin.elapsed() < std::time::Duration::from_millis(50) {
            std::hint::spin_loop();
        }
        let mut registry = prometheus_client::registry::Registry::default();
        registry.register_collector(Box::new(Process::started_now()));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let value = |name: &str| -> f64 {
            let line = text
                .lines()
                .find(|line| line.starts_with(&format!("{name} ")));
            line.unwrap().split(' ').nth(1).unwrap().parse().unwrap()
        };
        assert!(value("process_start_time_seconds") > 1.7e9);
        let resident = value("process_resident_memory_bytes");
        assert!((1e5..1e11).contains(&resident), "{resident}");
        let used = value("process_cpu_seconds_total");
        assert!((0.01..1e4).contains(&used), "{used}");
    }
}
