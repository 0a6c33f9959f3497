//! JSON into a message, as `golang/protobuf/jsonpb` decodes it (`decode.go` `unmarshalMessage`,
//! `unmarshalValue`, `unmarshalSingularValue`):
//!
//! 1. A field is known by its proto name and its JSON name; with both, the JSON name wins and the other
//!    one is not even looked at.
//! 2. `null` is an absent field. In a list or a map it is the type's zero.
//! 3. Unknown fields are passed over: Istio tries again without them (`ApplyJSON`).
//! 4. An enum is a name or any number; integers may stand in quotes, truth values may not, and text may
//!    not be a number.
//! 5. Everything else refuses the document.

use serde_json::{Map, Number, Value};

use super::{
    message::{FieldType, MessageType, json_name},
    refused::Refused,
    yaml::yaml_to_json,
};
use crate::objects::fields::shown;

/// The known fields of a text, by their JSON names; enums by name, where their number has one.
pub(crate) fn decode_yaml(message: MessageType, text: &str) -> Result<Map<String, Value>, Refused> {
    let value = yaml_to_json(text).map_err(Refused::NotYaml)?;
    decode(message, &value)
}

/// The same for what is JSON already.
pub(crate) fn decode(message: MessageType, value: &Value) -> Result<Map<String, Value>, Refused> {
    if value.is_null() {
        return Ok(Map::new());
    }
    fields(message, value, &mut Place::default())
}

/// Where in a document a value stands.
#[derive(Default)]
struct Place(Vec<String>);

impl Place {
    fn refuse(&self, value: &Value, expected: &'static str) -> Refused {
        let mut field = String::new();
        for part in &self.0 {
            if !field.is_empty() && !part.starts_with('[') {
                field.push('.');
            }
            field.push_str(part);
        }
        Refused::Field {
            field,
            value: shown(Some(value)),
            expected,
        }
    }

    fn inside<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.0.push(name.to_owned());
        let result = read(self);
        self.0.pop();
        result
    }
}

fn fields(
    message: MessageType,
    value: &Value,
    place: &mut Place,
) -> Result<Map<String, Value>, Refused> {
    let Value::Object(given) = value else {
        return Err(place.refuse(value, "fields, as `name: value`"));
    };
    let mut known = Map::new();
    for (field_type, names) in message {
        for proto in *names {
            let name = json_name(proto);
            let by_json = given.get_key_value(&name);
            let Some((written, value)) = by_json.or_else(|| given.get_key_value(*proto)) else {
                continue;
            };
            if value.is_null() && !matches!(field_type, FieldType::Any) {
                continue;
            }
            let value = place.inside(written, |place| read(*field_type, value, place))?;
            known.insert(name, value);
        }
    }
    Ok(known)
}

fn read(field_type: FieldType, value: &Value, place: &mut Place) -> Result<Value, Refused> {
    match field_type {
        FieldType::Many(of) => {
            let Value::Array(items) = value else {
                return Err(place.refuse(value, "a list"));
            };
            let items = items.iter().enumerate();
            let items = items.map(|(at, item)| {
                place.inside(&format!("[{at}]"), |place| read_or_zero(*of, item, place))
            });
            Ok(Value::Array(items.collect::<Result<_, _>>()?))
        }
        FieldType::Map(of) => {
            let Value::Object(entries) = value else {
                return Err(place.refuse(value, "fields, as `name: value`"));
            };
            let entries = entries.iter().map(|(name, value)| {
                let value = place.inside(name, |place| read_or_zero(*of, value, place))?;
                Ok((name.clone(), value))
            });
            Ok(Value::Object(entries.collect::<Result<_, _>>()?))
        }
        FieldType::Fields(message) => fields(message, value, place).map(Value::Object),
        FieldType::Bool
        | FieldType::Int32
        | FieldType::Uint32
        | FieldType::Int64
        | FieldType::Double
        | FieldType::Text
        | FieldType::Duration
        | FieldType::Struct
        | FieldType::Any
        | FieldType::Words(_) => scalar(field_type, value, place),
    }
}

