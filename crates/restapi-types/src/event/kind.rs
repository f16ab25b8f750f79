//! What can have happened, and which manager tells it.

/// What happened: facts, in the past tense, in the order in which they happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// Everything that core-reconciler writes is as the revision needs it.
    ApplicationSynced,
    /// The application became Ready.
    ApplicationReady,
    /// It is not Ready any more, or not yet.
    ApplicationUnready,
    /// It makes no progress without a change by somebody.
    ApplicationStalled,
    /// The first workload of a revision was made, or it was tried again.
    RolloutStarted,
    /// All components of the revision are available, under the Services of its own environment.
    PreviewReady,
    /// A gate has passed.
    GatePassed,
    /// A gate has failed, or gave no answer for too long.
    GateFailed,
    /// The revision could serve, and waits for somebody's `promote`.
    PromotionAwaited,
    /// All endpoints behind the stable Services are the revision's.
    TrafficSwitched,
    /// All requests go to the revision, and its gates have passed.
    RolloutCompleted,
    /// The revision was given up before any request went to it.
    RolloutGivenUp,
    /// The revision was given up once requests went to it, and none do any more.
    RolloutRolledBack,
    /// The spec asked for another revision before the rollout had ended.
    RolloutSuperseded,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 14] = [
        Self::ApplicationSynced,
        Self::ApplicationReady,
        Self::ApplicationUnready,
        Self::ApplicationStalled,
        Self::RolloutStarted,
        Self::PreviewReady,
        Self::GatePassed,
        Self::GateFailed,
        Self::PromotionAwaited,
        Self::TrafficSwitched,
        Self::RolloutCompleted,
        Self::RolloutGivenUp,
        Self::RolloutRolledBack,
        Self::RolloutSuperseded,
    ];

    /// Its name: two words with a dot between them, the last two tokens of the subject.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApplicationSynced => "application.synced",
            Self::ApplicationReady => "application.ready",
            Self::ApplicationUnready => "application.unready",
            Self::ApplicationStalled => "application.stalled",
            Self::RolloutStarted => "rollout.started",
            Self::PreviewReady => "preview.ready",
            Self::GatePassed => "gate.passed",
            Self::GateFailed => "gate.failed",
            Self::PromotionAwaited => "promotion.awaited",
            Self::TrafficSwitched => "traffic.switched",
            Self::RolloutCompleted => "rollout.completed",
            Self::RolloutGivenUp => "rollout.givenup",
            Self::RolloutRolledBack => "rollout.rolledback",
            Self::RolloutSuperseded => "rollout.superseded",
        }
    }

    /// What it means, for the documentation.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::ApplicationSynced => {
                "Everything that core-reconciler writes is as the revision needs it."
            }
            Self::ApplicationReady => "The application became Ready.",
            Self::ApplicationUnready => "The application is not Ready any more, or not yet.",
            Self::ApplicationStalled => "It makes no progress without a change by somebody.",
            Self::RolloutStarted => {
                "The first workload of a revision was made, or it was tried again."
            }
            Self::PreviewReady => {
                "All components of the revision are available, under the Services of its own environment."
            }
            Self::GatePassed => "A gate has passed.",
            Self::GateFailed => "A gate has failed, or gave no answer for too long.",
            Self::PromotionAwaited => "The revision could serve, and waits for somebody's promote.",
            Self::TrafficSwitched => "All endpoints behind the stable Services are the revision's.",
            Self::RolloutCompleted => "All requests go to the revision, and its gates have passed.",
            Self::RolloutGivenUp => "The revision was given up before any request went to it.",
            Self::RolloutRolledBack => {
                "The revision was given up once requests went to it, and none do any more."
            }
            Self::RolloutSuperseded => {
                "The spec asked for another revision before the rollout had ended."
            }
        }
    }

    /// The manager that tells it; nobody else may.
    #[must_use]
    pub const fn manager(self) -> &'static str {
        match self {
            Self::ApplicationSynced
            | Self::ApplicationReady
            | Self::ApplicationUnready
            | Self::ApplicationStalled => "core-reconciler",
            _ => "bluegreen-manager",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// The kinds that a manager hears: what the others tell. What it told itself it knows.
    pub fn heard_by(manager: &str) -> impl Iterator<Item = Self> {
        Self::ALL
            .into_iter()
            .filter(move |kind| kind.manager() != manager)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_of_two_tokens_that_is_read_again() {
        for kind in EventKind::ALL {
            let tokens: Vec<_> = kind.as_str().split('.').collect();
            assert_eq!(tokens.len(), 2, "{kind:?}");
            assert!(
                tokens
                    .iter()
                    .all(|t| t.bytes().all(|c| c.is_ascii_lowercase()))
            );
            assert_eq!(EventKind::parse(kind.as_str()), Some(kind));
        }
    }

    #[test]
    fn a_manager_hears_what_the_others_tell() {
        let heard: Vec<_> = EventKind::heard_by("core-reconciler").collect();
        assert_eq!(heard.len(), 10);
        assert!(!heard.contains(&EventKind::ApplicationReady));
        assert_eq!(
            EventKind::heard_by("health-monitor").count(),
            EventKind::ALL.len()
        );
    }
}
