//! Ingresses and Gateway API routes, served by a real controller: traefik, on the machine that the cluster
//! runs on, at the addresses that this suite is told.

#[cfg(test)]
mod application;
#[cfg(test)]
mod controller;
#[cfg(test)]
mod setting;
