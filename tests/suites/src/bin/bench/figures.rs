//! What was measured: a table for people, a file for programs.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;

/// One measured value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// What was measured.
    #[serde(rename = "figure")]
    pub name: String,
    /// The value, to three decimals.
    pub value: f64,
    /// The unit; empty for a ratio or a count.
    pub unit: &'static str,
}

impl Figure {
    /// A figure; finer than three decimals nothing here is repeatable.
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self {
            name: name.into(),
            value: (value * 1000.0).round() / 1000.0,
            unit,
        }
    }
}

/// One line for each figure.
pub fn table(figures: &[Figure]) -> String {
    let line = |f: &Figure| format!("{:<32} {:>10} {}", f.name, f.value, f.unit);
    figures.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Writes the figures as a JSON list.
///
/// # Errors
/// When the file can't be written.
pub fn write(figures: &[Figure], path: &Path) -> Result<()> {
    put(&serde_json::to_string_pretty(figures)?, path)
}

/// As [`write()`], but figures of other names that the file holds stay in it.
///
/// # Errors
/// When the file can't be written, or holds something else.
pub fn add(figures: &[Figure], path: &Path) -> Result<()> {
    let before = fs::read_to_string(path).unwrap_or_else(|_| "[]".to_owned());
    let before: Vec<Value> = serde_json::from_str(&before)
        .with_context(|| format!("{} holds no list of figures", path.display()))?;
    let all = merged(before, figures)?;
    put(&serde_json::to_string_pretty(&all)?, path)
}

fn merged(mut all: Vec<Value>, figures: &[Figure]) -> Result<Vec<Value>> {
    let is_new = |name: &Value| figures.iter().any(|figure| *name == figure.name);
    all.retain(|figure| !figure.get("figure").is_some_and(is_new));
    for figure in figures {
        all.push(serde_json::to_value(figure)?);
    }
    Ok(all)
}

fn put(text: &str, path: &Path) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    }
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

/// The smallest value that at least the part `share` (0 to 1) of `values` doesn't exceed; 0 of none.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an index into far fewer than 2^52 values"
)]
pub fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or_default()
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
    fn figures_that_are_added_replace_those_of_their_name_and_leave_others() {
        let figures = |values: &[(&str, f64)]| -> Vec<Figure> {
            let figure = |(name, value): &(&str, f64)| Figure::new(*name, *value, "");
            values.iter().map(figure).collect()
        };
        let before = merged(Vec::new(), &figures(&[("lost", 1.0), ("mixed", 2.0)])).unwrap();
        let after = merged(before, &figures(&[("lost", 3.0)])).unwrap();
        let expected = serde_json::to_value(figures(&[("mixed", 2.0), ("lost", 3.0)])).unwrap();
        assert_eq!(Value::Array(after), expected);
    }

    #[test]
    fn percentiles_dont_care_for_order() {
        let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        let values = [percentile(&hundred, 0.5), percentile(&hundred, 0.99)];
        assert_eq!(format!("{values:?}"), "[50.0, 99.0]");
        assert_eq!(format!("{:?}", percentile(&[7.0], 0.99)), "7.0");
        assert_eq!(format!("{:?}", percentile(&[], 0.5)), "0.0");
    }
}
