//! How a sidecar treats a port.

/// How a sidecar treats the connections to a port, by the protocol that its object names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PortProtocol {
    /// The port has HTTP of any version in the clear, or gRPC: the host in the request says where
    /// it goes.
    Http,
    /// The port has TLS that the client speaks itself (HTTPS, TLS): the server name in its
    /// handshake says where it goes.
    Tls,
    /// The port has bytes, which are TCP and the protocols that differ from it only in their
    /// statistics: the address says where they go.
    Tcp,
    /// The object does not say: what the first bytes look like decides.
    Sniffed,
    /// The port has UDP: nothing is captured, and no listener is made.
    Udp,
}

/// A protocol whose server speaks first, which Istio mixes with no other on a listener
/// (`isConflictWithWellKnownPort` in `pilot/pkg/networking/core/listener.go`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServerFirst {
    /// MongoDB's wire protocol, which objects call `Mongo`.
    Mongo,
    /// MySQL's protocol, which objects call `MySQL`.
    MySql,
}

impl ServerFirst {
    /// Reads the word that names such a protocol, in whatever case; nothing for any other word.
    pub fn parse(protocol: &str) -> Option<Self> {
        match protocol.to_ascii_lowercase().as_str() {
            "mongo" => Some(Self::Mongo),
            "mysql" => Some(Self::MySql),
            _ => None,
        }
    }
}

impl PortProtocol {
    /// The word that objects name the protocol by.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Tls => "tls",
            Self::Tcp => "tcp",
            Self::Sniffed => "sniffed",
            Self::Udp => "udp",
        }
    }

    /// Reads `spec.ports[].protocol` of a ServiceEntry, in whatever case (`Parse` in
    /// `pkg/config/protocol/instance.go` and `ModelProtocolToListenerProtocol` in
    /// `pilot/pkg/networking/networking.go`). What Istio does not know, it sniffs.
    pub fn parse(protocol: &str) -> Self {
        match protocol.to_ascii_lowercase().as_str() {
            "http" | "http2" | "http_proxy" | "grpc" | "grpc-web" => Self::Http,
            "https" | "tls" => Self::Tls,
            "tcp" | "mongo" | "mysql" | "redis" => Self::Tcp,
            "udp" => Self::Udp,
            _ => Self::Sniffed,
        }
    }

    /// The word for a protocol as a ServiceEntry has it, in capital letters; nothing for one that
    /// Istio does not know.
    pub fn word(protocol: &str) -> &'static str {
        let known = [
            "HTTP",
            "HTTPS",
            "HTTP2",
            "HTTP_PROXY",
            "GRPC",
            "GRPC-WEB",
            "TLS",
            "TCP",
            "MONGO",
            "MYSQL",
            "REDIS",
            "UDP",
        ];
        let mut known = known.into_iter();
        let found = known.find(|word| word.eq_ignore_ascii_case(protocol));
        found.unwrap_or_default()
    }

    /// What a client most likely speaks on a port of this number: a guess, which advice is made
    /// with and no verdict.
    pub fn usual(port: u16) -> Self {
        match port {
            80 | 8000 | 8080 | 8888 => Self::Http,
            443 | 8443 | 9443 => Self::Tls,
            _ => Self::Tcp,
        }
    }

    /// Reads a Service's port, by the first of these that applies (`ConvertProtocol` in
    /// `pkg/config/kube/conversion.go`):
    ///
    /// 1. a transport (`protocol`) that is not TCP;
    /// 2. `appProtocol`, or else the port's name: what stands before the first dash of it;
    /// 3. TCP, where servers are known to speak first;
    /// 4. sniffing.
    pub fn of_service(port: u16, name: &str, transport: &str, app_protocol: &str) -> Self {
        if !matches!(transport, "" | "TCP") {
            return Self::Udp;
        }
        let word = match app_protocol {
            "kubernetes.io/h2c" | "kubernetes.io/ws" => "http",
            "kubernetes.io/wss" => "https",
            "" => name,
            other => other,
        };
        let said = Self::parse(word.split('-').next().unwrap_or_default());
        if said == Self::Sniffed && matches!(port, 25 | 53 | 3306 | 27017) {
            Self::Tcp
        } else {
            said
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_entry_says_it_in_a_word_of_any_case() {
        let cases = [
            ("HTTP", PortProtocol::Http),
            ("HTTP_PROXY", PortProtocol::Http),
            ("GRPC-Web", PortProtocol::Http),
            ("https", PortProtocol::Tls),
            ("Mongo", PortProtocol::Tcp),
            ("udp", PortProtocol::Udp),
            ("", PortProtocol::Sniffed),
            ("http-alt", PortProtocol::Sniffed),
        ];
        for (word, expected) in cases {
            assert_eq!(PortProtocol::parse(word), expected, "{word}");
        }
    }

    #[test]
    fn a_service_says_it_by_transport_then_app_protocol_then_name_then_number() {
        let cases = [
            ((53, "dns", "UDP", ""), PortProtocol::Udp),
            ((80, "tcp-web", "TCP", "http"), PortProtocol::Http),
            ((80, "tcp-web", "", "http-alt"), PortProtocol::Http),
            ((80, "web", "", "grpc-web"), PortProtocol::Http),
            ((80, "http", "", "kubernetes.io/wss"), PortProtocol::Tls),
            ((80, "tcp", "", "kubernetes.io/h2c"), PortProtocol::Http),
            ((80, "http", "", "example.com/own"), PortProtocol::Sniffed),
            ((80, "grpc-web-ui", "", ""), PortProtocol::Http),
            ((80, "grpc-web", "", ""), PortProtocol::Http),
            ((443, "https-x", "", ""), PortProtocol::Tls),
            ((6379, "redis", "", ""), PortProtocol::Tcp),
            ((80, "http", "", "tcp"), PortProtocol::Tcp),
            ((3306, "db", "", ""), PortProtocol::Tcp),
            ((3307, "db", "", ""), PortProtocol::Sniffed),
        ];
        for ((port, name, transport, app), expected) in cases {
            let protocol = PortProtocol::of_service(port, name, transport, app);
            assert_eq!(protocol, expected, "{port} {name} {transport} {app}");
        }
    }
}
