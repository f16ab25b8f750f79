//! Quantities as numbers: the API server stores `1000m` as `1` and `1024Mi` as `1Gi`.

use serde_json::Value;

/// Decimal digits kept behind the point: Kubernetes rounds up to nano.
const NANO_DIGITS: usize = 9;

/// Thousand-millionths in a thousandth.
const MILLI: i128 = 1_000_000;

/// Whether two quantities of a container's resources, as strings or numbers, are the same amount. The API
/// server rounds these up to thousandths when it stores them. Values that are no quantities are the same
/// when they are equal.
#[must_use]
pub fn same(a: &Value, b: &Value) -> bool {
    match (of(a), of(b)) {
        (Some(a), Some(b)) => milli(a) == milli(b),
        _ => a == b,
    }
}

/// Whether quantity `a` is less than quantity `b`; not when one of them is none.
#[must_use]
pub fn is_less(a: &Value, b: &Value) -> bool {
    matches!((of(a), of(b)), (Some(a), Some(b)) if a < b)
}

/// Rounded up to thousandths.
fn milli(nano: i128) -> i128 {
    nano.div_euclid(MILLI) + i128::from(nano.rem_euclid(MILLI) > 0)
}

fn of(value: &Value) -> Option<i128> {
    match value {
        Value::String(text) => nano(text),
        Value::Number(number) => nano(&number.to_string()),
        _ => None,
    }
}

/// The amount in thousand-millionths; nothing if `text` is no quantity or too large to compare.
fn nano(text: &str) -> Option<i128> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && !"+-.".contains(c))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at_checked(end)?;
    let (negative, digits) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if fraction.len() > NANO_DIGITS || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let unscaled: i128 = format!("{whole}{fraction:0<NANO_DIGITS$}").parse().ok()?;
    let amount = scale(unscaled, suffix)?;
    Some(if negative { -amount } else { amount })
}

fn scale(amount: i128, suffix: &str) -> Option<i128> {
    let binary = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]
        .iter()
        .position(|s| *s == suffix);
    if let Some(position) = binary {
        return amount.checked_mul(1024_i128.checked_pow(u32::try_from(position).ok()? + 1)?);
    }
    let power = match suffix {
        "n" => -9,
        "u" => -6,
        "m" => -3,
        "" => 0,
        "k" => 3,
        "M" => 6,
        "G" => 9,
        "T" => 12,
        "P" => 15,
        "E" => 18,
        exponent => exponent.strip_prefix(['e', 'E'])?.parse::<i32>().ok()?,
    };
    let factor = 10_i128.checked_pow(power.unsigned_abs())?;
    // Rounded away from zero, as Kubernetes does with what is smaller than nano.
    if power < 0 {
        Some((amount + factor - 1) / factor)
    } else {
        amount.checked_mul(factor)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("1", "1000m", true)]
    #[case("0.5", "500m", true)]
    #[case("1Gi", "1024Mi", true)]
    #[case("1.5Gi", "1536Mi", true)]
    #[case("1e3", "1k", true)]
    #[case("1E", "1000P", true)]
    #[case("-1", "-1000m", true)]
    #[case("+1", "1", true)]
    #[case("0.0015", "2m", true)]
    #[case("1n", "1m", true)]
    #[case("-1500u", "-1m", true)]
    #[case("1", "2", false)]
    #[case("1M", "1Mi", false)]
    #[case("one", "one", true)]
    #[case("one", "1", false)]
    #[case(".", "0", false)]
    fn amounts(#[case] a: &str, #[case] b: &str, #[case] expected: bool) {
        assert_eq!(same(&a.into(), &b.into()), expected);
    }

    #[test]
    fn amounts_have_an_order() {
        assert!(is_less(&"1Gi".into(), &"2G".into()));
        assert!(!is_less(&"1Gi".into(), &"1024Mi".into()));
        assert!(!is_less(&"one".into(), &"2".into()));
    }

    #[test]
    fn numbers_are_quantities_too() {
        assert!(same(&2.into(), &"2".into()));
    }
}
