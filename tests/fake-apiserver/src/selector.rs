//! Label and field selectors, in the text that requests carry.

use serde_json::Value;

use super::{object::Object, resources::Resource};

/// What a list or watch asks for. Empty selectors take everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Selectors {
    pub(super) namespace: Option<String>,
    labels: Vec<Requirement>,
    fields: Vec<Requirement>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    want: Want,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Want {
    Present,
    Absent,
    In(Vec<String>),
    /// Also when there is no such label.
    NotIn(Vec<String>),
}

impl Selectors {
    /// The error is the message of a 400.
    pub(super) fn parse(
        resource: &Resource,
        namespace: Option<String>,
        labels: &str,
        fields: &str,
    ) -> Result<Self, String> {
        let labels: Result<Vec<_>, _> = terms(labels).into_iter().map(label_term).collect();
        let fields: Result<Vec<_>, _> = terms(fields).into_iter().map(field_term).collect();
        let fields = fields?;
        for field in &fields {
            check_field(resource, &field.key)?;
        }
        Ok(Self {
            namespace,
            labels: labels?,
            fields,
        })
    }

    /// Whether there is a selector at all, the namespace apart.
    pub(super) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// The one name that is asked for: the API server then treats it as a request for this
    /// object when it asks what is allowed.
    pub(super) fn only_name(&self) -> Option<&str> {
        self.fields.iter().find_map(|field| match &field.want {
            Want::In(names) if field.key == "metadata.name" => names.first().map(String::as_str),
            Want::In(_) | Want::NotIn(_) | Want::Present | Want::Absent => None,
        })
    }

    pub(super) fn accept(&self, object: &Object) -> bool {
        self.accept_fields(&object.selected)
    }

    fn accept_fields(&self, object: &Value) -> bool {
        let metadata = &object["metadata"];
        let namespace = self.namespace.as_deref();
        namespace.is_none_or(|namespace| metadata["namespace"] == namespace)
            && self.labels.iter().all(|label| {
                let value = metadata["labels"].get(&label.key).and_then(Value::as_str);
                label.want.accepts(value)
            })
            && self.fields.iter().all(|field| {
                let value = field
                    .key
                    .split('.')
                    .try_fold(object, |at, part| at.get(part));
                // A field that is not set is an empty one.
                let value = value.and_then(Value::as_str).unwrap_or_default();
                field.want.accepts(Some(value))
            })
    }
}

impl Want {
    fn accepts(&self, value: Option<&str>) -> bool {
        match self {
            Self::Present => value.is_some(),
            Self::Absent => value.is_none(),
            Self::In(values) => values.iter().any(|it| Some(it.as_str()) == value),
            Self::NotIn(values) => values.iter().all(|it| Some(it.as_str()) != value),
        }
    }
}

/// Splits at commas that are not in parentheses.
fn terms(text: &str) -> Vec<&str> {
    let mut depth = 0_u32;
    let split = text.split(move |letter| {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        letter == ',' && depth == 0
    });
    let split = split.map(str::trim);
    split.filter(|term| !term.is_empty()).collect()
}

fn label_term(term: &str) -> Result<Requirement, String> {
    if let Ok(requirement) = field_term(term) {
        return Ok(requirement);
    }
    if let Some((head, values)) = term.strip_suffix(')').and_then(|it| it.split_once('(')) {
        let values = values.split(',').map(|it| it.trim().to_owned()).collect();
        let words: Vec<&str> = head.split_whitespace().collect();
        return match words[..] {
            [key, "in"] => Ok(requirement(key, Want::In(values))),
            [key, "notin"] => Ok(requirement(key, Want::NotIn(values))),
            _ => Err(format!("unable to parse requirement: `{term}`")),
        };
    }
    let (key, want) = match term.strip_prefix('!') {
        Some(key) => (key.trim(), Want::Absent),
        None => (term, Want::Present),
    };
    if key.is_empty() || key.contains([' ', '!', '(', ')', '=']) {
        return Err(format!("unable to parse requirement: `{term}`"));
    }
    Ok(requirement(key, want))
}

