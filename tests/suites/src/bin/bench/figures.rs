//! What was measured: a table for people, a file for programs.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

/// One measured value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// What was measured.
    #[serde(rename = "figure")]
    pub name: &'static str,
    /// The value, to three decimals.
    pub value: f64,
    /// The unit; empty for a ratio or a count.
    pub unit: &'static str,
}

impl Figure {
    /// A figure; finer than three decimals nothing here is repeatable.
    pub fn new(name: &'static str, value: f64, unit: &'static str) -> Self {
        Self {
            name,
            value: (value * 1000.0).round() / 1000.0,
            unit,
        }
    }
}

/// One line for each figure.
pub fn table(figures: &[Figure]) -> String {
    let line = |f: &Figure| format!("{:<18} {:>10} {}", f.name, f.value, f.unit);
    figures.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Writes the figures as a JSON list.
///
/// # Errors
/// When the file can't be written.
pub fn write(figures: &[Figure], path: &Path) -> Result<()> {
    let text = serde_json::to_string_pretty(figures)?;
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

/// The middle one of some values, of an even number the upper one of the two in the middle.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_a_list_of_figure_value_unit() {
        let text = serde_json::to_string(&[Figure::new("settled_s", 2.000_04, "s")]).unwrap();
        assert_eq!(text, r#"[{"figure":"settled_s","value":2.0,"unit":"s"}]"#);
    }

    #[test]
    fn the_median_doesnt_care_for_outliers_or_order() {
        assert_eq!(median(Vec::new()), None);
        assert_eq!(median(vec![9.0, 1.0, 900.0]), Some(9.0));
    }
}
