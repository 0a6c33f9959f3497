//! What a kubelet and containerd make of a DaemonSet: the configuration of its one container.
//!
//! Only what this project's own DaemonSet may say is understood. Anything else that would change
//! the container is an error: a test that overlooked it would test another container.

mod environment;
mod security;
mod volumes;

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::{image::Image, spec::Spec};

/// The node, and the pod that it makes of the DaemonSet.
#[derive(Clone, Debug)]
pub struct Kubelet {
    pub node_name: String,
    pub node_ip: String,
    pub pod_name: String,
    pub pod_namespace: String,
    pub pod_uid: String,
    pub pod_ip: String,
    /// Where the API server is, for `KUBERNETES_SERVICE_HOST` and `_PORT`.
    pub api_server: Option<(String, u16)>,
    /// What stands for a path of the node. Others are not part of the simulated node.
    pub host_paths: Vec<(PathBuf, PathBuf)>,
    /// `token`, `ca.crt` and `namespace`; none for a pod without a service account's token.
    pub service_account: Option<PathBuf>,
    /// What the pod has as `/etc/resolv.conf`.
    pub resolv_conf: PathBuf,
    /// Where the pod's own directories are made.
    pub volumes: PathBuf,
    pub netns: PathBuf,
    /// From the root of each hierarchy.
    pub cgroup: PathBuf,
}

/// Fields of a pod that this kubelet has no part in, or that change nothing on a simulated node.
const POD_FIELDS: [&str; 15] = [
    "affinity",
    "automountServiceAccountToken",
    "containers",
    "dnsPolicy",
    "enableServiceLinks",
    "hostNetwork",
    "nodeSelector",
    "priorityClassName",
    "restartPolicy",
    "securityContext",
    "serviceAccount",
    "serviceAccountName",
    "terminationGracePeriodSeconds",
    "tolerations",
    "volumes",
];

const CONTAINER_FIELDS: [&str; 15] = [
    "args",
    "command",
    "env",
    "image",
    "imagePullPolicy",
    "livenessProbe",
    "name",
    "ports",
    "readinessProbe",
    "resources",
    "securityContext",
    "startupProbe",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "volumeMounts",
];

impl Kubelet {
    /// The configuration of a DaemonSet's container.
    pub fn spec(&self, daemon_set: &Value, image: &Image) -> Result<Spec> {
        let pod = &daemon_set["spec"]["template"]["spec"];
        only_known(pod, &POD_FIELDS).context("the DaemonSet's pod")?;
        if pod["hostNetwork"] == true {
            bail!("a pod in the host's network has none of its own");
        }
        let container = match pod["containers"].as_array().map(Vec::as_slice) {
            Some([only]) => only,
            _ => bail!("the DaemonSet has no container, or more than one"),
        };
        only_known(container, &CONTAINER_FIELDS).context("the DaemonSet's container")?;
        let environment = self.environment(&container["env"], image)?;
        let security = security::read(pod, container, image)?;
        Ok(Spec {
            rootfs: image.rootfs.clone(),
            read_only_root: security.read_only_root,
            hostname: self.pod_name.clone(),
            args: arguments(container, image, &environment)?,
            environment,
            user: security.user,
            capabilities: security.capabilities,
            no_new_privileges: security.no_new_privileges,
            mounts: self.mounts(pod, container)?,
            netns: self.netns.clone(),
            cgroup: self.cgroup.clone(),
            memory_limit: memory_limit(&container["resources"]["limits"]["memory"])?,
        })
    }

    fn make_dir(&self, name: &str) -> Result<PathBuf> {
        let dir = self.volumes.join(name);
        fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        Ok(dir)
    }
}

/// `command` takes the place of the entry point, `args` of the image's command; a `command` alone
/// drops both.
fn arguments(container: &Value, image: &Image, environment: &[String]) -> Result<Vec<String>> {
    let (command, args) = (list(&container["command"])?, list(&container["args"])?);
    let mut words = match (&command, &args) {
        (Some(command), _) => command.clone(),
        (None, _) => image.entrypoint.clone(),
    };
    match (command, args) {
        (_, Some(args)) => words.extend(args),
        (None, None) => words.extend(image.command.iter().cloned()),
        (Some(_), None) => {}
    }
    Ok(words
        .iter()
        .map(|word| environment::expand(word, environment))
        .collect())
}

