//! Metrics, dashboards and alerts, as a real Prometheus has them.

#[cfg(test)]
mod collected;
#[cfg(test)]
mod installed;
#[cfg(test)]
mod rules;
