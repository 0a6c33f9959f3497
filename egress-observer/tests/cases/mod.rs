//! Folders of cases: what is expected of an answer is a part of it.

use std::{fs, path::Path};

use serde::Deserialize;
use serde_json::Value;

/// A YAML file of a case.
pub(crate) fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> T {
    let text = fs::read_to_string(path).expect("a file of the case");
    serde_saphyr::from_str(&text).expect("YAML of the right shape")
}

/// Where an answer is not as expected.
pub(crate) fn differences(place: &str, expected: &Value, found: &Value, out: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            for (name, expected) in expected {
                let place = format!("{place}.{name}");
                match found.get(name) {
                    Some(found) => differences(&place, expected, found, out),
                    None => out.push(format!("{place} is absent")),
                }
            }
        }
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
            for (index, (expected, found)) in expected.iter().zip(found).enumerate() {
                differences(&format!("{place}[{index}]"), expected, found, out);
            }
        }
        _ if expected == found => {}
        _ => out.push(format!("{place} is {found}, expected {expected}")),
    }
}
