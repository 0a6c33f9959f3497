//! The steps of the story: what a client does in which pod, and what must come of it.

use std::fmt;

use anyhow::{Context as _, Result, bail};

use super::NAMESPACE;
use crate::{
    envoy::{Policy, Protocol},
    network::{BAIDU, HTTPBIN, Outside},
    node::Node,
    pod::{APP, User},
    servers::SLOW,
};

/// One connection of the story, and what must come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub policy: Policy,
    pub workload: &'static str,
    pub protocol: Protocol,
    pub server: Outside,
    /// Of the URL; empty for none.
    pub resource: &'static str,
    pub client: Saw,
    pub wanted: Wanted,
}

/// What the client ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saw {
    /// An HTTP status.
    Status(u16),
    /// curl's exit code, when there was no HTTP answer.
    Exit(i32),
}

impl fmt::Display for Saw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "HTTP {status}"),
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
    use Protocol::{Http, Https};
    use Saw::{Exit, Status};

    let blocked = captured("undeclared", "blocked");
    let mediated = captured("service_entry", "mediated");
    let passthrough = captured("undeclared", "passthrough");
    let not_included = |registry, verdict| direct("direct", registry, verdict, "not_included");
    let bypass = not_included("undeclared", "configured_bypass");
    let declared = not_included("service_entry", "declared_bypass");
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
        Step::new(policy, "sleep", Protocol::Http, BAIDU, ok, mediated),
        Step::new(policy, "sleep", Protocol::Https, BAIDU, ok, mediated),
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
        protocol: Protocol,
        server: Outside,
        client: Saw,
        wanted: Wanted,
    ) -> Self {
        Self {
            policy,
            workload,
            protocol,
            server,
            resource: "",
            client,
            wanted,
        }
    }

    /// What a person would type in the pod.
    pub fn command_line(&self) -> String {
        match self.protocol {
            Protocol::Http => format!("curl {}", self.url()),
            Protocol::Https => format!("curl -I {}", self.url()),
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

    pub fn port(&self) -> u16 {
        match self.protocol {
            Protocol::Http => 80,
            Protocol::Https => 443,
        }
    }

    fn url(&self) -> String {
        let scheme = match self.protocol {
            Protocol::Http => "http",
            Protocol::Https => "https",
        };
        format!("{scheme}://{}{}", self.server.host, self.resource)
    }

    /// Runs curl in the pod.
    pub fn ask(&self, node: &Node) -> Result<Saw> {
        let ca_bundle = format!("CURL_CA_BUNDLE={}", node.ca_bundle().display());
        let url = self.url();
        let mut argv = vec!["env", &ca_bundle, "curl", "--silent", "--max-time", "10"];
        argv.extend(["--output", "/dev/null", "--write-out", "%{http_code}"]);
        if self.protocol == Protocol::Https {
            argv.push("--head");
        }
        argv.push(&url);
        let output = node
            .pod(NAMESPACE, self.workload)?
            .exec(APP, User::APP, &argv)?;
        let code = output.status.code().context("curl was killed")?;
        let status = String::from_utf8_lossy(&output.stdout);
        match (code, status.trim().parse()) {
            (0, Ok(status)) => Ok(Saw::Status(status)),
            (0, Err(_)) => bail!("curl printed `{status}` instead of an HTTP status"),
            (code, _) => Ok(Saw::Exit(code)),
        }
    }
}
