//! What keeps an object from being written.

use manager_kit::tracker::Target;

/// Something that keeps an object from being written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// An object of that name belongs to somebody else.
    Foreign(Target),
    /// An object of that name belongs to a deleted `RestAPI` of the same name, and is about to go.
    Predecessor(Target),
    /// The object is being deleted.
    Terminating(Target),
    /// The object was written for a newer generation than the one we see.
    Newer(Target),
    /// The Deployment was rendered by a newer manager, in a version that we don't know.
    UnknownRenderVersion(Target, String),
    /// The stable Service must not select this environment any more.
    Sealed(Target, String),
    /// A ConfigMap or Secret that pods need can't be had; in words, with the fix.
    ConfigMissing(String),
    /// The cluster lacks the kind of an object that the spec asks for; what to install.
    KindMissing(Target, &'static str),
    /// Somebody else writes the same field again and again: the field, and who.
    Disputed(Target, String, String),
    /// It can't be made out what is to be taken over; in words, with the fix.
    AdoptionUnclear(String),
    /// A Service can't be taken over without its users noticing; in words, with the fix.
    NotAdoptable(Target, String),
    /// A Service is being taken over: what is waited for, and whether that is soon.
    Adopting(Target, String, bool),
}

impl Obstacle {
    /// The object that it is about, where it is about one.
    #[must_use]
    pub const fn target(&self) -> Option<&Target> {
        match self {
            Self::ConfigMissing(_) | Self::AdoptionUnclear(_) => None,
            Self::Foreign(target)
            | Self::Predecessor(target)
            | Self::Terminating(target)
            | Self::Newer(target)
            | Self::UnknownRenderVersion(target, _)
            | Self::Sealed(target, _)
            | Self::KindMissing(target, _)
            | Self::Disputed(target, _, _)
            | Self::NotAdoptable(target, _)
            | Self::Adopting(target, _, _) => Some(target),
        }
    }

    /// Whether waiting is enough.
    #[must_use]
    pub fn goes_by_itself(&self) -> bool {
        matches!(
            self,
            Self::Predecessor(_)
                | Self::Terminating(_)
                | Self::Newer(_)
                | Self::Adopting(_, _, true)
        )
    }

    /// A CamelCase word for programs.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::ConfigMissing(_) => "ConfigMissing",
            Self::AdoptionUnclear(_) => "AdoptionUnclear",
            Self::NotAdoptable(..) => "NotAdoptable",
            Self::Adopting(..) => "Adopting",
            Self::KindMissing(..) => "KindMissing",
            Self::Disputed(..) => "Conflict",
            Self::Foreign(_) => "NameTaken",
            Self::Predecessor(_) => "PredecessorRemains",
            Self::Terminating(_) => "Terminating",
            Self::Newer(_) => "NewerGeneration",
            Self::UnknownRenderVersion(..) => "MadeByNewerManager",
            Self::Sealed(..) => "Sealed",
        }
    }

    /// What is so, and the fix; of the object, where it is about one.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
        Self::ConfigMissing(problem) | Self::AdoptionUnclear(problem) => problem.clone(),
        Self::NotAdoptable(_, why) => format!("can't be taken over: it {why}"),
        Self::Adopting(_, why, _) => format!("is being taken over: it {why}"),
        Self::KindMissing(_, install) => format!(
            "can't be made, because the cluster does not have this kind: install {install}, or remove the field that asks for it"
        ),
        Self::Disputed(_, field, who) => format!(
            "is left as it is: {who} writes {field} again and again; make one of the two stop: change the RestAPI, or that writer"
        ),
        Self::UnknownRenderVersion(_, version) => format!(
            "was rendered in version {version}, which this core-reconciler does not know: it is left as it is; upgrade core-reconciler"
        ),
        Self::Sealed(_, sealed) => {
            format!("must not select {sealed} any more, which is about to be removed: it is left as it is")
        }
        Self::Foreign(_) => "exists and does not belong to this RestAPI: delete or rename it, or rename the RestAPI".to_owned(),
        Self::Predecessor(_) => "belongs to a deleted RestAPI of this name: waiting for the garbage collector to remove it".to_owned(),
        Self::Terminating(_) => "is being deleted: it is made again once it is gone".to_owned(),
        Self::Newer(_) => "was written for a newer generation: waiting to see it".to_owned(),
    }
    }
}
