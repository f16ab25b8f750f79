//! The page as HTML. Everything that comes from elsewhere is escaped.

use std::fmt::{self, Display, Write};

use serde_json::Value;

use super::form::OrderForm;
use crate::chain::Hop;
use crate::order::{Order, OrderPage};
use crate::peers::Answer;
use crate::problem::Detail;
use crate::rules;

/// What the page shows.
#[derive(Debug)]
pub(super) struct Page<'a> {
    pub(super) list: &'a OrderPage,
    pub(super) form: &'a OrderForm,
    /// The answer to what was sent before, when it was refused.
    pub(super) refused: Option<&'a Answer>,
    pub(super) chain: &'a [&'a Hop],
}

/// A text as it may stand in HTML, in an element as well as in a quoted attribute.
struct Escaped<T>(T);

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.to_string().chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// Cents as an amount with two decimals.
struct Amount(u64);

impl Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

/// The whole page.
pub(super) fn render(page: &Page<'_>) -> String {
    let mut body = String::new();
    if let Some(refused) = page.refused {
        body.push_str(&refusal(refused));
    }
    body.push_str(&form(page.form, page.refused));
    body.push_str(&table(page.list));
    body.push_str(&chain(page.chain));
    document(&body)
}

/// The page of a request that got no answer.
pub(super) fn render_error(message: &str, this: &Hop) -> String {
    let message = Escaped(message);
    let body = format!(
        "<p class=\"error\" role=\"alert\">The orders cannot be shown: {message}</p>\n\
         <p><a href=\"/\">Try again</a></p>\n{}",
        chain(&[this])
    );
    document(&body)
}

/// The message of an answer that is an error.
pub(super) fn message_of(answer: &Answer) -> String {
    answer
        .body
        .get("error")
        .and_then(|error| error.get("message"))
        .and_then(Value::as_str)
        .map_or_else(
            || format!("unexpected answer with status {}", answer.status),
            str::to_owned,
        )
}

fn document(body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Orders</title>\n<link rel=\"stylesheet\" href=\"/style.css\">\n</head>\n\
         <body>\n<header><h1>Orders</h1></header>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )
}

fn details_of(answer: &Answer) -> Vec<Detail> {
    let details = answer
        .body
        .get("error")
        .and_then(|error| error.get("details"));
    details
        .and_then(|details| serde_json::from_value(details.clone()).ok())
        .unwrap_or_default()
}

fn refusal(answer: &Answer) -> String {
    let mut out = format!(
        "<div class=\"error\" role=\"alert\">\n<p>Refused: {}</p>\n",
        Escaped(message_of(answer))
    );
    let items: String = details_of(answer).iter().map(detail_item).collect();
    if !items.is_empty() {
        out.push_str("<ul>\n");
        out.push_str(&items);
        out.push_str("</ul>\n");
    }
    out.push_str("</div>\n");
    out
}

fn detail_item(detail: &Detail) -> String {
    let Detail {
        field,
        problem,
        fix,
    } = detail;
    let (field, problem, fix) = (Escaped(field), Escaped(problem), Escaped(fix));
    format!("<li id=\"error-{field}\">{field}: {problem}; {fix}</li>\n")
}

fn form(form: &OrderForm, refused: Option<&Answer>) -> String {
    let wrong = refused.map(details_of).unwrap_or_default();
    let is_wrong = |name: &str| wrong.iter().any(|detail| detail.field == name);
    let numeric = "inputmode=\"numeric\"";
    let fields = [
        input(
            "item",
            "Item",
            &form.item,
            "maxlength=\"80\"",
            is_wrong("item"),
        ),
        input(
            "quantity",
            "Quantity",
            &form.quantity,
            numeric,
            is_wrong("quantity"),
        ),
        input(
            "priceCents",
            "Price of one, in cents",
            &form.price_cents,
            numeric,
            is_wrong("priceCents"),
        ),
    ]
    .concat();
    format!(
        "<form class=\"order\" method=\"post\" action=\"/orders\" aria-label=\"New order\">\n\
         {fields}<input type=\"hidden\" name=\"key\" value=\"{}\">\n\
         <button type=\"submit\">Order</button>\n</form>\n",
        Escaped(&form.key)
    )
}

fn input(name: &str, label: &str, value: &str, attributes: &str, wrong: bool) -> String {
    let marked = if wrong {
        format!(" aria-invalid=\"true\" aria-describedby=\"error-{name}\"")
    } else {
        String::new()
    };
    format!(
        "<div><label for=\"{name}\">{label}</label>\n\
         <input id=\"{name}\" name=\"{name}\" value=\"{}\" required {attributes}{marked}></div>\n",
        Escaped(value)
    )
}

