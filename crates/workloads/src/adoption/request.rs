//! What the annotation on the `RestAPI` asks for.

use kube::ResourceExt as _;
use restapi_types::{ComponentName, RestAPI, keys};

/// The components whose Services are to be taken over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Request {
    /// None.
    #[default]
    None,
    /// Those of every component.
    All,
    /// Those of these.
    Of(Vec<ComponentName>),
}

impl Request {
    /// What `restapi` asks for.
    ///
    /// # Errors
    /// What is wrong with the annotation, and the fix.
    pub fn of(restapi: &RestAPI) -> Result<Self, String> {
        let Some(value) = restapi.annotations().get(keys::ADOPT) else {
            return Ok(Self::None);
        };
        if value.trim() == "all" {
            return Ok(Self::All);
        }
        let components = restapi.spec.components();
        let listed = value.split(',').map(str::trim);
        let found = listed.map(|listed| {
            let mut names = components.iter().map(|(name, _)| *name);
            names.find(|name| name.as_str() == listed).ok_or(listed)
        });
        found.collect::<Result<_, _>>().map(Self::Of).map_err(|unknown| {
            let names: Vec<_> = components.iter().map(|(name, _)| name.as_str()).collect();
            format!(
                "the annotation {} names {unknown:?}, and spec has no such component: write `all`, or names out of {}, with commas between them",
                keys::ADOPT,
                names.join(", ")
            )
        })
    }

    /// Whether the Service of `component` is to be taken over.
    #[must_use]
    pub fn includes(&self, component: ComponentName) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Of(listed) => listed.contains(&component),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::fixtures::restapi;

    fn of(value: &str) -> Result<Request, String> {
        let mut restapi = restapi(&json!({"image": "a", "model": {}, "view": {}}));
        restapi
            .annotations_mut()
            .insert(keys::ADOPT.into(), value.into());
        Request::of(&restapi)
    }

    #[rstest]
    #[case("all", Request::All)]
    #[case("view", Request::Of(vec![ComponentName::View]))]
    #[case(" view , model", Request::Of(vec![ComponentName::View, ComponentName::Model]))]
    fn components_are_listed(#[case] value: &str, #[case] expected: Request) {
        assert_eq!(of(value), Ok(expected));
    }

    #[rstest]
    #[case("", "\"\"")]
    #[case("yes", "\"yes\"")]
    #[case("view,", "\"\"")]
    #[case("controller", "\"controller\"")]
    #[case("all,view", "\"all\"")]
    fn anything_else_is_named_with_the_fix(#[case] value: &str, #[case] named: &str) {
        let error = of(value).unwrap_err();
        assert!(
            error.contains(named) && error.contains("model, view"),
            "{error}"
        );
    }
}
