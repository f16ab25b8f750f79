//! Decides what to write.

pub mod decide;
pub mod situation;

#[cfg(test)]
mod model;
