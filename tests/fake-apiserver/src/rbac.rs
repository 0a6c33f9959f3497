//! What roles allow: ClusterRoles and Roles as they are written in manifests.
//!
//! With bindings in the same text, a role counts only where it is bound to the user; without any,
//! every role counts: a ClusterRole in the cluster, a Role in its namespace.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde_json::Value;

use super::status::Attempt;

/// The rules in force.
#[derive(Clone, Debug, Default)]
pub struct Rbac {
    roles: Vec<Role>,
    bindings: Vec<Binding>,
}

#[derive(Clone, Debug, Deserialize)]
struct Role {
    kind: String,
    metadata: Metadata,
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, Deserialize)]
struct Metadata {
    name: String,
    namespace: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Rule {
    verbs: Vec<String>,
    api_groups: Vec<String>,
    resources: Vec<String>,
    resource_names: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Binding {
    metadata: Metadata,
    role_ref: RoleRef,
    #[serde(default)]
    subjects: Vec<Subject>,
}

#[derive(Clone, Debug, Deserialize)]
struct RoleRef {
    kind: String,
    name: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Subject {
    kind: String,
    name: String,
    namespace: Option<String>,
}

impl Rbac {
    /// Reads YAML documents; those that are neither roles nor bindings are passed over.
    pub fn parse(text: &str) -> Result<Self> {
        let mut rbac = Self::default();
        let documents: Vec<Value> = serde_saphyr::from_multiple(text).context("not YAML")?;
        for document in documents {
            let kind = document["kind"].as_str().unwrap_or_default().to_owned();
            rbac.add(&kind, &document).with_context(|| {
                format!("cannot read the {kind} {}", document["metadata"]["name"])
            })?;
        }
        if rbac.roles.is_empty() {
            bail!("there is no ClusterRole and no Role in it");
        }
        Ok(rbac)
    }

    fn add(&mut self, kind: &str, document: &Value) -> Result<(), serde_json::Error> {
        match kind {
            "ClusterRole" | "Role" => self.roles.push(Role::deserialize(document)?),
            "ClusterRoleBinding" | "RoleBinding" => {
                self.bindings.push(Binding::deserialize(document)?);
            }
            _ => {}
        }
        Ok(())
    }

    pub fn load(file: &Path) -> Result<Self> {
        let text = fs::read_to_string(file);
        let text = text.with_context(|| format!("cannot read {}", file.display()))?;
        Self::parse(&text).with_context(|| format!("{}", file.display()))
    }

    pub(super) fn allows(&self, attempt: Attempt<'_>) -> bool {
        self.roles.iter().any(|role| {
            self.is_in_force(role, attempt) && role.rules.iter().any(|rule| rule.allows(attempt))
        })
    }

    /// Whether a role counts for this user where the attempt is made.
    fn is_in_force(&self, role: &Role, attempt: Attempt<'_>) -> bool {
        let is_cluster_role = role.kind == "ClusterRole";
        if self.bindings.is_empty() {
            return is_cluster_role || attempt.is_in(role.metadata.namespace.as_deref());
        }
        self.bindings.iter().any(|binding| {
            let of_role = binding.role_ref.kind == role.kind
                && binding.role_ref.name == role.metadata.name
                && (is_cluster_role || role.metadata.namespace == binding.metadata.namespace);
            let bound_in = binding.metadata.namespace.as_deref();
            let here = bound_in.is_none() || attempt.is_in(bound_in);
            of_role && here && binding.subjects.iter().any(|it| it.is(attempt.user))
        })
    }
}

impl Rule {
    /// A rule with names does not allow what names no object: a plain list of everything.
    fn allows(&self, attempt: Attempt<'_>) -> bool {
        let lists = [
            (&self.verbs, attempt.verb),
            (&self.api_groups, attempt.group),
            (&self.resources, attempt.resource),
        ];
        let all = lists
            .iter()
            .all(|(list, item)| list.iter().any(|it| it == item || it == "*"));
        all && (self.resource_names.is_empty()
            || attempt
                .name
                .is_some_and(|name| self.resource_names.iter().any(|it| it == name)))
    }
}

impl Subject {
    fn is(&self, user: &str) -> bool {
        match (self.kind.as_str(), &self.namespace) {
            ("ServiceAccount", Some(namespace)) => {
                user == format!("system:serviceaccount:{namespace}:{}", self.name)
            }
            ("User", _) => user == self.name,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLES: &str = r#"
kind: ClusterRole
metadata: {name: agent}
rules:
- {apiGroups: [""], resources: [pods], verbs: [list, watch]}
---
kind: Role
metadata: {name: agent, namespace: istio-system}
rules:
- {apiGroups: [""], resources: [configmaps], resourceNames: [istio], verbs: [list, watch]}
"#;
    const BINDINGS: &str = r#"
---
kind: ClusterRoleBinding
metadata: {name: agent}
roleRef: {kind: ClusterRole, name: agent}
subjects: [{kind: ServiceAccount, name: agent, namespace: eo}]
"#;

    fn pods<'a>() -> Attempt<'a> {
        Attempt {
            user: "system:serviceaccount:eo:agent",
            verb: "list",
            group: "",
            resource: "pods",
            namespace: None,
            name: None,
        }
    }

    fn config<'a>() -> Attempt<'a> {
        Attempt {
            resource: "configmaps",
            namespace: Some("istio-system"),
            name: Some("istio"),
            ..pods()
        }
    }

    #[test]
    fn what_no_rule_names_is_refused() {
        let rbac = Rbac::parse(ROLES).unwrap();
        assert!(rbac.allows(pods()));
        let refused = [
            Attempt {
                verb: "get",
                ..pods()
            },
            Attempt {
                group: "apps",
                ..pods()
            },
            Attempt {
                resource: "secrets",
                ..pods()
            },
            Attempt {
                resource: "pods/log",
                ..pods()
            },
            Attempt {
                namespace: Some("kube-system"),
                ..config()
            },
            Attempt {
                namespace: None,
                ..config()
            },
            Attempt {
                name: Some("other"),
                ..config()
            },
            Attempt {
                name: None,
                ..config()
            },
        ];
        assert!(rbac.allows(config()));
        for attempt in refused {
            assert!(!rbac.allows(attempt), "{attempt:?}");
        }
    }

    #[test]
    fn with_bindings_only_what_is_bound_to_the_user_counts() {
        let rbac = Rbac::parse(&format!("{ROLES}{BINDINGS}")).unwrap();
        assert!(rbac.allows(pods()));
        assert!(!rbac.allows(config()), "the Role is not bound");
        let other = Attempt {
            user: "system:serviceaccount:eo:other",
            ..pods()
        };
        assert!(!rbac.allows(other));
    }

    #[test]
    fn text_without_a_role_is_an_error() {
        assert!(Rbac::parse("kind: ConfigMap\nmetadata: {name: a}").is_err());
    }
}
