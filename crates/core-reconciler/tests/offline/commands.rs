//! The commands that need no cluster, as a shell sees them: output and exit codes of the built program.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use rstest::rstest;
use serde_json::Value;

const FINE: &str = "\
apiVersion: restapi.dev/v1alpha1
kind: RestAPI
metadata: {name: orders}
spec: {image: 'orders:1', replicas: 2, view: {}}
";

const QUESTIONABLE: &str = "\
apiVersion: restapi.dev/v1alpha1
kind: RestAPI
metadata: {name: orders}
spec: {image: orders, replicas: 2, view: {}}
";

const REFUSED: &str = "\
apiVersion: restapi.dev/v1alpha1
kind: RestAPI
metadata: {name: orders}
spec: {image: 'orders:1', view: {replcas: 2, port: 99999}}
";

/// Runs the program with that on its standard input.
fn run(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_core-reconciler"))
        .args(arguments)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that refuses its arguments does not read.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[rstest]
#[case::lint_fine(&["lint", "--strict", "-f", "-"], FINE, 0)]
#[case::lint_warns(&["lint", "-f", "-"], QUESTIONABLE, 0)]
#[case::lint_strictly(&["lint", "--strict", "-f", "-"], QUESTIONABLE, 1)]
#[case::lint_allows(&["lint", "--strict", "--allow", "image-tag", "-f", "-"], QUESTIONABLE, 0)]
#[case::lint_refuses(&["lint", "-f", "-"], REFUSED, 1)]
#[case::lint_never_allows_errors(&["lint", "--allow", "unknown-field", "--allow", "range", "-f", "-"], REFUSED, 1)]
#[case::lint_no_yaml(&["lint", "-f", "-"], "a: [", 1)]
#[case::lint_nothing(&["lint", "-f", "-"], "kind: ConfigMap", 1)]
#[case::lint_no_file(&["lint", "-f", "/nowhere.yaml"], "", 2)]
#[case::lint_without_file(&["lint"], "", 2)]
#[case::render_fine(&["render", "-f", "-"], FINE, 0)]
#[case::render_refuses(&["render", "-f", "-"], REFUSED, 1)]
#[case::render_no_file(&["render", "-f", "/nowhere.yaml"], "", 2)]
#[case::render_unknown_kind(&["render", "--lacking", "Deployment", "-f", "-"], FINE, 2)]
#[case::help(&["--help"], "", 0)]
fn exit_codes_are_as_documented(
    #[case] arguments: &[&str],
    #[case] input: &str,
    #[case] code: i32,
) {
    let output = run(arguments, input);
    assert_eq!(
        output.status.code(),
        Some(code),
        "{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
}

#[test]
fn every_error_names_file_document_field_and_fix() {
    let input = format!("{FINE}---\n{REFUSED}");
    let output = run(&["render", "-f", "-"], &input);
    assert_eq!(text(&output.stdout), "");
    let errors = text(&output.stderr);
    assert!(
        errors.contains(
            "-#2 orders: error: spec.view.replcas: there is no such field; write replicas"
        ),
        "{errors}"
    );
    assert!(
        errors
            .contains("-#2 orders: error: spec.view.port: 99999 is too large; write at most 65535"),
        "{errors}"
    );
}

#[test]
fn findings_are_json_on_request() {
    let output = run(&["lint", "-o", "json", "-f", "-"], QUESTIONABLE);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["errors"], &report["warnings"]),
        (&0.into(), &1.into())
    );
    let finding = &report["findings"][0];
    for (field, value) in [
        ("file", "-"),
        ("name", "orders"),
        ("severity", "warning"),
        ("rule", "image-tag"),
        ("field", "spec.image"),
    ] {
        assert_eq!(finding[field], value, "{finding}");
    }
    assert_eq!(finding["document"], 1);
}

#[test]
fn what_is_rendered_is_a_stream_of_yaml() {
    let output = run(
        &["render", "-n", "shop", "-f", "-"],
        &format!("{FINE}---\n{FINE}"),
    );
    let objects: Vec<Value> = serde_saphyr::from_multiple(text(&output.stdout)).unwrap();
    let deployments = objects.iter().filter(|o| o["kind"] == "Deployment");
    assert_eq!(deployments.count(), 2);
    assert!(objects.iter().all(|o| o["metadata"]["namespace"] == "shop"));
}

#[test]
fn help_has_the_commands_and_what_the_manager_takes() {
    let help = run(&["--help"], "");
    let help = text(&help.stdout);
    for word in [
        "render",
        "lint",
        "--watch-namespace",
        "WATCH_NAMESPACE",
        "--watch-secrets",
    ] {
        assert!(help.contains(word), "{word} is not in:\n{help}");
    }
}
