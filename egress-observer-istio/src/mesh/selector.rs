//! Selectors of labels.

use std::collections::BTreeMap;

use serde::Deserialize;

/// `LabelSelector` is Kubernetes'.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    match_labels: BTreeMap<String, String>,
    match_expressions: Vec<Requirement>,
}

/// An element of `matchExpressions`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Requirement {
    key: String,
    operator: String,
    values: Vec<String>,
}

impl LabelSelector {
    /// Whether it asks for nothing.
    pub fn is_empty(&self) -> bool {
        self.match_labels.is_empty() && self.match_expressions.is_empty()
    }

    /// The labels that it asks about.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let equal = self.match_labels.keys().map(String::as_str);
        equal.chain(self.match_expressions.iter().map(|it| it.key.as_str()))
    }

    /// Whether it selects these labels. One that is empty selects nothing here, as in the injector
    /// (`pkg/kube/inject/inject.go`).
    pub fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        if self.is_empty() {
            return false;
        }
        let mut equal = self.match_labels.iter();
        let mut hold = self.match_expressions.iter();
        equal.all(|(key, value)| labels.get(key) == Some(value))
            && hold.all(|requirement| requirement.holds(labels))
    }
}

impl Requirement {
    fn holds(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.key);
        let among = value.is_some_and(|value| self.values.contains(value));
        match self.operator.as_str() {
            "In" => among,
            "NotIn" => !among,
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selectors_select_by_labels_and_expressions() {
        let selector = |value| serde_json::from_value::<LabelSelector>(value).unwrap();
        let labels = BTreeMap::from([("app".to_owned(), "a".to_owned())]);
        assert!(selector(json!({"matchLabels": {"app": "a"}})).selects(&labels));
        assert!(!selector(json!({})).selects(&labels));
        let expression = |operator: &str, values: &[&str]| {
            let requirement = json!({"key": "app", "operator": operator, "values": values});
            selector(json!({"matchExpressions": [requirement]})).selects(&labels)
        };
        assert!(expression("In", &["a", "b"]));
        assert!(!expression("NotIn", &["a", "b"]));
        assert!(expression("Exists", &[]));
        assert!(!expression("DoesNotExist", &[]));
    }
}
