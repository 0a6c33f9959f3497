//! What a request asks for: verb, resource, options and the form of the answer.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// What is done to a resource, as rules and counters call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    Get,
    List,
    Watch,
    Create,
    Update,
    Patch,
    Delete,
    DeleteCollection,
}

impl Verb {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
        }
    }

    pub(super) fn of(method: &str, is_named: bool, watch: bool) -> Self {
        match (method, is_named) {
            ("POST", _) => Self::Create,
            ("PUT", _) => Self::Update,
            ("PATCH", _) => Self::Patch,
            ("DELETE", true) => Self::Delete,
            ("DELETE", false) => Self::DeleteCollection,
            // Also with `watch=true`: only lists are watched.
            (_, true) => Self::Get,
            (_, false) if watch => Self::Watch,
            (_, false) => Self::List,
        }
    }
}

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RequestPath {
    Resource(ResourcePath),
    /// Everything else, such as discovery and health.
    Other,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ResourcePath {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) plural: String,
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
    pub(super) subresource: Option<String>,
}

impl RequestPath {
    /// `/api/VERSION/...` or `/apis/GROUP/VERSION/...`, then
    /// `[namespaces/NAMESPACE/]PLURAL[/NAME[/SUBRESOURCE]]`.
    pub(super) fn parse(path: &str) -> Self {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let (group, version, rest) = match &parts[..] {
            ["api", version, rest @ ..] => ("", version, rest),
            ["apis", group, version, rest @ ..] => (*group, version, rest),
            _ => return Self::Other,
        };
        let (namespace, rest) = match rest {
            // Subresources of a namespace, not resources in it.
            ["namespaces", _, "status" | "finalize"] => (None, rest),
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some(*namespace), rest),
            rest => (None, rest),
        };
        let [plural, rest @ ..] = rest else {
            return Self::Other;
        };
        let [name, subresource] = [0, 1].map(|at| rest.get(at).map(|&text| text.to_owned()));
        Self::Resource(ResourcePath {
            group: group.to_owned(),
            version: (*version).to_owned(),
            plural: (*plural).to_owned(),
            namespace: namespace.map(str::to_owned),
            name,
            subresource,
        })
    }
}

/// The query, as far as list and watch know it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) watch: bool,
    pub(super) version: Option<String>,
    pub(super) version_match: Option<String>,
    pub(super) limit: usize,
    pub(super) token: Option<String>,
    pub(super) labels: String,
    pub(super) fields: String,
    pub(super) bookmarks: bool,
    pub(super) timeout_seconds: Option<u64>,
    pub(super) initial_events: Option<bool>,
}

impl Query {
    /// The error is the message of a 400.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut query = Self::default();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            if value.is_empty() {
                continue;
            }
            query.set(&name, value)?;
        }
        Ok(query)
    }

    fn set(&mut self, name: &str, value: Cow<'_, str>) -> Result<(), String> {
        match name {
            "watch" => self.watch = truth(&value),
            "allowWatchBookmarks" => self.bookmarks = truth(&value),
            "sendInitialEvents" => self.initial_events = Some(truth(&value)),
            "limit" => self.limit = number(name, &value)?,
            "timeoutSeconds" => self.timeout_seconds = Some(number(name, &value)?),
            "resourceVersion" => self.version = Some(value.into_owned()),
            "resourceVersionMatch" => self.version_match = Some(value.into_owned()),
            "continue" => self.token = Some(value.into_owned()),
            "labelSelector" => self.labels = value.into_owned(),
            "fieldSelector" => self.fields = value.into_owned(),
            _ => {}
        }
        Ok(())
    }

    /// The version as a number: absent and `0` are 0. The error is the message of a 400.
    pub(super) fn version_number(&self) -> Result<u64, String> {
        let Some(version) = &self.version else {
            return Ok(0);
        };
        version
            .parse()
            .map_err(|error| format!("Invalid value: {version:?}: {error}"))
    }
}

/// Everything but `false` and `0` is true, as in the API server.
fn truth(value: &str) -> bool {
    !["false", "0"].contains(&value)
}

