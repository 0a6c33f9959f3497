//! What an object claims: a host at a port, and how a connection leads there.

use std::{cmp::Ordering, fmt, net::IpAddr, sync::Arc};

use ipnet::IpNet;

use super::{
    host::Host,
    shelf::{NamespaceId, Namespaces, Reader},
};
use crate::{injection::pod::namespace, objects};

/// The kinds of objects that a registry is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// `networking.istio.io ServiceEntry`.
    ServiceEntry,
    /// `v1 Service`.
    Service,
    /// `networking.istio.io Sidecar`.
    Sidecar,
    /// `networking.istio.io VirtualService`.
    VirtualService,
    /// `networking.istio.io DestinationRule`.
    DestinationRule,
}

impl ObjectKind {
    /// As in `kind` of a manifest.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ServiceEntry => "ServiceEntry",
            Self::Service => "Service",
            Self::Sidecar => "Sidecar",
            Self::VirtualService => "VirtualService",
            Self::DestinationRule => "DestinationRule",
        }
    }
}

/// Which object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// Its kind.
    pub kind: ObjectKind,
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

impl ObjectRef {
    pub(super) fn new(kind: ObjectKind, in_namespace: &str, name: &str) -> Self {
        Self {
            kind,
            namespace: namespace(in_namespace),
            name: name.into(),
        }
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.as_str();
        write!(f, "{kind} {}/{}", self.namespace, self.name)
    }
}

/// A value in an object that cannot be read, and was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The object.
    pub object: ObjectRef,
    /// The field.
    pub field: &'static str,
    /// What stands there.
    pub value: String,
    /// What should.
    pub expected: &'static str,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            object,
            field,
            value,
            expected,
        } = self;
        write!(f, "{object}: {field}: `{value}` is not {expected}")
    }
}

/// How a sidecar treats a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PortProtocol {
    /// HTTP of any version in the clear, gRPC.
    Http,
    /// TLS that the client speaks itself: HTTPS, TLS.
    Tls,
    /// Bytes: TCP and the protocols that are told from it only by statistics.
    Tcp,
    /// Not said: found out from the first bytes.
    Sniffed,
    /// No listener is made.
    Udp,
}

impl PortProtocol {
    /// Its one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Tls => "tls",
            Self::Tcp => "tcp",
            Self::Sniffed => "sniffed",
            Self::Udp => "udp",
        }
    }

    /// Reads `spec.ports[].protocol` of a ServiceEntry (`Parse` in `pkg/config/protocol/instance.go`
    /// and `ModelProtocolToListenerProtocol` in `pilot/pkg/networking/networking.go`).
    pub fn parse(protocol: &str) -> Self {
        match protocol.to_ascii_lowercase().as_str() {
            "http" | "http2" | "http_proxy" | "grpc" | "grpc-web" => Self::Http,
            "https" | "tls" => Self::Tls,
            "tcp" | "mongo" | "mysql" | "redis" => Self::Tcp,
            "udp" => Self::Udp,
            _ => Self::Sniffed,
        }
    }

    /// That of a Service's port, by the first of these that applies (`ConvertProtocol` in
    /// `pkg/config/kube/conversion.go`):
    ///
    /// 1. a transport that is not TCP;
    /// 2. `appProtocol`;
    /// 3. what stands before the first dash of the port's name;
    /// 4. TCP, where servers are known to speak first;
    /// 5. sniffing.
    pub(super) fn of(port: &objects::KubernetesPort) -> Self {
        if !matches!(port.protocol.as_str(), "" | "TCP") {
            return Self::Udp;
        }
        let word = match port.app_protocol.as_str() {
            "kubernetes.io/h2c" | "kubernetes.io/ws" => "http",
            "kubernetes.io/wss" => "https",
            "" => port.name.split('-').next().unwrap_or_default(),
            other => other,
        };
        let said = Self::parse(word);
        if said == Self::Sniffed && matches!(port.port, 25 | 53 | 3306 | 27017) {
            Self::Tcp
        } else {
            said
        }
    }
}

/// To whom an object is exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Export {
    /// As the mesh's configuration says.
    Default,
    To(Vec<Reader>),
}

impl Export {
    /// Reads `exportTo`: `*` everyone, `.` the own namespace, `~` nobody, or a name
    /// (`pkg/config/visibility/visibility.go`).
    pub(super) fn parse(
        export_to: &[impl AsRef<str>],
        own: NamespaceId,
        namespaces: &mut Namespaces,
    ) -> Self {
        if export_to.is_empty() {
            return Self::Default;
        }
        Self::To(Self::readers(export_to, own, |name| {
            Some(namespaces.intern(name).0)
        }))
    }

    /// Who is meant.
    pub(super) fn readers(
        words: &[impl AsRef<str>],
        own: NamespaceId,
        mut id_of: impl FnMut(&str) -> Option<NamespaceId>,
    ) -> Vec<Reader> {
        let words = || words.iter().map(|word| word.as_ref().trim());
        if words().any(|word| word == "~") {
            return Vec::new();
        }
        if words().any(|word| word == "*") {
            return vec![Reader::Own(own), Reader::Everyone];
        }
        let mut readers: Vec<Reader> = Vec::new();
        for word in words() {
            let id = if word == "." { Some(own) } else { id_of(word) };
            let reader = match id {
                Some(id) if id == own => Reader::Own(id),
                Some(id) => Reader::Granted(id),
                None => continue,
            };
            if !readers.contains(&reader) {
                readers.push(reader);
            }
        }
        readers
    }
}

