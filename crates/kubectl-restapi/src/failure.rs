//! Why a command did not do what it was asked for, and the exit code that tells a script so.

use kube::config::{InferConfigError, KubeconfigError};

/// Why a command did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// There is no usable kubeconfig, and no service account of a pod either.
    #[error("no cluster to talk to: {0}")]
    Config(#[from] InferConfigError),
    /// The kubeconfig that was named can't be used.
    #[error("the kubeconfig can't be used: {0}")]
    Kubeconfig(#[from] KubeconfigError),
    /// The API server did not do what it was asked for.
    #[error("{0}")]
    Cluster(String),
    /// The output can't be written.
    #[error("the output can't be written: {0}")]
    Output(#[from] std::io::Error),
    /// The arguments don't go together.
    #[error("{0}")]
    Usage(String),
    /// A manager refused it, or it can't apply; or what is waited for will not come.
    #[error("{0}")]
    Refused(String),
    /// It did not happen in time.
    #[error("{0}")]
    TimedOut(String),
}

impl Failure {
    /// The exit code: 1 an error, 2 wrong usage, 3 refused, 4 not in time.
    #[must_use]
    pub const fn code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Kubeconfig(_) | Self::Cluster(_) | Self::Output(_) => 1,
            Self::Usage(_) => 2,
            Self::Refused(_) => 3,
            Self::TimedOut(_) => 4,
        }
    }

    /// Whether nobody reads the output any more, as with `| head`: no failure of ours.
    #[must_use]
    pub fn is_unread(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
    }
}

impl From<kube::Error> for Failure {
    fn from(error: kube::Error) -> Self {
        match error {
            // What the API server says is a sentence already.
            kube::Error::Api(status) if !status.message.is_empty() => Self::Cluster(status.message),
            error => Self::Cluster(with_causes(&error)),
        }
    }
}

/// The error with what it is due to: "client error (Connect)" alone tells nobody anything.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Failure::Cluster(String::new()), 1)]
    #[case(Failure::Usage(String::new()), 2)]
    #[case(Failure::Refused(String::new()), 3)]
    #[case(Failure::TimedOut(String::new()), 4)]
    fn each_kind_of_failure_has_its_exit_code(#[case] failure: Failure, #[case] code: u8) {
        assert_eq!(failure.code(), code);
    }

    #[test]
    fn causes_are_told_once() {
        let inner = std::io::Error::other("connection refused");
        let outer = std::io::Error::other(inner);
        assert_eq!(with_causes(&outer), "connection refused");
    }
}
