//! What the tests of this suite share.

pub mod apps;
pub mod kubelet;
pub mod prepare;
pub mod quota;

use std::time::Duration;

use anyhow::Result;
use suites::namespace::{self, Namespace};

/// How long a condition may take that depends on nothing but the API server and the manager, on a
/// machine that is busy with other tests.
pub const SOON: Duration = Duration::from_mins(1);

/// Runs `test` in a namespace of its own, with the CRD installed. `name` begins the namespace's name.
pub async fn run(name: &str, test: impl AsyncFnOnce(Namespace) -> Result<()>) -> Result<()> {
    prepare::prepared().await?;
    namespace::with(&format!("api-{name}"), test).await
}
