//! JSON that says the same when it is read as YAML.
//!
//! The API server reads the body of a server-side apply as YAML, of which JSON is nearly a part: YAML takes
//! some characters in a string for ends of lines, which it folds, and refuses others. All can be written as
//! escapes, which both read alike.

use std::io::{self, Write};

use serde::Serialize as _;
use serde::ser::Error as _;
use serde_json::Value;
use serde_json::ser::Formatter;
use serde_json::value::RawValue;

/// `value` as JSON that is safe to be read as YAML.
///
/// # Errors
/// When it can't be written as JSON, which every [`Value`] can.
pub(crate) fn json(value: &Value) -> serde_json::Result<Box<RawValue>> {
    let mut text = Vec::with_capacity(1024);
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut text, Safe))?;
    // Only whole characters were written.
    let text = String::from_utf8(text).map_err(serde_json::Error::custom)?;
    RawValue::from_string(text)
}

/// Whether YAML reads the character in a string as something else, or not at all.
const fn is_special(character: char) -> bool {
    matches!(
        character,
        '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
    )
}

/// Compact JSON with escapes for such characters.
struct Safe;

impl Formatter for Safe {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        for piece in fragment.split_inclusive(is_special) {
            let special = piece.chars().next_back().filter(|last| is_special(*last));
            let plain = special.map_or(piece, |special| piece.trim_end_matches(special));
            writer.write_all(plain.as_bytes())?;
            if let Some(special) = special {
                write!(writer, "\\u{:04x}", u32::from(special))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_character_is_read_back_and_none_is_left_that_yaml_reads_otherwise() {
        let all: String = ('\0'..='\u{3000}')
            .chain(['\u{feff}', '\u{fffe}', '\u{ffff}', '\u{10ffff}'])
            .collect();
        let value = json!({"text": all, "plain": ["a", 1, null, "\u{85}\u{85}"]});
        let text = super::json(&value).unwrap();
        assert!(!text.get().contains(is_special));
        assert_eq!(serde_json::from_str::<Value>(text.get()).unwrap(), value);
    }

    #[test]
    fn what_is_not_special_is_written_as_ever() {
        let value = json!({"a": "ü \u{1f600} \" \\ \n", "b": [1.5, true]});
        assert_eq!(super::json(&value).unwrap().get(), value.to_string());
    }
}
