//! A steady stream of requests to one address, and what became of each.
//!
//! Requests begin at fixed times, whether or not earlier ones are answered: a server that stands still is
//! seen as slow requests, not as fewer of them.

mod client;
mod report;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use restapi_types::ComponentName;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval};

use client::Clients;
pub use report::{Answer, Report};

/// Requests that are under way at once at most; one more counts as failed.
const MAX_UNDER_WAY: usize = 256;

/// How a request reaches the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// Over a connection of its own.
    New,
    /// Over one that earlier requests have used, if one is still open.
    Kept,
}

/// A running load. Dropped without [`Load::stop`] it ends as well.
#[derive(Debug)]
pub struct Load {
    begin: Instant,
    stop: watch::Sender<bool>,
    driver: JoinHandle<Vec<Answer>>,
}

impl Load {
    /// Starts to ask the component `edge` at `address` for orders, `per_second` times a second: in turn over
    /// a new connection and over a kept one. Only answers that went the whole way count.
    #[must_use]
    pub fn start(address: SocketAddr, edge: ComponentName, per_second: u32) -> Self {
        let (stop, stopped) = watch::channel(false);
        let clients = Clients::new(format!("http://{address}/api/orders"), edge);
        let period = Duration::from_secs(1) / per_second.max(1);
        let begin = Instant::now();
        Self {
            begin,
            stop,
            driver: tokio::spawn(drive(clients, begin, period, stopped)),
        }
    }

    /// How long ago it was started: the time on which [`Answer::at`] is told.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.begin.elapsed()
    }

    /// Begins no more requests, waits for those under way, and tells what became of all.
    ///
    /// # Errors
    /// When the load itself failed.
    pub async fn stop(self) -> Result<Report> {
        self.stop.send_replace(true);
        Ok(Report::new(self.driver.await.context("the load failed")?))
    }
}

async fn drive(
    clients: Clients,
    begin: Instant,
    period: Duration,
    mut stopped: watch::Receiver<bool>,
) -> Vec<Answer> {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut under_way, mut answers, mut number) = (JoinSet::new(), Vec::new(), 0_usize);
    loop {
        tokio::select! {
            // An error means that nobody is left who could ask for the answers.
            _ = stopped.changed() => break,
            _ = ticks.tick() => {
                if under_way.len() >= MAX_UNDER_WAY {
                    answers.push(Answer::not_asked(begin.elapsed()));
                } else {
                    under_way.spawn(clients.ask(number, begin));
                }
                number += 1;
            }
            Some(answer) = under_way.join_next() => answers.extend(answer.ok()),
        }
    }
    answers.extend(under_way.join_all().await);
    answers
}
