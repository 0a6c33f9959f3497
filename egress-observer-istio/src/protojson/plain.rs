//! Words without quotes, as YAML 1.1 reads them (`goyaml.v2/resolve.go` in `sigs.k8s.io/yaml`).

use serde_json::{Number, Value};

/// What a plain scalar is: `yes` and `on` are truth values, `010` is eight, `1.0` is one.
pub(super) fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Value::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        _ => {}
    }
    let number = match text.as_bytes().first() {
        Some(b'0'..=b'9' | b'+' | b'-') => {
            let bare = text.replace('_', "");
            integer(&bare).or_else(|| float(&bare))
        }
        Some(b'.') => float(text),
        Some(_) | None => None,
    };
    number.map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

/// As Go reads an integer whose base its beginning tells (`strconv.ParseInt` with base 0).
fn integer(text: &str) -> Option<Number> {
    let (negative, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) => (text.starts_with('-'), digits),
        None => (false, text),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let lower = digits.to_ascii_lowercase();
    let (digits, radix) = if let Some(digits) = lower.strip_prefix("0x") {
        (digits, 16)
    } else if let Some(digits) = lower.strip_prefix("0b") {
        (digits, 2)
    } else if let Some(digits) = lower.strip_prefix("0o") {
        (digits, 8)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (&lower[1..], 8)
    } else {
        (lower.as_str(), 10)
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let size = u64::from_str_radix(digits, radix).ok()?;
    if !negative {
        return Some(size.into());
    }
    let signed = 0_i64.checked_sub_unsigned(size)?;
    Some(signed.into())
}

/// A decimal fraction; one that is whole is written without its point, as Go's `encoding/json` has it.
fn float(text: &str) -> Option<Number> {
    if !text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte))
    {
        return None;
    }
    let number: f64 = text.parse().ok()?;
    let whole = format!("{number:.0}");
    if number.fract() == 0.0 && number.abs() < 1e18 {
        return whole.parse::<i64>().ok().map(Number::from);
    }
    Number::from_f64(number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_are_read_as_yaml_1_1_has_them() {
        let cases = [
            ("yes", json!(true)),
            ("On", json!(true)),
            ("n", json!(false)),
            ("oN", json!("oN")),
            ("~", Value::Null),
            ("12", json!(12)),
            ("+12", json!(12)),
            ("010", json!(8)),
            ("08", json!(8)),
            ("0x1F", json!(31)),
            ("-0b11", json!(-3)),
            ("1_000", json!(1000)),
            ("1.0", json!(1)),
            ("1e3", json!(1000)),
            (".5", json!(0.5)),
            ("-1.5", json!(-1.5)),
            ("1.2.3", json!("1.2.3")),
            ("10s", json!("10s")),
            ("1:30", json!("1:30")),
            ("2001-01-01", json!("2001-01-01")),
            ("-", json!("-")),
            ("--1", json!("--1")),
            ("0x-1", json!("0x-1")),
            ("18446744073709551615", json!(u64::MAX)),
            ("-9223372036854775808", json!(i64::MIN)),
        ];
        for (text, expected) in cases {
            assert_eq!(plain(text), expected, "{text}");
        }
    }
}
