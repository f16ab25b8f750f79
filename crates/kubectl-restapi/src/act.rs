//! Asks a manager for something, and waits for its answer.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::ControllerRevision;
use kube::ResourceExt as _;
use restapi_types::{RestAPI, keys};
use tokio::time::{Instant, sleep};

use crate::answer::{self, Answer};
use crate::cluster::{Cluster, Written};
use crate::command::{self, Before, Command, Verb, Wish};
use crate::failure::Failure;
use crate::{marks, objects, output, standing};

/// How often a write is tried again that somebody else came before.
const ATTEMPTS: usize = 8;
/// For how long somebody else's command may stand unanswered before it is replaced: its manager may be down.
const COURTESY: Duration = Duration::from_secs(2);
/// The variable by which a pipeline says to which span its steps belong.
const TRACEPARENT: &str = "TRACEPARENT";
const PAUSE: Duration = Duration::from_millis(200);

/// Asks for what `wish` says.
///
/// # Errors
/// When it is refused, is not answered in time, or can't be asked for.
pub async fn run(cluster: &Cluster, verb: Verb, wish: Wish) -> Result<(), Failure> {
    let restapi = cluster.restapi(&wish.name).await?;
    let asking = Asking {
        cluster,
        verb,
        end: Instant::now() + wish.patience.timeout,
        wish,
    };
    if standing::is_blue_green(&restapi) {
        asking.blue_green(&restapi).await
    } else {
        asking.in_place(&restapi).await
    }
}

struct Asking<'a> {
    cluster: &'a Cluster,
    verb: Verb,
    wish: Wish,
    end: Instant,
}

