//! stub
use crate::Component;
pub fn of(_: &Component) -> Vec<String> {
    Vec::new()
}
