//! The steps of the story: what a client does in which pod, and what must come of it.

use std::fmt;

use anyhow::{Context as _, Result, bail};

use crate::{
    envoy::Policy,
    network::{API, BAIDU, HTTPBIN, OUTSIDE, Outside, QUEUE},
    node::Node,
    pod::{APP, User},
    servers::{self, OTHER_PORT, SLOW},
};

/// The namespace of the story's pods.
pub const NAMESPACE: &str = "shop";
/// One connection of the story, and what must come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub policy: Policy,
    pub workload: &'static str,
    pub scheme: Scheme,
    pub server: Outside,
    pub port: u16,
    /// Of the URL; empty for none.
    pub resource: &'static str,
    pub client: Saw,
    pub wanted: Wanted,
}

/// How a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

impl Scheme {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    const fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// What the client ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saw {
    /// An HTTP status.
    Status(u16),
    /// The same, from a server that was not asked.
    StatusFrom(u16, &'static str),
    /// curl's exit code, when there was no HTTP answer.
    Exit(i32),
}

impl fmt::Display for Saw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "HTTP {status}"),
            Self::StatusFrom(status, host) => write!(f, "HTTP {status} from {host}"),
            Self::Exit(35) => f.write_str("exit 35 (TLS handshake cut)"),
            Self::Exit(code) => write!(f, "exit {code}"),
        }
    }
}

/// What the pod's configuration says of a connection, and what the agent must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub expected: &'static str,
    pub path: &'static str,
    pub registry: &'static str,
    pub verdict: &'static str,
    pub reason: &'static str,
}

/// The steps in the order they are played; those of one policy stand together.
pub fn steps() -> Vec<Step> {
    use Policy::{AllowAny, RegistryOnly};
    use Saw::{Exit, Status, StatusFrom};
    use Scheme::{Http, Https};

    let blocked = captured("undeclared", "blocked");
    let mediated = captured("service_entry", "mediated");
    let passthrough = captured("undeclared", "passthrough");
    let misrouted = Wanted {
        reason: "listener_without_address",
        ..captured("service_entry", "misrouted")
    };
    let unreachable = Wanted {
        reason: "no_cluster",
        ..captured("service_entry", "unreachable")
    };
    let bypass = direct("direct", "undeclared", "configured_bypass", "not_included");
    let declared = Wanted {
        registry: "service_entry",
        verdict: "declared_bypass",
        ..bypass
    };
    let unexpected = direct(
        "captured",
        "undeclared",
        "unexpected_bypass",
        "included_range",
    );
    let unmeshed = direct("direct", "undeclared", "unmeshed", "no_sidecar");
    vec![
        Step::new(RegistryOnly, "sleep", Http, BAIDU, Status(502), blocked),
        Step::new(RegistryOnly, "sleep", Https, BAIDU, Exit(35), blocked),
        Step::new(RegistryOnly, "sleep", Http, HTTPBIN, Status(200), mediated),
        Step::new(RegistryOnly, "sleep", Https, HTTPBIN, Status(200), mediated),
        // The VirtualService ends it after three seconds: the mesh is in control.
        Step {
            resource: SLOW,
            ..Step::new(RegistryOnly, "sleep", Http, HTTPBIN, Status(504), mediated)
        },
        Step::new(RegistryOnly, "broken", Http, BAIDU, Status(200), unexpected),
        Step::new(AllowAny, "sleep", Http, BAIDU, Status(200), passthrough),
        Step::new(AllowAny, "sleep", Https, BAIDU, Status(200), passthrough),
        // Nobody has declared it at that port, but the port itself belongs to another host's entry.
        Step {
            port: OTHER_PORT,
            ..Step::new(
                AllowAny,
                "sleep",
                Http,
                BAIDU,
                StatusFrom(200, QUEUE.host),
                misrouted,
            )
        },
        Step::new(AllowAny, "sleep", Http, API, Status(503), unreachable),
        Step::new(AllowAny, "ranges", Http, BAIDU, Status(200), bypass),
        Step::new(AllowAny, "ranges", Http, HTTPBIN, Status(200), declared),
        Step::new(AllowAny, "plain", Http, BAIDU, Status(200), unmeshed),
    ]
}

