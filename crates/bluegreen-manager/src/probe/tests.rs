//! Tries against servers that do what servers do.

use std::net::SocketAddr;
use std::time::Duration;

use restapi_types::spec::gates::Moment;
use rstest::rstest;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::plan::gates::Key;

/// A server that answers each connection with these bytes, or with none and an open connection.
async fn server(answer: Option<String>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).await;
                match answer {
                    Some(answer) => drop(stream.write_all(answer.as_bytes()).await),
                    None => std::future::pending().await,
                }
            });
        }
    });
    address
}

fn attempt(question: Question) -> Try {
    let key = Key {
        attempt: 2,
        moment: Moment::PreSwitch,
        name: "smoke".to_owned(),
        hash: "a".to_owned(),
    };
    Try {
        key,
        question,
        timeout: Duration::from_secs(1),
    }
}

fn get(address: SocketAddr) -> Try {
    attempt(Question::Http {
        address: address.to_string(),
        host: "shop-view-green".to_owned(),
        path: "/ready".to_owned(),
    })
}

fn status(line: &str) -> String {
    format!("HTTP/1.1 {line}\r\ncontent-length: 2\r\n\r\nok")
}

#[rstest]
#[case(
    Some(status("200 OK")),
    "Passed(\"GET /ready of shop-view-green gave 200\")"
)]
#[case(
    Some(status("204 No Content")),
    "Passed(\"GET /ready of shop-view-green gave 204\")"
)]
#[case(
    Some(status("302 Found\r\nlocation: http://127.0.0.1:1/")),
    "Failed(\"GET /ready of shop-view-green gave 302\")"
)]
#[case(
    Some(status("503 Busy")),
    "Failed(\"GET /ready of shop-view-green gave 503\")"
)]
#[case(
    None,
    "Failed(\"GET /ready of shop-view-green: no answer within 1 s\")"
)]
#[case(Some("rubbish\r\n\r\n".to_owned()), "Failed(\"GET /ready of shop-view-green: invalid HTTP version parsed\")")]
#[case(Some(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{}", 3 << 20, "x".repeat(3 << 20))), "Failed(\"GET /ready of shop-view-green: its body could not be read: it has more than 1048576 bytes\")")]
#[tokio::test]
async fn a_component_passes_with_a_status_of_success_and_no_other(
    #[case] answer: Option<String>,
    #[case] expected: &str,
) {
    let told = probe(None, &get(server(answer).await)).await;
    assert_eq!(format!("{told:?}"), expected);
}

#[tokio::test]
async fn nobody_who_listens_is_a_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let free = listener.local_addr().unwrap();
    drop(listener);
    let told = probe(None, &get(free)).await;
    assert!(matches!(told, Answer::Failed(_)), "{told:?}");
}

#[tokio::test]
async fn a_prometheus_that_does_not_answer_says_nothing() {
    let query = || {
        attempt(Question::Prometheus {
            query: "up".to_owned(),
            min: Some(1.0),
            max: None,
        })
    };
    let hangs: Prometheus = format!("http://{}", server(None).await).parse().unwrap();
    let body = r#"{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}"#;
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let answers: Prometheus = format!("http://{}", server(Some(answer)).await)
        .parse()
        .unwrap();
    let none = probe(None, &query()).await;
    assert!(
        matches!(&none, Answer::Unknown(why) if why.contains("--prometheus-url")),
        "{none:?}"
    );
    let late = probe(Some(&hangs), &query()).await;
    assert_eq!(
        late,
        Answer::Unknown("Prometheus: no answer within 1 s".to_owned())
    );
    assert_eq!(
        probe(Some(&answers), &query()).await,
        Answer::Passed("1".to_owned())
    );
}

/// A real Prometheus, killed at the end.
struct Running {
    child: tokio::process::Child,
    folder: std::path::PathBuf,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.start_kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// One that collects its own metrics, and its address.
fn prometheus(port: u16) -> Running {
    let folder = std::env::temp_dir().join(format!("gates-prometheus-{port}"));
    std::fs::create_dir_all(&folder).unwrap();
    let config = folder.join("prometheus.yml");
    let scrape = format!(
        "scrape_configs: [{{job_name: own, scrape_interval: 1s, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]"
    );
    std::fs::write(&config, scrape).unwrap();
    let child = tokio::process::Command::new("prometheus")
        .arg(format!("--config.file={}", config.display()))
        .arg(format!(
            "--storage.tsdb.path={}",
            folder.join("data").display()
        ))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    Running { child, folder }
}

#[tokio::test]
#[ignore = "needs the program prometheus"]
async fn a_real_prometheus_is_understood() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let _running = prometheus(port);
    let address: Prometheus = format!("http://127.0.0.1:{port}").parse().unwrap();
    let ask = async |query: &str| {
        let question = Question::Prometheus {
            query: query.to_owned(),
            min: Some(1.0),
            max: Some(2.0),
        };
        probe(Some(&address), &attempt(question)).await
    };
    for _ in 0..60 {
        if matches!(ask("sum(up)").await, Answer::Passed(_)) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let passed = Answer::Passed(format!(
        r#"{{"__name__":"up","instance":"127.0.0.1:{port}","job":"own"}} 1"#
    ));
    assert_eq!(ask(r#"up{job="own"}"#).await, passed);
    assert_eq!(ask("sum(up)").await, Answer::Passed("1".to_owned()));
    assert_eq!(
        ask("scalar(sum(up)) * 2").await,
        Answer::Passed("2".to_owned())
    );
    assert_eq!(
        ask("sum(up) * 3").await,
        Answer::Failed("3 is more than 2".to_owned())
    );
    assert_eq!(
        ask("sum(up) / 0").await,
        Answer::Failed("+Inf is more than 2".to_owned())
    );
    assert_eq!(
        ask("0 * sum(up) / 0").await,
        Answer::Unknown("NaN is no number".to_owned())
    );
    assert_eq!(
        ask("nothing").await,
        Answer::Unknown("the query gives no value".to_owned())
    );
    let range = ask("up[1m]").await;
    assert!(
        matches!(&range, Answer::Unknown(why) if why.contains("neither")),
        "{range:?}"
    );
    let wrong = ask("sum(").await;
    assert!(
        matches!(&wrong, Answer::Unknown(why) if why.contains("refused the query")),
        "{wrong:?}"
    );
}
