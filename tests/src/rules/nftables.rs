//! The native nft rules of Istio 1.27 and later (`tools/istio-nftables/pkg/capture/run.go`): one
//! table for both families, in which only the rules that hold an IPv6 address need IPv6.
//!
//! With DNS capture, the first native rules let through the proxy's user where today's let through
//! everybody else (`skuid U return` for `skuid != U return`, over loopback). These are today's.

use super::{DNS_LISTENER, Family, PROXY_PORTS, RuleSettings, port_text};

/// The table that Istio makes.
pub const TABLE: &str = "inet istio-proxy-nat";

/// What `nft -f` reads: the table, instead of the one that was there.
pub fn nat(settings: &RuleSettings) -> String {
    let mut table = Table {
        settings,
        text: remove(),
    };
    table.chains();
    table.inbound();
    table.output();
    table.text
}

/// What `nft -f` reads to take the table away, if it is there.
pub fn remove() -> String {
    format!("add table {TABLE}\ndelete table {TABLE}\n")
}

struct Table<'a> {
    settings: &'a RuleSettings,
    text: String,
}

impl Table<'_> {
    fn add(&mut self, chain: &str, rule: &str) {
        self.text
            .push_str(&format!("add rule {TABLE} {chain} {rule}\n"));
    }

    fn output_rule(&mut self, rule: &str) {
        self.add("istio-output", rule);
    }

    /// The families that rules with an address are written for.
    fn families(&self) -> &'static [Family] {
        if self.settings.ipv6 {
            &Family::ALL
        } else {
            &[Family::V4]
        }
    }

    fn chains(&mut self) {
        self.text.push_str(&format!("add table {TABLE}\n"));
        for hook in ["prerouting", "output"] {
            self.text.push_str(&format!(
                "add chain {TABLE} {hook} {{ type nat hook {hook} priority -100 ; }}\n"
            ));
        }
        for chain in ["inbound", "redirect", "in-redirect", "output", "output-dns"] {
            self.text
                .push_str(&format!("add chain {TABLE} istio-{chain}\n"));
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
            ("istio-redirect", proxy_port),
            ("istio-in-redirect", inbound_port),
        ] {
            self.add(chain, &format!("meta l4proto tcp redirect to :{port}"));
        }
        self.add("prerouting", "meta l4proto tcp jump istio-inbound");
        for port in [*tunnel_port].into_iter().chain(PROXY_PORTS) {
            let rule = format!("meta l4proto tcp tcp dport {port} return");
            self.add("istio-inbound", &rule);
        }
        self.add("istio-inbound", "meta l4proto tcp jump istio-in-redirect");
    }

    fn output(&mut self) {
        let settings = self.settings;
        for device in &settings.exclude_interfaces {
            self.add("output", &format!("oifname {device} return"));
        }
        self.add("output", "jump istio-output");
        for range in &settings.exclude_ports {
            let port = port_text(range, '-');
            self.output_rule(&format!("tcp dport {port} return"));
            self.output_rule(&format!("udp dport {port} return"));
        }
        for family in self.families() {
            let (ip, source) = (family.keyword(), family.inbound_source());
            self.output_rule(&format!("oifname lo {ip} saddr {source} return"));
        }
        self.owners();
        self.owner_groups();
        if settings.has_dns() {
            self.dns();
        }
        for family in self.families() {
            let (ip, localhost) = (family.keyword(), settings.localhost(*family));
            self.output_rule(&format!("{ip} daddr {localhost} return"));
        }
        self.ranges(&settings.exclude, "return");
        for range in &settings.include_ports {
            let port = port_text(range, '-');
            self.output_rule(&format!("tcp dport {port} jump istio-redirect"));
        }
        match &settings.include {
            None => self.output_rule("jump istio-redirect"),
            Some(ranges) => self.ranges(ranges, "jump istio-redirect"),
        }
    }

    fn ranges(&mut self, ranges: &[String], verdict: &str) {
        for family in self.families() {
            for range in family.of(ranges) {
                self.output_rule(&format!("{} daddr {range} {verdict}", family.keyword()));
            }
        }
    }

    fn owners(&mut self) {
        let settings = self.settings;
        let tunnel = settings.tunnel_port;
        for uid in &settings.proxy_uids {
            let ports = if settings.has_dns() {
                format!("!= {{ 53, {tunnel} }}")
            } else {
                format!("!= {tunnel}")
            };
            self.owner(&ports, "skuid", *uid);
        }
        for gid in &settings.proxy_gids {
            self.owner(&format!("!= {tunnel}"), "skgid", *gid);
        }
    }

    fn owner(&mut self, ports: &str, key: &str, id: u32) {
        for family in self.families() {
            let (ip, localhost) = (family.keyword(), self.settings.localhost(*family));
            self.output_rule(&format!(
                "oifname lo meta l4proto tcp {ip} daddr != {localhost} tcp dport {ports} \
                 {key} {id} jump istio-in-redirect"
            ));
        }
        if !self.settings.includes_loopback() {
            let but_dns = if self.settings.has_dns() {
                "meta l4proto tcp tcp dport != 53 "
            } else {
                ""
            };
            self.output_rule(&format!("oifname lo {but_dns}{key} != {id} return"));
        }
        self.output_rule(&format!("{key} {id} return"));
    }

    fn owner_groups(&mut self) {
        match &self.settings.include_groups {
            None => {
                for gid in &self.settings.exclude_groups {
                    self.output_rule(&format!("skgid {gid} return"));
                }
            }
            Some(groups) => {
                let none_of: String = groups
                    .iter()
                    .map(|gid| format!("skgid != {gid} "))
                    .collect();
                self.output_rule(&format!("{none_of}return"));
            }
        }
    }

    fn dns(&mut self) {
        self.output_rule("jump istio-output-dns");
        for protocol in ["tcp", "udp"] {
            let redirect = format!("{protocol} dport 53 redirect to :{DNS_LISTENER}");
            for family in self.families() {
                for destination in self.settings.dns_destinations(*family) {
                    let rule = match destination {
                        Some(range) => format!("{} daddr {range} {redirect}", family.keyword()),
                        // One rule for both families.
                        None if *family == Family::V4 => redirect.clone(),
                        None => continue,
                    };
                    self.add("istio-output-dns", &rule);
                }
            }
        }
    }
}

