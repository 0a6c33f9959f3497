//! The rules as `iptables-restore` and `ip6tables-restore` read them
//! (`tools/istio-iptables/pkg/capture/run.go`).

use super::{DNS_LISTENER, DnsRules, Family, PROXY_PORTS, RuleSettings, port_text};

/// The whole nat table of one family: it replaces what was there. For IPv6 without IPv6 rules it
/// is empty.
pub fn nat(settings: &RuleSettings, family: Family) -> String {
    let mut table = Table {
        settings,
        family,
        text: String::from("*nat\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"),
    };
    if family == Family::V4 || settings.ipv6 {
        table.chains();
        table.inbound();
        table.output();
    }
    table.text.push_str("COMMIT\n");
    table.text
}

struct Table<'a> {
    settings: &'a RuleSettings,
    family: Family,
    text: String,
}

impl Table<'_> {
    fn add(&mut self, chain: &str, rule: &str) {
        self.text.push_str(&format!("-A {chain} {rule}\n"));
    }

    fn output_rule(&mut self, rule: &str) {
        self.add("ISTIO_OUTPUT", rule);
    }

    fn chains(&mut self) {
        let chains = ["INBOUND", "REDIRECT", "IN_REDIRECT", "OUTPUT"];
        let dns = (self.settings.minor >= 25 && self.settings.has_dns()).then_some("OUTPUT_DNS");
        for name in chains.into_iter().chain(dns) {
            self.text.push_str(&format!(":ISTIO_{name} - [0:0]\n"));
        }
    }

    fn inbound(&mut self) {
        let RuleSettings {
            proxy_port,
            inbound_port,
            tunnel_port,
            ..
        } = self.settings;
        for (chain, port) in [
            ("ISTIO_REDIRECT", proxy_port),
            ("ISTIO_IN_REDIRECT", inbound_port),
        ] {
            self.add(chain, &format!("-p tcp -j REDIRECT --to-ports {port}"));
        }
        self.add("PREROUTING", "-p tcp -j ISTIO_INBOUND");
        for port in [*tunnel_port].into_iter().chain(PROXY_PORTS) {
            self.add("ISTIO_INBOUND", &format!("-p tcp --dport {port} -j RETURN"));
        }
        self.add("ISTIO_INBOUND", "-p tcp -j ISTIO_IN_REDIRECT");
    }

    fn output(&mut self) {
        let settings = self.settings;
        for device in &settings.exclude_interfaces {
            self.add("OUTPUT", &format!("-o {device} -j RETURN"));
        }
        // All protocols from 1.25 on.
        let protocol = if settings.minor >= 25 { "" } else { "-p tcp " };
        self.add("OUTPUT", &format!("{protocol}-j ISTIO_OUTPUT"));
        self.excluded_ports();
        let source = self.family.inbound_source();
        self.output_rule(&format!("-o lo -s {source} -j RETURN"));
        self.users();
        self.groups();
        self.owner_groups("ISTIO_OUTPUT", "");
        if settings.has_dns() {
            self.dns_over_tcp();
        }
        let localhost = settings.localhost(self.family);
        self.output_rule(&format!("-d {localhost} -j RETURN"));
        for range in self.family.of(&settings.exclude) {
            self.output_rule(&format!("-d {range} -j RETURN"));
        }
        self.included();
        if settings.has_dns() && settings.minor < 25 {
            self.old_dns_over_udp();
        }
    }

    fn excluded_ports(&mut self) {
        for range in &self.settings.exclude_ports {
            let port = port_text(range, ':');
            self.output_rule(&format!("-p tcp --dport {port} -j RETURN"));
            if self.settings.minor >= 25 {
                self.output_rule(&format!("-p udp --dport {port} -j RETURN"));
            }
        }
    }

    fn users(&mut self) {
        let tunnel = self.settings.tunnel_port;
        for uid in &self.settings.proxy_uids {
            // The tunnel's port is left alone from 1.18 on.
            let to_itself = match (self.settings.has_dns(), self.settings.minor >= 18) {
                (true, true) => format!("-p tcp -m multiport ! --dports 53,{tunnel} "),
                (true, false) => "-p tcp ! --dport 53 ".to_owned(),
                (false, true) => format!("-p tcp ! --dport {tunnel} "),
                (false, false) => String::new(),
            };
            self.owner(&to_itself, &format!("--uid-owner {uid}"));
        }
    }

    fn groups(&mut self) {
        let tunnel = self.settings.tunnel_port;
        for gid in &self.settings.proxy_gids {
            let to_itself = if self.settings.minor >= 18 {
                format!("-p tcp ! --dport {tunnel} ")
            } else {
                String::new()
            };
            self.owner(&to_itself, &format!("--gid-owner {gid}"));
        }
    }

    /// The three rules for each owner: the proxy to its own pod, anybody else to the pod itself,
    /// the proxy to anywhere.
    fn owner(&mut self, to_itself: &str, owner: &str) {
        let localhost = self.settings.localhost(self.family);
        self.output_rule(&format!(
            "-o lo ! -d {localhost} {to_itself}-m owner {owner} -j ISTIO_IN_REDIRECT"
        ));
        if !self.settings.includes_loopback() {
            let but_dns = if self.settings.has_dns() {
                "-p tcp ! --dport 53 "
            } else {
                ""
            };
            self.output_rule(&format!("-o lo {but_dns}-m owner ! {owner} -j RETURN"));
        }
        self.output_rule(&format!("-m owner {owner} -j RETURN"));
    }

    /// From 1.14 on. An empty list of included groups lets everything through.
    fn owner_groups(&mut self, chain: &str, what: &str) {
        if self.settings.minor < 14 {
            return;
        }
        match &self.settings.include_groups {
            None => {
                for gid in &self.settings.exclude_groups {
                    self.add(
                        chain,
                        &format!("{what}-m owner --gid-owner {gid} -j RETURN"),
                    );
                }
            }
            Some(groups) => {
                let none_of: String = groups
                    .iter()
                    .map(|gid| format!("-m owner ! --gid-owner {gid} "))
                    .collect();
                self.add(chain, &format!("{what}{none_of}-j RETURN"));
            }
        }
    }

    /// IPv6 nameservers count from 1.12 on.
    fn dns_destinations(&self) -> Vec<Option<String>> {
        if self.family == Family::V6 && self.settings.minor < 12 {
            return Vec::new();
        }
        self.settings.dns_destinations(self.family)
    }

    fn dns_over_tcp(&mut self) {
        let destinations = self.dns_destinations();
        if self.settings.minor < 25 {
            self.dns_redirects("ISTIO_OUTPUT", "tcp", &destinations);
            return;
        }
        // From 1.25 on both protocols are here, in a chain of their own.
        if self.settings.dns == DnsRules::All || !destinations.is_empty() {
            self.output_rule("-j ISTIO_OUTPUT_DNS");
        }
        self.dns_redirects("ISTIO_OUTPUT_DNS", "tcp", &destinations);
        self.dns_redirects("ISTIO_OUTPUT_DNS", "udp", &destinations);
    }

    fn dns_redirects(&mut self, chain: &str, protocol: &str, destinations: &[Option<String>]) {
        for destination in destinations {
            let to = destination
                .as_ref()
                .map_or_else(String::new, |range| format!("-d {range} "));
            self.add(
                chain,
                &format!("-p {protocol} --dport 53 {to}-j REDIRECT --to-ports {DNS_LISTENER}"),
            );
        }
    }

    /// Up to 1.22 in OUTPUT itself, in 1.23 and 1.24 at the end of ISTIO_OUTPUT.
    fn old_dns_over_udp(&mut self) {
        let chain = if self.settings.minor < 23 {
            "OUTPUT"
        } else {
            self.add("OUTPUT", "-p udp -j ISTIO_OUTPUT");
            "ISTIO_OUTPUT"
        };
        let question = "-p udp --dport 53 ";
        for uid in &self.settings.proxy_uids {
            self.add(
                chain,
                &format!("{question}-m owner --uid-owner {uid} -j RETURN"),
            );
        }
        for gid in &self.settings.proxy_gids {
            self.add(
                chain,
                &format!("{question}-m owner --gid-owner {gid} -j RETURN"),
            );
        }
        self.owner_groups(chain, question);
        let destinations = self.dns_destinations();
        self.dns_redirects(chain, "udp", &destinations);
    }

    /// Included ports are read from 1.7 on.
    fn included(&mut self) {
        let settings = self.settings;
        for range in settings
            .include_ports
            .iter()
            .filter(|_| settings.minor >= 7)
        {
            let port = port_text(range, ':');
            self.output_rule(&format!("-p tcp --dport {port} -j ISTIO_REDIRECT"));
        }
        let Some(ranges) = &settings.include else {
            self.output_rule("-j ISTIO_REDIRECT");
            return;
        };
        for range in self.family.of(ranges) {
            self.output_rule(&format!("-d {range} -j ISTIO_REDIRECT"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rules of the pod's own connections, in their order.
    fn outbound(settings: &RuleSettings, family: Family) -> Vec<String> {
        let text = nat(settings, family);
        let is_outbound = |line: &&str| line.starts_with("-A ") && line.contains("OUTPUT");
        text.lines()
            .filter(is_outbound)
            .map(str::to_owned)
            .collect()
    }

    fn with_dns(minor: u16) -> RuleSettings {
        RuleSettings {
            minor,
            dns: DnsRules::Servers(vec!["10.96.0.10".parse().unwrap()]),
            exclude: vec!["10.0.0.0/8".to_owned()],
            exclude_ports: vec![53..=53],
            ..RuleSettings::default()
        }
    }

    fn place(rules: &[String], rule: &str) -> usize {
        let found = rules.iter().position(|line| line == rule);
        found.unwrap_or_else(|| panic!("no `{rule}` in {rules:#?}"))
    }

    #[test]
    fn dns_over_udp_moves_from_output_to_the_end_of_the_chain_to_before_the_ranges() {
        let udp = "-p udp --dport 53 -d 10.96.0.10/32 -j REDIRECT --to-ports 15053";
        let excluded = "-A ISTIO_OUTPUT -d 10.0.0.0/8 -j RETURN";

        let rules = outbound(&with_dns(22), Family::V4);
        place(&rules, &format!("-A OUTPUT {udp}"));
        place(&rules, "-A OUTPUT -p tcp -j ISTIO_OUTPUT");

        let rules = outbound(&with_dns(23), Family::V4);
        let last = place(&rules, &format!("-A ISTIO_OUTPUT {udp}"));
        assert!(last > place(&rules, excluded), "{rules:#?}");
        place(&rules, "-A OUTPUT -p udp -j ISTIO_OUTPUT");

        let rules = outbound(&with_dns(25), Family::V4);
        let jump = place(&rules, "-A ISTIO_OUTPUT -j ISTIO_OUTPUT_DNS");
        assert!(jump < place(&rules, excluded), "{rules:#?}");
        place(&rules, &format!("-A ISTIO_OUTPUT_DNS {udp}"));
        place(&rules, "-A OUTPUT -j ISTIO_OUTPUT");
    }

    #[test]
    fn a_family_without_nameservers_has_no_dns_rules_but_their_exceptions() {
        let rules = outbound(&with_dns(25), Family::V6).join("\n");
        assert!(!rules.contains("REDIRECT --to-ports 15053"), "{rules}");
        assert!(rules.contains("! --dports 53,15008"), "{rules}");
    }

    #[test]
    fn excluded_ports_are_for_udp_from_1_25_on() {
        for (minor, both) in [(24, false), (25, true)] {
            let rules = outbound(&with_dns(minor), Family::V4).join("\n");
            let udp = rules.contains("-A ISTIO_OUTPUT -p udp --dport 53 -j RETURN");
            assert_eq!(udp, both, "{rules}");
        }
    }

    #[test]
    fn the_tunnel_is_an_exception_from_1_18_on() {
        for (minor, known) in [(17, false), (18, true)] {
            let settings = RuleSettings {
                minor,
                ..RuleSettings::default()
            };
            let rules = outbound(&settings, Family::V4).join("\n");
            assert_eq!(rules.contains("! --dport 15008"), known, "{rules}");
        }
    }

    #[test]
    fn only_a_group_that_is_none_of_the_included_is_let_through() {
        let settings = RuleSettings {
            include_groups: Some(vec![1, 2]),
            exclude_groups: vec![3],
            ..RuleSettings::default()
        };
        let rules = outbound(&settings, Family::V4);
        place(
            &rules,
            "-A ISTIO_OUTPUT -m owner ! --gid-owner 1 -m owner ! --gid-owner 2 -j RETURN",
        );
        assert!(!rules.join("\n").contains("--gid-owner 3"), "{rules:#?}");
    }

    #[test]
    fn without_ipv6_the_table_of_ipv6_is_empty() {
        let settings = RuleSettings {
            ipv6: false,
            ..RuleSettings::default()
        };
        assert!(!nat(&settings, Family::V6).contains("-A "));
    }
}
