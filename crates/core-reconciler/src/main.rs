//! core-reconciler: makes what a `RestAPI` asks for exist, and says whether it is available.
#![forbid(unsafe_code)]

mod args;
mod controller;
mod facts;
mod kinds;
mod offline;
mod plan;
mod report;
mod trace;
mod verdict;

use std::process::ExitCode;

use clap::Parser;
use manager_kit::args::KitArgs;
use manager_kit::shell::{self, ManagerInfo};

use args::CoreArgs;

/// The C library's allocator in static binaries is slow under many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Creates and updates what a RestAPI asks for, and reports its status.
///
/// Without a command it is the manager, which needs a cluster. The commands need none.
#[derive(Parser)]
#[command(version)]
struct Args {
    #[command(flatten)]
    kit: KitArgs,
    #[command(flatten)]
    core: CoreArgs,
    #[command(subcommand)]
    command: Option<offline::Command>,
}

fn main() -> ExitCode {
    let info = ManagerInfo {
        name: plan::WRITER,
        version: env!("CARGO_PKG_VERSION"),
    };
    let Args { kit, core, command } = Args::parse();
    if let Some(command) = command {
        return offline::run(&command);
    }
    shell::main(info, kit, move |ctx| controller::run(ctx, core))
}