fn number<N: std::str::FromStr<Err = std::num::ParseIntError>>(
    name: &str,
    value: &str,
) -> Result<N, String> {
    value
        .parse()
        .map_err(|error| format!("{name}={value:?}: {error}"))
}

/// Whole objects, or their metadata only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Whole,
    Metadata,
}

/// The first form of an `Accept` header that is known. The error is the message of a 406.
pub(super) fn form(accept: &str, verb: Verb) -> Result<Form, String> {
    let mut wrong_kind = None;
    for media_type in accept.split(',').map(str::trim) {
        let mut parts = media_type.split(';').map(str::trim);
        if !["application/json", "application/*", "*/*", ""].contains(&parts.next().unwrap_or("")) {
            continue;
        }
        let wanted = parts.find_map(|part| part.strip_prefix("as="));
        match (wanted, verb) {
            (None, _) => return Ok(Form::Whole),
            (Some("PartialObjectMetadataList"), Verb::List)
            | (Some("PartialObjectMetadata"), Verb::Get | Verb::Watch) => {
                return Ok(Form::Metadata);
            }
            (Some("PartialObjectMetadata"), Verb::List) => {
                wrong_kind =
                    Some("you requested PartialObjectMetadata, but the requested object is a list");
            }
            // Tables are known to the real one, but to nobody who needs this one.
            (Some(_), _) => {}
        }
    }
    let unknown = "only the following media types are accepted: application/json";
    Err(wrong_kind.unwrap_or(unknown).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(path: &str) -> ResourcePath {
        match RequestPath::parse(path) {
            RequestPath::Resource(resource) => resource,
            RequestPath::Other => panic!("{path} names no resource"),
        }
    }

    #[test]
    fn paths_name_group_namespace_and_object() {
        let expected =
            |group: &str, plural: &str, namespace: Option<&str>, name: Option<&str>| ResourcePath {
                group: group.to_owned(),
                version: "v1".to_owned(),
                plural: plural.to_owned(),
                namespace: namespace.map(str::to_owned),
                name: name.map(str::to_owned),
                subresource: None,
            };
        for (path, found) in [
            ("/api/v1/pods", expected("", "pods", None, None)),
            ("/api/v1/namespaces", expected("", "namespaces", None, None)),
            (
                "/api/v1/namespaces/a",
                expected("", "namespaces", None, Some("a")),
            ),
            (
                "/api/v1/namespaces/a/pods/b",
                expected("", "pods", Some("a"), Some("b")),
            ),
            (
                "/apis/networking.istio.io/v1/namespaces/a/sidecars",
                expected("networking.istio.io", "sidecars", Some("a"), None),
            ),
        ] {
            assert_eq!(resource(path), found, "{path}");
        }
        let status = resource("/api/v1/namespaces/a/status");
        assert_eq!(status.subresource.as_deref(), Some("status"));
        for other in [
            "/",
            "/api",
            "/api/v1",
            "/apis/apps/v1",
            "/version",
            "/livez",
        ] {
            assert_eq!(RequestPath::parse(other), RequestPath::Other, "{other}");
        }
    }

    #[test]
    fn the_accept_header_chooses_the_form() {
        let list = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
        assert_eq!(form(list, Verb::List), Ok(Form::Metadata));
        let one = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
        assert_eq!(form(one, Verb::Watch), Ok(Form::Metadata));
        assert!(form(one, Verb::List).unwrap_err().contains("is a list"));
        assert_eq!(form("", Verb::List), Ok(Form::Whole));
        assert_eq!(
            form(
                "application/vnd.kubernetes.protobuf, application/json",
                Verb::List
            ),
            Ok(Form::Whole)
        );
        assert!(form("text/html", Verb::List).is_err());
    }

    #[test]
    fn a_query_that_is_no_number_is_refused() {
        assert!(Query::parse("limit=many").is_err());
        let query = Query::parse("watch=true&fieldSelector=a%3Db&limit=5").unwrap();
        assert!(query.watch);
        assert_eq!((query.fields.as_str(), query.limit), ("a=b", 5));
    }
}
