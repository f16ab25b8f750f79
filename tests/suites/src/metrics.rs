//! A manager's metrics at one moment.

/// The text of `/metrics`.
#[derive(Clone, Debug)]
pub struct Metrics(String);

impl Metrics {
    /// Metrics in the text format of Prometheus or `OpenMetrics`.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The sum of all series of `name` that have all of `labels`; 0 when there are none. A value that is
    /// no number makes the sum NaN, which equals nothing.
    #[must_use]
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let wanted: Vec<String> = labels.iter().map(|(k, v)| format!("{k}=\"{v}\"")).collect();
        let series = self.0.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            match rest.strip_prefix('{') {
                Some(rest) => rest.rsplit_once("} "),
                None => Some(("", rest.strip_prefix(' ')?)),
            }
        });
        series
            .filter(|(has, _)| {
                wanted
                    .iter()
                    .all(|label| has.split(',').any(|l| l == label))
            })
            .map(|(_, value)| value.parse().unwrap_or(f64::NAN))
            // Unlike `sum`, which makes -0 of nothing.
            .fold(0.0, |sum, value: f64| sum + value)
    }

    /// How many requests of one method were sent to the API server.
    #[must_use]
    pub fn requests(&self, method: &str) -> f64 {
        self.sum("rest_client_requests_total", &[("method", method)])
    }

    /// How many requests that change something were sent to the API server. Objects and status are
    /// PATCH and DELETE, events POST and PATCH, leases POST and PUT.
    #[must_use]
    pub fn writes(&self) -> f64 {
        ["POST", "PUT", "PATCH", "DELETE"]
            .iter()
            .map(|method| self.requests(method))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_selected_and_added() {
        let text = "# HELP requests_total x\n\
                    rest_client_requests_total{method=\"GET\",code=\"200\"} 7\n\
                    rest_client_requests_total{method=\"PATCH\",code=\"200\"} 2\n\
                    rest_client_requests_total{method=\"PATCH\",code=\"409\"} 1\n\
                    restapi_shards_held 1\n";
        let metrics = Metrics::new(text.to_owned());
        let text = |value: f64| value.to_string();
        assert_eq!(text(metrics.writes()), "3");
        assert_eq!(text(metrics.requests("GET")), "7");
        assert_eq!(text(metrics.sum("restapi_shards_held", &[])), "1");
        assert_eq!(text(metrics.sum("restapi_shards_held", &[("a", "b")])), "0");
        assert_eq!(text(metrics.sum("restapi", &[])), "0");
    }
}