impl Asking<'_> {
    async fn blue_green(&self, restapi: &RestAPI) -> Result<(), Failure> {
        if let (Verb::Rollback, Some(number)) = (self.verb, self.wish.to_revision) {
            is_kept(restapi, number)?;
        }
        let command = Command {
            verb: self.verb,
            revision: self.revision(restapi).await?,
            id: command::id(Timestamp::now(), RandomState::new().build_hasher().finish()),
        };
        self.send(&command).await?;
        let what = format!("{} of revision {}", command.verb, command.revision);
        if self.wish.patience.no_wait {
            return self.asked(&what, &command.id);
        }
        let answer = self.answered(&command).await?;
        self.tell(&what, answer, "bluegreen-manager")
    }

    /// The revision that was named, else the one that the spec asks for, or that serves: its number is known once
    /// bluegreen-manager has seen the spec as it is now.
    async fn revision(&self, restapi: &RestAPI) -> Result<i64, Failure> {
        let restarts = self.verb == Verb::Restart;
        let asked = |restapi: &RestAPI| {
            let told = restapi.rollout()?;
            told.serving.filter(|_| restarts).or(told.revision)
        };
        if let Some(number) = self.wish.revision.or_else(|| asked(restapi)) {
            return Ok(number);
        }
        let unknown = "bluegreen-manager has not said yet which revision the spec asks for: see that it runs, or name the revision";
        if self.wish.patience.no_wait {
            return Err(Failure::TimedOut(unknown.to_owned()));
        }
        let look = |restapi: &RestAPI| Ok(asked(restapi));
        let found = self.cluster.until(&self.wish.name, self.end, look).await?;
        found.ok_or_else(|| Failure::TimedOut(unknown.to_owned()))
    }

    /// Writes the command, over what was read just before.
    async fn send(&self, command: &Command) -> Result<(), Failure> {
        let courtesy = (Instant::now() + COURTESY).min(self.end);
        let mut attempts = 0;
        while attempts < ATTEMPTS {
            let restapi = self.cluster.restapi(&self.wish.name).await?;
            let before = self.before(&restapi).await?;
            if before != Before::Nothing && Instant::now() < courtesy {
                sleep(PAUSE).await;
                continue;
            }
            let said = command.to_string();
            let trace = std::env::var(TRACEPARENT).ok();
            let patch = command::patch(&restapi, &command::annotations(&said, trace.as_deref()));
            if let Written::Done = self.cluster.annotate(&self.wish.name, &patch).await? {
                if let Before::Unanswered(other) = before {
                    output::complain(&format!(
                        "the command `{other}` was not answered and is replaced"
                    ));
                }
                return Ok(());
            }
            attempts += 1;
        }
        Err(busy(&self.wish.name))
    }

    /// Whether somebody else's command or its answer would be lost.
    async fn before(&self, restapi: &RestAPI) -> Result<Before, Failure> {
        if !restapi.annotations().contains_key(keys::COMMAND) {
            return Ok(Before::Nothing);
        }
        Ok(command::before(restapi, &self.records().await?))
    }

    async fn answered(&self, command: &Command) -> Result<Option<Answer>, Failure> {
        let written = command.to_string();
        let look = |restapi: &RestAPI| {
            if let Some(answer) = answer::in_status(restapi, &command.id) {
                return Ok(Some(Some(answer)));
            }
            let stands = restapi.annotations().get(keys::COMMAND) == Some(&written);
            // Replaced: if there is an answer, the records have it.
            Ok((!stands).then_some(None))
        };
        let found = self.cluster.until(&self.wish.name, self.end, look).await?;
        if let Some(Some(answer)) = found {
            return Ok(Some(answer));
        }
        let recorded = answer::in_records(&self.records().await?, &command.id);
        if recorded.is_none() && found.is_some() {
            return Err(Failure::Cluster(format!(
                "{}: `{command}` was replaced by another command before its answer could be read",
                self.wish.name
            )));
        }
        Ok(recorded)
    }

    /// With blue/green off, core-reconciler goes back by another annotation, and has nothing to promote.
    async fn in_place(&self, restapi: &RestAPI) -> Result<(), Failure> {
        match (self.verb, self.wish.to_revision) {
            (Verb::Promote | Verb::Abort, _) => Err(Failure::Refused(format!(
                "spec.blueGreen is not on for {}: its pods are replaced in place, and there is nothing to {}; `undo --to-revision N` goes back",
                self.wish.name, self.verb
            ))),
            (Verb::Restart, _) => Err(Failure::Refused(format!(
                "spec.blueGreen is not on for {0}: `kubectl rollout restart deployment -l {1}={0}` replaces its pods",
                self.wish.name,
                keys::INSTANCE
            ))),
            (Verb::Refresh, _) => Err(Failure::Refused(format!(
                "spec.blueGreen is not on for {}: core-reconciler reads what its pods refer to again within a minute",
                self.wish.name
            ))),
            (Verb::Retry, _) => self.go_on(restapi).await,
            (_, Some(number)) => self.go_back(restapi, number).await,
            (_, None) => Err(Failure::Usage(format!(
                "spec.blueGreen is not on for {}, so nothing is kept to go back to: name the revision with --to-revision",
                self.wish.name
            ))),
        }
    }

    async fn go_back(&self, restapi: &RestAPI, number: i64) -> Result<(), Failure> {
        let records = self.records().await?;
        if !records.iter().any(|record| record.revision == number) {
            let mut known: Vec<_> = records.iter().map(|record| record.revision).collect();
            known.sort_unstable();
            let known: Vec<_> = known.iter().map(ToString::to_string).collect();
            return Err(Failure::Refused(format!(
                "there is no record of revision {number}; recorded: {}",
                known.join(", ")
            )));
        }
        if marks::asked_in_place(restapi) == Some(number) {
            return Err(Failure::Refused(format!(
                "revision {number} is what the spec asks for: there is nothing to go back from"
            )));
        }
        let what = format!("going back to revision {number}");
        self.annotate(Some(&number.to_string())).await?;
        if self.wish.patience.no_wait {
            return self.asked(&what, keys::ROLLBACK);
        }
        let look = |restapi: &RestAPI| Ok(answer::of_going_back(restapi, number));
        let answer = self.cluster.until(&self.wish.name, self.end, look).await?;
        self.tell(&what, answer, "core-reconciler")
    }

    async fn go_on(&self, restapi: &RestAPI) -> Result<(), Failure> {
        if !restapi.annotations().contains_key(keys::ROLLBACK) {
            return Err(Failure::Refused(format!(
                "{} does not bear the annotation {}: no revision is held back by it",
                self.wish.name,
                keys::ROLLBACK
            )));
        }
        let what = "trying again what the spec asks for";
        self.annotate(None).await?;
        if self.wish.patience.no_wait {
            return self.asked(what, keys::ROLLBACK);
        }
        let look = |restapi: &RestAPI| Ok(answer::of_going_on(restapi));
        let answer = self.cluster.until(&self.wish.name, self.end, look).await?;
        self.tell(what, answer, "core-reconciler")
    }

    async fn annotate(&self, value: Option<&str>) -> Result<(), Failure> {
        for _ in 0..ATTEMPTS {
            let restapi = self.cluster.restapi(&self.wish.name).await?;
            let patch = command::patch(&restapi, &[(keys::ROLLBACK, value)]);
            if let Written::Done = self.cluster.annotate(&self.wish.name, &patch).await? {
                return Ok(());
            }
        }
        Err(busy(&self.wish.name))
    }

    async fn records(&self) -> Result<Vec<ControllerRevision>, Failure> {
        objects::records(self.cluster, &self.wish.name).await
    }

    fn asked(&self, what: &str, by: &str) -> Result<(), Failure> {
        output::say(&format!("{}: {what} was asked for ({by})", self.wish.name))
    }

    fn tell(&self, what: &str, answer: Option<Answer>, manager: &str) -> Result<(), Failure> {
        let name = &self.wish.name;
        match answer {
            Some(Answer::Done) => output::say(&format!("{name}: {what} was accepted")),
            Some(Answer::Refused(why)) => Err(Failure::Refused(format!(
                "{name}: {what} was refused: {why}"
            ))),
            None => Err(Failure::TimedOut(format!(
                "{name}: {what} was asked for, and not answered in time: see that {manager} runs; the answer will stand in the status"
            ))),
        }
    }
}