/// An element of a list or a map.
fn read_or_zero(of: FieldType, value: &Value, place: &mut Place) -> Result<Value, Refused> {
    if !value.is_null() {
        return read(of, value, place);
    }
    match of {
        FieldType::Fields(_) => Ok(Value::Object(Map::new())),
        FieldType::Text => Ok(Value::String(String::new())),
        FieldType::Bool => Ok(Value::Bool(false)),
        FieldType::Int32 | FieldType::Uint32 | FieldType::Int64 | FieldType::Double => {
            Ok(Value::Number(0.into()))
        }
        FieldType::Words(words) => Ok(word_of(words, 0)),
        FieldType::Any | FieldType::Struct => Ok(Value::Null),
        FieldType::Duration => Err(place.refuse(value, DURATION)),
        FieldType::Many(_) | FieldType::Map(_) => read(of, value, place),
    }
}

const DURATION: &str = "a duration in quotes, such as \"10s\"";

fn scalar(field_type: FieldType, value: &Value, place: &Place) -> Result<Value, Refused> {
    let (right, expected) = match field_type {
        FieldType::Bool => (value.is_boolean(), "true or false without quotes"),
        FieldType::Text => (
            value.is_string(),
            "text: numbers and yes, no, on, off, true, false need quotes",
        ),
        FieldType::Struct => (value.is_object(), "fields, as `name: value`"),
        FieldType::Duration => (value.as_str().is_some_and(is_duration), DURATION),
        FieldType::Int32 => return whole(value, i32::MIN.into(), i32::MAX.into(), place),
        FieldType::Uint32 => return whole(value, 0, u32::MAX.into(), place),
        FieldType::Int64 => return whole(value, i64::MIN, i64::MAX, place),
        FieldType::Words(words) => return word(words, value, place),
        FieldType::Double => (is_double(value), "a number"),
        FieldType::Any | FieldType::Fields(_) | FieldType::Many(_) | FieldType::Map(_) => {
            (true, "")
        }
    };
    if right {
        Ok(value.clone())
    } else {
        Err(place.refuse(value, expected))
    }
}

/// A whole number, in quotes or not.
fn whole(value: &Value, least: i64, most: i64, place: &Place) -> Result<Value, Refused> {
    let number = match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok().filter(|_| !text.starts_with('+')),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    match number.filter(|number| (least..=most).contains(number)) {
        Some(number) => Ok(Value::Number(number.into())),
        None => Err(place.refuse(value, "a whole number that fits there")),
    }
}

