//! Panels drawn as SVG, light on dark or dark on light as the page is.

use std::fmt::Write as _;

use super::ask::{Line, Panel, step};
use super::numbers::shown;

/// What one of Grafana's units is in the picture.
const WIDE: f64 = 46.0;
const HIGH: f64 = 26.0;
const TOP: f64 = 40.0;

/// The colours of lines, in the order of the legend.
const COLOURS: [&str; 10] = [
    "#2f7ed8", "#2e9e5b", "#c77700", "#8e5bd0", "#d03b3b", "#0f8b8d", "#a0522d", "#d6479b",
    "#6b7280", "#b8a200",
];

/// How many names a legend has.
const NAMES: usize = 6;

/// A rectangle in the picture.
#[derive(Clone, Copy)]
struct Area {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

impl Area {
    #[expect(clippy::cast_precision_loss, reason = "places are small")]
    fn of([x, y, w, h]: [u64; 4]) -> Self {
        Self {
            left: x as f64 * WIDE,
            top: TOP + y as f64 * HIGH,
            width: w as f64 * WIDE,
            height: h as f64 * HIGH,
        }
    }

    fn bottom(self) -> f64 {
        self.top + self.height
    }

    /// Where lines are drawn: without the title, the numbers at the left and the legend.
    fn inner(self) -> Self {
        Self {
            left: self.left + 70.0,
            top: self.top + 30.0,
            width: self.width - 90.0,
            height: self.height - 66.0,
        }
    }
}

/// All panels as an SVG document; `range` is the time that they show.
pub(super) fn svg(title: &str, panels: &[Panel], range: (u64, u64)) -> String {
    let bottom = panels.iter().map(|panel| Area::of(panel.place).bottom());
    let height = bottom.fold(TOP, f64::max) + 8.0;
    let width = 24.0 * WIDE;
    let minutes = (range.1 - range.0) / 60;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <style>text {{ fill: #222 }} .frame {{ fill: none; stroke: #8886 }} .line {{ stroke: #8884 }} .quiet {{ opacity: .7 }}\n\
         @media (prefers-color-scheme: dark) {{ text {{ fill: #ddd }} }}</style>\n"
    );
    text(
        &mut svg,
        (8.0, 24.0),
        "font-size=\"17\" font-weight=\"bold\"",
        &format!("{title}, {minutes} minutes"),
    );
    for panel in panels {
        draw(&mut svg, panel, range);
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw(svg: &mut String, panel: &Panel, range: (u64, u64)) {
    let area = Area::of(panel.place);
    let above = (area.left + 10.0, area.top + 18.0);
    text(svg, above, "font-weight=\"bold\"", &panel.title);
    if panel.kind == "row" {
        return;
    }
    let Area {
        left,
        top,
        width,
        height,
    } = area;
    let _ = writeln!(
        svg,
        "<rect class=\"frame\" rx=\"3\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
        left + 3.0,
        top + 3.0,
        width - 6.0,
        height - 6.0
    );
    match panel.kind.as_str() {
        "stat" => figure(svg, panel, area),
        "alertlist" => alerts(svg, panel, area),
        _ => lines(svg, panel, (area, range)),
    }
}

fn figure(svg: &mut String, panel: &Panel, area: Area) {
    let last = panel.lines.iter().find_map(|line| line.points.last());
    let value = last.map_or_else(
        || "no data".to_owned(),
        |(_, value)| shown(*value, &panel.unit),
    );
    let middle = (
        area.left + area.width / 2.0,
        area.top + area.height / 2.0 + 18.0,
    );
    text(
        svg,
        middle,
        "font-size=\"28\" text-anchor=\"middle\"",
        &value,
    );
}

fn alerts(svg: &mut String, panel: &Panel, area: Area) {
    let mut names: Vec<&str> = panel.lines.iter().map(|line| line.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        names.push("none");
    }
    let mut top = area.top + 38.0;
    for name in names {
        text(svg, (area.left + 16.0, top), "", name);
        top += 17.0;
    }
}

fn lines(svg: &mut String, panel: &Panel, (area, range): (Area, (u64, u64))) {
    let inner = area.inner();
    let lines = if panel.is_stacked {
        stacked(&panel.lines, times(range))
    } else {
        panel.lines.clone()
    };
    let values = lines.iter().flat_map(|line| &line.points);
    let most = values.map(|(_, value)| *value).fold(0.0, f64::max);
    let most = if most > 0.0 { most * 1.05 } else { 1.0 };
    axes(svg, panel, (inner, most));
    let scale = Scale { inner, most, range };
    // From the last to the first, so that the areas below are not covered.
    for (number, line) in lines.iter().enumerate().rev() {
        let path = scale.path(line);
        let colour = colour(number);
        if panel.is_stacked && !path.is_empty() {
            let _ = writeln!(
                svg,
                "<path fill=\"{colour}\" d=\"{}\"/>",
                scale.closed(line, &path)
            );
        } else if !path.is_empty() {
            let _ = writeln!(
                svg,
                "<path fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\" d=\"{path}\"/>"
            );
        }
    }
    legend(svg, &panel.lines, area);
}

/// The times of which Prometheus was asked.
#[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit")]
fn times((start, end): (u64, u64)) -> impl Iterator<Item = f64> {
    let step = usize::try_from(step((start, end))).unwrap_or(1);
    (start..=end).step_by(step).map(|at| at as f64)
}

/// Each line on top of those before it, at each of these times.
fn stacked(lines: &[Line], times: impl Iterator<Item = f64>) -> Vec<Line> {
    let mut sums: Vec<(f64, f64)> = times.map(|at| (at, 0.0)).collect();
    let mut all = Vec::new();
    for line in lines {
        let mut points = line.points.iter().peekable();
        for (at, sum) in &mut sums {
            // What is not there adds nothing.
            if let Some((_, value)) = points.next_if(|(next, _)| next <= at) {
                *sum += value;
            }
        }
        all.push(Line {
            name: line.name.clone(),
            points: sums.clone(),
        });
    }
    all
}

fn axes(svg: &mut String, panel: &Panel, (inner, most): (Area, f64)) {
    for part in [0.0, 0.5, 1.0] {
        let y = inner.bottom() - inner.height * part;
        let _ = writeln!(
            svg,
            "<line class=\"line\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>",
            inner.left,
            inner.left + inner.width
        );
        let place = (inner.left - 6.0, y + 4.0);
        text(
            svg,
            place,
            "class=\"quiet\" text-anchor=\"end\"",
            &shown(most * part, &panel.unit),
        );
    }
}

/// What of a panel's numbers is where.
struct Scale {
    inner: Area,
    most: f64,
    range: (u64, u64),
}

impl Scale {
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit")]
    fn place(&self, (at, value): (f64, f64)) -> (f64, f64) {
        let (start, end) = (self.range.0 as f64, self.range.1 as f64);
        let along = ((at - start) / (end - start).max(1.0)).clamp(0.0, 1.0);
        let up = (value / self.most).clamp(0.0, 1.0);
        (
            self.inner.left + self.inner.width * along,
            self.inner.bottom() - self.inner.height * up,
        )
    }

    /// How long nothing may be told so that a line still goes on: two steps.
    #[expect(clippy::cast_precision_loss, reason = "it is no more than a few hours")]
    fn gap(&self) -> f64 {
        step(self.range) as f64 * 2.0
    }

    fn path(&self, line: &Line) -> String {
        let (mut path, mut before) = (String::new(), f64::NEG_INFINITY);
        for point in &line.points {
            let (x, y) = self.place(*point);
            let is_gap = point.0 - before > self.gap();
            let command = if is_gap { 'M' } else { 'L' };
            let _ = write!(path, "{command}{x:.1} {y:.1}");
            before = point.0;
        }
        path
    }

    /// The same, down to the bottom and back.
    fn closed(&self, line: &Line, path: &str) -> String {
        let x = |point: Option<&(f64, f64)>| self.place(point.copied().unwrap_or_default()).0;
        let bottom = self.inner.bottom();
        let (first, last) = (x(line.points.first()), x(line.points.last()));
        format!("{path}L{last:.1} {bottom:.1}L{first:.1} {bottom:.1}Z")
    }
}

fn legend(svg: &mut String, lines: &[Line], area: Area) {
    let mut left = area.left + 16.0;
    let top = area.bottom() - 14.0;
    let shows = |line: &&Line| line.points.iter().any(|(_, value)| *value != 0.0);
    let named = lines.iter().enumerate().filter(|(_, line)| shows(line));
    for (number, line) in named.take(NAMES) {
        #[expect(clippy::cast_precision_loss, reason = "names are short")]
        let width = 26.0 + 7.0 * line.name.chars().count() as f64;
        if left + width > area.left + area.width {
            return;
        }
        let colour = colour(number);
        let _ = writeln!(
            svg,
            "<rect x=\"{left:.1}\" y=\"{:.1}\" width=\"10\" height=\"10\" fill=\"{colour}\"/>",
            top - 9.0
        );
        text(svg, (left + 14.0, top), "", &line.name);
        left += width;
    }
}

fn colour(number: usize) -> &'static str {
    COLOURS
        .get(number % COLOURS.len())
        .copied()
        .unwrap_or_default()
}

fn text(svg: &mut String, (x, y): (f64, f64), style: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    // Writing to a String cannot fail.
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" {style}>{text}</text>");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, values: [f64; 2]) -> Line {
        Line {
            name: name.to_owned(),
            points: vec![(0.0, values[0]), (60.0, values[1])],
        }
    }

    fn panel(kind: &str, lines: Vec<Line>) -> Panel {
        Panel {
            title: "Requests".to_owned(),
            kind: kind.to_owned(),
            unit: "short".to_owned(),
            is_stacked: true,
            place: [0, 0, 12, 8],
            lines,
        }
    }

    #[test]
    fn areas_stand_on_each_other() {
        let mut late = line("b", [10.0, 20.0]);
        late.points.remove(0);
        let lines = [line("a", [1.0, 2.0]), late, line("c", [4.0, 4.0])];
        let stacked = stacked(&lines, [0.0, 60.0].into_iter());
        assert_eq!(stacked[2], line("c", [5.0, 26.0]));
    }

    #[test]
    fn a_line_breaks_where_nothing_was_told() {
        let scale = Scale {
            inner: Area::of([0, 0, 12, 8]),
            most: 1.0,
            range: (0, 60),
        };
        let line = Line {
            name: String::new(),
            points: vec![(0.0, 0.0), (1.0, 0.0), (9.0, 0.0)],
        };
        let commands: String = scale
            .path(&line)
            .chars()
            .filter(char::is_ascii_alphabetic)
            .collect();
        assert_eq!(commands, "MLM");
    }

    #[test]
    fn a_line_begins_in_the_corner_and_has_its_name() {
        let panel = panel("timeseries", vec![line("a", [0.0, 20.0])]);
        let svg = svg("Overview", &[panel], (0, 1800));
        let inner = Area::of([0, 0, 12, 8]).inner();
        let begin = format!("d=\"M{:.1} {:.1}L", inner.left, inner.bottom());
        assert!(svg.contains(&begin), "{svg}");
        assert!(svg.contains(">a</text>"), "{svg}");
    }

    #[test]
    fn a_figure_without_an_answer_says_so() {
        assert!(svg("x", &[panel("stat", Vec::new())], (0, 60)).contains(">no data</text>"));
    }
}
