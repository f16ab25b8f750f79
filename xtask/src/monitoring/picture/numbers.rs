//! Numbers as Grafana writes them, by unit.

/// Names of units, each with how many of it make one of the next.
type Steps = [(f64, &'static str)];

const SECONDS: &Steps = &[
    (1000.0, "ms"),
    (60.0, "s"),
    (60.0, "min"),
    (24.0, "h"),
    (f64::INFINITY, "d"),
];

const BYTES: &Steps = &[
    (1024.0, "B"),
    (1024.0, "KiB"),
    (1024.0, "MiB"),
    (f64::INFINITY, "GiB"),
];

/// A value with its unit.
pub(super) fn shown(value: f64, unit: &str) -> String {
    match unit {
        "s" => climbed(value * 1000.0, SECONDS),
        "ms" => climbed(value, SECONDS),
        "bytes" => climbed(value, BYTES),
        "percentunit" => format!("{}%", short(value * 100.0)),
        "ops" => format!("{}/s", short(value)),
        _ => short(value),
    }
}

/// The value in the largest unit of which it is one at least.
fn climbed(mut value: f64, steps: &Steps) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    for (next, name) in steps {
        if value.abs() < *next {
            return format!("{} {name}", short(value));
        }
        value /= next;
    }
    short(value)
}

/// Three digits that matter, without zeros at the end.
fn short(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 0.1 => 2,
        _ => 4,
    };
    let text = format!("{value:.digits$}");
    if !text.contains('.') {
        return text;
    }
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_unit_in_which_they_are_short() {
        for (value, unit, wanted) in [
            (0.0025, "s", "2.5 ms"),
            (42.0, "s", "42 s"),
            (5400.0, "s", "1.5 h"),
            (250.0, "ms", "250 ms"),
            (1500.0, "ms", "1.5 s"),
            (26_214_400.0, "bytes", "25 MiB"),
            (0.9995, "percentunit", "100%"),
            (0.5, "percentunit", "50%"),
            (1234.0, "short", "1234"),
            (0.0, "short", "0"),
            (0.0, "s", "0"),
            (3.25, "ops", "3.25/s"),
        ] {
            assert_eq!(shown(value, unit), wanted, "{value} {unit}");
        }
    }
}
