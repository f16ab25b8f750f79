//! Texts for people, within the API server's limits.

/// `text` in at most `limit` bytes: cut at a character, with a mark where it was cut.
#[must_use]
pub fn shortened(text: &str, limit: usize) -> String {
    const ELLIPSIS: &str = "…";
    if text.len() <= limit {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(limit.saturating_sub(ELLIPSIS.len()));
    let (kept, _) = text.split_at(end);
    format!("{kept}{ELLIPSIS}")
}
