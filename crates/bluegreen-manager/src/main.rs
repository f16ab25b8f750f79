//! bluegreen-manager: replaces an application's revision as a whole, without losing or mixing one request.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use bluegreen_manager::args::BlueGreenArgs;
use bluegreen_manager::{controller, plan};
use clap::Parser;
use manager_kit::args::KitArgs;
use manager_kit::shell::{self, ManagerInfo};

/// The C library's allocator in static binaries is slow under many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Replaces the revisions of RestAPIs that have blueGreen on, and reports where that stands.
#[derive(Parser)]
#[command(version)]
struct Args {
    #[command(flatten)]
    kit: KitArgs,
    #[command(flatten)]
    blue_green: BlueGreenArgs,
}

fn main() -> ExitCode {
    let info = ManagerInfo {
        name: plan::WRITER,
        version: env!("CARGO_PKG_VERSION"),
    };
    let Args { kit, blue_green } = Args::parse();
    shell::main(info, kit, move |ctx| controller::run(ctx, blue_green))
}
