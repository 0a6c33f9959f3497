//! `securityContext`, of the pod and of the container.

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::only_known;
use crate::oci::{image::Image, spec::DEFAULT_CAPABILITIES};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Security {
    pub(super) user: (u32, u32),
    pub(super) capabilities: Vec<String>,
    pub(super) no_new_privileges: bool,
    pub(super) read_only_root: bool,
}

/// AppArmor and SELinux are not on a simulated node, so what a manifest says of them changes
/// nothing.
const FIELDS: [&str; 10] = [
    "allowPrivilegeEscalation",
    "appArmorProfile",
    "capabilities",
    "privileged",
    "readOnlyRootFilesystem",
    "runAsGroup",
    "runAsNonRoot",
    "runAsUser",
    "seLinuxOptions",
    "seccompProfile",
];

/// The container's word counts before the pod's.
pub(super) fn read(pod: &Value, container: &Value, image: &Image) -> Result<Security> {
    let contexts = [&container["securityContext"], &pod["securityContext"]];
    for context in contexts.into_iter().filter(|context| !context.is_null()) {
        only_known(context, &FIELDS).context("securityContext")?;
    }
    let field = |name: &str| {
        let mut found = contexts.iter().map(|context| &context[name]);
        found.find(|value| !value.is_null()).unwrap_or(&Value::Null)
    };
    if field("privileged") == true {
        bail!("a privileged container sees the machine itself, not the simulated node");
    }
    // Without a word about it, the kubelet asks the runtime for none.
    let seccomp = &field("seccompProfile")["type"];
    if !seccomp.is_null() && seccomp != "Unconfined" {
        bail!("seccompProfile {seccomp}: there is no such profile here");
    }
    let user = user(field("runAsUser"), field("runAsGroup"), image)?;
    if field("runAsNonRoot") == true && user.0 == 0 {
        bail!("runAsNonRoot, and the user is root");
    }
    Ok(Security {
        user,
        capabilities: capabilities(field("capabilities"))?,
        no_new_privileges: field("allowPrivilegeEscalation") == false,
        read_only_root: field("readOnlyRootFilesystem") == true,
    })
}

fn user(uid: &Value, gid: &Value, image: &Image) -> Result<(u32, u32)> {
    let (uid, gid) = (number(uid)?, number(gid)?);
    Ok((uid.unwrap_or(image.user.0), gid.unwrap_or(image.user.1)))
}

fn number(given: &Value) -> Result<Option<u32>> {
    serde_json::from_value(given.clone()).with_context(|| format!("no user or group: {given}"))
}

/// Those that containerd gives, less the dropped, and the added.
fn capabilities(given: &Value) -> Result<Vec<String>> {
    let (add, drop) = (listed(&given["add"])?, listed(&given["drop"])?);
    if add.contains(&ALL.to_owned()) {
        bail!("all capabilities are more than this machine may have");
    }
    let mut left: Vec<String> = DEFAULT_CAPABILITIES.map(str::to_owned).to_vec();
    left.retain(|name| !drop.iter().any(|dropped| dropped == ALL || dropped == name));
    left.extend(add);
    Ok(left)
}

fn listed(capabilities: &Value) -> Result<Vec<String>> {
    let names: Option<Vec<String>> = serde_json::from_value(capabilities.clone())
        .with_context(|| format!("no list of capabilities: {capabilities}"))?;
    let names = names.unwrap_or_default().into_iter();
    Ok(names.map(|name| with_prefix(&name)).collect())
}

const ALL: &str = "CAP_ALL";

fn with_prefix(name: &str) -> String {
    match name.strip_prefix("CAP_") {
        Some(_) => name.to_owned(),
        None => format!("CAP_{name}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_container(context: Value) -> Result<Security> {
        let image = Image {
            rootfs: "/r".into(),
            entrypoint: Vec::new(),
            command: Vec::new(),
            environment: Vec::new(),
            user: (65532, 65532),
            labels: Value::Null,
        };
        read(&Value::Null, &json!({"securityContext": context}), &image)
    }

    #[test]
    fn all_but_what_is_added_can_be_dropped() {
        let context = json!({
            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "runAsUser": 0,
            "capabilities": {"drop": ["ALL"], "add": ["BPF", "CAP_PERFMON"]},
        });
        assert_eq!(
            read_container(context).unwrap(),
            Security {
                user: (0, 65532),
                capabilities: vec!["CAP_BPF".to_owned(), "CAP_PERFMON".to_owned()],
                no_new_privileges: true,
                read_only_root: true,
            }
        );
    }

    #[test]
    fn what_nothing_is_said_about_is_containerds() {
        let security = read_container(json!({"capabilities": {"drop": ["KILL"]}})).unwrap();
        assert_eq!(security.capabilities.len(), DEFAULT_CAPABILITIES.len() - 1);
        assert!(!security.no_new_privileges && !security.read_only_root);
    }

    #[test]
    fn what_cannot_be_given_is_an_error() {
        for context in [
            json!({"privileged": true}),
            json!({"seccompProfile": {"type": "RuntimeDefault"}}),
            json!({"procMount": "Unmasked"}),
            json!({"runAsNonRoot": true, "runAsUser": 0}),
        ] {
            assert!(read_container(context.clone()).is_err(), "{context}");
        }
    }
}
