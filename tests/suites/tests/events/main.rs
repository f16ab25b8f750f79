//! Events between managers, over a real NATS server: what is told, and that nothing depends on it.

#[cfg(test)]
mod faults;
#[cfg(test)]
mod setting;
#[cfg(test)]
mod told;
