//! How objects look in answers: whole or metadata only, alone, in a list or in a watch event.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::{
    object::Object,
    request::Form,
    resources::Resource,
    status::{Body, Failure},
};

/// The annotation of the bookmark that ends the initial events.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// One resource in one version and one form.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) resource: &'static Resource,
    pub(super) version: String,
    pub(super) form: Form,
}

/// The metadata of a list.
#[derive(Clone, Debug, Default)]
pub(super) struct Page {
    pub(super) version: u64,
    pub(super) token: Option<String>,
    pub(super) remaining: Option<usize>,
}

impl View {
    /// An object with its kind and version.
    pub(super) fn object(&self, object: &Object) -> String {
        let (kind, api_version) = self.kind();
        let metadata_only;
        let text = match self.form {
            Form::Whole => object.text(),
            Form::Metadata => {
                metadata_only = json!({"metadata": object.value()["metadata"]}).to_string();
                &metadata_only
            }
        };
        // Into the mapping that it is.
        let fields = text.strip_prefix('{').unwrap_or(text);
        format!("{{\"apiVersion\":\"{api_version}\",\"kind\":\"{kind}\",{fields}")
    }

    pub(super) fn list<'a>(
        &self,
        objects: impl Iterator<Item = &'a Object>,
        page: &Page,
    ) -> String {
        let (kind, api_version) = self.kind();
        let mut metadata = json!({"resourceVersion": page.version.to_string()});
        if let Some(token) = &page.token {
            metadata["continue"] = json!(token);
        } else if self.form == Form::Whole && !self.resource.builtin {
            metadata["continue"] = json!("");
        }
        if let Some(remaining) = page.remaining {
            metadata["remainingItemCount"] = json!(remaining);
        }
        let items: Vec<Cow<'_, str>> = objects.map(|object| self.item(object)).collect();
        format!(
            "{{\"kind\":\"{kind}List\",\"apiVersion\":\"{api_version}\",\"metadata\":{metadata},\
             \"items\":[{}]}}",
            items.join(",")
        )
    }

    /// In lists of Kubernetes' own resources the items carry no kind: the list says it.
    fn item<'a>(&self, object: &'a Object) -> Cow<'a, str> {
        if self.form == Form::Whole && self.resource.builtin {
            Cow::Borrowed(object.text())
        } else {
            Cow::Owned(self.object(object))
        }
    }

    /// One line of a watch.
    pub(super) fn event(&self, kind: &str, object: &Object) -> String {
        line(kind, &self.object(object))
    }

    /// A line that says that an object is gone, as it was before, at the version of its going.
    pub(super) fn gone(&self, before: &Object, version: u64) -> String {
        let mut last = before.value();
        last["metadata"]["resourceVersion"] = json!(version.to_string());
        self.event("DELETED", &Object::new(&last))
    }

    pub(super) fn bookmark(&self, version: u64, ends_initial_events: bool) -> String {
        let mut object = json!({"metadata": {"resourceVersion": version.to_string()}});
        if ends_initial_events {
            object["metadata"]["annotations"] = json!({INITIAL_EVENTS_END: "true"});
        }
        // A bookmark is an empty object: in these types there are fields that are never left out.
        let (spec, status) = match (self.form, self.resource.id) {
            (Form::Whole, "pods") => (json!({"containers": null}), json!({})),
            (Form::Whole, "namespaces" | "nodes") => (json!({}), json!({})),
            _ => (Value::Null, Value::Null),
        };
        for (field, value) in [("spec", spec), ("status", status)] {
            if !value.is_null() {
                object[field] = value;
            }
        }
        line("BOOKMARK", &self.object(&Object::new(&object)))
    }

    /// The event that tells a watch that it failed.
    pub(super) fn error(failure: &Failure) -> String {
        match &failure.body {
            Body::Status(status) => line("ERROR", &status.to_string()),
            Body::Plain(text) => {
                let status = json!({"kind": "Status", "message": text});
                line("ERROR", &status.to_string())
            }
        }
    }

    fn kind(&self) -> (&'static str, String) {
        match self.form {
            Form::Whole => (self.resource.kind, self.resource.api_version(&self.version)),
            Form::Metadata => ("PartialObjectMetadata", "meta.k8s.io/v1".to_owned()),
        }
    }
}

fn line(kind: &str, object: &str) -> String {
    format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n")
}