fn list(value: &Value) -> Result<Option<Vec<String>>> {
    serde_json::from_value(value.clone()).with_context(|| format!("no list of words: {value}"))
}

/// Bytes; with the units that people write limits in.
fn memory_limit(quantity: &Value) -> Result<Option<u64>> {
    let Some(text) = quantity.as_str() else {
        return Ok(None);
    };
    let units = [("Ki", 1 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30), ("", 1)];
    let parsed = units.iter().find_map(|(unit, factor)| {
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(*factor)
    });
    parsed
        .map(Some)
        .with_context(|| format!("no amount of memory: {text}"))
}

fn only_known(object: &Value, known: &[&str]) -> Result<()> {
    let fields = object.as_object().context("is missing")?;
    match fields.keys().find(|field| !known.contains(&field.as_str())) {
        Some(field) => bail!("`{field}` is not understood"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::spec::{Access, Bind},
        *,
    };

    pub(super) fn kubelet() -> Kubelet {
        Kubelet {
            node_name: "node-1".to_owned(),
            node_ip: "10.79.1.1".to_owned(),
            pod_name: "egress-observer-x7k2p".to_owned(),
            pod_namespace: "egress-observer".to_owned(),
            pod_uid: "50c446d0-8c3c-418c-bc4b-1c8661c4e257".to_owned(),
            pod_ip: "10.79.1.11".to_owned(),
            api_server: Some(("10.96.0.1".to_owned(), 443)),
            host_paths: vec![("/sys/fs/cgroup".into(), "/sim/cgroup".into())],
            service_account: Some("/sim/account".into()),
            resolv_conf: "/sim/resolv.conf".into(),
            volumes: "/sim/volumes".into(),
            netns: "/run/netns/x".into(),
            cgroup: "/kubepods.slice/x.scope".into(),
        }
    }

    fn image() -> Image {
        Image {
            rootfs: "/sim/rootfs".into(),
            entrypoint: vec!["/egress-observer".to_owned()],
            command: vec!["agent".to_owned()],
            environment: vec!["PATH=/bin".to_owned()],
            user: (0, 0),
            labels: Value::Null,
        }
    }

    fn daemon_set(container: &Value) -> Value {
        let volumes = json!([{"name": "cgroup", "hostPath": {"path": "/sys/fs/cgroup"}}]);
        json!({"spec": {"template": {"spec": {"containers": [container], "volumes": volumes}}}})
    }

    #[test]
    fn a_container_gets_what_its_manifest_says() {
        let spec = kubelet().spec(
            &daemon_set(&json!({
                "name": "agent",
                "args": ["agent", "--node-name=$(NODE)"],
                "env": [{"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
                "resources": {"limits": {"memory": "64Mi"}},
                "volumeMounts": [
                    {"name": "cgroup", "mountPath": "/host/sys/fs/cgroup", "readOnly": true},
                ],
            })),
            &image(),
        );
        let spec = spec.unwrap();
        assert_eq!(
            spec.args,
            ["/egress-observer", "agent", "--node-name=node-1"]
        );
        assert_eq!(spec.memory_limit, Some(64 << 20));
        assert_eq!(
            spec.mounts[1],
            Bind {
                source: "/sim/cgroup".into(),
                destination: "/host/sys/fs/cgroup".into(),
                access: Access::ReadOnly,
            }
        );
    }

    #[test]
    fn the_images_command_stands_unless_the_manifest_has_one() {
        let args = |container: Value| arguments(&container, &image(), &[]).unwrap();
        assert_eq!(args(json!({})), ["/egress-observer", "agent"]);
        assert_eq!(args(json!({"args": ["x"]})), ["/egress-observer", "x"]);
        assert_eq!(args(json!({"command": ["/y"]})), ["/y"]);
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        let container = json!({"name": "agent", "lifecycle": {}});
        let error = kubelet()
            .spec(&daemon_set(&container), &image())
            .unwrap_err();
        assert!(format!("{error:#}").contains("`lifecycle`"), "{error:#}");
    }

    #[test]
    fn memory_is_read_with_its_unit() {
        assert_eq!(memory_limit(&json!("2Ki")).unwrap(), Some(2048));
        assert_eq!(memory_limit(&json!("7")).unwrap(), Some(7));
        assert_eq!(memory_limit(&Value::Null).unwrap(), None);
        assert!(memory_limit(&json!("much")).is_err());
    }
}
