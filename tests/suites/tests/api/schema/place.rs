//! Tables of single fields: a valid spec around the field, and values that are accepted or refused there.

use serde_json::{Value, json};

use super::{Case, accepted, refused, spec};
use crate::support::apps::IMAGE;

/// Where fields stand: the path of what has them, and a spec that is valid without them.
#[derive(Clone)]
pub struct Place {
    path: String,
    spec: Value,
}

impl Place {
    /// The fields of the application, which has a view.
    pub fn top() -> Self {
        Self {
            path: "spec".to_owned(),
            spec: json!({"image": IMAGE, "view": {}}),
        }
    }

    /// The fields of the component `view`.
    pub fn view() -> Self {
        Self::top().within("view", json!({}))
    }

    /// Both places where an application may say the same.
    pub fn both() -> [Self; 2] {
        [Self::top(), Self::view()]
    }

    /// Whether its fields are those of the application.
    pub fn is_top(&self) -> bool {
        self.path == "spec"
    }

    /// The fields of what is at `field`, which has these besides. `list[0]` is the first of a list.
    pub fn within(&self, field: &str, fields: Value) -> Self {
        let mut place = self.clone();
        place.path = format!("{}.{field}", self.path);
        set(&mut place.spec, &place.path, fields);
        place
    }

    /// The same place with another field of the application or of the place itself, by its whole path.
    pub fn and(&self, path: &str, value: Value) -> Self {
        let mut place = self.clone();
        set(&mut place.spec, path, value);
        place
    }

    /// The object with that value.
    fn with(&self, field: &str, value: Value) -> Value {
        let mut whole = self.spec.clone();
        set(&mut whole, &format!("{}.{field}", self.path), value);
        spec(&whole)
    }

    /// Values that are accepted.
    pub fn accepts(&self, field: &str, values: impl IntoIterator<Item = Value>) -> Vec<Case> {
        let cases = values.into_iter().map(|value| {
            let what = self.what(field, &value);
            accepted(what, self.with(field, value))
        });
        cases.collect()
    }

    /// A value that is refused with a message that holds each of `parts`.
    pub fn refuses(&self, field: &str, value: Value, parts: &[&str]) -> Case {
        let what = self.what(field, &value);
        let mut case = refused(what, self.with(field, value), parts);
        case.about.push(format!("{}.{field}", self.path));
        case
    }

    /// Values that are refused with the field's path and what goes with each.
    pub fn refuses_each(&self, field: &str, values: &[(Value, &str)]) -> Vec<Case> {
        let path = format!("{}.{field}", self.path);
        let cases = values
            .iter()
            .map(|(value, part)| self.refuses(field, value.clone(), &[&path, part]));
        cases.collect()
    }

    /// A whole number from `least` to `most`.
    pub fn number(&self, field: &str, least: i64, most: i64) -> Vec<Case> {
        let mut cases = self.accepts(field, [json!(least), json!(most)]);
        cases.extend(self.refuses_each(
            field,
            &[
                (
                    json!(least - 1),
                    &format!("greater than or equal to {least}"),
                ),
                (json!(most + 1), &format!("less than or equal to {most}")),
                (json!("1"), "must be of type integer"),
                (json!(1.5), "must be of type integer"),
            ],
        ));
        cases
    }

    /// Yes or no.
    pub fn flag(&self, field: &str) -> Vec<Case> {
        let mut cases = self.accepts(field, [json!(true), json!(false)]);
        let kind = "must be of type boolean";
        cases.extend(self.refuses_each(field, &[(json!("true"), kind), (json!(1), kind)]));
        cases
    }

    /// One of `words`, spelt exactly so.
    pub fn choice(&self, field: &str, words: &[&str]) -> Vec<Case> {
        let mut cases = self.accepts(field, words.iter().map(|word| json!(word)));
        cases.extend(self.only(field, words));
        cases
    }

    /// The refusals of [`Place::choice`], for words that are accepted only beside other fields.
    pub fn only(&self, field: &str, words: &[&str]) -> Vec<Case> {
        let first = words.first().copied().unwrap_or_default();
        let supported = format!("\"{first}\"");
        self.refuses_each(
            field,
            &[
                (json!(first.to_uppercase() + "X"), &supported),
                (json!(first.to_lowercase() + " "), &supported),
                (json!(true), "must be of type string"),
            ],
        )
    }

    /// A text of at most `most` characters: `good` is accepted, `bad` is refused for its characters. The
    /// longest one repeats the last character of the first good one.
    pub fn text(&self, field: &str, most: usize, good: &[&str], bad: &[&str]) -> Vec<Case> {
        let first = good.first().copied().unwrap_or("a");
        let last = first.chars().last().unwrap_or('a').to_string();
        let long =
            |length: usize| format!("{first}{}", last.repeat(length - first.chars().count()));
        let mut cases = self.accepts(field, good.iter().map(|text| json!(text)));
        cases.extend(self.accepts(field, [json!(long(most))]));
        let path = format!("{}.{field}", self.path);
        for text in bad {
            cases.push(self.refuses(field, json!(text), &[&path]));
        }
        cases.extend(self.refuses_each(
            field,
            &[
                (
                    json!(long(most + 1)),
                    &format!("may not be more than {most}"),
                ),
                (json!(7), "must be of type string"),
            ],
        ));
        cases
    }

    /// A list of at most `most` values, of which `item` makes the one with that number.
    pub fn list(&self, field: &str, most: usize, item: impl Fn(usize) -> Value) -> Vec<Case> {
        let list = |count: usize| Value::Array((0..count).map(&item).collect());
        let mut cases = self.accepts(field, [list(1), list(most)]);
        cases.extend(self.refuses_each(
            field,
            &[
                (list(most + 1), &format!("must have at most {most} items")),
                (json!("none"), "must be of type array"),
            ],
        ));
        cases
    }

    /// A map of at most `most` entries, with these values.
    pub fn map(&self, field: &str, most: usize, value: &Value) -> Vec<Case> {
        let map = |count: usize| {
            let entries = (0..count).map(|n| (format!("key{n}"), value.clone()));
            Value::Object(entries.collect())
        };
        let mut cases = self.accepts(field, [map(1), map(most)]);
        cases.extend(self.refuses_each(
            field,
            &[
                (map(most + 1), &format!("must have at most {most} items")),
                (json!([]), "must be of type object"),
            ],
        ));
        cases
    }

    /// An object: nothing else is one.
    pub fn object(&self, field: &str) -> Vec<Case> {
        let kind = "must be of type object";
        self.refuses_each(
            field,
            &[(json!(true), kind), (json!("all"), kind), (json!([]), kind)],
        )
    }

    fn what(&self, field: &str, value: &Value) -> String {
        let value: String = value.to_string().chars().take(60).collect();
        format!("{}.{field}: {value}", self.path)
    }
}

/// Sets the value at a path such as `spec.view.env[0].name`, and makes what is missing on the way.
fn set(spec: &mut Value, path: &str, value: Value) {
    let mut at = spec;
    for part in path.split('.').skip(1) {
        let (name, in_list) = match part.strip_suffix("[0]") {
            Some(name) => (name, true),
            None => (part, false),
        };
        if !at.is_object() {
            *at = json!({});
        }
        at = &mut at[name];
        if in_list {
            if at.as_array().is_none_or(Vec::is_empty) {
                *at = json!([{}]);
            }
            at = &mut at[0];
        }
    }
    *at = value;
}
