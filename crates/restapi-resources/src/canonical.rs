//! One spelling for every JSON value, and short hashes of it.

use serde::{Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Hexadecimal digits of a hash in names and labels: 48 bits.
pub const DIGITS: usize = 12;

/// The value with every object's keys in order and without nulls, whatever order they were built in.
#[must_use]
pub fn text(value: &Value) -> String {
    // Nothing of a value, whose keys are strings, fails to become text.
    serde_json::to_string(&Canonical(value)).unwrap_or_default()
}

/// Serializes a value in its one spelling.
struct Canonical<'a>(&'a Value);

impl Serialize for Canonical<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(map) => {
                let mut fields: Vec<_> = map.iter().filter(|(_, v)| !v.is_null()).collect();
                fields.sort_by_key(|(key, _)| *key);
                serializer.collect_map(fields.into_iter().map(|(k, v)| (k, Canonical(v))))
            }
            Value::Array(items) => serializer.collect_seq(items.iter().map(Canonical)),
            scalar => scalar.serialize(serializer),
        }
    }
}

/// The first [`DIGITS`] hexadecimal digits of the SHA-256 of [`text`].
#[must_use]
pub fn hash(value: &Value) -> String {
    let digest = Sha256::digest(text(value).as_bytes());
    let number = digest
        .iter()
        .take(DIGITS / 2)
        .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    format!("{number:0DIGITS$x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_nulls_do_not_matter() {
        let a: Value = serde_json::from_str(r#"{"b":1,"a":{"d":null,"c":["x"]}}"#).unwrap();
        let b: Value = serde_json::from_str(r#"{"a":{"c":["x"]},"b":1}"#).unwrap();
        assert_eq!(text(&a), r#"{"a":{"c":["x"]},"b":1}"#);
        assert_eq!(hash(&a), hash(&b));
        assert_eq!(hash(&a).len(), DIGITS);
    }
}