fn table(list: &OrderPage) -> String {
    if list.orders.is_empty() {
        return "<p>No orders yet.</p>\n".to_owned();
    }
    let rows: String = list.orders.iter().map(row).collect();
    let next = list.next.map_or_else(String::new, |next| {
        format!("<p><a href=\"/?before={next}\" rel=\"next\">Older orders</a></p>\n")
    });
    let (shown, total) = (list.orders.len(), list.total);
    format!(
        "<table>\n<caption>{shown} of {total} orders, newest first</caption>\n<thead><tr>\
         <th scope=\"col\">Order</th><th scope=\"col\">Item</th>\
         <th scope=\"col\" class=\"number\">Quantity</th>\
         <th scope=\"col\" class=\"number\">Discount</th>\
         <th scope=\"col\" class=\"number\">Total</th><th scope=\"col\">Status</th>\
         <th scope=\"col\">Made</th><th scope=\"col\">Action</th></tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table>\n{next}"
    )
}

fn row(order: &Order) -> String {
    let id = order.id;
    let action = match rules::check_deletion(order.status) {
        Ok(()) => format!(
            "<form method=\"post\" action=\"/orders/{id}/delete\">\
             <button type=\"submit\" aria-label=\"Delete order {id}\">Delete</button></form>"
        ),
        Err(_) => String::new(),
    };
    format!(
        "<tr><th scope=\"row\"><code>{id}</code></th><td>{}</td>\
         <td class=\"number\">{}</td><td class=\"number\">{}</td>\
         <td class=\"number\">{}</td><td>{}</td>\
         <td><time datetime=\"{created}\">{created}</time></td><td>{action}</td></tr>\n",
        Escaped(&order.item),
        order.quantity,
        Amount(order.discount_cents),
        Amount(order.total_cents),
        order.status,
        created = Escaped(order.created_at),
    )
}

fn chain(hops: &[&Hop]) -> String {
    let items: String = hops.iter().map(|hop| hop_item(hop)).collect();
    format!(
        "<section class=\"chain\" aria-labelledby=\"way\">\n\
         <h2 id=\"way\">The way of this request</h2>\n<ol>\n{items}</ol>\n</section>\n"
    )
}

fn hop_item(hop: &Hop) -> String {
    let (environment, version, pod) = (
        Escaped(&hop.environment),
        Escaped(&hop.version),
        Escaped(&hop.pod),
    );
    format!(
        "<li>{}: <span class=\"{environment}\">{environment}</span>, version {version}, \
         pod {pod}</li>\n",
        hop.role
    )
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::order::{OrderId, PricedOrder};
    use crate::role::Role;

    fn hop() -> Hop {
        Hop {
            role: Role::View,
            environment: "blue".into(),
            version: "<v>".into(),
            pod: "pod-1".into(),
        }
    }

    fn order(item: &str) -> Order {
        let priced = PricedOrder {
            item: item.into(),
            quantity: 10,
            price_cents: 1000,
            discount_cents: 500,
            total_cents: 9500,
        };
        Order::first(
            OrderId::new(Timestamp::UNIX_EPOCH),
            priced,
            Timestamp::UNIX_EPOCH,
        )
    }

    fn rendered(order: Order, form: &OrderForm) -> String {
        let list = OrderPage {
            orders: vec![order],
            total: 1,
            next: None,
        };
        render(&Page {
            list: &list,
            form,
            refused: None,
            chain: &[&hop()],
        })
    }

    #[test]
    fn nothing_from_outside_reaches_the_page_unescaped() {
        let evil = "<script>\"'&";
        let form = OrderForm {
            item: evil.into(),
            ..OrderForm::empty(evil.into())
        };
        let page = rendered(order(evil), &form);
        assert!(!page.contains("<script"), "{page}");
        assert!(!page.contains("<v>"), "{page}");
        assert_eq!(page.matches("&lt;script&gt;&quot;&#39;&amp;").count(), 3);
    }

    #[test]
    fn amounts_are_shown_with_decimals() {
        let page = rendered(order("tea"), &OrderForm::empty("k".into()));
        assert!(
            page.contains(">95.00</td>") && page.contains(">5.00</td>"),
            "{page}"
        );
        assert_eq!(Amount(7).to_string(), "0.07");
    }

    #[test]
    fn only_deletable_orders_have_a_button() {
        let form = OrderForm::empty("k".into());
        assert!(rendered(order("tea"), &form).contains("/delete"));
        let paid = Order {
            status: crate::order::Status::Paid,
            ..order("tea")
        };
        assert!(!rendered(paid, &form).contains("/delete"));
    }
}