impl Family {
    const fn keyword(self) -> &'static str {
        match self {
            Self::V4 => "ip",
            Self::V6 => "ip6",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::DnsRules;

    #[test]
    fn without_ipv6_only_the_rules_with_an_ipv6_address_are_missing() {
        let settings = |ipv6| RuleSettings {
            ipv6,
            dns: DnsRules::All,
            exclude: vec!["10.0.0.0/8".to_owned(), "fd00::/8".to_owned()],
            ..RuleSettings::default()
        };
        let (with, without) = (nat(&settings(true)), nat(&settings(false)));
        let missing = with.lines().filter(|line| !without.contains(line));
        let rules: Vec<&str> = missing
            .filter_map(|line| line.strip_prefix("add rule inet istio-proxy-nat istio-output "))
            .collect();
        assert_eq!(
            rules,
            [
                "oifname lo ip6 saddr ::6/128 return",
                "oifname lo meta l4proto tcp ip6 daddr != ::1/128 tcp dport != { 53, 15008 } \
                 skuid 1337 jump istio-in-redirect",
                "oifname lo meta l4proto tcp ip6 daddr != ::1/128 tcp dport != 15008 \
                 skgid 1337 jump istio-in-redirect",
                "ip6 daddr ::1/128 return",
                "ip6 daddr fd00::/8 return",
            ]
        );
    }

    #[test]
    fn a_new_table_takes_the_place_of_the_old_one_at_once() {
        let text = nat(&RuleSettings::default());
        assert!(text.starts_with(
            "add table inet istio-proxy-nat\ndelete table inet istio-proxy-nat\nadd table "
        ));
    }
}