/// A ServiceEntry or a Service.
#[derive(Debug)]
pub struct Entry {
    /// Which.
    pub object: ObjectRef,
    /// `metadata.creationTimestamp`; RFC 3339 in UTC, so that the order of texts is that of time.
    pub created: String,
    /// `spec.resolution`, NONE if not given; empty for a Service.
    pub resolution: String,
    /// `spec.location`; empty for a Service.
    pub location: String,
    /// `exportTo` as written.
    pub export_to: Vec<String>,
    pub(super) namespace: NamespaceId,
    pub(super) export: Export,
}

/// A host at a port of an entry.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) entry: Arc<Entry>,
    pub(super) host: Host,
    pub(super) host_as_written: Arc<str>,
    /// Its host's place in the entry.
    pub(super) nth_host: usize,
    pub(super) port: u16,
    pub(super) protocol: PortProtocol,
    /// `spec.addresses`, or the cluster IPs of a Service.
    pub(super) addresses: Arc<[IpNet]>,
    /// `status.addresses` for this host.
    pub(super) allocated: Vec<IpAddr>,
    /// Where traffic for the host ends up; a client may go there itself.
    pub(super) endpoints: Arc<[IpAddr]>,
    /// Whether only the host's name leads here: a Service without a cluster IP, whose listeners are
    /// at its pods' addresses, or nowhere.
    pub(super) only_by_name: bool,
}

impl Claim {
    /// Whether the proxy listens for it on the port at every address (`0.0.0.0_port`), where what
    /// the client says decides, and not where it goes to. HTTP always; everything else only if the
    /// entry has no addresses (`buildSidecarOutboundListener` in
    /// `pilot/pkg/networking/core/listener.go`).
    pub(super) fn is_at_any_address(&self) -> bool {
        !self.only_by_name && (self.protocol == PortProtocol::Http || self.addresses.is_empty())
    }

    /// Whether the above holds only for clients whose proxy does not answer DNS: with one that does,
    /// the proxy listens at the allocated addresses instead (`GetAddressForProxy` in
    /// `pilot/pkg/model/service.go`).
    pub(super) fn is_moved_by_dns(&self) -> bool {
        self.protocol != PortProtocol::Http
            && self.addresses.is_empty()
            && !self.allocated.is_empty()
    }

    /// Whether an address decides, and not a name.
    pub(super) fn is_bound(&self) -> bool {
        self.protocol != PortProtocol::Http
            && !(self.addresses.is_empty() && self.allocated.is_empty())
    }

    /// Whether an egress listener with this port in a Sidecar keeps it out: listeners at one address
    /// are others than the one at every address.
    pub(super) fn is_locked_out(&self) -> bool {
        self.protocol == PortProtocol::Http
            || self.addresses.is_empty()
            || self.addresses.iter().any(|net| single(net).is_none())
    }

    /// Single addresses under which it is found: those that it listens at, and those that stand for
    /// its name when only the address is known.
    pub(super) fn known_addresses(&self) -> impl Iterator<Item = IpAddr> {
        let listed = self.addresses.iter().filter_map(single);
        let endpoints = self.endpoints.iter().copied();
        listed
            .chain(self.allocated.iter().copied())
            .chain(endpoints.filter(|_| self.is_at_any_address()))
    }

    /// Ranges under which it is found.
    pub(super) fn known_ranges(&self) -> impl Iterator<Item = IpNet> {
        let ranges = self.addresses.iter().filter(|net| single(net).is_none());
        ranges.map(IpNet::trunc)
    }

    /// Whether the proxy has a listener for it at this address.
    pub(super) fn listens_at(&self, ip: IpAddr) -> bool {
        self.is_bound()
            && (self.allocated.contains(&ip)
                || self
                    .addresses
                    .iter()
                    .filter_map(single)
                    .any(|own| own == ip))
    }

    /// Whether its host's name is needed, since nothing else tells it from others on the port.
    pub(super) fn is_named_only(&self) -> bool {
        self.entry.object.kind == ObjectKind::ServiceEntry
            && self.is_at_any_address()
            && self.addresses.is_empty()
            && self.endpoints.is_empty()
    }

    /// The oldest first, then by namespace and name (`SortServicesByCreationTime` in
    /// `pilot/pkg/model/push_context.go`), then as the entry has them.
    fn order(&self) -> (&str, &str, &str, ObjectKind, usize, u16) {
        let Entry {
            object, created, ..
        } = &*self.entry;
        let (namespace, name) = (&*object.namespace, &*object.name);
        (
            created,
            namespace,
            name,
            object.kind,
            self.nth_host,
            self.port,
        )
    }
}

/// The address of a range that has only one. A range of one address is treated as that address.
pub(super) fn single(net: &IpNet) -> Option<IpAddr> {
    (net.prefix_len() == net.max_prefix_len()).then(|| net.addr())
}

impl Ord for Claim {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order())
    }
}

impl PartialOrd for Claim {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Claim {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Claim {}