fn field_term(term: &str) -> Result<Requirement, String> {
    let (key, value, want): (_, _, fn(Vec<String>) -> Want) =
        if let Some((key, value)) = term.split_once("!=") {
            (key, value, Want::NotIn)
        } else if let Some((key, value)) = term.split_once("==") {
            (key, value, Want::In)
        } else if let Some((key, value)) = term.split_once('=') {
            (key, value, Want::In)
        } else {
            return Err(format!(
                "invalid selector: '{term}'; can't understand '{term}'"
            ));
        };
    Ok(requirement(key.trim(), want(vec![value.trim().to_owned()])))
}

fn requirement(key: &str, want: Want) -> Requirement {
    Requirement {
        key: key.to_owned(),
        want,
    }
}

/// Few fields can be selected by; the messages are those of the code that answers.
fn check_field(resource: &Resource, field: &str) -> Result<(), String> {
    let special: &[&str] = match resource.id {
        "pods" => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.phase",
            "status.podIP",
        ],
        "namespaces" => &["status.phase"],
        "secrets" => &["type"],
        "nodes" => &["spec.unschedulable"],
        _ => &[],
    };
    if ["metadata.name", "metadata.namespace"].contains(&field) || special.contains(&field) {
        return Ok(());
    }
    Err(if resource.builtin && special.is_empty() {
        format!(
            "{field:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
        )
    } else {
        format!("field label not supported: {field}")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resources::by_id;

    fn pod() -> Value {
        json!({
            "metadata": {"name": "p", "namespace": "shop", "labels": {"app": "web", "tier": "1"}},
            "spec": {"nodeName": "n1"},
        })
    }

    fn selects(labels: &str, fields: &str) -> bool {
        let pods = by_id("pods").unwrap();
        let selectors = Selectors::parse(pods, None, labels, fields);
        selectors.unwrap().accept_fields(&pod())
    }

    #[test]
    fn labels_are_selected_by_value_set_and_presence() {
        for (selector, expected) in [
            ("", true),
            ("app=web", true),
            ("app==web,tier=1", true),
            ("app=web,tier=2", false),
            ("app!=web", false),
            ("other!=web", true),
            ("app in (api, web),tier", true),
            ("app in (api)", false),
            ("app notin (api),tier notin (1)", false),
            ("other notin (1)", true),
            ("other", false),
            ("!other", true),
            ("!app", false),
        ] {
            assert_eq!(selects(selector, ""), expected, "{selector}");
        }
    }

    #[test]
    fn fields_are_selected_by_value() {
        for (selector, expected) in [
            ("spec.nodeName=n1", true),
            ("spec.nodeName=n2", false),
            ("spec.nodeName!=n2,metadata.namespace==shop", true),
            ("status.phase!=Failed", true),
            ("status.phase=", true),
            ("metadata.name=q", false),
        ] {
            assert_eq!(selects("", selector), expected, "{selector}");
        }
    }

    #[test]
    fn what_cannot_be_selected_by_is_refused() {
        let parse = |id: &str, labels: &str, fields: &str| {
            let resource = by_id(id).unwrap();
            Selectors::parse(resource, None, labels, fields).unwrap_err()
        };
        assert_eq!(
            parse("pods", "", "spec.hostname=a"),
            "field label not supported: spec.hostname"
        );
        assert_eq!(
            parse("configmaps", "", "data.x=a"),
            "\"data.x\" is not a known field selector: only \"metadata.name\", \
             \"metadata.namespace\""
        );
        assert!(parse("pods", "a b", "").contains("unable to parse"));
        assert!(parse("pods", "", "spec.nodeName").contains("invalid selector"));
    }

    #[test]
    fn a_selector_by_name_names_one_object() {
        let pods = by_id("pods").unwrap();
        let name = |fields: &str| {
            let selectors = Selectors::parse(pods, None, "", fields).unwrap();
            selectors.only_name().map(str::to_owned)
        };
        assert_eq!(name("metadata.name=a").as_deref(), Some("a"));
        assert_eq!(name("metadata.name!=a"), None);
        assert_eq!(name("spec.nodeName=a"), None);
    }
}
