//! The commands that need no cluster.

#[cfg(test)]
mod commands;
