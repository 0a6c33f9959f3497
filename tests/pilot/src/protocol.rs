//! The protocols of ports (`pkg/config/protocol/instance.go`, `pkg/config/kube/conversion.go`).

/// What a port is declared to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http,
    HttpProxy,
    Tcp,
    Tls,
    Mongo,
    MySql,
    Redis,
    Udp,
    /// Nothing that Istio knows: it looks at what the client says first.
    Unsupported,
}

/// What kind of listener a protocol makes (`ModelProtocolToListenerProtocol`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListenerKind {
    Http,
    Tcp,
    Auto,
    None,
}

impl Protocol {
    /// Reads it in any case (`Parse`). HTTP2 and the gRPCs are treated as HTTP, HTTPS as TLS, everywhere.
    pub fn parse(text: &str) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "http" | "http2" | "grpc" | "grpc-web" => Self::Http,
            "http_proxy" => Self::HttpProxy,
            "tcp" => Self::Tcp,
            "tls" | "https" => Self::Tls,
            "mongo" => Self::Mongo,
            "mysql" => Self::MySql,
            "redis" => Self::Redis,
            "udp" => Self::Udp,
            _ => Self::Unsupported,
        }
    }

    /// That of a Service's port (`ConvertProtocol`).
    pub fn of_service(port: u16, name: &str, transport: &str, application: Option<&str>) -> Self {
        if transport == "UDP" {
            return Self::Udp;
        }
        let name = match application {
            Some("kubernetes.io/h2c" | "kubernetes.io/ws") => return Self::Http,
            Some("kubernetes.io/wss") => return Self::Tls,
            Some(application) => application,
            None => name,
        };
        let is_grpc_web = name
            .get(..8)
            .is_some_and(|start| start.eq_ignore_ascii_case("grpc-web"));
        if is_grpc_web {
            return Self::Http;
        }
        let prefix = name.split('-').next().unwrap_or_default();
        let protocol = Self::parse(prefix);
        // SMTP, DNS, MySQL and MongoDB: whoever looks at what the client says waits for ever.
        if protocol == Self::Unsupported && matches!(port, 25 | 53 | 3306 | 27017) {
            return Self::Tcp;
        }
        protocol
    }

    pub const fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::HttpProxy)
    }

    pub const fn is_tcp(self) -> bool {
        matches!(
            self,
            Self::Tcp | Self::Tls | Self::Mongo | Self::MySql | Self::Redis
        )
    }

    pub(crate) const fn is_http_or_sniffed(self) -> bool {
        self.is_http() || matches!(self, Self::Unsupported)
    }

    pub(crate) const fn kind(self) -> ListenerKind {
        match self {
            Self::Http | Self::HttpProxy => ListenerKind::Http,
            Self::Tcp | Self::Tls | Self::Mongo | Self::MySql | Self::Redis => ListenerKind::Tcp,
            Self::Udp => ListenerKind::None,
            Self::Unsupported => ListenerKind::Auto,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_services_port_tells_by_its_name() {
        for (port, name, transport, application, protocol) in [
            (80, "http-web", "TCP", None, Protocol::Http),
            (80, "grpc-web-x", "TCP", None, Protocol::Http),
            (443, "https", "TCP", None, Protocol::Tls),
            (1, "x", "TCP", None, Protocol::Unsupported),
            (3306, "x", "TCP", None, Protocol::Tcp),
            (3306, "mysql", "TCP", None, Protocol::MySql),
            (53, "dns", "UDP", None, Protocol::Udp),
            (1, "http", "TCP", Some("tcp"), Protocol::Tcp),
            (1, "tcp", "TCP", Some("kubernetes.io/wss"), Protocol::Tls),
        ] {
            assert_eq!(
                Protocol::of_service(port, name, transport, application),
                protocol,
                "{port} {name}"
            );
        }
    }
}
