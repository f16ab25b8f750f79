//! What an answer of Prometheus means.

use hyper::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::plan::gates::Answer;

/// What `/api/v1/query` answers.
#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: Value,
}

#[derive(Deserialize)]
struct Sample {
    #[serde(default)]
    metric: serde_json::Map<String, Value>,
    value: (f64, String),
}

/// Whether every value of an answer keeps to the bounds. No value at all, and one that is no number, says nothing.
#[must_use]
pub fn judge(status: StatusCode, body: &[u8], min: Option<f64>, max: Option<f64>) -> Answer {
    let Ok(reply) = serde_json::from_slice::<Reply>(body) else {
        return Answer::Unknown(format!(
            "Prometheus gave {} and nothing that could be read",
            status.as_u16()
        ));
    };
    if let Some(error) = reply.error {
        return Answer::Unknown(format!("Prometheus refused the query: {error}"));
    }
    let Some(values) = reply.data.and_then(values) else {
        return Answer::Unknown(
            "the query gives neither a number nor one for each series".to_owned(),
        );
    };
    if values.is_empty() {
        return Answer::Unknown("the query gives no value".to_owned());
    }
    let mut passed = Vec::new();
    for (series, text) in values {
        let Some(value) = text.parse::<f64>().ok().filter(|value| !value.is_nan()) else {
            return Answer::Unknown(format!("{series}{text} is no number"));
        };
        if let Some(min) = min.filter(|min| value < *min) {
            return Answer::Failed(format!("{series}{text} is less than {min}"));
        }
        if let Some(max) = max.filter(|max| value > *max) {
            return Answer::Failed(format!("{series}{text} is more than {max}"));
        }
        passed.push(format!("{series}{text}"));
    }
    Answer::Passed(passed.join(", "))
}

/// The values of a result, each with its series.
fn values(data: Data) -> Option<Vec<(String, String)>> {
    match data.result_type.as_str() {
        "vector" => {
            let samples: Vec<Sample> = serde_json::from_value(data.result).ok()?;
            let values = samples.into_iter();
            Some(
                values
                    .map(|sample| (series(&sample), sample.value.1))
                    .collect(),
            )
        }
        "scalar" => {
            let (_, value): (f64, String) = serde_json::from_value(data.result).ok()?;
            Some(vec![(String::new(), value)])
        }
        _ => None,
    }
}

/// How a series is told apart from the others.
fn series(sample: &Sample) -> String {
    if sample.metric.is_empty() {
        String::new()
    } else {
        format!("{} ", Value::Object(sample.metric.clone()))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn vector(values: &[&str]) -> String {
        let samples = values
            .iter()
            .map(|value| serde_json::json!({"metric": {}, "value": [1.5, value]}));
        let samples: Vec<_> = samples.collect();
        serde_json::json!({"status": "success", "data": {"resultType": "vector", "result": samples}})
            .to_string()
    }

    fn judged(body: &str) -> Answer {
        judge(StatusCode::OK, body.as_bytes(), Some(0.5), Some(2.0))
    }

    #[rstest]
    #[case(&["1"], Answer::Passed("1".to_owned()))]
    #[case(&["0.5", "2"], Answer::Passed("0.5, 2".to_owned()))]
    #[case(&["1", "2.01"], Answer::Failed("2.01 is more than 2".to_owned()))]
    #[case(&["0.4"], Answer::Failed("0.4 is less than 0.5".to_owned()))]
    #[case(&["+Inf"], Answer::Failed("+Inf is more than 2".to_owned()))]
    #[case(&["NaN"], Answer::Unknown("NaN is no number".to_owned()))]
    #[case(&[], Answer::Unknown("the query gives no value".to_owned()))]
    fn every_value_has_to_keep_to_the_bounds(#[case] values: &[&str], #[case] expected: Answer) {
        assert_eq!(judged(&vector(values)), expected);
    }

    #[rstest]
    #[case(
        r#"{"status":"success","data":{"resultType":"scalar","result":[1.5,"1"]}}"#,
        true
    )]
    #[case(
        r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#,
        false
    )]
    #[case(
        r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#,
        false
    )]
    #[case(r#"{"status":"success"}"#, false)]
    #[case("<html>", false)]
    #[case("", false)]
    fn what_is_no_number_says_nothing(#[case] body: &str, #[case] is_passed: bool) {
        let answer = judged(body);
        let expected = if is_passed {
            matches!(answer, Answer::Passed(_))
        } else {
            matches!(answer, Answer::Unknown(_))
        };
        assert!(expected, "{answer:?}");
    }

    #[test]
    fn a_series_is_named() {
        let body =
            r#"{"data":{"resultType":"vector","result":[{"metric":{"pod":"a"},"value":[1,"9"]}]}}"#;
        let expected = Answer::Failed(r#"{"pod":"a"} 9 is more than 2"#.to_owned());
        assert_eq!(judged(body), expected);
    }
}
