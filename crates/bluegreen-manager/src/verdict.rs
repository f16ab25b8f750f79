//! What bluegreen-manager's part of the status says. Pure.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt as _;
use restapi_resources::gate_job;
use restapi_types::conditions::{self, Finding};
use restapi_types::spec::gates::{GateSpec, Moment};
use restapi_types::status::{
    BlueGreenStatus, CommandStatus, EnvironmentStatus, GateState, GateStatus, RolloutPhase,
};
use restapi_types::{Environment, GateMark, GateMarks, RestAPIStatus, keys};
use workloads::apply::Outcome;
use workloads::plan::Rollback;
use workloads::rollout;

use crate::plan::Thought;
use crate::plan::decide::{Next, Waits};
use crate::plan::situation::{Gated, Revision};
use crate::plan::times::after;
use crate::words;

/// The conditions that bluegreen-manager writes.
pub const CONDITIONS: [&str; 6] = [
    conditions::ROLLOUT_PROGRESSING,
    conditions::PREVIEW_READY,
    conditions::AWAITING_PROMOTION,
    conditions::TRAFFIC_CONVERGED,
    conditions::ROLLED_BACK,
    conditions::ROLLOUT_EVENTS_UNDELIVERED,
];

/// bluegreen-manager's part of the status.
#[must_use]
pub fn status(thought: &Thought<'_>, outcome: &Outcome, now: Timestamp) -> RestAPIStatus {
    let verdict = Verdict { thought, outcome };
    let s = &thought.situated.situation;
    let restapi = &thought.view.world.restapi;
    let before = restapi.status.as_ref();
    let previous = before.and_then(|status| status.conditions.as_deref());
    let generation = restapi.metadata.generation.unwrap_or_default();
    let active = s.agreed();
    let deployed = active.and_then(|e| thought.situated.times(e).converged());
    RestAPIStatus {
        active_environment: active.or(before.and_then(|status| status.active_environment)),
        last_deployment_time: deployed
            .map(Time)
            .or_else(|| before.and_then(|status| status.last_deployment_time.clone())),
        blue_green: Some(verdict.blue_green(generation)),
        conditions: Some(conditions::merge(
            previous.unwrap_or_default(),
            verdict.findings(),
            generation,
            now,
        )),
        ..RestAPIStatus::default()
    }
}

fn gate_status(gate: &GateSpec, moment: Moment, mark: Option<&GateMark>, runs: bool) -> GateStatus {
    let mark = mark.filter(|mark| mark.hash == gate_job::hash(gate));
    let unmarked = if runs {
        GateState::Running
    } else {
        GateState::Waiting
    };
    let state = mark.map_or(unmarked, |mark| mark.state);
    let ended = mark.filter(|_| state != GateState::Running);
    GateStatus {
        name: gate.name.clone(),
        moment,
        state,
        passed: mark.map_or(0, |mark| mark.passed.into()),
        failed: mark.map_or(0, |mark| mark.failed.into()),
        message: mark.map(|mark| mark.why.clone()),
        started_at: mark.map(|mark| Time(mark.began)),
        ended_at: ended.map(|mark| Time(mark.last)),
    }
}

struct Verdict<'a> {
    thought: &'a Thought<'a>,
    outcome: &'a Outcome,
}

fn signed(revision: Revision) -> i64 {
    i64::try_from(revision).unwrap_or_default()
}

