//! istiod's Deployment, as it is watched: what a pod of it is made from, with the variables that say
//! what istiod reads, and no others.

use serde::Deserialize;

use super::{
    kinds::{Kind, Object, OneKind},
    metadata::{AnyObject, Metadata},
    pod::LAST_APPLIED,
    workload::Workload,
};

/// The container of istiod
/// (`manifests/charts/istio-control/istio-discovery/templates/deployment.yaml`).
pub const DISCOVERY: &str = "discovery";

/// The variable that names a ConfigMap below the revision's own (`pilot/pkg/features/pilot.go`
/// `SharedMeshConfig`, since 1.10).
pub const SHARED_MESH_CONFIG: &str = "SHARED_MESH_CONFIG";

/// The variable that makes istiod give proxies of IPv6-only pods a listener for IPv4 as well, from 1.20 on
/// (`pilot/pkg/features/pilot.go`).
pub const V4_FOR_V6_ONLY: &str = "ISTIO_ENABLE_IPV4_OUTBOUND_LISTENER_FOR_IPV6_CLUSTERS";

/// The variable that makes istiod give dual-stack proxies listeners for both families, from 1.17 on
/// (`pilot/pkg/features/experimental.go`).
pub const DUAL_STACK: &str = "ISTIO_DUAL_STACK";

/// The variable that says which revision it is.
pub const REVISION: &str = "REVISION";

const READ: [&str; 4] = [SHARED_MESH_CONFIG, V4_FOR_V6_ONLY, DUAL_STACK, REVISION];

/// `IstiodDeployment` is a Deployment that is watched: one of the label `app=istiod`.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct IstiodDeployment(Box<Workload>);

impl AnyObject for IstiodDeployment {
    fn metadata(&self) -> &Metadata {
        &self.0.metadata
    }

    fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.0.metadata
    }

    fn trimmed(mut self) -> Self {
        // Lists leave it out.
        Kind::Deployment.as_str().clone_into(&mut self.0.kind);
        self.0.metadata.annotations.remove(LAST_APPLIED);
        let Some(template) = &mut self.0.spec.template else {
            return self;
        };
        let spec = &mut template.spec;
        let mut containers = spec.containers.iter_mut();
        let discovery = containers.find(|own| own.name == DISCOVERY);
        let kept = discovery.map(|own| (own.env.clone(), own.env_from.clone()));
        spec.trim();
        let mut containers = spec.containers.iter_mut();
        let discovery = containers.find(|own| own.name == DISCOVERY);
        if let (Some(own), Some((mut env, env_from))) = (discovery, kept) {
            env.retain(|entry| READ.contains(&entry.name.as_str()));
            (own.env, own.env_from) = (env, env_from);
        }
        self
    }
}

impl OneKind for IstiodDeployment {
    const KIND: Kind = Kind::Deployment;

    fn object(self) -> Object {
        Object::Workload(self.0)
    }
}
