//! What a pod that is made today meets.

use std::{collections::HashMap, net::IpAddr};

use crate::{
    mesh::Mesh,
    objects::{Metadata, ProxyConfig},
};

/// `Today` is what the injector and istio-cni look at, besides the pod.
#[derive(Clone, Copy)]
pub(crate) struct Today<'a> {
    /// The mesh's configuration and the injectors.
    pub(crate) mesh: &'a Mesh,
    /// The metadata of each Namespace by its name.
    pub(crate) namespaces: &'a HashMap<String, Metadata>,
    /// Every ProxyConfig.
    pub(crate) proxy_configs: &'a [ProxyConfig],
    /// The addresses of the cluster's DNS.
    pub(crate) cluster_dns: &'a [IpAddr],
}
