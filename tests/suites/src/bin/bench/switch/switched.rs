//! An application that is switched under load.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use restapi_types::status::RolloutPhase;
use restapi_types::{ComponentName, Environment, RestAPI, keys, names};
use serde_json::json;
use suites::app::{self, App};
use suites::load::Load;
use suites::namespace::Namespace;

use super::Args;
use super::bare::Bare;
use super::disturbance::{Disturbance, Interruption};
use super::measured::{Measured, Window, Windows};
use super::part::Part;
use super::traffic::Traffic;
use crate::sight::milliseconds;

/// How long after it was broken everything is whole again.
const MENDED: Duration = Duration::from_secs(5);

/// How long after a switch every node sends requests where it should: before that, breaking what serves now would harm
/// nobody.
const FOLLOWED: Duration = Duration::from_secs(2);

/// Whoever gives commands takes longer than this to read the status.
const READING: Duration = Duration::from_millis(500);

/// An application, its load, and what is seen of where requests go.
pub(super) struct Switched {
    /// The application.
    pub(super) app: App,
    /// The requests that it gets.
    pub(super) load: Load,
    /// Longest time for each step.
    pub(super) limit: Duration,
    traffic: Traffic,
    bare: Bare,
    stable: Vec<String>,
    windows: Windows,
    begin: Instant,
}

/// A switch that is about to happen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Switch {
    /// The revision that the spec asks for.
    pub(super) revision: i64,
    /// The environment that serves.
    pub(super) from: Environment,
}

impl Switched {
    /// Creates the application, and begins to ask it.
    pub(super) async fn start(part: Part, namespace: &Namespace, args: &Args) -> Result<Self> {
        let limit = part.limit();
        let app = App::create(namespace, "orders", part.spec(args)).await?;
        let ready = |restapi: &RestAPI| app::is_ready(restapi).then_some(());
        app.until("is ready", limit, ready).await?;
        app.answers().await?;
        let bare = Bare::create(&app).await?;
        let traffic = Traffic::of(namespace).await?;
        let edge = ComponentName::View;
        let load = Load::start(app.address(edge).await?, edge, args.rate);
        let all = ComponentName::ALL.into_iter();
        Ok(Self {
            stable: all.map(|c| names::stable(&app.name, c)).collect(),
            app,
            load,
            limit,
            traffic,
            bare,
            windows: Windows {
                broken: Vec::new(),
                counted: part.counts_switches_alone().then(Vec::new),
            },
            begin: Instant::now(),
        })
    }

    /// Starts so many revisions, and switches to and from each so often.
    pub(super) async fn run(
        mut self,
        disturbance: &Disturbance,
        greens: u32,
        turns: u32,
    ) -> Result<Measured> {
        let mut measured = Measured::default();
        let during = disturbance.during(&self.app).await?;
        for green in 0..greens {
            self.change(green).await?;
            for turn in 0..turns {
                let share = f64::from(green * turns + turn) / f64::from(greens * turns);
                let name = format!("{green}-{turn}");
                let goes_back = turn % 2 == 1;
                let turned = self.turn(goes_back, &name, share, disturbance, &mut measured);
                let switch = turned.await?;
                let struck = self.strike(disturbance, &name, switch, &mut measured);
                struck.await?;
                if turn + 1 < turns && goes_back {
                    let retry = format!("retry {} r{name}", switch.revision);
                    self.app.annotate(keys::COMMAND, &retry).await?;
                }
            }
            let (number, after) = (green + 1, self.begin.elapsed());
            let slices = self.slices();
            eprintln!("switch: {number} revisions after {after:.0?}, the view has {slices} slices");
        }
        drop(during);
        measured.count(&self.load.stop().await?, &self.windows);
        Ok(measured)
    }

    /// Has the spec ask for another revision.
    pub(super) async fn change(&self, green: u32) -> Result<()> {
        let variable = json!({"envVars": {"BENCH_GREEN": green.to_string()}});
        self.app.change(variable).await
    }

    /// Waits until a revision is in that phase.
    pub(super) async fn waits(&self, phase: RolloutPhase) -> Result<Switch> {
        let what = format!("is {phase:?}");
        self.app
            .until(&what, self.limit, |restapi| {
                let told = restapi.rollout()?;
                let from = restapi.status.as_ref()?.active_environment?;
                let revision = told.revision?;
                (told.phase == Some(phase)).then_some(Switch { revision, from })
            })
            .await
    }

