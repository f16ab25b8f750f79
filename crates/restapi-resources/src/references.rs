//! stub
use crate::{Application, Component};
use std::collections::BTreeSet;
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReferenceKind {
    ConfigMap,
    Secret,
}
impl ReferenceKind {
    pub const fn as_str(self) -> &'static str {
        "x"
    }
}
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    pub kind: ReferenceKind,
    pub name: String,
    pub is_optional: bool,
}
pub fn of(_: &Application, _: &Component) -> BTreeSet<Reference> {
    BTreeSet::new()
}
