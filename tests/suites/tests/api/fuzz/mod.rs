//! Any spec that admission accepts becomes objects that the API server accepts: thousands of random specs, made
//! from the CRD's own schema.

mod check;
mod pools;
mod strategy;

use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use futures::{StreamExt, stream};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;

use super::support;
use check::{Outcome, World};

/// How many specs must be accepted and rendered.
const SPECS: usize = 2_000;
/// How many specs are tried for these at most.
const TRIES: usize = 6_000;
/// How many specs are tried at the same time.
const AT_ONCE: usize = 8;
/// How often a spec that fails is made simpler at most.
const SIMPLIFICATIONS: usize = 300;
/// The variable that sets the seed: 64 hexadecimal digits, as a failure prints them.
const SEED: &str = "RESTAPI_FUZZ_SEED";

/// What became of the specs.
#[derive(Debug, Default)]
struct Counts {
    rendered: usize,
    refused: usize,
    invalid: usize,
    opted_out: usize,
    objects: usize,
}

/// The seed that was asked for, else one that no other run has.
fn seed() -> Result<[u8; 32]> {
    let mut seed = [0; 32];
    if let Ok(text) = std::env::var(SEED) {
        ensure!(text.len() == 64, "{SEED} needs 64 hexadecimal digits");
        for (i, byte) in seed.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).context(SEED)?;
        }
        return Ok(seed);
    }
    let now = jiff::Timestamp::now().as_nanosecond().to_le_bytes();
    seed[..16].copy_from_slice(&now);
    Ok(seed)
}

/// The source of a spec: always the same for a seed and a number.
fn runner(seed: [u8; 32], number: usize) -> TestRunner {
    let mut own = seed;
    for (byte, part) in own[24..].iter_mut().zip(number.to_le_bytes()) {
        *byte ^= part;
    }
    TestRunner::new_with_rng(
        Config::default(),
        TestRng::from_seed(RngAlgorithm::ChaCha, &own),
    )
}

fn hexadecimal(seed: [u8; 32]) -> String {
    seed.iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// Makes the spec of that number simpler for as long as it fails, and tells the last one that does.
async fn simplest(world: &World, seed: [u8; 32], number: usize) -> Result<String> {
    let mut tree = strategy::spec()
        .new_tree(&mut runner(seed, number))
        .map_err(|reason| anyhow::anyhow!("{reason}"))?;
    let mut failing = (tree.current(), String::new());
    for _ in 0..SIMPLIFICATIONS {
        let spec = tree.current();
        let more = match world.check(&spec).await {
            Err(error) => {
                failing = (spec, format!("{error:#}"));
                tree.simplify()
            }
            Ok(_) => tree.complicate(),
        };
        if !more {
            break;
        }
    }
    let (spec, error) = failing;
    Ok(format!(
        "{error}\nthe simplest spec that fails: {}",
        serde_json::to_string_pretty(&spec)?
    ))
}

async fn run(world: &World, seed: [u8; 32]) -> Result<Counts> {
    let specs = (0..TRIES).map(|number| {
        let tree = strategy::spec().new_tree(&mut runner(seed, number));
        (number, tree.map(|tree| tree.current()))
    });
    let tried = stream::iter(specs).map(async |(number, spec)| {
        let spec: Value = spec.map_err(|reason| anyhow::anyhow!("{reason}"))?;
        Ok::<_, anyhow::Error>((number, world.check(&spec).await))
    });
    let mut tried = tried.buffer_unordered(AT_ONCE);
    let mut counts = Counts::default();
    while let Some(answer) = tried.next().await {
        let (number, outcome) = answer?;
        match outcome {
            Ok(Outcome::Refused) => counts.refused += 1,
            Ok(Outcome::Invalid) => counts.invalid += 1,
            Ok(Outcome::Rendered { objects, opted_out }) => {
                counts.rendered += 1;
                counts.opted_out += usize::from(opted_out);
                counts.objects += objects;
            }
            Err(_) => bail!(
                "spec {number}, with {SEED}={}: {}",
                hexadecimal(seed),
                simplest(world, seed, number).await?
            ),
        }
        if counts.rendered == SPECS {
            break;
        }
    }
    Ok(counts)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_accepted_renders_to_what_the_api_server_accepts() -> Result<()> {
    support::run("fuzz", async |ns| {
        let begin = Instant::now();
        let seed = seed()?;
        let world = World::prepare(&ns).await?;
        let counts = run(&world, seed).await;
        world.remove().await?;
        let counts = counts?;
        println!("{counts:?} in {:?}", begin.elapsed());
        ensure!(
            counts.rendered == SPECS && counts.opted_out < SPECS / 2,
            "too few specs were accepted, or pods of too few follow the restricted standard: {counts:?}, with {SEED}={}",
            hexadecimal(seed)
        );
        Ok(())
    })
    .await
}
