//! Whether the instance is ready, as `/readyz` has it.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::readiness::Readiness;

/// Asks at each scrape.
#[derive(Debug)]
pub(super) struct Ready(pub(super) Readiness);

impl Collector for Ready {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let ready = ConstGauge::new(i64::from(self.0.ready().good));
        let help = "Whether this instance is ready, as /readyz has it";
        let gauge = encoder.encode_descriptor("restapi_ready", help, None, MetricType::Gauge)?;
        ready.encode(gauge)
    }
}
