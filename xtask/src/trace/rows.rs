//! The rows of a drawing: spans below their parents, in the order in which they began.

use super::answer::{Span, Trace};

/// One span, as it is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// What stands before the name: the lines from its parent.
    pub(super) lines: String,
    /// Its name; of a gate also which one.
    pub(super) name: String,
    /// Who exported it.
    pub(super) service: String,
    /// When it began, in microseconds since the first of all.
    pub(super) start: u64,
    /// How long it took, in microseconds.
    pub(super) duration: u64,
    /// Why it failed, if it did.
    pub(super) error: Option<String>,
}

/// The rows of a trace. A span whose parent is not there is drawn like the whole.
pub(super) fn of(trace: &Trace) -> Vec<Row> {
    let is_there = |id: &str| trace.spans.iter().any(|span| span.id == id);
    let is_top = |span: &&Span| span.parent().is_none_or(|parent| !is_there(parent));
    let mut tops: Vec<&Span> = trace.spans.iter().filter(is_top).collect();
    tops.sort_by_key(|span| span.start);
    let zero = trace.spans.iter().map(|span| span.start).min();
    let mut drawing = Drawing {
        trace,
        zero: zero.unwrap_or_default(),
        rows: Vec::new(),
    };
    for top in tops {
        drawing.add(top, "", "");
    }
    drawing.rows
}

struct Drawing<'a> {
    trace: &'a Trace,
    zero: u64,
    rows: Vec<Row>,
}

impl Drawing<'_> {
    /// Adds a span whose row begins with `lines`, and those below it, whose rows begin with `below`.
    fn add(&mut self, span: &Span, lines: &str, below: &str) {
        let gate = span.text("cicd.pipeline.task.name");
        self.rows.push(Row {
            lines: lines.to_owned(),
            name: match gate {
                Some(gate) => format!("{} {gate}", span.name),
                None => span.name.clone(),
            },
            service: self.trace.service(span).to_owned(),
            start: span.start.saturating_sub(self.zero),
            duration: span.duration,
            error: span.error().map(str::to_owned),
        });
        let children = self.trace.spans.iter();
        let mut children: Vec<_> = children
            .filter(|child| child.parent() == Some(&span.id) && child.id != span.id)
            .collect();
        children.sort_by_key(|child| (child.start, child.start + child.duration));
        let last = children.len().saturating_sub(1);
        for (number, child) in children.into_iter().enumerate() {
            let (corner, line) = if number == last {
                ("└─ ", "   ")
            } else {
                ("├─ ", "│  ")
            };
            self.add(
                child,
                &format!("{below}{corner}"),
                &format!("{below}{line}"),
            );
        }
    }
}

/// A time as people read it: `850 µs`, `12.3 ms`, `4.56 s`, `3 min 12 s`.
pub(super) fn shown(micros: u64) -> String {
    let tenths = |of: u64| format!("{}.{}", micros / of, micros % of * 10 / of);
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{} ms", tenths(1_000)),
        1_000_000..120_000_000 => format!("{} s", tenths(1_000_000)),
        _ => format!(
            "{} min {} s",
            micros / 60_000_000,
            micros % 60_000_000 / 1_000_000
        ),
    }
}

/// How long all of them took together, from the first to the last.
pub(super) fn whole(rows: &[Row]) -> u64 {
    let ends = rows.iter().map(|row| row.start + row.duration);
    ends.max().unwrap_or_default().max(1)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const ANSWER: &str = r#"{"data": [{"traceID": "t", "spans": [
        {"spanID": "b", "operationName": "switch", "startTime": 6000000, "duration": 250000, "processID": "p1",
         "references": [{"refType": "CHILD_OF", "spanID": "r"}]},
        {"spanID": "r", "operationName": "rollout", "startTime": 1000000, "duration": 5250000, "processID": "p1",
         "references": [{"refType": "FOLLOWS_FROM", "spanID": "x"}],
         "tags": [{"key": "otel.status_code", "value": "ERROR"}, {"key": "otel.status_description", "value": "503"}]},
        {"spanID": "a", "operationName": "start", "startTime": 1000000, "duration": 5000000, "processID": "p1",
         "references": [{"refType": "CHILD_OF", "spanID": "r"}]},
        {"spanID": "g", "operationName": "gate", "startTime": 1500000, "duration": 400, "processID": "p2",
         "references": [{"refType": "CHILD_OF", "spanID": "a"}],
         "tags": [{"key": "cicd.pipeline.task.name", "value": "smoke"}]}
    ], "processes": {"p1": {"serviceName": "bluegreen-manager"}, "p2": {"serviceName": "other"}}}]}"#;

    /// The rows of a trace of four spans.
    pub(in super::super) fn rows() -> Vec<Row> {
        of(&Trace::parse(ANSWER).unwrap())
    }

    #[test]
    fn spans_stand_below_their_parents_in_the_order_in_which_they_began() {
        let rows = rows();
        let drawn: Vec<_> = rows
            .iter()
            .map(|r| format!("{}{}", r.lines, r.name))
            .collect();
        let expected = ["rollout", "├─ start", "│  └─ gate smoke", "└─ switch"];
        assert_eq!(drawn, expected);
        let times: Vec<_> = rows.iter().map(|row| (row.start, row.duration)).collect();
        assert_eq!(times[0], (0, 5_250_000));
        assert_eq!(times[3], (5_000_000, 250_000));
        assert_eq!(rows[0].error.as_deref(), Some("503"));
        assert_eq!(rows[2].service, "other");
        assert_eq!(whole(&rows), 5_250_000);
    }

    #[test]
    fn times_are_short() {
        let shown: Vec<_> = [7, 12_345, 4_567_890, 192_000_000].map(shown).into();
        assert_eq!(shown, ["7 µs", "12.3 ms", "4.5 s", "3 min 12 s"]);
    }
}
