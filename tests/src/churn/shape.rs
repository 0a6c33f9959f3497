//! Cgroups as the kubelet's drivers and the container runtimes name them.

use std::path::PathBuf;

/// A driver of the kubelet with a runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shape {
    SystemdContainerd,
    SystemdCrio,
    SystemdDocker,
    CgroupfsContainerd,
    CgroupfsCrio,
}

impl Shape {
    pub(super) const ALL: [Self; 5] = [
        Self::SystemdContainerd,
        Self::SystemdCrio,
        Self::SystemdDocker,
        Self::CgroupfsContainerd,
        Self::CgroupfsCrio,
    ];

    /// The pod's cgroup below the node's. Which class a pod has follows from its uid: all are there.
    pub(super) fn pod(self, uid: &str) -> PathBuf {
        let class = match uid.as_bytes().first().map_or(0, |byte| byte % 3) {
            0 => "",
            1 => "burstable",
            _ => "besteffort",
        };
        let path = match (self, class) {
            (Self::CgroupfsContainerd | Self::CgroupfsCrio, "") => format!("kubepods/pod{uid}"),
            (Self::CgroupfsContainerd | Self::CgroupfsCrio, class) => {
                format!("kubepods/{class}/pod{uid}")
            }
            (_, "") => format!("kubepods.slice/kubepods-pod{}.slice", uid.replace('-', "_")),
            (_, class) => format!(
                "kubepods.slice/kubepods-{class}.slice/kubepods-{class}-pod{}.slice",
                uid.replace('-', "_")
            ),
        };
        path.into()
    }

    /// A container's cgroup below the pod's.
    pub(super) fn container(self, id: &str) -> String {
        match self {
            Self::SystemdContainerd => format!("cri-containerd-{id}.scope"),
            Self::SystemdCrio => format!("crio-{id}.scope"),
            Self::SystemdDocker => format!("docker-{id}.scope"),
            Self::CgroupfsContainerd => id.to_owned(),
            Self::CgroupfsCrio => format!("crio-{id}"),
        }
    }

    /// What stands before a container's id in a pod's status.
    pub(super) fn runtime(self) -> &'static str {
        match self {
            Self::SystemdContainerd | Self::CgroupfsContainerd => "containerd",
            Self::SystemdCrio | Self::CgroupfsCrio => "cri-o",
            Self::SystemdDocker => "docker",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_kubelet() {
        // 0, a and 8 are 0x30, 0x61 and 0x38: guaranteed, burstable and best effort.
        let pod = |shape: Shape, first| {
            let uid = format!("{first}0c446d0-8c3c-418c-bc4b-1c8661c4e257");
            shape.pod(&uid).to_string_lossy().into_owned()
        };
        assert_eq!(
            pod(Shape::SystemdCrio, '0'),
            "kubepods.slice/kubepods-pod00c446d0_8c3c_418c_bc4b_1c8661c4e257.slice"
        );
        assert_eq!(
            pod(Shape::SystemdDocker, 'a'),
            "kubepods.slice/kubepods-burstable.slice/\
             kubepods-burstable-poda0c446d0_8c3c_418c_bc4b_1c8661c4e257.slice"
        );
        assert_eq!(
            pod(Shape::CgroupfsContainerd, '8'),
            "kubepods/besteffort/pod80c446d0-8c3c-418c-bc4b-1c8661c4e257"
        );
    }
}
