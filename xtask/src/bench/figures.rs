//! What a bench has measured: a table for people, a file for programs.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::{artifacts, table};

/// One measured value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figure {
    /// What was measured, for instance `up_cached_s`.
    #[serde(rename = "figure")]
    pub(crate) name: String,
    /// The value.
    pub(crate) value: f64,
    /// The unit, for instance `s`, `ms`, `MiB`; empty for a ratio or a count.
    pub(crate) unit: String,
}

impl Figure {
    /// A figure; values are kept to three decimals, finer than anything here is repeatable.
    pub(crate) fn new(name: &str, value: f64, unit: &str) -> Self {
        Self {
            name: name.to_owned(),
            value: (value * 1000.0).round() / 1000.0,
            unit: unit.to_owned(),
        }
    }
}

/// Prints the table and writes `target/bench/NAME.json`.
///
/// # Errors
/// When the file can't be written.
pub(crate) fn publish(bench: &str, figures: &[Figure]) -> Result<()> {
    let rows: Vec<Vec<String>> = figures
        .iter()
        .map(|figure| {
            vec![
                figure.name.clone(),
                figure.value.to_string(),
                figure.unit.clone(),
            ]
        })
        .collect();
    print!("{}", table::render(&["FIGURE", "VALUE", "UNIT"], &rows));
    let path = artifacts::folder()
        .join("bench")
        .join(format!("{bench}.json"));
    artifacts::write(&path, &serde_json::to_string_pretty(figures)?)?;
    println!("written to {}", path.display());
    Ok(())
}

/// Makes sure that another program has written figures to `path`.
///
/// # Errors
/// When the file can't be read or holds something else.
pub(crate) fn check(path: &Path) -> Result<()> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let figures: Vec<Figure> = serde_json::from_str(&text)
        .with_context(|| format!("{} holds no list of figures", path.display()))?;
    ensure!(!figures.is_empty(), "{} holds no figure", path.display());
    Ok(())
}

/// The middle one of some values; of an even number the mean of the two in the middle.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = *sorted.get((sorted.len() - 1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_doesnt_care_for_outliers_or_order() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[9.0, 1.0, 900.0]), Some(9.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 900.0]), Some(3.0));
    }

    #[test]
    fn the_file_is_a_list_of_figure_value_unit() {
        let text = serde_json::to_string(&[Figure::new("down_s", 2.000_04, "s")]).unwrap();
        assert_eq!(text, r#"[{"figure":"down_s","value":2.0,"unit":"s"}]"#);
    }

    #[test]
    fn what_is_no_list_of_figures_is_refused_with_the_files_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.json");
        std::fs::write(&path, "{}").unwrap();
        assert!(check(&path).unwrap_err().to_string().contains("x.json"));
        std::fs::write(&path, "[]").unwrap();
        assert!(check(&path).is_err());
        std::fs::write(&path, r#"[{"figure":"a","value":1,"unit":"s"}]"#).unwrap();
        check(&path).unwrap();
    }
}
