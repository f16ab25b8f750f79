//! Optional fields in rules, spelled out: `self.?a.?b.orValue(0)` says the same as
//! `(has(self.a) && has(self.a.b) ? self.a.b : 0)`, and only the latter is known to the library that evaluates
//! rules without an API server. The CRD keeps the former, which takes less of its little room.

use regex::{Captures, Regex};
use serde_json::Value;

/// A chain of optional fields, and what is asked of it.
const CHAIN: &str =
    r"([A-Za-z_][\w.]*)((?:\.\?[A-Za-z_]\w*)+)\.(?:orValue\(([^()]*)\)|hasValue\(\))";

/// Spells out the optional fields of every rule in `schema`.
pub(super) fn spell_out(schema: &mut Value) {
    // It compiles: the tests below use it.
    if let Ok(chain) = Regex::new(CHAIN) {
        each_rule(schema, &|rule| spelled_out(&chain, rule));
    }
}

fn each_rule(value: &mut Value, change: &impl Fn(&str) -> String) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                match inner {
                    Value::Array(rules) if name == "x-kubernetes-validations" => {
                        let rules = rules.iter_mut().filter_map(|rule| rule.get_mut("rule"));
                        for rule in rules {
                            let changed = rule.as_str().map(change);
                            *rule = changed.map_or(Value::Null, Value::String);
                        }
                    }
                    inner => each_rule(inner, change),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each_rule(item, change)),
        _ => {}
    }
}

fn spelled_out(chain: &Regex, rule: &str) -> String {
    let one = |found: &Captures<'_>| {
        let group = |i| found.get(i).map_or("", |m| m.as_str());
        let mut path = group(1).to_owned();
        let mut has = Vec::new();
        for field in group(2).split(".?").filter(|field| !field.is_empty()) {
            path = format!("{path}.{field}");
            has.push(format!("has({path})"));
        }
        let has = has.join(" && ");
        match found.get(3) {
            Some(other) => format!("({has} ? {path} : {})", other.as_str()),
            None => format!("({has})"),
        }
    };
    chain.replace_all(rule, one).into_owned()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case("self.?a.orValue(1) != 0", "(has(self.a) ? self.a : 1) != 0")]
    #[case("!self.?a.?b.hasValue()", "!(has(self.a) && has(self.a.b))")]
    #[case(
        "self.all(t, t.x.?y.orValue('') == '')",
        "self.all(t, (has(t.x.y) ? t.x.y : '') == '')"
    )]
    #[case(
        "self.?a.orValue(1) < self.?b.orValue(2)",
        "(has(self.a) ? self.a : 1) < (has(self.b) ? self.b : 2)"
    )]
    #[case("self.matches('^a.?b$')", "self.matches('^a.?b$')")]
    fn a_chain_is_spelled_out(#[case] rule: &str, #[case] expected: &str) {
        let mut schema = json!({"properties": {"p": {"x-kubernetes-validations": [{"rule": rule, "message": rule}]}}});
        spell_out(&mut schema);
        let changed = &schema["properties"]["p"]["x-kubernetes-validations"][0];
        assert_eq!(changed, &json!({"rule": expected, "message": rule}));
    }
}
