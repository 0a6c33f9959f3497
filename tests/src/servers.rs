//! The servers outside of the cluster: one Envoy that answers for all of them, on port 80 with
//! HTTP, on port 443 with TLS, and on another one with HTTP, too.

use std::{
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::{Value, json};

use crate::{
    cgroup::{NodeCgroup, command_in},
    envoy::parts::{http_manager, kind, on_addresses},
    network::{Network, OUTSIDE, Outside},
    process::{Process, output},
    run::Run,
    sidecar::OPTIONS,
};

const READY: Duration = Duration::from_secs(20);
/// A port that is known to nobody.
pub const OTHER_PORT: u16 = 8080;
/// What is below it is answered after five seconds, as httpbin.org does it.
pub const SLOW: &str = "/delay/5";
/// The filter that waits.
const FAULT: &str = "envoy.filters.http.fault";

/// The running servers, and the certificate that clients have to trust.
#[derive(Debug)]
pub struct Servers {
    ca_bundle: PathBuf,
    _envoy: Process,
}

impl Servers {
    pub fn start(run: &Run, binary: &Path, network: &Network, cgroup: &NodeCgroup) -> Result<Self> {
        let names = OUTSIDE.iter().flat_map(|server| server.hosts());
        let names: Vec<String> = names.map(str::to_owned).collect();
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(names).context("cannot make a certificate")?;
        let ca_bundle = run.dir().join("servers.pem");
        fs::write(&ca_bundle, cert.pem())
            .with_context(|| format!("cannot write {}", ca_bundle.display()))?;
        let config = run.dir().join("servers-envoy.json");
        fs::write(
            &config,
            format!("{:#}", bootstrap(&cert.pem(), &signing_key.serialize_pem())),
        )
        .with_context(|| format!("cannot write {}", config.display()))?;

        let place = cgroup.child(Path::new("outside.slice/servers.service"))?;
        let mut command = command_in(&place, "nsenter");
        command
            .args(network.ext().nsenter_args())
            .arg(binary)
            .arg("-c")
            .arg(&config)
            .args(OPTIONS);
        let mut envoy = Process::spawn("servers", command, &run.logs())?;
        envoy.until_ready(READY, || Ok(answers(network)))?;
        Ok(Self {
            ca_bundle,
            _envoy: envoy,
        })
    }

    /// A PEM file for curl's `CURL_CA_BUNDLE`.
    pub fn ca_bundle(&self) -> &Path {
        &self.ca_bundle
    }
}

fn bootstrap(certificate: &str, key: &str) -> Value {
    let tls = json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": kind("transport_sockets.tls.v3.DownstreamTlsContext"),
            "common_tls_context": {"tls_certificates": [{
                "certificate_chain": {"inline_string": certificate},
                "private_key": {"inline_string": key},
            }]},
        },
    });
    let mut listeners = Vec::new();
    for server in OUTSIDE {
        listeners.push(listener(server, 80, json!({})));
        listeners.push(listener(server, OTHER_PORT, json!({})));
        listeners.push(listener(server, 443, json!({"transport_socket": tls})));
    }
    json!({"static_resources": {"listeners": listeners}})
}

/// What a server answers to everything.
pub fn body(server: Outside, port: u16) -> String {
    format!("{} on port {port}\n", server.host)
}

/// Answers every request with the server's name.
fn listener(server: Outside, port: u16, mut chain: Value) -> Value {
    let body = json!({"inline_string": body(server, port)});
    let [mut slow, all] = [SLOW, "/"].map(|prefix| {
        json!({
            "match": {"prefix": prefix}, "direct_response": {"status": 200, "body": body},
        })
    });
    slow["typed_per_filter_config"] = json!({FAULT: fault(json!({
        "delay": {"fixed_delay": "5s", "percentage": {"numerator": 100}},
    }))});
    let name = format!("{}:{port}", server.host);
    let hosts = json!([{"name": name, "domains": ["*"], "routes": [slow, all]}]);
    let mut manager = http_manager(&name, &hosts);
    let config = &mut manager["typed_config"];
    let router = config["http_filters"][0].take();
    config["http_filters"] = json!([{"name": FAULT, "typed_config": fault(json!({}))}, router]);
    // So that each request that a sidecar forwards is a connection of its own.
    config["common_http_protocol_options"] = json!({"max_requests_per_connection": 1});
    chain["filters"] = json!([manager]);
    let mut listener = on_addresses(&name, [IpAddr::V4(server.v4), IpAddr::V6(server.v6)], port);
    listener["filter_chains"] = json!([chain]);
    listener
}

fn fault(mut config: Value) -> Value {
    config["@type"] = json!(kind("filters.http.fault.v3.HTTPFault"));
    config
}

/// Listeners start in order: when the last one answers, all do.
fn answers(network: &Network) -> bool {
    let last = OUTSIDE[OUTSIDE.len() - 1];
    let url = format!("https://{}/", last.v4);
    let mut curl = network.ext().command("curl");
    curl.args([
        "--silent",
        "--insecure",
        "--noproxy",
        "*",
        "--max-time",
        "1",
        &url,
    ]);
    output(&mut curl).is_ok_and(|answer| answer.contains(last.host))
}
