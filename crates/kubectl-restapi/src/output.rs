//! Writes to the terminal, or to whoever reads instead of it.

use std::io::{IsTerminal as _, Write as _};

use serde::Serialize;

use crate::args::Format;
use crate::failure::Failure;

/// Writes a text to the standard output, ended by a line's end.
///
/// # Errors
/// When nobody takes it.
pub fn say(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", text.trim_end())?;
    Ok(out.flush()?)
}

/// Says what went wrong. Where nobody listens there is nothing to do about it.
pub fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Shows something as often as it changes.
pub struct Screen {
    format: Format,
    /// Whether what was shown before goes away: nothing but a terminal can do that.
    clears: bool,
    shown: usize,
}

impl Screen {
    /// Shows it in that form; again and again if `watches`.
    #[must_use]
    pub fn new(format: Format, watches: bool) -> Self {
        let clears = watches && format == Format::Tree && std::io::stdout().is_terminal();
        Self {
            format,
            clears,
            shown: 0,
        }
    }

    /// Shows `what`; `text` is how people read it.
    ///
    /// # Errors
    /// When nobody takes it, or it can't be written in that form.
    pub fn show(
        &mut self,
        what: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        let body = match self.format {
            Format::Tree => text(),
            Format::Json => serde_json::to_string_pretty(what).map_err(std::io::Error::other)?,
            Format::Yaml => serde_saphyr::to_string(what).map_err(std::io::Error::other)?,
        };
        let before = match self.format {
            Format::Tree if self.clears => "\x1b[H\x1b[2J",
            Format::Tree if self.shown > 0 => "\n",
            Format::Yaml if self.shown > 0 => "---\n",
            _ => "",
        };
        self.shown += 1;
        say(&format!("{before}{body}"))
    }
}
