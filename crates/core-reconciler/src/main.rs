//! core-reconciler: makes what a `RestAPI` asks for exist, and says whether it is available.
#![forbid(unsafe_code)]

mod adoption;
mod apply;
mod args;
mod autoscalers;
mod config;
mod conflict;
mod controller;
mod kinds;
mod namespaces;
mod observe;
mod plan;
mod pods;
mod report;
mod verdict;
mod watches;
mod workload;
mod world;

#[cfg(test)]
mod fixtures;

use std::process::ExitCode;

use clap::Parser;
use manager_kit::args::KitArgs;
use manager_kit::shell::{self, ManagerInfo};

use args::CoreArgs;

/// The C library's allocator in static binaries is slow under many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Creates and updates what a RestAPI asks for, and reports its status.
#[derive(Parser)]
#[command(version)]
struct Args {
    #[command(flatten)]
    kit: KitArgs,
    #[command(flatten)]
    core: CoreArgs,
}

fn main() -> ExitCode {
    let info = ManagerInfo {
        name: plan::WRITER,
        version: env!("CARGO_PKG_VERSION"),
    };
    let Args { kit, core } = Args::parse();
    shell::main(info, kit, move |ctx| controller::run(ctx, core))
}