/// Blue/green goes back to what is kept, and nowhere else, by one switch.
fn is_kept(restapi: &RestAPI, number: i64) -> Result<(), Failure> {
    let told = restapi.rollout();
    match told.and_then(|told| told.rollback_to) {
        Some(kept) if kept == number => Ok(()),
        Some(kept) => Err(Failure::Refused(format!(
            "revision {kept} is kept to go back to, not {number}: `undo --to-revision {number}` starts that again"
        ))),
        None => Err(Failure::Refused(format!(
            "nothing is kept to go back to: `undo --to-revision {number}` starts revision {number} again"
        ))),
    }
}

fn busy(name: &str) -> Failure {
    Failure::Cluster(format!(
        "RestAPI {name} was changed by others each time before it could be annotated: try again"
    ))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case(Some(1), None)]
    #[case(Some(2), Some("`undo --to-revision 1` starts that again"))]
    #[case(None, Some("nothing is kept"))]
    fn blue_green_goes_back_to_what_is_kept(
        #[case] kept: Option<i64>,
        #[case] refused: Option<&str>,
    ) {
        let restapi: RestAPI = serde_json::from_value(json!({
            "metadata": {"name": "orders", "generation": 3}, "spec": {"image": "app:1", "view": {}, "blueGreen": {}},
            "status": {"blueGreen": {"version": "1", "observedGeneration": 3, "rollbackTo": kept}},
        }))
        .unwrap();
        match (is_kept(&restapi, 1), refused) {
            (Ok(()), None) => {}
            (Err(failure), Some(part)) => {
                assert_eq!(failure.code(), 3);
                assert!(failure.to_string().contains(part), "{failure}");
            }
            (other, _) => panic!("{other:?}"),
        }
    }
}
