//! A trace as a picture (SVG), light on dark or dark on light as its page is.

use std::fmt::Write as _;

use super::Row;
use super::rows::{shown, whole};

const NAMES: u64 = 260;
const BARS: u64 = 560;
const TIMES: u64 = 180;
const ROW: u64 = 26;
const TOP: u64 = 44;

/// The colours of those who export, in the order in which they appear.
const COLOURS: [&str; 5] = ["#2f7ed8", "#2e9e5b", "#8e5bd0", "#c77700", "#0f8b8d"];
const FAILED: &str = "#d03b3b";

/// The trace as an SVG document.
pub(super) fn svg(id: &str, rows: &[Row]) -> String {
    let whole = whole(rows);
    let services = services(rows);
    let height = TOP + ROW * rows.len() as u64 + ROW;
    let width = NAMES + BARS + TIMES;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <style>text {{ fill: #222 }} .line {{ stroke: #8884 }}\n\
         @media (prefers-color-scheme: dark) {{ text {{ fill: #ddd }} }}</style>\n\
         <text x=\"8\" y=\"20\" font-weight=\"bold\">trace {}, {}</text>\n",
        escaped(id),
        shown(whole)
    );
    for quarter in 0..=4 {
        let x = NAMES + BARS * quarter / 4;
        let _ = writeln!(
            svg,
            "<line class=\"line\" x1=\"{x}\" x2=\"{x}\" y1=\"{}\" y2=\"{}\"/>",
            TOP - 10,
            height - ROW
        );
    }
    for (number, row) in (0..).zip(rows) {
        svg.push_str(&drawn(row, TOP + ROW * number, whole, &services));
    }
    for (number, service) in (0..).zip(&services) {
        let (x, y) = (NAMES + 190 * number, height - 8);
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{}\" width=\"10\" height=\"10\" fill=\"{}\"/>\
             <text x=\"{}\" y=\"{y}\">{}</text>",
            y - 10,
            colour(service, &services),
            x + 16,
            escaped(service)
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn drawn(row: &Row, y: u64, whole: u64, services: &[&str]) -> String {
    let at = |micros: u64| micros.saturating_mul(BARS) / whole;
    let depth = row.lines.chars().count() as u64 / 3;
    let fill = match row.error {
        Some(_) => FAILED,
        None => colour(&row.service, services),
    };
    format!(
        "<text x=\"{}\" y=\"{}\">{}</text>\
         <rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"14\" rx=\"3\" fill=\"{fill}\"/>\
         <text x=\"{}\" y=\"{}\">{}</text>\n",
        8 + 18 * depth,
        y + 12,
        escaped(&row.name),
        NAMES + at(row.start),
        y,
        at(row.duration).max(2),
        NAMES + BARS + 12,
        y + 12,
        shown(row.duration)
    )
}

fn services(rows: &[Row]) -> Vec<&str> {
    let mut all: Vec<&str> = Vec::new();
    for row in rows {
        if !all.contains(&row.service.as_str()) {
            all.push(&row.service);
        }
    }
    all
}

fn colour(service: &str, services: &[&str]) -> &'static str {
    let number = services.iter().position(|known| *known == service);
    let number = number.unwrap_or_default() % COLOURS.len();
    COLOURS.get(number).copied().unwrap_or(FAILED)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::super::rows::tests::rows;
    use super::*;

    #[test]
    fn each_span_has_a_bar_and_each_service_a_colour() {
        let svg = svg("abc", &rows());
        assert_eq!(svg.matches("<rect ").count(), 4 + 2);
        assert!(svg.contains(FAILED) && svg.contains(COLOURS[1]));
        assert!(svg.contains(">gate smoke</text>"), "{svg}");
    }
}