/// What was blocked, once it is declared; in the order of ports.
pub fn fix_steps() -> Vec<Step> {
    let (policy, ok) = (Policy::RegistryOnly, Saw::Status(200));
    let mediated = captured("service_entry", "mediated");
    vec![
        Step::new(policy, "sleep", Scheme::Http, BAIDU, ok, mediated),
        Step::new(policy, "sleep", Scheme::Https, BAIDU, ok, mediated),
    ]
}

const fn captured(registry: &'static str, verdict: &'static str) -> Wanted {
    let (expected, path) = ("captured", "captured");
    Wanted {
        expected,
        path,
        registry,
        verdict,
        reason: "included_range",
    }
}

const fn direct(
    expected: &'static str,
    registry: &'static str,
    verdict: &'static str,
    reason: &'static str,
) -> Wanted {
    Wanted {
        expected,
        path: "direct",
        registry,
        verdict,
        reason,
    }
}

impl Step {
    const fn new(
        policy: Policy,
        workload: &'static str,
        scheme: Scheme,
        server: Outside,
        client: Saw,
        wanted: Wanted,
    ) -> Self {
        Self {
            policy,
            workload,
            scheme,
            server,
            port: scheme.port(),
            resource: "",
            client,
            wanted,
        }
    }

    /// What a person would type in the pod.
    pub fn command_line(&self) -> String {
        match self.scheme {
            Scheme::Http => format!("curl {}", self.url()),
            Scheme::Https => format!("curl -I {}", self.url()),
        }
    }

    /// What `explain` must say. It cannot know that rules are missing; the agent can.
    pub fn predicted(&self) -> &'static str {
        match (self.wanted.verdict, self.policy) {
            ("unexpected_bypass", Policy::RegistryOnly) => "blocked",
            ("unexpected_bypass", Policy::AllowAny) => "passthrough",
            (verdict, _) => verdict,
        }
    }

    /// The destination's name in the agent's metrics: the ServiceEntry's host, or the name that
    /// the pod asked DNS for.
    pub const fn service(&self) -> &'static str {
        self.server.host
    }

    fn url(&self) -> String {
        let scheme = self.scheme.as_str();
        let port = match self.port {
            port if port == self.scheme.port() => String::new(),
            port => format!(":{port}"),
        };
        format!("{scheme}://{}{port}{}", self.server.host, self.resource)
    }

    /// Runs curl in the pod.
    pub fn ask(&self, node: &Node) -> Result<Saw> {
        let ca_bundle = format!("CURL_CA_BUNDLE={}", node.ca_bundle().display());
        let url = self.url();
        let mut argv = vec!["env", &ca_bundle, "curl", "--silent", "--max-time", "10"];
        argv.extend(["--write-out", "\\n%{http_code}"]);
        if self.scheme == Scheme::Https {
            argv.push("--head");
        }
        argv.push(&url);
        let output = node
            .pod(NAMESPACE, self.workload)?
            .exec(APP, User::APP, &argv)?;
        let code = output.status.code().context("curl was killed")?;
        let answer = String::from_utf8_lossy(&output.stdout);
        let (body, status) = answer.rsplit_once('\n').unwrap_or_default();
        match (code, status.trim().parse()) {
            (0, Ok(status)) => Ok(match self.stranger(body) {
                Some(host) => Saw::StatusFrom(status, host),
                None => Saw::Status(status),
            }),
            (0, Err(_)) => bail!("curl printed `{answer}` without an HTTP status"),
            (code, _) => Ok(Saw::Exit(code)),
        }
    }

    /// The server that answered, if it is another one than the one that was asked.
    fn stranger(&self, body: &str) -> Option<&'static str> {
        let mut others = OUTSIDE
            .iter()
            .filter(|server| server.host != self.server.host);
        let it = others.find(|server| servers::body(**server, self.port) == body)?;
        Some(it.host)
    }
}
