//! Completes what is typed: at a shell, and under kubectl.

use std::time::Duration;

use clap::{Command, CommandFactory as _, Parser as _};
use clap_complete::{Shell, generate};
use kube::api::ListParams;
use tokio::time::timeout;

use crate::args::{Cli, Place};
use crate::cluster::Cluster;

/// Who presses Tab does not wait for a cluster that does not answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Tells kubectl, in cobra's words, to offer nothing else: no file names.
const NO_FILES: &str = ":4";

/// The script for a shell.
#[must_use]
pub fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "kubectl-restapi", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// What could come next.
#[derive(Debug, PartialEq, Eq)]
pub enum Candidates {
    /// One of these words.
    Words(Vec<String>),
    /// The name of a `RestAPI` that begins like this.
    Names(String),
}

/// What could come after `words`, of which the last is not complete.
#[must_use]
pub fn candidates(cli: &Command, words: &[String]) -> Candidates {
    let (last, before) = match words.split_last() {
        Some((last, before)) => (last.as_str(), before),
        None => ("", words),
    };
    let plain = plain(cli, before);
    let Some(verb) = plain.first().and_then(|verb| cli.find_subcommand(verb)) else {
        let shown = cli
            .get_subcommands()
            .filter(|command| !command.is_hide_set());
        let names = shown.map(|command| command.get_name().to_owned());
        return Candidates::Words(beginning(names, last));
    };
    if last.starts_with('-') {
        let flags = verb.get_arguments().chain(cli.get_arguments());
        let flags = flags.filter_map(|flag| Some(format!("--{}", flag.get_long()?)));
        return Candidates::Words(beginning(flags, last));
    }
    let takes_name = verb
        .get_positionals()
        .any(|argument| argument.get_id() == "name");
    if takes_name && plain.len() == 1 {
        Candidates::Names(last.to_owned())
    } else {
        Candidates::Words(Vec::new())
    }
}

/// The words that are neither flags nor their values.
fn plain<'a>(cli: &Command, words: &'a [String]) -> Vec<&'a str> {
    let commands = || std::iter::once(cli).chain(cli.get_subcommands());
    let takes_value = |word: &str| {
        let mut all = commands().flat_map(Command::get_arguments);
        all.any(|argument| {
            let long = argument
                .get_long()
                .is_some_and(|long| word == format!("--{long}"));
            let short = argument
                .get_short()
                .is_some_and(|short| word == format!("-{short}"));
            (long || short) && argument.get_action().takes_values()
        })
    };
    let mut plain = Vec::new();
    let mut is_value = false;
    for word in words {
        if std::mem::take(&mut is_value) {
            continue;
        }
        if word.starts_with('-') {
            is_value = takes_value(word);
        } else {
            plain.push(word.as_str());
        }
    }
    plain
}

fn beginning(words: impl Iterator<Item = String>, with: &str) -> Vec<String> {
    words.filter(|word| word.starts_with(with)).collect()
}

/// The candidates as kubectl reads them: one a line, and then what to do with them.
///
/// `before` is the place that was typed before the verb.
pub async fn told(candidates: Candidates, before: &Place, words: &[String]) -> String {
    let mut all = match candidates {
        Candidates::Words(words) => words,
        Candidates::Names(begin) => {
            let found = timeout(PATIENCE, names(&place(before, words))).await;
            beginning(found.ok().flatten().unwrap_or_default().into_iter(), &begin)
        }
    };
    all.push(NO_FILES.to_owned());
    all.join("\n")
}

async fn names(place: &Place) -> Option<Vec<String>> {
    let cluster = Cluster::connect(place).await.ok()?;
    let api = cluster.restapis(false);
    let found = api.list_metadata(&ListParams::default()).await.ok()?;
    Some(
        found
            .items
            .iter()
            .map(kube::ResourceExt::name_any)
            .collect(),
    )
}

/// The place that was typed, before the verb or after it. The last word is no name yet, and any name will do.
fn place(before: &Place, words: &[String]) -> Place {
    let typed = words.split_last().map_or(words, |(_, complete)| complete);
    let typed = std::iter::once("kubectl-restapi").chain(typed.iter().map(String::as_str));
    let cli = Cli::try_parse_from(typed.chain(["any"]));
    let after = cli.map(|cli| cli.place).unwrap_or_default();
    Place {
        namespace: after.namespace.or_else(|| before.namespace.clone()),
        context: after.context.or_else(|| before.context.clone()),
        kubeconfig: after.kubeconfig.or_else(|| before.kubeconfig.clone()),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[rstest]
    #[case(&["r"], &["rollback", "retry", "restart", "refresh"])]
    #[case(&["-n", "shop", "g"], &["get"])]
    #[case(&["__"], &[])]
    #[case(&["status", "--w"], &["--wait"])]
    #[case(&["get", "orders", ""], &[])]
    #[case(&["completion", ""], &[])]
    fn words_are_completed(#[case] typed: &[&str], #[case] expected: &[&str]) {
        let found = candidates(&Cli::command(), &words(typed));
        assert_eq!(found, Candidates::Words(words(expected)));
    }

    #[rstest]
    #[case(&["get", "or"], "or")]
    #[case(&["undo", "--to-revision", "3", ""], "")]
    #[case(&["-n", "shop", "get", "-w", "o"], "o")]
    fn names_are_completed(#[case] typed: &[&str], #[case] begin: &str) {
        let found = candidates(&Cli::command(), &words(typed));
        assert_eq!(found, Candidates::Names(begin.to_owned()));
    }

    #[test]
    fn the_place_that_was_typed_is_asked() {
        let before = Place {
            namespace: Some("shop".to_owned()),
            context: Some("home".to_owned()),
            kubeconfig: None,
        };
        let found = place(&before, &words(&["get", "--context", "away", "o"]));
        let found = (found.namespace.as_deref(), found.context.as_deref());
        assert_eq!(found, (Some("shop"), Some("away")));
    }

    #[test]
    fn there_is_a_script_for_each_shell() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            assert!(script(shell).contains("kubectl-restapi"), "{shell}");
        }
    }
}