    /// One switch by command, and the same by the bare client.
    async fn turn(
        &mut self,
        goes_back: bool,
        name: &str,
        share: f64,
        disturbance: &Disturbance,
        measured: &mut Measured,
    ) -> Result<Switch> {
        let (phase, verb) = if goes_back {
            (RolloutPhase::Retaining, "rollback")
        } else {
            (RolloutPhase::Awaiting, "promote")
        };
        let switch = self.waits(phase).await?;
        tokio::time::sleep(READING).await;
        let from = self.load.elapsed();
        let interruption = disturbance.aim(&self.app, share).await?;
        let took = self.command(verb, name, switch, interruption).await?;
        if goes_back {
            measured.rollbacks.push(took);
        } else {
            measured.promotes.push(took);
        }
        self.settled(switch, measured).await?;
        if let Some(counted) = &mut self.windows.counted {
            tokio::time::sleep(FOLLOWED).await;
            let to = self.load.elapsed();
            counted.push(Window { from, to });
        }
        Ok(switch)
    }

    /// Sends the command; returns how long it took until every endpoint had moved, in milliseconds. A command that is
    /// refused, since the environment is not ready just then, is sent again once it is.
    pub(super) async fn command(
        &mut self,
        verb: &str,
        name: &str,
        switch: Switch,
        mut interruption: Option<Interruption>,
    ) -> Result<f64> {
        let to = switch.from.other();
        for number in 1.. {
            let id = format!("{name}-{number}");
            let command = format!("{verb} {} {id}", switch.revision);
            let begin = Instant::now();
            self.app.annotate(keys::COMMAND, &command).await?;
            if let Some(interruption) = interruption.take() {
                interruption.strike(begin).await?;
                let moved = self.traffic.count(&self.stable, to);
                eprintln!("switch {name}: {interruption}, {moved} Services had moved");
            }
            let refused = refused(&self.app, &id, self.limit);
            tokio::select! {
                end = self.traffic.until(&self.stable, to, self.limit) => return Ok(milliseconds(begin, end?)),
                why = refused => eprintln!("switch {name}: refused: {}", why?),
            }
            tokio::time::sleep(READING).await;
        }
        bail!("there are no more numbers")
    }

    /// Waits until the switch is told to be over, and has the bare client make the same.
    async fn settled(&mut self, switch: Switch, measured: &mut Measured) -> Result<()> {
        let to = switch.from.other();
        self.serves(to).await?;
        let took = self.bare.switch(to, self.limit, &mut self.traffic).await?;
        measured.bare.push(took);
        Ok(())
    }

    /// Does what the disturbance does after a switch, and notes what was broken by that.
    async fn strike(
        &mut self,
        disturbance: &Disturbance,
        name: &str,
        switch: Switch,
        measured: &mut Measured,
    ) -> Result<()> {
        let breaks = disturbance.breaks_what_serves();
        if breaks {
            tokio::time::sleep(FOLLOWED).await;
        }
        let victims = disturbance.victims(&self.app, switch.from.other()).await?;
        let from = self.load.elapsed();
        disturbance.strike(&self.app, victims).await?;
        if !breaks {
            return Ok(());
        }
        if disturbance.is_remedied_by_rollback() {
            let from = switch.from.other();
            let switch = Switch { from, ..switch };
            let name = format!("{name}-back");
            let took = self.command("rollback", &name, switch, None);
            measured.rollbacks.push(took.await?);
            self.settled(switch, measured).await?;
        }
        tokio::time::sleep(MENDED).await;
        let to = self.load.elapsed();
        self.windows.broken.push(Window { from, to });
        Ok(())
    }

    /// How many slices the view's endpoints take.
    fn slices(&self) -> usize {
        let view = names::stable(&self.app.name, ComponentName::View);
        self.traffic.slices(&view)
    }

    async fn serves(&self, environment: Environment) -> Result<()> {
        let what = format!("says that {environment} serves");
        let told = |restapi: &RestAPI| {
            let status = restapi.status.as_ref()?;
            let phase = status.blue_green.as_ref()?.phase?;
            let is_over = matches!(phase, RolloutPhase::Retaining | RolloutPhase::Held);
            (is_over && status.active_environment == Some(environment)).then_some(())
        };
        self.app.until(&what, self.limit, told).await
    }
}

/// Waits until the command is refused, and returns why.
async fn refused(app: &App, id: &str, limit: Duration) -> Result<String> {
    let what = format!("refuses the command {id}");
    app.until(&what, limit, |restapi| {
        let told = restapi.rollout()?.command.as_ref()?;
        (told.id == id && !told.done).then(|| told.reason.clone().unwrap_or_default())
    })
    .await
}
