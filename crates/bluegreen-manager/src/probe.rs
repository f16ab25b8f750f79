//! One try of a gate: a request to a component, or a query to Prometheus. Reads, and writes nothing.

mod http;
pub mod prometheus;

use std::time::Duration;

use crate::plan::gates::{Answer, Question, Try};

pub use http::Prometheus;

/// Tries a gate once. It ends within the time that the gate has for that.
pub async fn probe(prometheus: Option<&Prometheus>, attempt: &Try) -> Answer {
    let limit = attempt.timeout;
    match &attempt.question {
        Question::Nothing(answer) => answer.clone(),
        Question::Http {
            address,
            host,
            path,
        } => {
            let asked = format!("GET {path} of {host}");
            match within(limit, http::get(address, host, path)).await {
                Ok(answer) if answer.status.is_success() => {
                    Answer::Passed(format!("{asked} gave {}", answer.status.as_u16()))
                }
                Ok(answer) => Answer::Failed(format!("{asked} gave {}", answer.status.as_u16())),
                Err(why) => Answer::Failed(format!("{asked}: {why}")),
            }
        }
        Question::Prometheus { query, min, max } => {
            let Some(prometheus) = prometheus else {
                return Answer::Unknown(
                    "bluegreen-manager was started without --prometheus-url".to_owned(),
                );
            };
            match within(limit, prometheus.query(query)).await {
                Ok(answer) => prometheus::judge(answer.status, &answer.body, *min, *max),
                Err(why) => Answer::Unknown(format!("Prometheus: {why}")),
            }
        }
    }
}

async fn within<T>(
    limit: Duration,
    asked: impl Future<Output = Result<T, http::Error>>,
) -> Result<T, String> {
    match tokio::time::timeout(limit, asked).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", limit.as_secs())),
    }
}

#[cfg(test)]
mod tests;
