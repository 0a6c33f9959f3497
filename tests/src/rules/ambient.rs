//! The rules that istio-cni makes inside an ambient pod, from 1.24 on
//! (`cni/pkg/iptables/iptables.go`).
//!
//! Left out: table raw (conntrack zones) and table mangle, which copies the mark of a packet that
//! came in to its connection and back to the replies, never to a connection that starts here.

use super::{DNS_LISTENER, Family};

/// Where ztunnel takes outbound connections.
pub const OUTBOUND: u16 = 15001;
/// Where ztunnel takes inbound connections that are not encrypted.
const INBOUND: u16 = 15006;
/// Where ztunnel takes encrypted ones.
const TUNNEL: u16 = 15008;
/// The mark of ztunnel's own packets.
const ZTUNNEL: &str = "0x539/0xfff";
/// The mark of replies to what ztunnel took in.
const TPROXY: &str = "0x111/0xfff";

/// The settings that show in the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AmbientSettings {
    /// Whether ztunnel answers DNS.
    pub dns: bool,
    /// Whether there are rules for IPv6.
    pub ipv6: bool,
}

/// The whole nat table of one family: it replaces what was there.
pub fn nat(settings: AmbientSettings, family: Family) -> String {
    let mut text = String::from("*nat\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n");
    if family == Family::V4 || settings.ipv6 {
        text.push_str(":ISTIO_OUTPUT - [0:0]\n:ISTIO_PRERT - [0:0]\n");
        for rule in rules(settings.dns, family) {
            text.push_str(&format!("-A {rule}\n"));
        }
    }
    text.push_str("COMMIT\n");
    text
}

fn rules(dns: bool, family: Family) -> Vec<String> {
    let (localhost, probe) = match family {
        Family::V4 => ("127.0.0.1/32", "169.254.7.127"),
        Family::V6 => ("::1/128", "fd16:9254:7127:1337:ffff:ffff:ffff:ffff"),
    };
    let mut rules = vec![
        "OUTPUT -j ISTIO_OUTPUT".to_owned(),
        "PREROUTING -j ISTIO_PRERT".to_owned(),
        format!("ISTIO_PRERT -s {probe} -p tcp -m tcp -j ACCEPT"),
        format!("ISTIO_OUTPUT -d {probe} -p tcp -m tcp -j ACCEPT"),
        format!(
            "ISTIO_PRERT ! -d {localhost} -p tcp ! --dport {TUNNEL} -m mark ! --mark {ZTUNNEL} \
             -j REDIRECT --to-ports {INBOUND}"
        ),
    ];
    if dns {
        rules.push(format!(
            "ISTIO_OUTPUT ! -o lo -p udp -m mark ! --mark {ZTUNNEL} -m udp --dport 53 \
             -j REDIRECT --to-ports {DNS_LISTENER}"
        ));
        rules.push(format!(
            "ISTIO_OUTPUT ! -d {localhost} -p tcp --dport 53 -m mark ! --mark {ZTUNNEL} \
             -j REDIRECT --to-ports {DNS_LISTENER}"
        ));
    }
    rules.extend([
        format!("ISTIO_OUTPUT -p tcp -m mark --mark {TPROXY} -j ACCEPT"),
        format!("ISTIO_OUTPUT ! -d {localhost} -o lo -j ACCEPT"),
        format!(
            "ISTIO_OUTPUT ! -d {localhost} -p tcp -m mark ! --mark {ZTUNNEL} \
             -j REDIRECT --to-ports {OUTBOUND}"
        ),
    ]);
    rules
}
