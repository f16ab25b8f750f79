//! Shows an application, or all of a namespace.

use jiff::Timestamp;
use kube::api::ListParams;

use crate::args::Get;
use crate::cluster::{Cluster, bounded};
use crate::failure::Failure;
use crate::objects::Objects;
use crate::output::Screen;
use crate::table::{self, Table, table};
use crate::text::text;
use crate::tree::{Tree, tree};
use crate::watch::{Seen, Watched};

/// Shows what is asked for, once or whenever it changes.
///
/// # Errors
/// When it is not there, the API server does not answer, or nobody takes the output.
pub async fn run(cluster: &Cluster, get: Get) -> Result<(), Failure> {
    let mut screen = Screen::new(get.output, get.watch);
    match &get.name {
        Some(name) => one(cluster, name, get.watch, &mut screen).await,
        None => all(cluster, get.all_namespaces, get.watch, &mut screen).await,
    }
}

async fn one(
    cluster: &Cluster,
    name: &str,
    again: bool,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let mut show = |tree: &Tree| screen.show(tree, || text(tree, Timestamp::now()));
    let mut shown = tree(&Objects::read(cluster, name).await?);
    show(&shown)?;
    if !again {
        return Ok(());
    }
    let mut watched = Watched::application(cluster, name);
    while let Some(seen) = watched.next().await {
        match seen {
            Seen::Application(objects) => {
                let next = tree(&objects);
                if next != shown {
                    show(&next)?;
                    shown = next;
                }
            }
            Seen::Gone => return Err(Failure::Cluster(format!("RestAPI {name} was deleted"))),
            Seen::All(_) => {}
        }
    }
    Ok(())
}

async fn all(
    cluster: &Cluster,
    everywhere: bool,
    again: bool,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let mut show =
        |all: &Table| screen.show(all, || table::text(all, everywhere, Timestamp::now()));
    let found = bounded(cluster.restapis(everywhere).list(&ListParams::default())).await?;
    let mut shown = table(found.items.iter());
    show(&shown)?;
    if !again {
        return Ok(());
    }
    let mut watched = Watched::restapis(cluster, everywhere);
    while let Some(seen) = watched.next().await {
        let Seen::All(restapis) = seen else { continue };
        let next = table(restapis.iter().map(AsRef::as_ref));
        if next != shown {
            show(&next)?;
            shown = next;
        }
    }
    Ok(())
}
