//! What the path of a cgroup says, in the shapes that the kubelet and the container runtimes make.

use std::path::Path;

/// Where a cgroup belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CgroupPlace {
    /// In a pod.
    Pod {
        /// `metadata.uid`; for a static pod the hash that the kubelet gives it.
        uid: String,
        /// The container's id, where the cgroup is one's, or below one.
        container: Option<String>,
    },
    /// On the node, outside any pod.
    Outside,
}

/// Reads a path relative to the cgroup root, or any part of it that reaches up to the kubelet's
/// directory.
///
/// | driver | shape |
/// |---|---|
/// | systemd | `kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod<uid>.slice/cri-containerd-<id>.scope` |
/// | cgroupfs | `kubepods/burstable/pod<uid>/<id>` |
/// | both, by mistake | `.../kubepods-pod<uid>.slice:cri-containerd:<id>` |
///
/// systemd has underscores in place of the uid's dashes. The kubelet's directory may be anywhere
/// (kind nests it), and containers may make cgroups of their own.
pub fn place(path: &Path) -> CgroupPlace {
    let path = path.to_string_lossy();
    let Some((uid, rest)) = pod_uid(&path) else {
        return CgroupPlace::Outside;
    };
    let container = rest
        .split('/')
        .filter(|name| !name.starts_with("crio-conmon-"))
        .filter_map(container_id)
        .next_back();
    CgroupPlace::Pod {
        uid,
        container: container.map(str::to_owned),
    }
}

/// The uid behind the first `pod` that one follows, and what comes after it.
fn pod_uid(path: &str) -> Option<(String, &str)> {
    path.match_indices("pod").find_map(|(at, word)| {
        let rest = &path[at + word.len()..];
        [36, 32].into_iter().find_map(|len| {
            let (uid, rest) = rest.split_at_checked(len)?;
            let ends = !rest.starts_with(|c: char| c.is_ascii_alphanumeric());
            (ends && is_uid(uid)).then(|| (uid.replace('_', "-"), rest))
        })
    })
}

/// 8-4-4-4-12 hexadecimal digits, or 32 without dashes.
fn is_uid(text: &str) -> bool {
    let dashes = [8, 13, 18, 23];
    text.bytes()
        .enumerate()
        .all(|(index, byte)| match text.len() {
            36 if dashes.contains(&index) => byte == b'-' || byte == b'_',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// 64 hexadecimal digits at the end of a name, or before its suffix.
fn container_id(name: &str) -> Option<&str> {
    const DIGITS: usize = 64;
    let name = name.strip_suffix(".scope").unwrap_or(name);
    let id = name.get(name.len().checked_sub(DIGITS)?..)?;
    id.bytes()
        .all(|byte| byte.is_ascii_hexdigit())
        .then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1f2e3d4c5b6a79880123456789abcdef1f2e3d4c5b6a79880123456789abcdef";
    const UID: &str = "0f9b2c3d-1a2b-4c5d-8e9f-001122334455";

    #[test]
    fn every_shape_names_its_pod_and_container() {
        let slice = UID.replace('-', "_");
        let with_container = [
            format!(
                "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{slice}.slice/\
                 cri-containerd-{ID}.scope"
            ),
            format!("kubepods.slice/kubepods-pod{slice}.slice/crio-{ID}.scope"),
            format!("kubepods.slice/kubepods-pod{slice}.slice/crio-{ID}.scope/container"),
            format!(
                "kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{slice}.slice/\
                 docker-{ID}.scope/init.scope"
            ),
            format!(
                "kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/\
                 kubelet-kubepods-burstable-pod{slice}.slice/cri-containerd-{ID}.scope"
            ),
            format!("kubepods/burstable/pod{UID}/{ID}"),
            format!("kubepods/pod{UID}/crio-{ID}"),
            format!(
                "system.slice/containerd.service/kubepods-burstable-pod{slice}.slice:cri-containerd:{ID}"
            ),
        ];
        for path in with_container {
            let expected = CgroupPlace::Pod {
                uid: UID.to_owned(),
                container: Some(ID.to_owned()),
            };
            assert_eq!(place(Path::new(&path)), expected, "{path}");
        }
    }

    #[test]
    fn a_pod_without_a_container_and_a_static_pod_are_pods() {
        let expected = CgroupPlace::Pod {
            uid: UID.to_owned(),
            container: None,
        };
        assert_eq!(place(Path::new(&format!("kubepods/pod{UID}"))), expected);
        let conmon = format!("kubepods/pod{UID}/crio-conmon-{ID}");
        assert_eq!(place(Path::new(&conmon)), expected);
        let hash = "0123456789abcdef0123456789abcdef";
        let path = format!("kubepods.slice/kubepods-burstable-pod{hash}.slice");
        let expected = CgroupPlace::Pod {
            uid: hash.to_owned(),
            container: None,
        };
        assert_eq!(place(Path::new(&path)), expected);
    }

    #[test]
    fn everything_else_is_outside() {
        let long = format!("pod{UID}0/x");
        for path in [
            "",
            "system.slice/sshd.service",
            "kubepods.slice",
            "machine.slice/libpod-1",
            &long,
        ] {
            assert_eq!(place(Path::new(path)), CgroupPlace::Outside, "{path}");
        }
    }
}
