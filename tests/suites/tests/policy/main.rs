//! `NetworkPolicies` on a network that enforces them: real packets between real pods on two nodes.

#[cfg(test)]
mod application;
#[cfg(test)]
mod enforcement;
#[cfg(test)]
mod machine;
#[cfg(test)]
mod operator;
#[cfg(test)]
mod setting;
#[cfg(test)]
mod surroundings;
