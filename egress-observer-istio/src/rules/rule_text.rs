//! The rules as text that is found in `iptables-save`.

use std::fmt::Display;

use super::{
    backend::Backend, config::CaptureConfig, dns::DNS_LISTENER, dns::DnsCapture, ports::PortRange,
    rule::Rule,
};

impl Rule {
    /// The rule as `istio-iptables` writes it, for an IPv4 destination where both are possible; for
    /// what is no single rule, words.
    pub fn text(self, config: &CaptureConfig) -> String {
        let text = text(self, config);
        if config.backend == Backend::Nftables && text.starts_with("-A ") {
            // The same rule; its spelling in nft is another.
            return format!("table inet istio-proxy-nat, as in iptables: {text}");
        }
        text
    }
}

fn text(rule: Rule, config: &CaptureConfig) -> String {
    match rule {
        Rule::NoIpv6Rules => "no ip6tables rules: the pod has no IPv6 address".to_owned(),
        Rule::ExcludedInterface(place) => {
            let name = at(&config.exclude_interfaces, place, "<excluded interface>");
            format!("-A OUTPUT -o {name} -j RETURN")
        }
        Rule::ExcludedPort(place) => {
            let port = port(config.exclude_ports.list(), place);
            format!("-A ISTIO_OUTPUT -p tcp --dport {port} -j RETURN")
        }
        Rule::InboundPassthrough => "-A ISTIO_OUTPUT -s 127.0.0.6/32 -o lo -j RETURN".to_owned(),
        Rule::SelfCall(place) => {
            let (localhost, owner) = (config.loopback, owner(config, place));
            format!(
                "-A ISTIO_OUTPUT ! -d {localhost} -o lo -p tcp -m owner {owner} -j ISTIO_IN_REDIRECT"
            )
        }
        Rule::Loopback(place) => {
            let owner = owner(config, place);
            format!("-A ISTIO_OUTPUT -o lo -m owner ! {owner} -j RETURN")
        }
        Rule::Proxy(place) => {
            let owner = owner(config, place);
            format!("-A ISTIO_OUTPUT -m owner {owner} -j RETURN")
        }
        Rule::OwnerGroup => "-A ISTIO_OUTPUT -m owner --gid-owner .. -j RETURN".to_owned(),
        Rule::Dns => {
            let to = match &config.dns {
                Some(DnsCapture::Nameservers { .. }) => " -d <nameserver>",
                Some(DnsCapture::All) | None => "",
            };
            format!("-A ISTIO_OUTPUT_DNS{to} --dport 53 -j REDIRECT --to-ports {DNS_LISTENER}")
        }
        Rule::Localhost => format!("-A ISTIO_OUTPUT -d {} -j RETURN", config.loopback),
        Rule::ExcludedRange(place) => {
            let range = at(config.exclude.list(), place, "<excluded range>");
            format!("-A ISTIO_OUTPUT -d {range} -j RETURN")
        }
        Rule::IncludedPort(place) => {
            let port = port(config.include_ports.list(), place);
            format!("-A ISTIO_OUTPUT -p tcp --dport {port} -j ISTIO_REDIRECT")
        }
        Rule::IncludedRange(place) => {
            let range = at(config.include.list(), place, "<included range>");
            format!("-A ISTIO_OUTPUT -d {range} -j ISTIO_REDIRECT")
        }
        Rule::IncludedAll => "-A ISTIO_OUTPUT -j ISTIO_REDIRECT".to_owned(),
        Rule::NotIncluded => "end of ISTIO_OUTPUT: no rule redirects it".to_owned(),
        Rule::NotTcp => "-A OUTPUT -p tcp -j ISTIO_OUTPUT: no rule for UDP".to_owned(),
        Rule::Version => "the rules differ between versions of Istio".to_owned(),
        Rule::None => String::new(),
        Rule::Ambient(rule) => rule.text().to_owned(),
    }
}

/// An element of a list by its place, or a word for it.
fn at<T: Display>(list: &[T], place: u32, word: &str) -> String {
    let element = list.get(place as usize);
    element.map_or_else(|| word.to_owned(), T::to_string)
}

fn port(ranges: &[PortRange], place: u32) -> String {
    match ranges.get(place as usize) {
        None => String::new(),
        Some(range) if range.start() == range.end() => range.start().to_string(),
        Some(range) => format!("{}:{}", range.start(), range.end()),
    }
}

/// The match of an owner by its place: users first, then groups.
fn owner(config: &CaptureConfig, place: u32) -> String {
    let place = place as usize;
    let users = config.proxy_uids.len();
    match config.proxy_uids.get(place) {
        Some(uid) => format!("--uid-owner {uid}"),
        None => {
            let gid = config.proxy_gids.get(place.saturating_sub(users));
            format!("--gid-owner {}", gid.copied().unwrap_or_default())
        }
    }
}
