//! A trace for a terminal.

use super::Row;
use super::rows::{shown, whole};
use crate::table;

/// How wide the bars are, in characters.
const WIDTH: u64 = 40;

/// The trace as a tree with bars.
pub(super) fn text(id: &str, rows: &[Row]) -> String {
    let whole = whole(rows);
    let lines: Vec<Vec<String>> = rows.iter().map(|row| line(row, whole)).collect();
    let header = ["SPAN", "", "FROM", "TOOK", "BY"];
    let mut text = format!(
        "trace {id}, {}\n\n{}",
        shown(whole),
        table::render(&header, &lines)
    );
    let failures = rows
        .iter()
        .filter_map(|row| Some((row, row.error.as_ref()?)));
    let failures: Vec<_> = failures
        .map(|(row, why)| format!("{} failed: {why}\n", row.name))
        .collect();
    if !failures.is_empty() {
        text.push('\n');
        text.push_str(&failures.concat());
    }
    text
}

fn line(row: &Row, whole: u64) -> Vec<String> {
    vec![
        format!("{}{}", row.lines, row.name),
        bar(row, whole),
        shown(row.start),
        shown(row.duration),
        row.service.clone(),
    ]
}

/// Where in the whole it lies; at least one character of it.
fn bar(row: &Row, whole: u64) -> String {
    let at = |micros: u64| (micros.saturating_mul(WIDTH) / whole).min(WIDTH);
    let from = at(row.start).min(WIDTH - 1);
    let to = at(row.start + row.duration).max(from + 1);
    let part = |length: u64, c: &str| c.repeat(usize::try_from(length).unwrap_or_default());
    let fill = if row.error.is_some() { "▒" } else { "█" };
    part(from, " ") + &part(to - from, fill) + &part(WIDTH - to, " ")
}

#[cfg(test)]
mod tests {
    use super::super::rows::tests::rows;
    use super::*;

    #[test]
    fn bars_lie_where_their_time_is() {
        let text = text("abc", &rows());
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "trace abc, 5.2 s");
        assert!(lines[3].starts_with("rollout"), "{text}");
        assert!(lines[3].contains(&"▒".repeat(40)), "{text}");
        let of_switch = format!("└─ switch         {}██", " ".repeat(38));
        assert!(lines[6].starts_with(&of_switch), "{text}");
        assert!(text.ends_with("rollout failed: 503\n"), "{text}");
    }
}
