//! What Istio does to an injected pod: the arguments of `istio-init`, the annotations that ask for
//! them, and the iptables rules that come out ([`rules`]).

use anyhow::{Context as _, Result};

use crate::{
    netns::Netns,
    process::feed,
    rules::{self, DnsRules, Family, PROXY_PORTS, RuleSettings, join},
};

/// The user and group that sidecars run as, and that the rules let through.
pub const PROXY_ID: u32 = 1337;
/// Where captured outbound connections go.
pub const OUTBOUND_PORT: u16 = 15001;
/// Where captured inbound connections go.
pub const INBOUND_PORT: u16 = 15006;

/// Which of a pod's outbound connections the sidecar gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// `None` is Istio's `*`.
    pub include_ranges: Option<Vec<String>>,
    pub exclude_ranges: Vec<String>,
    pub include_ports: Vec<u16>,
    pub exclude_ports: Vec<u16>,
    /// Which DNS questions the sidecar gets.
    pub dns: DnsRules,
    pub uid: u32,
    pub gid: u32,
}

impl Default for Capture {
    /// What the injector does when nobody asked for anything.
    fn default() -> Self {
        Self {
            include_ranges: None,
            exclude_ranges: Vec::new(),
            include_ports: Vec::new(),
            exclude_ports: Vec::new(),
            dns: DnsRules::Off,
            uid: PROXY_ID,
            gid: PROXY_ID,
        }
    }
}

