//! What the tests of this suite share: images, the program `xtask`, and the cluster.

use anyhow::Result;
use suites::env::variable;
use suites::namespace::{self, Namespace};
pub(crate) use suites::task::{cluster, xtask};
use tokio::sync::{Mutex, RwLock};

/// Held by every test: shared, or alone by those that disturb the others.
static CLUSTER: RwLock<()> = RwLock::const_new(());

/// Held by each test that puts an application under much load.
static MEASURED: Mutex<()> = Mutex::const_new(());

/// Runs `test` in a namespace of its own, at the same time as others.
pub(crate) async fn shared(
    test: &str,
    work: impl AsyncFnOnce(Namespace) -> Result<()>,
) -> Result<()> {
    let _others = CLUSTER.read().await;
    namespace::with(test, work).await
}

/// As [`shared`], but one at a time: each of these replaces many pods under load, and together they would
/// measure the machine.
pub(crate) async fn measured(
    test: &str,
    work: impl AsyncFnOnce(Namespace) -> Result<()>,
) -> Result<()> {
    let _one = MEASURED.lock().await;
    shared(test, work).await
}

/// Runs `test` in a namespace of its own, while no other runs.
pub(crate) async fn alone(
    test: &str,
    work: impl AsyncFnOnce(Namespace) -> Result<()>,
) -> Result<()> {
    let _nobody = CLUSTER.write().await;
    namespace::with(test, work).await
}

/// The reference of the demo's image.
pub(crate) fn demo() -> Result<String> {
    variable("RESTAPI_TEST_DEMO_IMAGE")
}

/// The reference of another image of the demo, to update to.
pub(crate) fn next_demo() -> Result<String> {
    variable("RESTAPI_TEST_DEMO_IMAGE_NEXT")
}
