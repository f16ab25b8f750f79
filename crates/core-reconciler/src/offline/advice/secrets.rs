//! About secrets that stand where everybody can read them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::EnvVar;
use restapi_resources::Application;
use restapi_types::ComponentSpec;

use super::{Subject, warning};
use crate::offline::findings::Finding;

/// Words of a variable's name that say that its value is a secret.
const SECRET: [&str; 9] = [
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "TOKEN",
    "SECRET",
    "CREDENTIAL",
    "CREDENTIALS",
    "APIKEY",
    "APITOKEN",
];

/// Words before a last `KEY` that say that it is a secret one.
const SECRET_KEY: [&str; 7] = [
    "API",
    "ACCESS",
    "PRIVATE",
    "SIGNING",
    "ENCRYPTION",
    "MASTER",
    "SECRET",
];

/// Last words of a name that say that its value only describes a secret.
const ABOUT: [&str; 22] = [
    "FILE",
    "PATH",
    "DIR",
    "NAME",
    "TTL",
    "SECONDS",
    "MINUTES",
    "HOURS",
    "DAYS",
    "EXPIRY",
    "LIFETIME",
    "LENGTH",
    "SIZE",
    "LIMIT",
    "MAX",
    "MIN",
    "ENABLED",
    "URL",
    "URI",
    "ISSUER",
    "HEADER",
    "ALGORITHM",
];

/// Secrets in plain variables, which everybody sees who may read RestAPIs. Their values are not repeated.
pub(super) fn plain_values(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(own) = subject.app.spec.component(subject.component.name) else {
        return Vec::new();
    };
    let ComponentSpec { env_vars, env, .. } = own;
    of(
        &subject.component.name.path(),
        env_vars.as_ref(),
        env.as_deref(),
    )
}

/// The same of the application's own variables.
pub(super) fn of_application(app: &Application) -> Vec<Finding> {
    of("spec", app.spec.env_vars.as_ref(), app.spec.env.as_deref())
}

fn of(
    path: &str,
    env_vars: Option<&BTreeMap<String, String>>,
    env: Option<&[EnvVar]>,
) -> Vec<Finding> {
    let plain = env_vars.into_iter().flatten();
    let plain = plain.map(|(name, value)| (format!("{path}.envVars.{name}"), name, value));
    let literal = env.into_iter().flatten();
    let literal = literal.filter_map(|e| {
        Some((
            format!("{path}.env[{}].value", e.name),
            &e.name,
            e.value.as_ref()?,
        ))
    });
    plain
        .chain(literal)
        .filter(|(_, name, value)| !value.is_empty() && is_secret(name))
        .map(|(field, ..)| {
            warning(
                "secret-in-plain-text",
                field,
                "by its name it is a secret, and whoever may read RestAPIs or pods reads it here",
                "put it into a Secret, and refer to it with env[].valueFrom.secretKeyRef",
            )
        })
        .collect()
}

fn is_secret(name: &str) -> bool {
    let upper = name.to_uppercase();
    let words: Vec<_> = upper.split(['_', '-', '.']).collect();
    let [before @ .., last] = words.as_slice() else {
        return false;
    };
    if ABOUT.contains(last) {
        return false;
    }
    let is_key = *last == "KEY" && before.last().is_some_and(|word| SECRET_KEY.contains(word));
    is_key || words.iter().any(|word| SECRET.contains(word))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("DB_PASSWORD", true)]
    #[case("db.password", true)]
    #[case("GITHUB_TOKEN", true)]
    #[case("CLIENT_SECRET", true)]
    #[case("STRIPE_API_KEY", true)]
    #[case("PASSWORD_FILE", false)]
    #[case("TOKEN_TTL", false)]
    #[case("TOKEN_URL", false)]
    #[case("SORT_KEY", false)]
    #[case("KEY", false)]
    #[case("LOG_LEVEL", false)]
    #[case("TOKENIZER", false)]
    fn names_of_secrets_are_told_from_others(#[case] name: &str, #[case] expected: bool) {
        assert_eq!(is_secret(name), expected);
    }
}
