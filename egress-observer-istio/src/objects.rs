//! Kubernetes and Istio objects, as far as they are read: lenient about what is not, strict about
//! the type of what is. [`kinds`] is the list of them.
//!
//! A field has the name and the meaning that it has in the API, in Rust's spelling, and holds what is
//! written there: nothing is resolved and no default of the API is put in. What is absent is empty, or 0.
//! Comments stand where that does not say enough.

pub mod addressing;
mod core;
pub mod fields;
mod gateway;
mod istio;
pub mod istiod;
pub mod kinds;
pub mod metadata;
pub mod name;
mod pod;
mod sidecar;
mod sidecar_ingress;
mod virtual_service;
mod workload;

pub use self::{
    core::{
        ConfigMap, EXPORT_TO, KubernetesPort, NamespaceObject, ServiceObject, ServiceSpec,
        WebhookObject,
    },
    gateway::{
        AllowedNamespaces, AllowedRoutes, Gateway, GatewayAddress, GatewayListener, GatewaySpec,
        GatewayStatus,
    },
    istio::{
        AllocatedAddress, DestinationRule, DestinationRuleSpec, OutboundTrafficPolicy, ProxyConfig,
        ProxyConfigSpec, ServiceEntryObject, ServiceEntrySpec, ServiceEntryStatus, ServicePort,
        WorkloadEntry, WorkloadSelector,
    },
    kinds::{Kind, Object},
    metadata::{Metadata, OwnerReference},
    pod::{
        ContainerSpec, ContainerState, ContainerStatus, DnsConfig, EnvVar, PodIp, PodObject,
        PodSpec, PodStatus, SecurityContext, Terminated,
    },
    sidecar::{EgressListener, Sidecar, SidecarSpec},
    sidecar_ingress::{
        ConnectionPool, Http2KeepAlive, HttpPool, IngressListener, ServerTls, TcpKeepalive,
        TcpPool, TlsCertificate,
    },
    virtual_service::{
        DelegateSpec, Destination, HttpRouteSpec, MatchSpec, PortSelector, RouteDestination,
        StringMatch, TcpRouteSpec, TlsRouteSpec, VirtualService, VirtualServiceSpec,
    },
    workload::{PodTemplate, Workload, WorkloadSpec},
};
