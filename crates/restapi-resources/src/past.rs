//! An application as it was: an earlier revision with the fields that apply in place as they are now.

use restapi_types::{ComponentName, ComponentSpec};
use serde_json::{Map, Value, json};

use crate::revision::{self, CONFIG, FIELDS, IN_PLACE_INSIDE, PULL_SECRETS, TOKEN};
use crate::{Application, Component, Invalid, guard, inherit};

impl Application {
    /// The application with the components of an earlier revision, whose [`content`](revision::content) this is.
    /// What reaches a pod template is as it was then; replicas, Services, strategies, policies and the rest are as
    /// the spec says now, for components that it no longer has as the application's own fields say.
    ///
    /// # Errors
    /// [`Invalid`] when the revision can't be rendered any more, with what stands in the way.
    pub fn at(&self, content: &Value) -> Result<Self, Invalid> {
        let fields = content.as_object().into_iter().flatten();
        let mut components = fields
            .map(|(name, fields)| self.component_at(name, fields))
            .collect::<Result<Vec<_>, _>>()?;
        components.sort_by_key(|component| component.name);
        let app = Self {
            revision: revision::of(&components),
            components,
            restarted: None,
            ..self.clone()
        };
        guard::check(&app)?;
        Ok(app)
    }

    fn component_at(&self, name: &str, fields: &Value) -> Result<Component, Invalid> {
        let name = ComponentName::of(name)
            .ok_or_else(|| unreadable(name, "no component can have this name"))?;
        let path = name.path();
        let mut fields = fields.as_object().cloned().unwrap_or_default();
        let config = fields.remove(CONFIG);
        let pull_secrets = fields.remove(PULL_SECRETS).unwrap_or_else(|| json!([]));
        let token = fields.remove(TOKEN);
        let own = self.spec.component(name).cloned().unwrap_or_default();
        let now = inherit::component(&own, &self.spec);
        take_over(&mut fields, &now, &path)?;
        let read = serde_json::from_value::<ComponentSpec>(fields.into());
        let spec = read.map_err(|error| unreadable(&path, &error.to_string()))?;
        let mut component = Component::from_spec(name, spec)?;
        component.config = config.as_ref().and_then(Value::as_str).map(str::to_owned);
        component.automount_token = token.is_some_and(|token| token == true);
        component.pull_secrets = serde_json::from_value(pull_secrets)
            .map_err(|error| unreadable(&path, &error.to_string()))?;
        Ok(component)
    }
}

/// Puts the fields that apply in place into those of a revision.
fn take_over(
    fields: &mut Map<String, Value>,
    now: &ComponentSpec,
    path: &str,
) -> Result<(), Invalid> {
    let is_stored = fields.contains_key("persistence");
    if is_stored && now.persistence.is_none() {
        return Err(Invalid::new(
            format!("{path}.persistence"),
            "the revision has storage, and the spec says no longer how much and what becomes of it",
            "add persistence to the spec as it was",
        ));
    }
    let now = json!(now);
    for (field, effect) in FIELDS {
        if *effect == revision::Effect::InPlace
            && let Some(value) = now.get(*field)
        {
            fields.insert((*field).to_owned(), value.clone());
        }
    }
    for (field, inner) in IN_PLACE_INSIDE {
        let value = now.get(*field).and_then(|f| f.get(*inner));
        if let Some((Value::Object(inside), value)) = fields.get_mut(*field).zip(value) {
            inside.insert((*inner).to_owned(), value.clone());
        }
    }
    Ok(())
}

fn unreadable(path: &str, problem: &str) -> Invalid {
    Invalid::new(
        path,
        format!("the record of the revision can't be read: {problem}"),
        "choose another revision",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{FULL, application};

    fn content(app: &Application) -> Value {
        revision::content(&app.components)
    }

    #[test]
    fn what_a_revision_holds_makes_the_same_application() {
        let app = application(FULL).pinned(|c| Some(format!("hash-of-{}", c.name)));
        let past = app.at(&content(&app)).unwrap();
        assert_eq!(past.revision, app.revision);
        for (past, now) in past.components.iter().zip(&app.components) {
            let mut expected = now.clone();
            // Said explicitly in the record.
            expected.spec.port = Some(now.port.unwrap_or(0));
            expected
                .spec
                .service_account
                .clone_from(&past.spec.service_account);
            assert_eq!(*past, expected, "{}", now.name);
        }
    }

    #[test]
    fn what_applies_in_place_is_as_the_spec_says_now() {
        let old = application(
            r#"{"image": "a:1", "replicas": 1, "model": {}, "view": {"port": 80, "service": {"port": 1},
                "persistence": {"size": "1Gi", "mountPath": "/old", "retention": "Delete"}}}"#,
        );
        let now = application(
            r#"{"image": "a:2", "replicas": 5, "deletionPolicy": "Retain", "view": {"service": {"port": 2},
                "persistence": {"size": "2Gi", "mountPath": "/new", "retention": "Retain"}}}"#,
        );
        let past = now.at(&content(&old)).unwrap();
        assert_eq!(past.revision, old.revision);
        let [model, view] = past.components.as_slice() else {
            panic!("two components")
        };
        assert_eq!((model.image.as_str(), model.replicas), ("a:1", 5));
        assert_eq!(
            (view.image.as_str(), view.replicas, view.port),
            ("a:1", 5, Some(80))
        );
        assert_eq!(view.spec.service.as_ref().unwrap().port, Some(2));
        let claim = json!(view.spec.persistence);
        assert_eq!(
            (&claim["size"], &claim["mountPath"]),
            (&json!("2Gi"), &json!("/old"))
        );
    }

    #[test]
    fn a_revision_that_can_t_be_rendered_says_why() {
        let old = application(
            r#"{"image": "a", "view": {"persistence": {"size": "1Gi", "mountPath": "/d", "retention": "Delete"}}}"#,
        );
        let now = application(r#"{"image": "a", "view": {}}"#);
        let error = now.at(&content(&old)).unwrap_err();
        assert_eq!(error.field, "spec.view.persistence");
        let error = now.at(&json!({"no-component": {}})).unwrap_err();
        assert_eq!(error.field, "no-component");
        assert!(now.at(&json!({"view": {"image": 1}})).is_err());
    }
}
