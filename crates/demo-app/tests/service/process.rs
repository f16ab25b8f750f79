//! The binary as a process: signals, crashes, wrong arguments.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::http_client::{TestClient, get, json};

/// A process that is killed when the test ends.
struct Process {
    child: Child,
    address: SocketAddr,
    log: BufReader<ChildStdout>,
}

impl Process {
    fn start(role: &str, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_demo-app"))
            .args([
                "--role",
                role,
                "--address",
                "127.0.0.1",
                "--port",
                "0",
                "--drain-ms",
                "100",
            ])
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stdout.take().unwrap());
        let serving = next_line(&mut log, "serving");
        let address = serving["address"].as_str().unwrap().parse().unwrap();
        Self {
            child,
            address,
            log,
        }
    }

    fn repository(directory: &Path) -> Self {
        Self::start("repository", &["--data-dir", directory.to_str().unwrap()])
    }

    fn signal(&self, signal: Signal) {
        kill(
            Pid::from_raw(i32::try_from(self.child.id()).unwrap()),
            signal,
        )
        .unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The next line of the log with this message; every line must be JSON.
fn next_line(log: &mut impl BufRead, message: &str) -> Value {
    let mut line = String::new();
    loop {
        line.clear();
        assert_ne!(
            log.read_line(&mut line).unwrap(),
            0,
            "the log ended before `{message}`"
        );
        let value: Value = serde_json::from_str(&line).unwrap();
        if value["message"] == message {
            return value;
        }
    }
}

#[tokio::test]
async fn a_collector_that_says_nothing_keeps_no_process_from_ending() {
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let collector = format!("http://{}", mute.local_addr().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().to_str().unwrap();
    let more = ["--data-dir", data, "--otlp-endpoint", &collector];
    let mut process = Process::start("repository", &more);
    get(process.address, "/records").await;
    let told = Instant::now();
    process.signal(Signal::SIGTERM);
    next_line(&mut process.log, "not all spans were exported");
    next_line(&mut process.log, "ended");
    assert_eq!(process.child.wait().unwrap().code(), Some(0));
    assert!(told.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn sigterm_ends_the_process_with_success() {
    let directory = tempfile::tempdir().unwrap();
    let mut process = Process::repository(directory.path());
    let headers = [(
        "traceparent",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    )];
    TestClient::new()
        .send(process.address, Method::GET, "/records", &headers, "")
        .await
        .unwrap();
    process.signal(Signal::SIGTERM);
    let answered = next_line(&mut process.log, "answered");
    assert_eq!(answered["route"], "/records");
    assert_eq!(answered["status"], 200);
    assert_eq!(answered["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    next_line(&mut process.log, "ended");
    assert_eq!(process.child.wait().unwrap().code(), Some(0));
}

#[tokio::test]
async fn a_killed_repository_finds_every_acknowledged_order_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..5 {
        let mut process = Process::repository(directory.path());
        for id in &acknowledged {
            let found = get(process.address, &format!("/records/{id}")).await;
            assert_eq!(
                found.status,
                StatusCode::OK,
                "round {round}: {}",
                found.text
            );
        }
        let made = Arc::new(AtomicUsize::new(0));
        let writers: Vec<_> = (0..8)
            .map(|_| tokio::spawn(write_until_cut(process.address, Arc::clone(&made))))
            .collect();
        let started = std::time::Instant::now();
        while made.load(Ordering::Relaxed) < 20 {
            assert!(
                started.elapsed().as_secs() < 20,
                "the repository hardly writes"
            );
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        process.child.kill().unwrap();
        assert_eq!(process.child.wait().unwrap().signal(), Some(9));
        for writer in writers {
            acknowledged.extend(writer.await.unwrap());
        }
    }
    assert!(acknowledged.len() >= 100, "{}", acknowledged.len());
}

/// Makes orders until the connection breaks; returns those that were acknowledged.
async fn write_until_cut(address: SocketAddr, made: Arc<AtomicUsize>) -> Vec<String> {
    let priced = json!({"item": "tea", "quantity": 1, "priceCents": 1,
        "discountCents": 0, "totalCents": 1});
    let client = TestClient::new();
    let mut acknowledged = Vec::new();
    while let Ok(answer) = client
        .json(address, Method::POST, "/records", &priced)
        .await
    {
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        acknowledged.push(answer.json()["order"]["id"].as_str().unwrap().to_owned());
        made.fetch_add(1, Ordering::Relaxed);
    }
    acknowledged
}

#[tokio::test]
async fn a_crash_is_a_crash() {
    let mut process = Process::start("model", &["--allow-faults"]);
    let client = TestClient::new();
    let crash = json!({"crash": true});
    let answer = client
        .json(process.address, Method::POST, "/faults", &crash)
        .await;
    assert!(answer.is_err(), "{answer:?}");
    assert_eq!(process.child.wait().unwrap().code(), Some(134));
}

#[tokio::test]
async fn cpu_burn_ends_by_itself() {
    let process = Process::start("model", &["--allow-faults"]);
    let burn = json!({"burnCpu": {"threads": 1, "seconds": 2}});
    let set = json(process.address, Method::POST, "/faults", &burn).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.text);
    let threads = || {
        let tasks = format!("/proc/{}/task", process.child.id());
        let names = std::fs::read_dir(tasks)
            .unwrap()
            .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
        names.filter(|name| name.starts_with("burn-")).count()
    };
    // A thread names itself once it runs, which may be after the answer.
    for expected in [1, 0] {
        let started = std::time::Instant::now();
        while threads() != expected {
            assert!(started.elapsed().as_secs() < 10, "never {expected} threads");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

#[test]
fn wrong_arguments_say_what_to_do() {
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_demo-app"))
            .args(arguments)
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    };
    let (code, text) = run(&["--role", "billing"]);
    assert_eq!(code, Some(2));
    assert!(
        text.contains("view, controller, model or repository"),
        "{text}"
    );
    let (code, text) = run(&[
        "--role",
        "model",
        "--port",
        "0",
        "--repository-url",
        "https://r",
    ]);
    assert_eq!(code, Some(1));
    assert!(text.contains("REPOSITORY_URL is `https://r`"), "{text}");
}
