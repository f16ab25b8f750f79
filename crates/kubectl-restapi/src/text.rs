//! A tree as people read it. Pure.

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::pods::PodLine;
use crate::tree::{Component, Head, Place, Revision, Rollout, Tree};

/// What stands in a line after the name; the last of it is as long as it needs to be.
const COLUMNS: [&str; 5] = ["READY", "STATUS", "RESTARTS", "AGE", "INFO"];
type Cells = [String; COLUMNS.len()];

/// A line and those below it.
struct Node {
    name: String,
    cells: Cells,
    below: Vec<Node>,
}

/// The tree at that time.
#[must_use]
pub fn text(tree: &Tree, now: Timestamp) -> String {
    let root = Node {
        name: tree.head.name.clone(),
        cells: cells("", "", "", &age(tree.head.created, now), ""),
        below: tree.revisions.iter().map(|r| revision(r, now)).collect(),
    };
    let mut lines = vec![("NAME".to_owned(), COLUMNS.map(str::to_owned))];
    write(root, "", "", &mut lines);
    format!("{}\n{}", head(&tree.head), aligned(&lines))
}

fn head(head: &Head) -> String {
    let mut text = String::new();
    let mut line = |key: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "{key:<13}{value}");
        }
    };
    line("Name:", &head.name);
    line("Namespace:", &head.namespace);
    let phase = head
        .phase
        .map_or_else(|| "unknown".to_owned(), |phase| format!("{phase:?}"));
    line("Phase:", &phase);
    if let Some(ready) = &head.ready {
        let why = format!("{} ({}): {}", ready.status, ready.reason, ready.message);
        line("Ready:", &why);
    }
    if let Some(rollout) = &head.rollout {
        line("Rollout:", &standing(rollout));
        let message = rollout.message.as_deref().unwrap_or_default();
        // Mostly it is what keeps the application from being ready, and was said.
        let is_said = head
            .ready
            .as_ref()
            .is_some_and(|r| r.message.contains(message));
        if !is_said {
            line("Message:", message);
        }
        if let Some(command) = &rollout.command {
            let reason = command.reason.as_deref().unwrap_or("no reason was given");
            let answer = if command.done {
                format!("{} was carried out", command.id)
            } else {
                format!("{} was refused: {reason}", command.id)
            };
            line("Command:", &answer);
        }
    }
    if let Some(environment) = head.active_environment {
        line("Environment:", environment.as_str());
    }
    text
}

