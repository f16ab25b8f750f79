//! Names: everything that is generated is named after the RestAPI.

use super::{Case, accepted, named, refused};
use crate::support::apps;

pub fn cases() -> Vec<Case> {
    let with_name = |name: &str| named(name, &apps::view());
    let letters: &[&str] = &[
        "metadata.name must start with a letter",
        "lower-case letters, digits and '-'",
    ];
    vec![
        accepted("one letter", with_name("a")),
        accepted("letters, digits, dashes", with_name("shop-2-orders")),
        accepted("words of the operator's own names", with_name("blue-view")),
        accepted("the longest name", with_name(&"a".repeat(40))),
        refused(
            "one character more",
            with_name(&"a".repeat(41)),
            &[
                "metadata.name is longer than 40 characters",
                "choose a shorter name",
            ],
        ),
        refused("a digit first", with_name("2orders"), letters),
        refused("a dot", with_name("shop.orders"), letters),
        refused(
            "upper case",
            with_name("Orders"),
            &["metadata.name", "lower case alphanumeric"],
        ),
        refused(
            "a dash last",
            with_name("orders-"),
            &["metadata.name", "end with an alphanumeric character"],
        ),
    ]
}
