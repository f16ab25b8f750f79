//! Every task of this repository that is more than one command: `cargo xtask TASK`.

#![forbid(unsafe_code)]

mod archive;
mod artifacts;
mod bench;
mod chain;
mod cli;
mod cluster;
mod demo;
#[cfg(test)]
mod dependencies;
mod deploy;
mod digest;
mod generate;
mod http;
mod images;
mod kustomization;
#[cfg(test)]
mod manifests;
mod monitoring;
mod myself;
mod own_cluster;
mod paths;
mod run;
mod suites;
mod surroundings;
mod table;
mod tools;
mod trace;
mod ui;

use std::process::ExitCode;

use tools::packages;

fn main() -> ExitCode {
    match cli::run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            match error.downcast_ref::<packages::Missing>() {
                Some(_) => ExitCode::from(2),
                None => ExitCode::FAILURE,
            }
        }
    }
}
