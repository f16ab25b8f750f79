//! Whole rollouts, over worlds in which plans are carried out and the control plane is played.

mod cluster;
mod commands;
mod facts;
mod gate_jobs;
mod gates;
mod hand_over;
mod misfortune;
mod rollouts;
mod traces;
mod workers;
