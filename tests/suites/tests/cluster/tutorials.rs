//! Tutorials do what they say: their commands are run as they stand, and must print what they promise.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use suites::namespace::Namespace;
use tokio::process::Command;

use crate::setting;

/// The line that a reader adapts to his own cluster.
const IMAGE: &str = "export IMAGE=";

/// The commands of a tutorial as one script. Each block's output is kept, and a quotation after it must be in that.
fn script(text: &str, image: &str) -> Result<String> {
    let mut script = format!("set -euo pipefail\nexport IMAGE={image}\n");
    let (mut is_code, mut blocks) = (false, 0_usize);
    for line in text.lines() {
        if line == "```sh" {
            (is_code, blocks) = (true, blocks + 1);
            writeln!(script, "{{ true")?;
        } else if is_code && line == "```" {
            is_code = false;
            writeln!(script, "}} | tee \"$SAID\"")?;
        } else if is_code && !line.starts_with(IMAGE) {
            writeln!(script, "{line}")?;
        } else if let Some(promise) = line.strip_prefix("> ") {
            let promise = promise.replace('\'', "'\\''");
            writeln!(
                script,
                "grep -qF -- '{promise}' \"$SAID\" || {{ echo 'not said: {promise}'; exit 1; }}"
            )?;
        }
    }
    ensure!(blocks > 0, "there is nothing to run");
    Ok(script)
}

/// A kubeconfig whose context is in the test's namespace.
async fn kubeconfig(namespace: &Namespace) -> Result<PathBuf> {
    let folder = namespace.logs();
    std::fs::create_dir_all(&folder)?;
    let path = folder.join("kubeconfig");
    std::fs::copy(&namespace.env.kubeconfig, &path)?;
    let set = Command::new(&namespace.env.kubectl)
        .env("KUBECONFIG", &path)
        .args(["config", "set-context", "--current", "--namespace"])
        .arg(&namespace.name)
        .status()
        .await?;
    ensure!(set.success(), "setting the namespace of a context");
    Ok(path)
}

#[tokio::test]
async fn the_tutorial_of_blue_green_does_what_it_says() -> Result<()> {
    setting::shared("tutorial", async |namespace| {
        let repository = &namespace.env.repository;
        let path = repository.join("docs/tutorials/blue-green.md");
        let text = std::fs::read_to_string(&path).context("reading the tutorial")?;
        let tools = namespace.env.kubectl.parent();
        let tools = tools.context("kubectl has no folder")?;
        let others = std::env::var("PATH").unwrap_or_default();
        let output = Command::new("bash")
            .arg("-c")
            .arg(script(&text, &setting::demo()?)?)
            .env("KUBECONFIG", kubeconfig(&namespace).await?)
            .env("PATH", format!("{}:{others}", tools.display()))
            .env("SAID", namespace.logs().join("said"))
            .output()
            .await?;
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{said}\n{errors}");
        Ok(())
    })
    .await
}