impl Capture {
    /// Everything but these ranges stays outside of the mesh.
    pub fn only_ranges<'a>(ranges: impl IntoIterator<Item = &'a str>) -> Self {
        let ranges = ranges.into_iter().map(str::to_owned).collect();
        Self {
            include_ranges: Some(ranges),
            ..Self::default()
        }
    }

    /// The value of `-i` and of `includeOutboundIPRanges`.
    pub fn include_text(&self) -> String {
        self.settings().include_text()
    }

    /// The arguments of `istio-init`, as the injection template renders them.
    pub fn init_args(&self) -> Vec<String> {
        let fixed = ["istio-iptables", "-p", "15001", "-z", "15006", "-u"];
        let mut args: Vec<String> = fixed.map(str::to_owned).into();
        // The template puts the user between its fixed and its varying arguments.
        args.push(self.uid.to_string());
        let mut flags = vec![
            ("-m", "REDIRECT".to_owned()),
            ("-i", self.include_text()),
            ("-x", self.exclude_ranges.join(",")),
            ("-b", "*".to_owned()),
            ("-d", join(PROXY_PORTS)),
        ];
        if !self.include_ports.is_empty() {
            flags.push(("-q", join(&self.include_ports)));
        }
        if !self.exclude_ports.is_empty() {
            flags.push(("-o", join(&self.exclude_ports)));
        }
        args.extend(
            flags
                .into_iter()
                .flat_map(|(flag, value)| [flag.to_owned(), value]),
        );
        args.push("--log_output_level=default:info".to_owned());
        args
    }

    /// The pod's annotations that ask for these settings; none for the default.
    pub fn annotations(&self) -> Vec<(String, String)> {
        let mut annotations = Vec::new();
        if self.include_ranges.is_some() {
            annotations.push(("includeOutboundIPRanges", self.include_text()));
        }
        if !self.exclude_ranges.is_empty() {
            annotations.push(("excludeOutboundIPRanges", self.exclude_ranges.join(",")));
        }
        if !self.include_ports.is_empty() {
            annotations.push(("includeOutboundPorts", join(&self.include_ports)));
        }
        if !self.exclude_ports.is_empty() {
            annotations.push(("excludeOutboundPorts", join(&self.exclude_ports)));
        }
        annotations
            .into_iter()
            .map(|(name, value)| (format!("traffic.sidecar.istio.io/{name}"), value))
            .collect()
    }

    /// The variables of both containers that ask for the rest, from the mesh's `proxyMetadata`.
    pub fn variables(&self) -> Vec<(&'static str, &'static str)> {
        // Rules for IPv6 beside an IPv4 address.
        let mut variables = vec![("ISTIO_DUAL_STACK", "true")];
        if self.dns != DnsRules::Off {
            variables.push(("ISTIO_META_DNS_CAPTURE", "true"));
        }
        variables
    }

    /// Puts the rules into a pod's namespace.
    pub fn apply(&self, netns: &Netns, family: Family) -> Result<()> {
        feed(
            &mut netns.command(family.restore_command()),
            &self.rules(family),
        )
        .context("cannot apply Istio's rules")
    }

    /// The rules as `iptables-restore` reads them.
    pub fn rules(&self, family: Family) -> String {
        rules::iptables::nat(&self.settings(), family)
    }

    fn settings(&self) -> RuleSettings {
        let [exclude_ports, include_ports] = [&self.exclude_ports, &self.include_ports]
            .map(|ports| ports.iter().map(|port| *port..=*port).collect());
        RuleSettings {
            proxy_port: OUTBOUND_PORT,
            inbound_port: INBOUND_PORT,
            proxy_uids: vec![self.uid],
            proxy_gids: vec![self.gid],
            exclude_ports,
            exclude: self.exclude_ranges.clone(),
            include_ports,
            include: self.include_ranges.clone(),
            dns: self.dns.clone(),
            ..RuleSettings::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output_rules(capture: &Capture, family: Family) -> String {
        let rules = capture.rules(family);
        let chain = rules
            .lines()
            .filter_map(|line| line.strip_prefix("-A ISTIO_OUTPUT "));
        chain.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_default_captures_everything_but_the_proxy_and_loopback() {
        assert_eq!(
            output_rules(&Capture::default(), Family::V4),
            "-o lo -s 127.0.0.6/32 -j RETURN\n\
             -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT\n\
             -o lo -m owner ! --uid-owner 1337 -j RETURN\n\
             -m owner --uid-owner 1337 -j RETURN\n\
             -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --gid-owner 1337 -j ISTIO_IN_REDIRECT\n\
             -o lo -m owner ! --gid-owner 1337 -j RETURN\n\
             -m owner --gid-owner 1337 -j RETURN\n\
             -d 127.0.0.1/32 -j RETURN\n\
             -j ISTIO_REDIRECT"
        );
    }

    #[test]
    fn excluded_ranges_win_over_included_ports_and_ports_over_ranges() {
        let capture = Capture {
            include_ranges: Some(vec!["10.96.0.0/12".to_owned(), "fd00::/8".to_owned()]),
            exclude_ranges: vec!["10.99.0.0/16".to_owned()],
            include_ports: vec![9000],
            exclude_ports: vec![5432],
            ..Capture::default()
        };
        let rules = output_rules(&capture, Family::V4);
        assert!(rules.starts_with(
            "-p tcp --dport 5432 -j RETURN\n-p udp --dport 5432 -j RETURN\n-o lo -s 127.0.0.6/32"
        ));
        assert!(rules.ends_with(
            "-d 10.99.0.0/16 -j RETURN\n-p tcp --dport 9000 -j ISTIO_REDIRECT\n\
             -d 10.96.0.0/12 -j ISTIO_REDIRECT"
        ));
    }

    #[test]
    fn each_family_gets_its_own_ranges_only() {
        let capture = Capture::only_ranges(["10.96.0.0/12", "fd00::/8"]);
        let rules = output_rules(&capture, Family::V6);
        assert!(
            rules.ends_with("-d ::1/128 -j RETURN\n-d fd00::/8 -j ISTIO_REDIRECT"),
            "{rules}"
        );
        assert!(rules.starts_with("-o lo -s ::6/128 -j RETURN\n"), "{rules}");
    }

    #[test]
    fn an_included_loopback_range_drops_the_rule_for_self_calls() {
        let rules = output_rules(&Capture::only_ranges(["127.0.0.0/8"]), Family::V4);
        assert!(!rules.contains("! --uid-owner"), "{rules}");
    }

    #[test]
    fn the_init_container_gets_the_arguments_of_the_template() {
        let text = Capture::default().init_args().join(" ");
        assert_eq!(
            text,
            "istio-iptables -p 15001 -z 15006 -u 1337 -m REDIRECT -i * -x  -b * \
             -d 15090,15021,15020 --log_output_level=default:info"
        );
        let capture = Capture {
            include_ports: vec![1, 2],
            exclude_ports: vec![3],
            ..Capture::only_ranges(["10.0.0.0/8", "10.1.0.0/16"])
        };
        let text = capture.init_args().join(" ");
        assert!(text.contains("-i 10.0.0.0/8,10.1.0.0/16 -x  -b"), "{text}");
        assert!(
            text.contains("-d 15090,15021,15020 -q 1,2 -o 3 --log"),
            "{text}"
        );
    }
}