/// Where the rollout stands, in few words.
fn standing(rollout: &Rollout) -> String {
    let phase = rollout.phase.map(|phase| format!("{phase:?}"));
    let asked = rollout.revision.map(|number| format!("revision {number}"));
    let serving = rollout.serving.map(|number| format!("serving {number}"));
    let back = rollout
        .rollback_to
        .map(|number| format!("rollback goes to {number}"));
    let stale = (!rollout.is_current).then(|| "the spec was changed since".to_owned());
    let words = [phase, asked, serving, back, stale];
    words.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn revision(revision: &Revision, now: Timestamp) -> Node {
    let number = revision.number.map(|number| number.to_string());
    let marks: Vec<_> = revision.marks.iter().map(ToString::to_string).collect();
    let mut info = marks.join(", ");
    if number.is_none() {
        "there is no record of it".clone_into(&mut info);
    }
    Node {
        name: format!("revision {}", number.as_deref().unwrap_or("?")),
        cells: cells("", "", "", &age(revision.created, now), &info),
        below: revision
            .environments
            .iter()
            .map(|p| place(p, now))
            .collect(),
    }
}

fn place(place: &Place, now: Timestamp) -> Node {
    let all = &place.components;
    let is_ready = |component: &&Component| component.ready >= component.wanted;
    let ready = format!("{}/{}", all.iter().filter(is_ready).count(), all.len());
    let attempt = place.attempt.map(|number| format!("attempt {number}"));
    Node {
        name: place.name.to_string(),
        cells: cells(&ready, "", "", "", &attempt.unwrap_or_default()),
        below: all.iter().map(|c| component(c, now)).collect(),
    }
}

fn component(component: &Component, now: Timestamp) -> Node {
    let ready = format!("{}/{}", component.ready, component.wanted);
    let image = component.image.as_deref().unwrap_or_default();
    Node {
        name: component.name.clone(),
        cells: cells(&ready, "", "", "", image),
        below: component.pods.iter().map(|p| pod(p, now)).collect(),
    }
}

fn pod(pod: &PodLine, now: Timestamp) -> Node {
    let ready = format!("{}/{}", pod.ready, pod.wanted);
    let restarts = pod.restarts.to_string();
    Node {
        name: pod.name.clone(),
        cells: cells(&ready, &pod.status, &restarts, &age(pod.created, now), ""),
        below: Vec::new(),
    }
}

fn cells(ready: &str, status: &str, restarts: &str, age: &str, info: &str) -> Cells {
    [ready, status, restarts, age, info].map(str::to_owned)
}

/// The line of `node`, which begins with `own`, and those below it, which begin with `before`.
fn write(node: Node, own: &str, before: &str, lines: &mut Vec<(String, Cells)>) {
    lines.push((format!("{own}{}", node.name), node.cells));
    let mut left = node.below.len();
    for child in node.below {
        left -= 1;
        let (branch, below) = if left == 0 {
            ("└─ ", "   ")
        } else {
            ("├─ ", "│  ")
        };
        write(
            child,
            &format!("{before}{branch}"),
            &format!("{before}{below}"),
            lines,
        );
    }
}

/// Lines of cells, each column as wide as its widest cell.
fn aligned(lines: &[(String, Cells)]) -> String {
    let rows = lines.iter().map(|(name, cells)| {
        std::iter::once(name.as_str())
            .chain(cells.iter().map(String::as_str))
            .collect()
    });
    columns(&rows.collect::<Vec<_>>())
}

/// Rows of cells, each column as wide as its widest cell, and no space at a line's end.
#[must_use]
pub fn columns(rows: &[Vec<&str>]) -> String {
    let wide = |cell: &str| cell.chars().count();
    let count = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widths: Vec<_> = (0..count)
        .map(|i| {
            rows.iter()
                .filter_map(|row| row.get(i))
                .map(|cell| wide(cell))
                .max()
        })
        .map(Option::unwrap_or_default)
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell:<width$}  ");
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// For how long something is there, as kubectl says it.
#[must_use]
pub fn age(since: Option<Timestamp>, now: Timestamp) -> String {
    let Some(since) = since else {
        return String::new();
    };
    let seconds = now.duration_since(since).as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (seconds, minutes, hours) {
        (..120, ..) => format!("{seconds}s"),
        (_, ..10, _) if seconds % 60 > 0 => format!("{minutes}m{}s", seconds % 60),
        (_, ..180, _) => format!("{minutes}m"),
        (.., ..48) => format!("{hours}h"),
        _ => format!("{days}d"),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::tree;

    fn now() -> Timestamp {
        "2026-01-01T00:01:30Z".parse().unwrap()
    }

    #[test]
    fn a_rollout_under_way() {
        let shown = text(&tree::tree(&tree::tests::starting()), now());
        insta::assert_snapshot!(shown, @r"
        Name:        orders
        Namespace:   shop
        Phase:       Progressing
        Ready:       False (Starting): revision 4 is started in green
        Rollout:     Starting, revision 4, serving 1
        Message:     revision 4 is started in green: 1 of 2 components are available
        Command:     a-b was refused: revision 4 is not ready yet
        Environment: blue

        NAME                              READY  STATUS            RESTARTS  AGE  INFO
        orders                                                               90s
        ├─ revision 4                                                        90s  starting in green
        │  └─ green                       1/2                                     attempt 3
        │     ├─ model                    1/1                                     app:1
        │     │  └─ orders-model-green-x  1/1    Running           0         90s
        │     └─ view                     0/1                                     app:1
        │        └─ orders-view-green-x   0/1    ImagePullBackOff  0         90s
        ├─ revision 3                                                        90s  held: aborted by command
        └─ revision 1                                                        90s  serving
           └─ blue                        2/2                                     attempt 1
              ├─ model                    1/1                                     app:1
              │  └─ orders-model-blue-x   1/1    Running           0         90s
              └─ view                     1/1                                     app:1
                 └─ orders-view-blue-x    1/1    Running           0         90s
        ");
    }

    #[test]
    fn blue_green_off_and_a_revision_held() {
        let shown = text(&tree::tree(&tree::tests::in_place()), now());
        insta::assert_snapshot!(shown, @r"
        Name:        orders
        Namespace:   shop
        Phase:       Degraded
        Environment: blue

        NAME                            READY  STATUS   RESTARTS  AGE  INFO
        orders
        ├─ revision 2                                             90s  held: by the annotation restapi.dev/rollback: 1
        └─ revision 1                                             90s  serving
           └─ blue                      1/1
              └─ view                   1/1                            app:1
                 └─ orders-view-blue-x  1/1    Running  0         90s
        ");
    }

    #[rstest]
    #[case(0, "0s")]
    #[case(119, "119s")]
    #[case(120, "2m")]
    #[case(125, "2m5s")]
    #[case(660, "11m")]
    #[case(10_800, "3h")]
    #[case(172_800, "2d")]
    // The clock of this machine is behind the API server's.
    #[case(-5, "0s")]
    fn ages_are_as_kubectl_says_them(#[case] seconds: i64, #[case] said: &str) {
        let now = Timestamp::constant(1_000_000, 0);
        let since = Timestamp::from_second(1_000_000 - seconds).unwrap();
        assert_eq!(age(Some(since), now), said);
    }
}