impl Verdict<'_> {
    fn blue_green(&self, generation: i64) -> BlueGreenStatus {
        let (view, situated) = (&self.thought.view, &self.thought.situated);
        let s = &situated.situation;
        let away = s.agreed().map(Environment::other);
        let kept = away.filter(|away| {
            let is_there = s.side(*away).runs.attempt().is_some();
            is_there && s.is_earlier(*away) && !s.is_sealed(*away)
        });
        let converged = kept.and_then(|kept| situated.times(kept.other()).converged());
        BlueGreenStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            observed_generation: generation,
            phase: Some(self.phase()),
            message: Some(restapi_types::text::shortened(
                &self.message(),
                conditions::MAX_MESSAGE,
            )),
            revision: Some(view.record.revision),
            goal: Some(signed(s.goal())),
            serving: s
                .agreed()
                .and_then(|e| s.side(e).runs.revision())
                .map(signed),
            rollback_to: kept.and_then(|e| s.side(e).runs.revision()).map(signed),
            retained_until: converged.map(|at| Time(after(at, view.spec.hot()))),
            environments: Some(self.environments()),
            gates: self.gates(),
            command: self.command(),
            trace_id: rollout::asked(view.world, view.app).map(|asked| asked.trace().to_string()),
        }
    }

    /// What came of the gates of the revision that the spec asks for; nothing where it has none.
    fn gates(&self) -> Option<Vec<GateStatus>> {
        let (view, situated) = (&self.thought.view, &self.thought.situated);
        let s = &situated.situation;
        let marks = if let Some(gates) = &situated.gates {
            gates.marks.clone()
        } else {
            let attempt = s.side(s.home(s.asked)).runs.attempt();
            let record = view.record_of(s.asked)?;
            GateMarks::of(record.as_ref(), attempt.map_or(0, |attempt| attempt.number))
        };
        let of_now = situated.gates.as_ref();
        let runs = |gate: &GateSpec, moment| {
            let jobs = of_now.filter(|gates| gates.moment == moment);
            jobs.is_some_and(|gates| gates.jobs.contains(gate))
        };
        let all = Moment::ALL.into_iter().flat_map(|moment| {
            let gates = view.spec.gates(moment).iter();
            let marks = &marks;
            let gates = gates.map(move |gate| (gate, marks.at(moment).get(&gate.name)));
            gates.map(move |(gate, mark)| gate_status(gate, moment, mark, runs(gate, moment)))
        });
        let all: Vec<_> = all.collect();
        (!all.is_empty()).then_some(all)
    }

    fn environments(&self) -> Vec<EnvironmentStatus> {
        let all = Environment::ALL.into_iter();
        all.filter_map(|environment| {
            let side = self.thought.view.side(environment);
            let times = self.thought.situated.times(environment);
            let attempt = side.runs.attempt()?;
            let workloads = &side.workloads;
            let components = side
                .app
                .as_ref()
                .map_or(workloads.len(), |app| app.components.len());
            let ready = workloads.iter().filter(|run| run.serves()).count();
            Some(EnvironmentStatus {
                name: environment,
                revision: signed(attempt.revision),
                attempt: signed(attempt.number),
                ready: format!("{ready}/{components}"),
                started_at: times.started.map(Time),
                available_at: times.available.map(Time),
                switched_at: times.switched.map(|switched| Time(switched.began)),
                converged_at: times.converged().map(Time),
            })
        })
        .collect()
    }

    /// What became of the command that the `RestAPI` bears, or bore last.
    fn command(&self) -> Option<CommandStatus> {
        let view = &self.thought.view;
        let own = view.record_of(view.asked())?;
        let mut words = own.annotations().get(keys::COMMANDED)?.splitn(3, ' ');
        Some(CommandStatus {
            id: words.next()?.to_owned(),
            done: words.next() == Some("ok"),
            reason: words.next().map(str::to_owned),
        })
    }

    fn phase(&self) -> RolloutPhase {
        let s = &self.thought.situated.situation;
        let Some(next) = self.thought.next else {
            return RolloutPhase::TakingOver;
        };
        if self.thought.plan.is_paused {
            return RolloutPhase::Paused;
        }
        let is_held = s.hold(s.asked).is_some();
        let is_served = self.is_served();
        match next {
            Next::TakeOver => RolloutPhase::TakingOver,
            Next::Wait(Waits::Approval) => RolloutPhase::Awaiting,
            Next::Wait(Waits::Gates) => RolloutPhase::Verifying,
            Next::Wait(Waits::Retention) if is_served && s.gated == Gated::Pending => {
                RolloutPhase::Verifying
            }
            Next::Switch(..) | Next::Wait(Waits::Convergence) => RolloutPhase::Switching,
            // It is held once that stands on its record: then RolledBack says why.
            Next::Hold(_) if is_served => RolloutPhase::Verifying,
            Next::Hold(_) => RolloutPhase::Starting,
            // Where it does not serve yet, all of that is on the way there.
            Next::Build(..) | Next::Wait(_) | Next::Seal(..) | Next::Release(_) if !is_served => {
                RolloutPhase::Starting
            }
            Next::Wait(_) | Next::Rest if is_held => RolloutPhase::Held,
            Next::Seal(..) | Next::Release(_) => RolloutPhase::Releasing,
            Next::Wait(Waits::Retention) => RolloutPhase::Retaining,
            Next::Build(..) | Next::Wait(_) | Next::Rest => RolloutPhase::Settled,
        }
    }

    /// Whether what is to be served is, or was once it had been switched to.
    fn is_served(&self) -> bool {
        let s = &self.thought.situated.situation;
        let goal = s.goal();
        let home = s.home(goal);
        let is_there = s.agreed() == Some(home) || s.services == 0;
        let has_served = self.thought.situated.times(home).converged().is_some();
        is_there
            && s.side(home).runs.revision() == Some(goal)
            && (has_served || s.side(home).serves)
    }

    fn message(&self) -> String {
        let view = &self.thought.view;
        let refused = self.outcome.refusals.iter().map(|refusal| {
            let (kind, name) = (&refusal.target.kind, &refusal.target.name);
            format!(
                "{kind} {name} was refused by the API server: {}",
                refusal.message
            )
        });
        let obstacles = self.thought.plan.obstacles.iter().map(|obstacle| {
            let words = obstacle.words();
            match obstacle.target() {
                Some(target) => format!("{} {} {words}", target.kind, target.name),
                None => words,
            }
        });
        if let Some(first) = refused.chain(obstacles).next() {
            return first;
        }
        if self.thought.plan.is_paused {
            return "spec.paused is true, so nothing is done: remove it to go on; `rollback` and `abort` are carried out all the same".to_owned();
        }
        let s = &self.thought.situated.situation;
        if let (RolloutPhase::Held, Some(held)) = (self.phase(), s.hold(s.asked)) {
            return words::held(view, held);
        }
        match self.thought.next {
            Some(next) => words::next(view, &self.thought.situated, next),
            None => "the writing of workloads is being taken over".to_owned(),
        }
    }

    fn findings(&self) -> Vec<Finding> {
        let s = &self.thought.situated.situation;
        let (phase, message, goal) = (self.phase(), self.message(), s.goal());
        let reason = format!("{phase:?}");
        let is_under_way = matches!(
            phase,
            RolloutPhase::TakingOver
                | RolloutPhase::Starting
                | RolloutPhase::Verifying
                | RolloutPhase::Switching
        );
        let to_promote = format!("{message}: `promote {goal}`, or `abort {goal}`");
        vec![
            Finding::either(
                conditions::ROLLOUT_PROGRESSING,
                is_under_way,
                (&reason, &message),
                (&reason, &message),
            ),
            self.preview(),
            Finding::either(
                conditions::AWAITING_PROMOTION,
                phase == RolloutPhase::Awaiting,
                ("Awaiting", &to_promote),
                ("NotAwaiting", "nothing waits to be promoted"),
            ),
            self.converged(),
            self.rolled_back(),
        ]
    }

    fn preview(&self) -> Finding {
        let s = &self.thought.situated.situation;
        let goal = s.goal();
        let home = s.home(goal);
        let yes = format!("revision {goal} answers under the Services of {home}");
        Finding::either(
            conditions::PREVIEW_READY,
            s.agreed() != Some(home) && s.side(home).available,
            ("Ready", &yes),
            (
                "NothingToPreview",
                "no revision is ready besides what serves",
            ),
        )
    }

    fn converged(&self) -> Finding {
        let s = &self.thought.situated.situation;
        let environment = s.converged();
        let yes = environment.map(|environment| {
            format!("every endpoint of every stable Service is in {environment}")
        });
        Finding::either(
            conditions::TRAFFIC_CONVERGED,
            environment.is_some(),
            ("OneEnvironment", &yes.unwrap_or_default()),
            (
                "NotYet",
                "not every endpoint of every stable Service is in one environment",
            ),
        )
    }

    fn rolled_back(&self) -> Finding {
        let (s, view) = (&self.thought.situated.situation, &self.thought.view);
        let hold = s.hold(s.asked);
        let why = hold.map(|hold| words::held(view, hold));
        let void = match &view.order {
            Rollback::Void(why) => why.as_str(),
            _ => "no revision that the spec asks for is held back",
        };
        Finding::either(
            conditions::ROLLED_BACK,
            hold.is_some(),
            ("RevisionHeld", &why.unwrap_or_default()),
            ("NotHeld", void),
        )
    }
}
