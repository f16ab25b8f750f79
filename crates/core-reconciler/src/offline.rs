//! What core-reconciler does with files, without a cluster: prints the objects, and finds mistakes.
//!
//! Both commands read the same documents and hold them to the same admission rules; what they print is made
//! by the code that the manager runs.

mod admission;
mod advice;
mod documents;
mod envelope;
mod findings;
mod lint;
mod optionals;
mod render;
mod schema;

use std::io;
use std::process::ExitCode;

/// How a command without a cluster ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// As it should.
    Good,
    /// Something is wrong with what the files say: exit code 1.
    Bad,
    /// A file can't be read, or the output can't be written: exit code 2, the same that wrong arguments have.
    Unreadable,
}

impl From<End> for ExitCode {
    fn from(end: End) -> Self {
        match end {
            End::Good => Self::SUCCESS,
            End::Bad => Self::from(1),
            End::Unreadable => Self::from(2),
        }
    }
}

/// A command that needs no cluster.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// Prints the objects that RestAPIs in files stand for.
    ///
    /// They are a stream of YAML documents in the order in which core-reconciler makes them on an empty cluster.
    ///
    /// Left out is what only a cluster gives: owner references, the label restapi.dev/generation, the annotation
    /// restapi.dev/applied, and the hashes of ConfigMaps and Secrets that pods refer to, which are a part of a
    /// revision's name. `spec.paused` and the annotation restapi.dev/rollback are not looked at. The output is for
    /// reading and comparing: objects applied from it belong to no RestAPI.
    ///
    /// Exit codes: 0 everything is printed; 1 a document can't be rendered: nothing is printed on standard
    /// output, and each error names file, document, field and fix on standard error; 2 wrong arguments, or a
    /// file can't be read.
    Render(render::RenderArgs),
    /// Finds mistakes in files with RestAPIs.
    ///
    /// Errors are what the API server would refuse (unknown fields, bounds and rules of the CRD) and what
    /// core-reconciler could not render. Warnings are what works, but most likely not as it should; infos are
    /// good to know. Rules about changes, such as that a claim can't shrink, need the object as it was and are
    /// the API server's alone; so is what a cluster decides, such as quotas.
    ///
    /// Exit codes: 0 nothing that counts was found; 1 there are errors, or with --strict warnings; 2 wrong
    /// arguments, or a file can't be read.
    Lint(lint::LintArgs),
}

/// How a command ends that printed its output, or could not. Whoever stops reading has seen enough.
fn printed(result: io::Result<()>, end: End) -> End {
    match result {
        Ok(()) => end,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => end,
        Err(error) => {
            eprintln!("the output can't be written: {error}");
            End::Unreadable
        }
    }
}

/// Runs a command.
#[must_use]
pub fn run(command: &Command) -> ExitCode {
    let end = match command {
        Command::Render(args) => render::run(args),
        Command::Lint(args) => lint::run(args),
    };
    end.into()
}
