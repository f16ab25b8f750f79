//! `kubectl restapi`: shows rollouts of RestAPIs, and asks for what is to be done about them.
//!
//! It decides nothing: what people want is written as an annotation, and a manager answers it in the status.
#![forbid(unsafe_code)]

mod act;
mod answer;
mod args;
mod certificates;
mod cluster;
mod command;
mod complete;
mod events;
mod failure;
mod get;
mod marks;
mod objects;
mod output;
mod pods;
mod standing;
mod status;
mod table;
mod text;
mod tree;
mod watch;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use args::{Cli, Command};
use cluster::Cluster;
use command::Verb;
use failure::Failure;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.is_unread() => ExitCode::SUCCESS,
        Err(failure) => {
            output::complain(&failure.to_string());
            ExitCode::from(failure.code())
        }
    }
}

async fn run(cli: Cli) -> Result<(), Failure> {
    let place = cli.place;
    let cluster = async || Cluster::connect(&place).await;
    match cli.command {
        Command::Get(get) => get::run(&cluster().await?, get).await,
        Command::Promote(order) => act::run(&cluster().await?, Verb::Promote, order.into()).await,
        Command::Abort(order) => act::run(&cluster().await?, Verb::Abort, order.into()).await,
        Command::Retry(order) => act::run(&cluster().await?, Verb::Retry, order.into()).await,
        Command::Restart(order) => act::run(&cluster().await?, Verb::Restart, order.into()).await,
        Command::Refresh(order) => act::run(&cluster().await?, Verb::Refresh, order.into()).await,
        Command::Rollback(order) => act::run(&cluster().await?, Verb::Rollback, order.into()).await,
        Command::Undo(order) => act::run(&cluster().await?, Verb::Undo, order.into()).await,
        Command::Status(status) => status::run(&cluster().await?, status).await,
        Command::Events(events) => events::run(&cluster().await?, &place, &events).await,
        Command::Certificates(args) => certificates::run(&args),
        Command::Completion { shell } => output::say(&complete::script(shell)),
        Command::Complete { words } => {
            let candidates = complete::candidates(&Cli::command(), &words);
            output::say(&complete::told(candidates, &place, &words).await)
        }
    }
}
