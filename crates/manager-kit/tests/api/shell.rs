//! A manager as a process: this test's own program, started again as the child.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::Deployment;
use kube::runtime::watcher::Config;
use manager_kit::watch::main_stream;
use manager_kit::{Context, KitError, Requeue, runner};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::support::fake_api::FakeApi;
use crate::support::recorder::Recorder;
use crate::support::{INFO, args, deployment};

const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/system/leases/test-manager-shard-0";
const OBJECT: &str = "/apis/apps/v1/namespaces/shop/deployments/web";
const OTLP: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const MODE: &str = "MANAGER_KIT_TEST_CHILD";

/// What the child does: the tests start this very program again, with this test and a mode for it. Without
/// a mode there is no child, and nothing is tested here.
#[test]
fn child() {
    let Ok(mode) = std::env::var(MODE) else {
        return;
    };
    let code = match mode.as_str() {
        "works" => manager_kit::main(INFO, args(&["--listen=127.0.0.1:0"]), work),
        "hangs" => manager_kit::main(INFO, args(&["--listen=127.0.0.1:0"]), |_| async {
            std::future::pending::<Result<(), KitError>>().await
        }),
        "ends" => manager_kit::main(INFO, args(&["--listen=127.0.0.1:0"]), |_| async {
            Ok::<_, KitError>(())
        }),
        "panics" => manager_kit::main(INFO, args(&["--listen=127.0.0.1:0"]), |ctx| async move {
            assert!(ctx.args.no_lease, "a bug in the manager");
            Ok::<_, KitError>(())
        }),
        listen => manager_kit::main(INFO, args(&[listen]), work),
    };
    std::process::exit(if code == ExitCode::SUCCESS { 0 } else { 7 });
}

/// Every reconcile takes two seconds.
async fn work(ctx: Context) -> Result<(), KitError> {
    let main = main_stream::<Deployment>(&ctx, ctx.api(), Config::default(), "deployments.apps");
    let recorder = Recorder::doing(|_, shard| async move {
        tracing::info!("begun");
        tokio::time::sleep(Duration::from_secs(2)).await;
        tracing::info!(fenced = shard.fence().is_err(), "finished");
        Ok(Requeue::AwaitChange)
    });
    runner::run(&ctx, "test", main, futures::stream::pending(), recorder).await
}

/// A running child and the lines it has logged.
struct Manager {
    process: Child,
    lines: Receiver<Value>,
    seen: VecDeque<Value>,
    _config: tempfile::NamedTempFile,
}

impl Manager {
    fn start(mode: &str, api_port: u16) -> Self {
        Self::start_with(mode, api_port, &[])
    }

