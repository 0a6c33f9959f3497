//! YAML as JSON, the way `sigs.k8s.io/yaml` makes it (`YAMLToJSON`): of several documents the first,
//! of a field that stands there twice the last, words without quotes as YAML 1.1 has them.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, StrInput, Tag};
use serde_json::{Map, Value};
use thiserror::Error;

use super::plain::plain;
use crate::yaml_fault::YamlFault;

/// Deeper than this nobody nests, and no stack overflows.
const MAX_DEPTH: usize = 200;
/// So many values may a text have, those that aliases repeat included: a ConfigMap has at most 1 MiB.
const MAX_NODES: usize = 1_000_000;

/// Why a text is not YAML.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum YamlError {
    /// By its form.
    #[error("line {line}, column {column}: {fault}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// What is wrong there.
        fault: YamlFault,
    },
    /// A field's name is a list or has fields.
    #[error("line {0}: the name of a field is neither text nor a number")]
    Key(usize),
    /// Beyond what is read.
    #[error("too deeply nested, or too large")]
    TooLarge,
}

impl From<ScanError> for YamlError {
    fn from(error: ScanError) -> Self {
        let at = error.marker();
        Self::Syntax {
            line: at.line(),
            column: at.col() + 1,
            // The line itself tells nothing that matters here: no field is refused for standing twice.
            fault: YamlFault::of(&error.info(), ""),
        }
    }
}

/// The JSON that a text stands for; an empty one is `null`.
pub(crate) fn yaml_to_json(text: &str) -> Result<Value, YamlError> {
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        anchors: HashMap::new(),
        n_nodes: 0,
        line: 1,
    };
    loop {
        match reader.next()? {
            Some(Event::StreamEnd | Event::DocumentEnd) | None => return Ok(Value::Null),
            Some(event) if is_node(&event) => return reader.node(event, 0),
            Some(_) => {}
        }
    }
}

fn is_node(event: &Event<'_>) -> bool {
    matches!(
        event,
        Event::Scalar(..) | Event::SequenceStart(..) | Event::MappingStart(..) | Event::Alias(_)
    )
}

struct Reader<'t> {
    parser: Parser<'t, StrInput<'t>>,
    anchors: HashMap<usize, Value>,
    n_nodes: usize,
    line: usize,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<Option<Event<'t>>, YamlError> {
        let Some(next) = self.parser.next() else {
            return Ok(None);
        };
        let (event, span) = next?;
        self.line = span.start.line();
        Ok(Some(event))
    }

    /// The next value of a list or map, unless it ends.
    fn item(&mut self) -> Result<Option<Event<'t>>, YamlError> {
        loop {
            match self.next()? {
                Some(event) if is_node(&event) => return Ok(Some(event)),
                Some(Event::SequenceEnd | Event::MappingEnd | Event::StreamEnd) | None => {
                    return Ok(None);
                }
                Some(_) => {}
            }
        }
    }

    fn count(&mut self, n: usize, depth: usize) -> Result<(), YamlError> {
        self.n_nodes += n;
        if self.n_nodes > MAX_NODES || depth > MAX_DEPTH {
            return Err(YamlError::TooLarge);
        }
        Ok(())
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "what is no node is not asked for, and there may be more of it one day"
    )]
    fn node(&mut self, event: Event<'t>, depth: usize) -> Result<Value, YamlError> {
        self.count(1, depth)?;
        let (anchor, value) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                (anchor, scalar(&text, style, tag.as_deref()))
            }
            Event::SequenceStart(_, anchor, _) => {
                let mut items = Vec::new();
                while let Some(item) = self.item()? {
                    items.push(self.node(item, depth + 1)?);
                }
                (anchor, Value::Array(items))
            }
            Event::MappingStart(_, anchor, _) => (anchor, Value::Object(self.fields(depth)?)),
            Event::Alias(anchor) => {
                let value = self.anchors.get(&anchor).cloned().unwrap_or_default();
                self.count(size(&value), depth)?;
                (0, value)
            }
            _ => (0, Value::Null),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    fn fields(&mut self, depth: usize) -> Result<Map<String, Value>, YamlError> {
        let mut fields = Map::new();
        while let Some(name) = self.item()? {
            let line = self.line;
            let is_merge =
                matches!(&name, Event::Scalar(text, ScalarStyle::Plain, ..) if text == "<<");
            let name = key(self.node(name, depth + 1)?).ok_or(YamlError::Key(line))?;
            let Some(value) = self.item()? else { break };
            let value = self.node(value, depth + 1)?;
            if is_merge {
                merge(&mut fields, value);
            } else {
                fields.insert(name, value);
            }
        }
        Ok(fields)
    }
}

/// `<<` takes in the fields of a map, or of each of a list of maps, of which the first wins.
fn merge(fields: &mut Map<String, Value>, value: Value) {
    match value {
        Value::Object(others) => fields.extend(others),
        Value::Array(maps) => {
            for map in maps.into_iter().rev() {
                merge(fields, map);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A field's name: also a number or a truth value, as text.
fn key(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Bool(switch) => Some(switch.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    let is_text = match tag.and_then(Tag::core_suffix) {
        Some(tag) => tag == "str",
        None => style != ScalarStyle::Plain,
    };
    if is_text {
        Value::String(text.to_owned())
    } else {
        plain(text)
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Object(fields) => 1 + fields.values().map(size).sum::<usize>(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn yaml_becomes_json_as_kubernetes_has_it() {
        let cases = [
            ("", Value::Null),
            ("# nothing\n", Value::Null),
            (
                "a: yes\nb: 'yes'\nc: \"on\"",
                json!({"a": true, "b": "yes", "c": "on"}),
            ),
            ("a:\nb: ~", json!({"a": null, "b": null})),
            ("a: 1\na: 2", json!({"a": 2})),
            ("yes: 1\n15: 2", json!({"true": 1, "15": 2})),
            ("a: !!str 5\nb: |\n  on\n", json!({"a": "5", "b": "on\n"})),
            ("a: 1\n---\nb: [", json!({"a": 1})),
            (
                "{\"a\": [1, {\"b\": null}]}",
                json!({"a": [1, {"b": null}]}),
            ),
            ("a: &x {b: 1}\nc: *x", json!({"a": {"b": 1}, "c": {"b": 1}})),
            (
                "a: &x {b: 1, d: 2}\nc: {<<: *x, b: 3}",
                json!({"a": {"b": 1, "d": 2}, "c": {"b": 3, "d": 2}}),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(yaml_to_json(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_yaml_says_where() {
        let error = yaml_to_json("a:\n  b: {c: 1\n").unwrap_err();
        assert!(matches!(error, YamlError::Syntax { .. }), "{error}");
        assert_eq!(yaml_to_json("a: 1\n? [b]\n: 1\n"), Err(YamlError::Key(2)));
    }

    #[test]
    fn aliases_do_not_multiply_without_end() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..10 {
            let before = format!("*a{}", n - 1);
            let list = [before.as_str(); 10].join(", ");
            text.push_str(&format!("a{n}: &a{n} [{list}]\n"));
        }
        assert_eq!(yaml_to_json(&text), Err(YamlError::TooLarge));
        let deep = "[".repeat(10_000);
        assert!(yaml_to_json(&deep).is_err());
    }

    proptest! {
        #[test]
        fn json_is_yaml(text in "[a-z0-9 .:_-]{0,12}", number in any::<i64>()) {
            let value = json!({"text": text, "list": [number, null, true]});
            prop_assert_eq!(yaml_to_json(&value.to_string()), Ok(value));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,60}") {
            drop(yaml_to_json(&text));
        }
    }
}
