//! How objects look in answers: whole or metadata only, alone, in a list or in a watch event.

use serde_json::{Value, json};

use super::request::Form;
use super::resources::Resource;
use super::status::{Body, Failure};

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
    pub(super) fn object(&self, object: &Value) -> Value {
        let (kind, api_version) = self.kind();
        let mut shown = match self.form {
            Form::Whole => object.clone(),
            Form::Metadata => json!({"metadata": object["metadata"]}),
        };
        shown["kind"] = json!(kind);
        shown["apiVersion"] = json!(api_version);
        shown
    }

    pub(super) fn list<'a>(&self, objects: impl Iterator<Item = &'a Value>, page: &Page) -> Value {
        let (kind, api_version) = self.kind();
        let mut metadata = json!({"resourceVersion": page.version.to_string()});
        if let Some(token) = &page.token {
            metadata["continue"] = json!(token);
        } else if self.is_custom() {
            metadata["continue"] = json!("");
        }
        if let Some(remaining) = page.remaining {
            metadata["remainingItemCount"] = json!(remaining);
        }
        let items: Vec<Value> = objects.map(|object| self.item(object)).collect();
        json!({
            "kind": format!("{kind}List"), "apiVersion": api_version,
            "metadata": metadata, "items": items,
        })
    }

    /// In lists of Kubernetes' own resources the items carry no kind: the list says it.
    fn item(&self, object: &Value) -> Value {
        if self.form == Form::Whole && self.resource.builtin {
            object.clone()
        } else {
            self.object(object)
        }
    }

    /// One line of a watch.
    pub(super) fn event(&self, kind: &str, object: &Value) -> String {
        line(kind, &self.object(object))
    }

    pub(super) fn bookmark(&self, version: u64, ends_initial_events: bool) -> String {
        let mut object = json!({"metadata": {"resourceVersion": version.to_string()}});
        if ends_initial_events {
            object["metadata"]["annotations"] = json!({INITIAL_EVENTS_END: "true"});
        }
        // A bookmark is an empty object of Kubernetes' own types: these fields are never left out.
        match self.resource.id {
            "pods" => {
                object["spec"] = json!({"containers": null});
                object["status"] = json!({});
            }
            "namespaces" | "nodes" => {
                object["spec"] = json!({});
                object["status"] = json!({});
            }
            _ => {}
        }
        line("BOOKMARK", &self.object(&object))
    }

    /// The event that tells a watch that it failed.
    pub(super) fn error(failure: &Failure) -> String {
        match &failure.body {
            Body::Status(status) => line("ERROR", status),
            Body::Plain(text) => line("ERROR", &json!({"kind": "Status", "message": text})),
        }
    }

    fn kind(&self) -> (&'static str, String) {
        match self.form {
            Form::Whole => (self.resource.kind, self.resource.api_version(&self.version)),
            Form::Metadata => ("PartialObjectMetadata", "meta.k8s.io/v1".to_owned()),
        }
    }

    fn is_custom(&self) -> bool {
        self.form == Form::Whole && !self.resource.builtin
    }
}

fn line(kind: &str, object: &Value) -> String {
    // Written by hand, so that the type comes first as in the real ones.
    format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n")
}
