//! Images of a registry that asks for a password.

#[cfg(test)]
mod application;
#[cfg(test)]
mod pulling;
#[cfg(test)]
mod setting;
