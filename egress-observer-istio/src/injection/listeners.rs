//! On which families the proxy listens where the rules lead to.

use std::net::IpAddr;

use super::spec::truthy;
use crate::objects::{ContainerSpec, istiod::DUAL_STACK};

/// `Listeners` are the addresses that the proxy's outbound listener has: `0.0.0.0`, `[::]` or both. A
/// connection that is captured in a family that it has not is refused, whatever the policy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listeners {
    /// Whether it has `0.0.0.0`.
    pub v4: bool,
    /// Whether it has `[::]`, which takes no IPv4.
    pub v6: bool,
}

impl Listeners {
    /// By the addresses of the proxy (`pilot/pkg/networking/core/listener_builder.go`,
    /// `listener_address.go`): IPv4 if it has any, else IPv6, and both with dual stack: istiod's own
    /// setting, for which the proxy's stands where istiod's is not known. Without any address nothing is
    /// known, and nothing is missing.
    pub(super) fn new(
        proxy: Option<&ContainerSpec>,
        ips: &[IpAddr],
        istiods_dual_stack: Option<bool>,
        v4_for_v6_only: bool,
    ) -> Self {
        let dual = istiods_dual_stack
            .unwrap_or_else(|| proxy.is_some_and(|proxy| truthy(proxy, DUAL_STACK)));
        let (has_v4, has_v6) = (
            ips.iter().any(IpAddr::is_ipv4),
            ips.iter().any(IpAddr::is_ipv6),
        );
        match (has_v4, has_v6) {
            (false, false) => Self { v4: true, v6: true },
            (true, v6) => Self {
                v4: true,
                v6: v6 && dual,
            },
            (false, true) => Self {
                v4: v4_for_v6_only,
                v6: true,
            },
        }
    }

    /// Whether a connection to an address is heard, once it is captured. An IPv4-mapped one is IPv4.
    pub fn hear(self, ip: IpAddr) -> bool {
        match ip.to_canonical() {
            IpAddr::V4(_) => self.v4,
            IpAddr::V6(_) => self.v6,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_proxys_addresses_say_where_it_listens() {
        let dual = json!({"env": [{"name": "ISTIO_DUAL_STACK", "value": "true"}]});
        let dual: ContainerSpec = serde_json::from_value(dual).unwrap();
        let ips = |text: &str| -> Vec<IpAddr> {
            text.split_whitespace()
                .map(|ip| ip.parse().unwrap())
                .collect()
        };
        let cases = [
            ("", None, None, false, (true, true)),
            ("10.0.0.1", None, None, false, (true, false)),
            ("fd00::1", None, None, false, (false, true)),
            ("fd00::1", None, None, true, (true, true)),
            ("10.0.0.1 fd00::1", None, None, false, (true, false)),
            ("fd00::1 10.0.0.1", None, None, false, (true, false)),
            ("fd00::1 10.0.0.1", Some(&dual), None, false, (true, true)),
            ("fd00::1 10.0.0.1", None, Some(true), false, (true, true)),
            (
                "fd00::1 10.0.0.1",
                Some(&dual),
                Some(false),
                false,
                (true, false),
            ),
        ];
        for (own, proxy, istiods, flag, (v4, v6)) in cases {
            assert_eq!(
                Listeners::new(proxy, &ips(own), istiods, flag),
                Listeners { v4, v6 },
                "{own}"
            );
        }
        let v6_only = Listeners {
            v4: false,
            v6: true,
        };
        assert!(!v6_only.hear("::ffff:192.0.2.1".parse().unwrap()));
        assert!(v6_only.hear("2001:db8::1".parse().unwrap()));
    }
}