fn is_double(value: &Value) -> bool {
    match value {
        Value::Number(_) => true,
        Value::String(text) => {
            let named = ["NaN", "Infinity", "-Infinity"].contains(&text.as_str());
            named || serde_json::from_str::<Number>(text).is_ok()
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

/// A name of an enum exactly, or any number.
fn word(words: &[(&str, i32)], value: &Value, place: &Place) -> Result<Value, Refused> {
    let known = value
        .as_str()
        .is_some_and(|name| words.iter().any(|(known, _)| *known == name));
    if known {
        return Ok(value.clone());
    }
    let number = value
        .as_i64()
        .filter(|number| i32::try_from(*number).is_ok());
    match number {
        Some(number) => Ok(word_of(words, number)),
        None => Err(place.refuse(value, "one of the words that Istio knows for it")),
    }
}

/// The name of a number, or the number.
fn word_of(words: &[(&str, i32)], number: i64) -> Value {
    let found = words.iter().find(|(_, known)| i64::from(*known) == number);
    Value::String(found.map_or_else(|| number.to_string(), |(name, _)| (*name).to_owned()))
}

/// Whether Go reads it as a duration (`time.ParseDuration`): `10s`, `1m30s`, `0`.
fn is_duration(text: &str) -> bool {
    let mut rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    if rest == "0" {
        return true;
    }
    while !rest.is_empty() {
        let after = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let number = &rest[..rest.len() - after.len()];
        let digits = number.bytes().any(|byte| byte.is_ascii_digit());
        if !digits || number.matches('.').count() > 1 {
            return false;
        }
        let unit = after.find(|c: char| c.is_ascii_digit() || c == '.');
        let unit = unit.map_or(after, |end| &after[..end]);
        if !["ns", "us", "µs", "μs", "ms", "s", "m", "h"].contains(&unit) {
            return false;
        }
        rest = &after[unit.len()..];
    }
    !text.is_empty() && text != "+" && text != "-"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::message::messages, *};

    messages! {
        INNER { FieldType::Text => "some_text"; FieldType::Int32 => "number"; }
        OUTER {
            FieldType::Bool => "on_or_off";
            FieldType::Double => "share";
            FieldType::Duration => "how_long";
            FieldType::Words(&[("ZERO", 0), ("ONE", 1)]) => "word";
            FieldType::Fields(INNER) => "inner";
            FieldType::Many(&FieldType::Fields(INNER)) => "inners";
            FieldType::TEXT_MAP => "texts";
            FieldType::Struct => "free";
            FieldType::Any => "any";
        }
    }

    fn read(text: &str) -> Result<Value, Refused> {
        decode_yaml(OUTER, text).map(Value::Object)
    }

    #[test]
    fn what_the_decoder_takes() {
        let cases = [
            ("", json!({})),
            ("on_or_off: yes", json!({"onOrOff": true})),
            ("onOrOff: false\non_or_off: text", json!({"onOrOff": false})),
            ("inner: null\ninners:", json!({})),
            ("inner: {}", json!({"inner": {}})),
            (
                "inner: {some_text: 'no', Number: x}",
                json!({"inner": {"someText": "no"}}),
            ),
            ("inner: {number: '15'}", json!({"inner": {"number": 15}})),
            (
                "inners: [null, {number: 1.0}]",
                json!({"inners": [{}, {"number": 1}]}),
            ),
            ("word: 1", json!({"word": "ONE"})),
            ("word: 7", json!({"word": "7"})),
            (
                "howLong: 1m30s\nshare: '0.5'",
                json!({"howLong": "1m30s", "share": "0.5"}),
            ),
            (
                "texts: {a: '1', b: null}",
                json!({"texts": {"a": "1", "b": ""}}),
            ),
            ("unknown: {a: [1]}", json!({})),
            (
                "free: {a: 1}\nany: [1]",
                json!({"free": {"a": 1}, "any": [1]}),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_it_refuses_and_where() {
        let cases = [
            ("onOrOff: 'true'", "onOrOff", "\"true\""),
            ("onOrOff: 1", "onOrOff", "1"),
            ("inner: {someText: yes}", "inner.someText", "true"),
            ("inner: [1]", "inner", "[1]"),
            ("inner: {number: 1.5}", "inner.number", "1.5"),
            ("inner: {number: 3000000000}", "inner.number", "3000000000"),
            ("inners: {number: 1}", "inners", "{\"number\":1}"),
            ("inners: [{}, {number: x}]", "inners[1].number", "\"x\""),
            ("word: one", "word", "\"one\""),
            ("word: true", "word", "true"),
            ("howLong: 10", "howLong", "10"),
            ("howLong: 10 s", "howLong", "\"10 s\""),
            ("texts: {a: 5}", "texts.a", "5"),
            ("texts: [a]", "texts", "[\"a\"]"),
            ("free: text", "free", "\"text\""),
            ("[a]", "", "[\"a\"]"),
        ];
        for (text, field, value) in cases {
            let refused = read(text).unwrap_err();
            assert_eq!((refused.field(), refused.value()), (field, value), "{text}");
            assert!(!refused.fix().is_empty());
        }
        let refused = read("inner: {a").unwrap_err();
        assert!(refused.to_string().contains("not YAML"), "{refused}");
    }

    #[test]
    fn durations_are_those_of_go() {
        for text in ["0", "10s", "1h30m", "1.5s", ".5s", "-1ms", "300µs"] {
            assert!(is_duration(text), "{text}");
        }
        for text in ["", "10", "s", "1d", "1s ", "+", "1..5s", "."] {
            assert!(!is_duration(text), "{text}");
        }
    }
}
