//! A pod's volumes, and where a container has them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::{Kubelet, only_known};
use crate::oci::spec::{Access, Bind};

/// Where every container of a pod with a service account finds its token.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

const MOUNT_FIELDS: [&str; 4] = ["mountPath", "mountPropagation", "name", "readOnly"];

impl Kubelet {
    pub(super) fn mounts(&self, pod: &Value, container: &Value) -> Result<Vec<Bind>> {
        let mut mounts = vec![Bind {
            source: self.resolv_conf.clone(),
            destination: PathBuf::from("/etc/resolv.conf"),
            access: Access::ReadOnly,
        }];
        for mount in array(&container["volumeMounts"]) {
            only_known(mount, &MOUNT_FIELDS).context("a volume's mount")?;
            let name = text(&mount["name"])?;
            let volume = array(&pod["volumes"])
                .iter()
                .find(|volume| volume["name"] == name)
                .with_context(|| format!("the pod has no volume {name}"))?;
            mounts.push(Bind {
                source: self
                    .source(volume, name)
                    .with_context(|| format!("the volume {name}"))?,
                destination: PathBuf::from(text(&mount["mountPath"])?),
                access: match mount["readOnly"] == true {
                    true => Access::ReadOnly,
                    false => Access::ReadWrite,
                },
            });
        }
        if let Some(dir) = &self.service_account
            && pod["automountServiceAccountToken"] != false
        {
            mounts.push(Bind {
                source: dir.clone(),
                destination: PathBuf::from(SERVICE_ACCOUNT),
                access: Access::ReadOnly,
            });
        }
        Ok(mounts)
    }

    fn source(&self, volume: &Value, name: &str) -> Result<PathBuf> {
        let host_path = &volume["hostPath"];
        if !host_path.is_null() {
            return self.host_path(Path::new(text(&host_path["path"])?), &host_path["type"]);
        }
        if !volume["emptyDir"].is_null() {
            return self.make_dir(name);
        }
        bail!("{volume} is not understood")
    }

    /// What stands for a path of the node, or for a directory above it.
    fn host_path(&self, path: &Path, kind: &Value) -> Result<PathBuf> {
        let found = self.host_paths.iter().find_map(|(of_node, here)| {
            let below = path.strip_prefix(of_node).ok()?;
            Some(here.components().chain(below.components()).collect())
        });
        let here: PathBuf = found
            .with_context(|| format!("{} is not part of the simulated node", path.display()))?;
        if kind == "DirectoryOrCreate" {
            fs::create_dir_all(&here).with_context(|| format!("cannot make {}", here.display()))?;
        }
        Ok(here)
    }
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().with_context(|| format!("no text: {value}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::tests::kubelet, *};

    fn mounts(volume: Value) -> Result<Vec<Bind>> {
        let pod = json!({"volumes": [volume]});
        let mount = json!({"name": "v", "mountPath": "/m"});
        kubelet().mounts(&pod, &json!({"volumeMounts": [mount]}))
    }

    #[test]
    fn a_path_below_one_of_the_node_is_below_what_stands_for_it() {
        let volume = json!({"name": "v", "hostPath": {"path": "/sys/fs/cgroup/unified"}});
        let mounts = mounts(volume).unwrap();
        assert_eq!(mounts[0].source, Path::new("/sim/resolv.conf"));
        assert_eq!(mounts[1].source, Path::new("/sim/cgroup/unified"));
        assert_eq!(mounts[1].access, Access::ReadWrite);
        assert_eq!(mounts[2].destination, Path::new(SERVICE_ACCOUNT));
    }

    #[test]
    fn the_machines_own_files_are_not_given_away() {
        let volume = json!({"name": "v", "hostPath": {"path": "/etc"}});
        let error = mounts(volume).unwrap_err();
        assert!(
            format!("{error:#}").contains("/etc is not part"),
            "{error:#}"
        );
    }
}