    fn start_with(mode: &str, api_port: u16, environment: &[(&str, &str)]) -> Self {
        let mut config = tempfile::NamedTempFile::new().unwrap();
        let server = format!("http://127.0.0.1:{api_port}");
        let kubeconfig = json!({"apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}]});
        config.write_all(kubeconfig.to_string().as_bytes()).unwrap();
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "shell::child", "--nocapture"])
            .env(MODE, mode)
            .env("KUBECONFIG", config.path())
            .env_remove(OTLP)
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if let Ok(line) = serde_json::from_str(&line) {
                    let _ = sender.send(line);
                }
            }
        });
        Self {
            process,
            lines,
            seen: VecDeque::new(),
            _config: config,
        }
    }

    /// The first line with this message, waiting for it.
    fn line(&mut self, message: &str) -> Value {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(line) = self.seen.iter().find(|line| line["message"] == message) {
                return line.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left);
            assert!(line.is_ok(), "no line '{message}' among {:#?}", self.seen);
            self.seen.extend(line);
        }
    }

    fn has(&mut self, message: &str) -> bool {
        self.seen.extend(self.lines.try_iter());
        self.seen.iter().any(|line| line["message"] == message)
    }

    fn signal(&self, signal: Signal) {
        kill(
            Pid::from_raw(i32::try_from(self.process.id()).unwrap()),
            signal,
        )
        .unwrap();
    }

    /// Waits for the exit; returns its code and how long it took.
    fn exit(&mut self, limit: Duration) -> (i32, Duration) {
        let start = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                // What is still in the pipe.
                while let Ok(line) = self.lines.recv() {
                    self.seen.push_back(line);
                }
                return (status.code().unwrap(), start.elapsed());
            }
            assert!(
                start.elapsed() < limit,
                "still running after {limit:?}: {:#?}",
                self.seen
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn get(&mut self, path: &str) -> (u16, String) {
        let line = self.line("serving /livez, /readyz and /metrics");
        let mut stream = std::net::TcpStream::connect(line["address"].as_str().unwrap()).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer)
    }

    /// Waits until `/readyz` is good.
    fn ready(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.get("/readyz").0 != 200 {
            assert!(Instant::now() < deadline, "{}", self.get("/readyz").1);
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_lets_reconciles_finish_releases_the_lease_and_ends_in_time() {
    let api = FakeApi::new();
    api.put(OBJECT, deployment("web"));
    let port = api.serve().await;
    let mut manager = Manager::start("works", port);
    manager.ready();
    let begun = manager.line("begun");
    assert_eq!(begun["trace_id"].as_str().unwrap().len(), 32);
    assert_eq!(
        (&begun["namespace"], &begun["name"]),
        (&json!("shop"), &json!("web"))
    );
    assert_eq!(api.get(LEASE).unwrap()["spec"]["holderIdentity"], "pod-a");

    manager.signal(Signal::SIGTERM);
    let (code, took) = manager.exit(Duration::from_secs(10));
    assert_eq!(code, 0);
    assert!(
        took >= Duration::from_millis(500),
        "it waited for the reconcile: {took:?}"
    );
    assert_eq!(
        manager.line("finished")["fenced"],
        false,
        "the lease was kept until the end"
    );
    assert_eq!(api.get(LEASE).unwrap()["spec"]["holderIdentity"], "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_that_does_not_stop_is_cut_off_within_ten_seconds() {
    let port = FakeApi::new().serve().await;
    let mut manager = Manager::start("hangs", port);
    manager.line("lease acquired");
    manager.signal(Signal::SIGINT);
    let (code, took) = manager.exit(Duration::from_secs(10));
    assert_eq!(code, 0);
    assert!(took >= Duration::from_secs(4), "it had its time: {took:?}");
    assert!(manager.has("lease released"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_at_once() {
    let port = FakeApi::new().serve().await;
    let mut manager = Manager::start("hangs", port);
    manager.line("lease acquired");
    manager.signal(Signal::SIGTERM);
    manager.line("stopping");
    manager.signal(Signal::SIGTERM);
    let (_, took) = manager.exit(Duration::from_secs(10));
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_is_ready_and_takes_over_at_once() {
    let api = FakeApi::new();
    api.put(OBJECT, deployment("web"));
    api.put(
        LEASE,
        json!({"metadata": {"name": "test-manager-shard-0"}, "spec": {
        "holderIdentity": "another", "leaseDurationSeconds": 600}}),
    );
    let port = api.serve().await;
    let mut manager = Manager::start("works", port);
    manager.ready();
    assert!(!manager.has("lease acquired"));
    assert!(
        manager
            .get("/metrics")
            .1
            .contains("\nrestapi_shards_held 0\n")
    );
    let mut lease = api.get(LEASE).unwrap();
    lease["spec"]["holderIdentity"] = json!("");
    api.put(LEASE, lease);
    manager.line("begun");
    assert!(
        manager
            .get("/metrics")
            .1
            .contains("\nrestapi_shards_held 1\n")
    );
    assert_eq!(manager.get("/livez").0, 200);
}

#[rstest::rstest]
#[case::ends("ends", "the task 'manager' ended although no shutdown was requested")]
#[case::panics("panics", "the task 'manager' panicked: a bug in the manager")]
#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_ends_by_itself_ends_the_process(#[case] mode: &str, #[case] reason: &str) {
    let port = FakeApi::new().serve().await;
    let mut manager = Manager::start(mode, port);
    let (code, _) = manager.exit(Duration::from_secs(20));
    assert_eq!(code, 7);
    assert_eq!(manager.line("stopped by an error")["error"], reason);
    if mode == "panics" {
        assert_eq!(manager.line("panicked")["panic"], "a bug in the manager");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_in_use_is_named_with_the_fix() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let mut manager = Manager::start(&format!("--listen={address}"), 1);
    let (code, _) = manager.exit(Duration::from_secs(20));
    assert_eq!(code, 7);
    let error = manager.line("stopped by an error")["error"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        error.contains(&address.to_string()) && error.contains("--listen"),
        "{error}"
    );
}

/// Starts a manager that can export to a collector which never answers, lets it reconcile once and
/// stops it. Returns what the collector got first, and how long the stop took.
async fn export(environment: impl Fn(&str) -> Vec<(&'static str, String)>) -> (Vec<u8>, Duration) {
    let api = FakeApi::new();
    api.put(OBJECT, deployment("web"));
    let port = api.serve().await;
    let collector = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    collector.set_nonblocking(true).unwrap();
    let environment = environment(&format!("http://{}", collector.local_addr().unwrap()));
    let environment: Vec<_> = environment
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let mut manager = Manager::start_with("works", port, &environment);
    manager.line("finished");
    manager.signal(Signal::SIGTERM);
    let (code, took) = manager.exit(Duration::from_secs(10));
    assert_eq!(code, 0);
    let mut start = [0; 3];
    let got = collector
        .accept()
        .map(|(mut stream, _)| stream.read(&mut start).unwrap());
    (start[..got.unwrap_or(0)].to_vec(), took)
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_are_exported_only_when_an_endpoint_is_set() {
    let (sent, _) = export(|_| vec![]).await;
    assert!(sent.is_empty(), "it connected without being told to");
    let (sent, took) = export(|endpoint| vec![(OTLP, endpoint.to_owned())]).await;
    assert_eq!(sent, b"PRI", "HTTP/2, as gRPC speaks it");
    assert!(
        took < Duration::from_secs(10),
        "a collector that is silent holds nothing up: {took:?}"
    );
}
