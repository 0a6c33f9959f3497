//! What the API server says instead of an answer, word for word.

use serde_json::{Value, json};

use super::resources::Resource;

/// An answer that is none.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Failure {
    pub(super) code: u16,
    pub(super) body: Body,
    pub(super) retry_after: Option<u32>,
}

/// Most are a `Status`; what answers before or after the API's own code writes plain text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Body {
    Status(Value),
    Plain(&'static str),
}

fn failure(code: u16, reason: &str, message: &str, details: Value) -> Failure {
    let mut status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    });
    if !details.is_null() {
        status["details"] = details;
    }
    Failure {
        code,
        body: Body::Status(status),
        retry_after: None,
    }
}

fn plain(code: u16, text: &'static str) -> Failure {
    Failure {
        code,
        body: Body::Plain(text),
        retry_after: None,
    }
}

pub(super) fn bad_request(message: &str) -> Failure {
    failure(400, "BadRequest", message, Value::Null)
}

pub(super) fn unauthorized() -> Failure {
    failure(401, "Unauthorized", "Unauthorized", Value::Null)
}

/// Who may not do what to what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt<'a> {
    pub(super) user: &'a str,
    pub(super) verb: &'a str,
    pub(super) group: &'a str,
    /// With its subresource, if it is about one.
    pub(super) resource: &'a str,
    pub(super) namespace: Option<&'a str>,
    pub(super) name: Option<&'a str>,
}

impl Attempt<'_> {
    /// Whether it is about that very namespace.
    pub(super) fn is_in(&self, namespace: Option<&str>) -> bool {
        namespace.is_some() && namespace == self.namespace
    }
}

pub(super) fn forbidden(attempt: Attempt<'_>) -> Failure {
    let Attempt {
        user,
        verb,
        group,
        resource,
        namespace,
        name,
    } = attempt;
    let qualified = match group {
        "" => resource.to_owned(),
        group => format!("{resource}.{group}"),
    };
    let object = name.map_or(String::new(), |name| format!(" {name:?}"));
    let place = match namespace {
        Some(namespace) => format!("in the namespace {namespace:?}"),
        None => "at the cluster scope".to_owned(),
    };
    let message = format!(
        "{qualified}{object} is forbidden: User {user:?} cannot {verb} resource {resource:?} \
         in API group {group:?} {place}"
    );
    failure(403, "Forbidden", &message, details(group, resource, name))
}

pub(super) fn not_found(resource: &Resource, name: &str) -> Failure {
    let (group, plural) = (resource.group(), resource.plural());
    let qualified = match group {
        "" => plural.to_owned(),
        group => format!("{plural}.{group}"),
    };
    let message = format!("{qualified} {name:?} not found");
    failure(
        404,
        "NotFound",
        &message,
        details(group, plural, Some(name)),
    )
}

fn details(group: &str, kind: &str, name: Option<&str>) -> Value {
    let mut details = json!({"kind": kind});
    if let Some(name) = name {
        details["name"] = json!(name);
    }
    if !group.is_empty() {
        details["group"] = json!(group);
    }
    details
}

/// A resource that a group of Kubernetes itself does not have.
pub(super) fn no_such_resource() -> Failure {
    let message = "the server could not find the requested resource";
    failure(404, "NotFound", message, json!({}))
}

/// A path that nobody answers for: a CustomResourceDefinition or a version that is not there.
pub(super) fn no_such_path() -> Failure {
    plain(404, "404 page not found\n")
}

pub(super) fn method_not_allowed() -> Failure {
    let message = "the server does not allow this method on the requested resource";
    failure(405, "MethodNotAllowed", message, json!({}))
}

pub(super) fn not_acceptable(message: &str) -> Failure {
    failure(406, "NotAcceptable", message, Value::Null)
}

pub(super) fn expired(message: &str) -> Failure {
    failure(410, "Expired", message, Value::Null)
}

pub(super) fn watch_too_old(version: u64, oldest: u64) -> Failure {
    expired(&format!("too old resource version: {version} ({oldest})"))
}

/// A list that cannot be continued; with a token to go on regardless.
pub(super) fn continue_expired(token: &str) -> Failure {
    let mut failure = expired(
        "The provided continue parameter is too old to display a consistent list result. You can \
         start a new list without the continue parameter, or use the continue token in this \
         response to retrieve the remainder of the results. Continuing with the provided token \
         results in an inconsistent list - objects that were created, modified, or deleted \
         between the time the first chunk was returned and now may show up in the list.",
    );
    if let Body::Status(status) = &mut failure.body {
        status["metadata"]["continue"] = json!(token);
    }
    failure
}

pub(super) fn invalid_options(field: &str, message: &str) -> Failure {
    let details = json!({
        "group": "meta.k8s.io", "kind": "ListOptions",
        "causes": [{
            "reason": "FieldValueForbidden",
            "message": format!("Forbidden: {message}"), "field": field,
        }],
    });
    let message = format!("ListOptions.meta.k8s.io \"\" is invalid: {field}: Forbidden: {message}");
    failure(422, "Invalid", &message, details)
}

/// Priority and fairness has no seat for the request.
pub(super) fn too_many_requests(retry_after: u32) -> Failure {
    let mut failure = plain(429, "Too many requests, please try again later.\n");
    failure.retry_after = Some(retry_after);
    failure
}

pub(super) fn internal_error() -> Failure {
    let cause = "etcdserver: request timed out";
    let details = json!({"causes": [{"message": cause}]});
    let message = format!("Internal error occurred: {cause}");
    failure(500, "InternalError", &message, details)
}

pub(super) fn unavailable() -> Failure {
    let message = "the server is currently unable to handle the request";
    failure(503, "ServiceUnavailable", message, Value::Null)
}

pub(super) fn too_large_version(version: u64, current: u64) -> Failure {
    let cause = json!({
        "reason": "ResourceVersionTooLarge", "message": "Too large resource version",
    });
    let message = format!("Timeout: Too large resource version: {version}, current: {current}");
    let mut failure = failure(
        504,
        "Timeout",
        &message,
        json!({"causes": [cause], "retryAfterSeconds": 1}),
    );
    failure.retry_after = Some(1);
    failure
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::by_id;

    fn message(failure: &Failure) -> &str {
        match &failure.body {
            Body::Status(status) => status["message"].as_str().unwrap(),
            Body::Plain(text) => text,
        }
    }

    #[test]
    fn a_refusal_says_who_what_and_where() {
        let attempt = Attempt {
            user: "system:serviceaccount:eo:eo",
            verb: "list",
            group: "networking.istio.io",
            resource: "sidecars",
            namespace: None,
            name: None,
        };
        assert_eq!(
            message(&forbidden(attempt)),
            "sidecars.networking.istio.io is forbidden: User \"system:serviceaccount:eo:eo\" \
             cannot list resource \"sidecars\" in API group \"networking.istio.io\" at the \
             cluster scope"
        );
        let attempt = Attempt {
            group: "",
            resource: "configmaps",
            namespace: Some("istio-system"),
            name: Some("istio"),
            ..attempt
        };
        assert_eq!(
            message(&forbidden(attempt)),
            "configmaps \"istio\" is forbidden: User \"system:serviceaccount:eo:eo\" cannot list \
             resource \"configmaps\" in API group \"\" in the namespace \"istio-system\""
        );
    }

    #[test]
    fn a_missing_object_is_named() {
        let entries = by_id("networking.istio.io/serviceentries").unwrap();
        assert_eq!(
            message(&not_found(entries, "x")),
            "serviceentries.networking.istio.io \"x\" not found"
        );
    }
}
