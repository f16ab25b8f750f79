//! `cargo xtask trace`: the trace of an application's rollout, as Jaeger keeps it: drawn for a terminal, or as a picture.

mod answer;
mod picture;
mod rows;
mod tree;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::artifacts;
use crate::cluster::Target;
use answer::Trace;
use rows::Row;

/// Jaeger's query API, through the API server, so that it is reached in whatever cluster.
const JAEGER: &str = "/api/v1/namespaces/observability/services/jaeger:query/proxy/api/traces";

/// Arguments of `cargo xtask trace`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// The `RestAPI`, or, of another rollout than its last, the id of the trace.
    #[arg(value_name = "RESTAPI|ID")]
    pub(crate) what: String,

    /// The `RestAPI`'s namespace.
    #[arg(long, short, default_value = "default")]
    pub(crate) namespace: String,

    /// Write a picture (SVG) to this file, too.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
}

/// Prints the trace.
///
/// # Errors
/// When there is no such `RestAPI`, it has no trace, or Jaeger does not have it (yet).
pub(crate) fn run(target: &Target, args: &Args) -> Result<()> {
    let id = if is_id(&args.what) {
        args.what.clone()
    } else {
        id_of(target, args)?
    };
    let trace = fetch(target, &id)?;
    let rows = rows::of(&trace);
    print!("{}", tree::text(&id, &rows));
    if let Some(file) = &args.svg {
        artifacts::write(file, &picture::svg(&id, &rows))?;
    }
    Ok(())
}

fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The trace that the status of a `RestAPI` names.
fn id_of(target: &Target, args: &Args) -> Result<String> {
    let id = target
        .kubectl()
        .args(["--namespace", &args.namespace, "get", "restapi", &args.what])
        .args(["--output", "jsonpath={.status.blueGreen.traceId}"])
        .read()?;
    let id = id.trim();
    if id.is_empty() {
        bail!(
            "{} has no rollout with a trace: it has no spec.blueGreen, or nothing was rolled out yet",
            args.what
        );
    }
    Ok(id.to_owned())
}

fn fetch(target: &Target, id: &str) -> Result<Trace> {
    let asked = target
        .kubectl()
        .args(["get", "--raw", &format!("{JAEGER}/{id}")])
        .read();
    let text = asked.with_context(|| {
        format!("Jaeger does not have the trace {id}: is it installed (`cargo xtask deploy --with jaeger`)?")
    })?;
    Trace::parse(&text)
}
