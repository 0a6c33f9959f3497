//! One test for each rule; the differential test has the combinations.

use super::*;
use crate::vocabulary::{Expected, Protocol, Reason};

const APP: u32 = 1000;
const PROXY: u32 = 1337;

fn to(ip: &str, port: u16) -> Dialled<'static> {
    Dialled {
        ip: ip.parse().unwrap(),
        port,
        protocol: Protocol::Tcp,
        uid: APP,
        gid: APP,
        own: &[],
        source: None,
        interface: None,
    }
}

fn udp(ip: &str, port: u16) -> Dialled<'static> {
    Dialled {
        protocol: Protocol::Udp,
        ..to(ip, port)
    }
}

fn config(include: &str, exclude: &str) -> CaptureConfig {
    CaptureConfig {
        include: ranges(include),
        exclude: ranges(exclude),
        ..CaptureConfig::default()
    }
}

fn version(minor: u16, config: &CaptureConfig) -> CaptureConfig {
    CaptureConfig {
        version: Some(Version(minor)),
        ..config.clone()
    }
}

/// What is decided, in short: the port or the word, and the reason.
fn short(config: &CaptureConfig, dialled: &Dialled<'_>) -> (String, Reason) {
    let decision = decide(config, dialled);
    let where_to = decision.port.map(|port| port.to_string());
    let word = decision.expected.to_string();
    (where_to.unwrap_or(word), decision.reason)
}

#[track_caller]
fn assert_captured(config: &CaptureConfig, dialled: &Dialled<'_>, port: u16, reason: Reason) {
    assert_eq!(short(config, dialled), (port.to_string(), reason));
}

#[track_caller]
fn assert_direct(config: &CaptureConfig, dialled: &Dialled<'_>, reason: Reason) {
    assert_eq!(short(config, dialled), ("direct".to_owned(), reason));
}

#[track_caller]
fn assert_unknown(config: &CaptureConfig, dialled: &Dialled<'_>, reason: Reason) {
    assert_eq!(short(config, dialled), ("unknown".to_owned(), reason));
}

#[test]
fn a_star_captures_every_address() {
    let config = config("*", "");
    assert_captured(&config, &to("8.8.8.8", 80), 15_001, Reason::IncludedRange);
}

#[test]
fn an_empty_list_of_included_ranges_captures_nothing() {
    assert_direct(&config("", ""), &to("8.8.8.8", 80), Reason::NotIncluded);
}

#[test]
fn ipv6_without_ipv6_rules_is_direct_with_iptables_and_captured_with_nftables() {
    let config = config("*", "");
    let ip = to("2001:db8::1", 80);
    assert_direct(&config, &ip, Reason::NoIpv6Rules);
    let nft = CaptureConfig {
        backend: Backend::Nftables,
        ..config.clone()
    };
    assert_captured(&nft, &ip, 15_001, Reason::IncludedRange);
    let both = CaptureConfig {
        ipv6: true,
        ..config
    };
    assert_captured(&both, &ip, 15_001, Reason::IncludedRange);
}

#[test]
fn rules_with_ipv6_addresses_are_missing_in_nftables_without_ipv6() {
    let nft = CaptureConfig {
        backend: Backend::Nftables,
        ..config("fd00::/8", "")
    };
    assert_direct(&nft, &to("fd00::1", 80), Reason::NotIncluded);
}

#[test]
fn zero_zero_is_not_a_star() {
    let both = CaptureConfig {
        ipv6: true,
        ..config("0.0.0.0/0", "")
    };
    assert_direct(&both, &to("2001:db8::1", 80), Reason::NotIncluded);
    assert_captured(&both, &to("8.8.8.8", 80), 15_001, Reason::IncludedRange);
}

#[test]
fn mapped_and_unspecified_addresses_are_what_packets_carry() {
    let config = config("*", "");
    let mapped = to("::ffff:8.8.8.8", 80);
    assert_captured(&config, &mapped, 15_001, Reason::IncludedRange);
    assert_direct(&config, &to("0.0.0.0", 80), Reason::Loopback);
}

#[test]
fn an_excluded_device_wins_over_everything_where_it_is_known() {
    let config = CaptureConfig {
        exclude_interfaces: vec!["net1".to_owned()],
        ..config("*", "")
    };
    let by = |interface| Dialled {
        interface,
        ..to("8.8.8.8", 80)
    };
    assert_direct(&config, &by(Some("net1")), Reason::ExcludedInterface);
    assert_captured(&config, &by(Some("eth0")), 15_001, Reason::IncludedRange);
    assert_unknown(&config, &by(None), Reason::ExcludedInterface);
    // What goes direct anyway goes direct by any device.
    assert_direct(&config, &udp("8.8.8.8", 80), Reason::NotTcp);
    assert_direct(&config, &to("127.0.0.1", 80), Reason::Loopback);
}

#[test]
fn an_excluded_port_wins_over_included_ports_and_the_proxys_rules() {
    let config = CaptureConfig {
        include_ports: ports("443"),
        exclude_ports: ports("443,8000:9000"),
        ..config("*", "")
    };
    assert_direct(&config, &to("8.8.8.8", 443), Reason::ExcludedPort);
    assert_direct(&config, &to("8.8.8.8", 8500), Reason::ExcludedPort);
    let proxy = Dialled {
        uid: PROXY,
        ..to("8.8.8.8", 443)
    };
    assert_direct(&config, &proxy, Reason::ExcludedPort);
}

#[test]
fn an_excluded_port_is_excluded_for_udp_from_1_25_on() {
    let config = CaptureConfig {
        exclude_ports: ports("53"),
        dns: Some(DnsCapture::All),
        ..config("*", "")
    };
    let question = udp("10.96.0.10", 53);
    assert_direct(&version(25, &config), &question, Reason::ExcludedPort);
    for minor in [24, 22] {
        assert_captured(
            &version(minor, &config),
            &question,
            15_053,
            Reason::DnsCapture,
        );
    }
}

#[test]
fn what_the_proxy_took_in_goes_on_to_the_application() {
    let own = ["10.0.0.5".parse().unwrap()];
    let inbound = Dialled {
        uid: PROXY,
        own: &own,
        source: Some("127.0.0.6".parse().unwrap()),
        ..to("10.0.0.5", 80)
    };
    assert_direct(&config("*", ""), &inbound, Reason::InboundPassthrough);
}

#[test]
fn the_proxy_that_dials_its_own_pod_comes_in_again() {
    let own = ["10.0.0.5".parse().unwrap()];
    let config = config("*", "");
    let itself = |port| Dialled {
        uid: PROXY,
        own: &own,
        ..to("10.0.0.5", port)
    };
    assert_captured(&config, &itself(80), 15_006, Reason::SelfCall);
    assert_direct(&config, &itself(15_008), Reason::ProxyUid);
    assert_captured(
        &version(17, &config),
        &itself(15_008),
        15_006,
        Reason::SelfCall,
    );
    let localhost = Dialled {
        uid: PROXY,
        ..to("127.0.0.1", 80)
    };
    assert_direct(&config, &localhost, Reason::ProxyUid);
}

#[test]
fn anybody_else_over_loopback_is_direct() {
    let own = ["10.0.0.5".parse().unwrap()];
    let config = config("*", "");
    assert_direct(
        &config,
        &Dialled {
            own: &own,
            ..to("10.0.0.5", 80)
        },
        Reason::Loopback,
    );
    assert_direct(&config, &to("127.0.0.2", 80), Reason::Loopback);
}

#[test]
fn an_included_loopback_range_captures_all_but_localhost() {
    let config = config("127.0.0.0/8", "");
    assert_captured(&config, &to("127.0.0.2", 80), 15_001, Reason::IncludedRange);
    assert_direct(&config, &to("127.0.0.1", 80), Reason::Loopback);
    assert_direct(&version(6, &config), &to("127.0.0.2", 80), Reason::Loopback);
}

#[test]
fn the_first_proxy_user_lets_the_second_ones_loopback_through() {
    let own = ["10.0.0.5".parse().unwrap()];
    let config = CaptureConfig {
        proxy_uids: vec![PROXY, 0],
        ..config("*", "")
    };
    let second = Dialled {
        uid: 0,
        own: &own,
        ..to("10.0.0.5", 80)
    };
    assert_direct(&config, &second, Reason::Loopback);
}

#[test]
fn the_proxy_is_never_captured_by_user_or_by_group() {
    let config = config("*", "");
    let by_user = Dialled {
        uid: PROXY,
        ..to("8.8.8.8", 80)
    };
    let by_group = Dialled {
        gid: PROXY,
        ..to("8.8.8.8", 80)
    };
    assert_direct(&config, &by_user, Reason::ProxyUid);
    assert_direct(&config, &by_group, Reason::ProxyUid);
}

#[test]
fn owner_groups_let_the_others_through() {
    let groups = |owner_groups| CaptureConfig {
        owner_groups,
        ..config("*", "")
    };
    let by = |gid| Dialled {
        gid,
        ..to("8.8.8.8", 80)
    };
    let except = groups(OwnerGroups {
        exclude: vec![202],
        ..OwnerGroups::default()
    });
    assert_direct(&except, &by(202), Reason::OwnerGroup);
    assert_captured(&except, &by(203), 15_001, Reason::IncludedRange);
    let only = groups(OwnerGroups {
        include: Some(vec![202]),
        ..OwnerGroups::default()
    });
    assert_captured(&only, &by(202), 15_001, Reason::IncludedRange);
    assert_direct(&only, &by(203), Reason::OwnerGroup);
    assert_captured(&version(13, &only), &by(203), 15_001, Reason::IncludedRange);
}

#[test]
fn a_group_given_by_name_may_be_any() {
    let named = CaptureConfig {
        owner_groups: OwnerGroups {
            include: Some(vec![202]),
            named: vec!["java".to_owned()],
            ..OwnerGroups::default()
        },
        ..config("*", "")
    };
    let by = |gid| Dialled {
        gid,
        ..to("8.8.8.8", 80)
    };
    assert_captured(&named, &by(202), 15_001, Reason::IncludedRange);
    assert_unknown(&named, &by(203), Reason::OwnerGroup);
}

fn dns(known: &[&str], others: bool) -> CaptureConfig {
    CaptureConfig {
        dns: Some(DnsCapture::Nameservers {
            known: known.iter().map(|ip| ip.parse().unwrap()).collect(),
            others,
        }),
        ..config("*", "")
    }
}

#[test]
fn questions_to_nameservers_go_to_the_proxy() {
    let config = dns(&["10.96.0.10"], false);
    for question in [udp("10.96.0.10", 53), to("10.96.0.10", 53)] {
        assert_captured(&config, &question, 15_053, Reason::DnsCapture);
    }
    assert_direct(&config, &udp("8.8.8.8", 53), Reason::NotTcp);
    assert_captured(&config, &to("8.8.8.8", 53), 15_001, Reason::IncludedRange);
}

#[test]
fn nameservers_that_are_not_known_leave_it_open() {
    let config = dns(&["10.96.0.10"], true);
    assert_unknown(&config, &udp("8.8.8.8", 53), Reason::DnsCapture);
    // By one listener or another: captured in any case.
    let decision = decide(&config, &to("8.8.8.8", 53));
    assert_eq!(
        (decision.expected, decision.port),
        (Expected::Captured, None)
    );
}

#[test]
fn a_local_nameserver_is_captured_too() {
    let config = dns(&["127.0.0.53"], false);
    for question in [udp("127.0.0.53", 53), to("127.0.0.53", 53)] {
        assert_captured(&config, &question, 15_053, Reason::DnsCapture);
    }
    assert_direct(&config, &to("127.0.0.53", 54), Reason::Loopback);
}

#[test]
fn dns_comes_before_excluded_ranges_but_for_udp_in_1_23_and_1_24() {
    let config = CaptureConfig {
        dns: Some(DnsCapture::All),
        ..config("*", "10.96.0.0/12")
    };
    for minor in [22, 24, 25] {
        let config = version(minor, &config);
        assert_captured(&config, &to("10.96.0.10", 53), 15_053, Reason::DnsCapture);
        if minor == 24 {
            assert_direct(&config, &udp("10.96.0.10", 53), Reason::ExcludedRange);
        } else {
            assert_captured(&config, &udp("10.96.0.10", 53), 15_053, Reason::DnsCapture);
        }
    }
}

#[test]
fn where_versions_differ_an_unknown_one_leaves_it_open() {
    let config = CaptureConfig {
        version: None,
        dns: Some(DnsCapture::All),
        ..config("*", "10.96.0.0/12")
    };
    assert_unknown(&config, &udp("10.96.0.10", 53), Reason::UnknownVersion);
    assert_captured(&config, &to("8.8.8.8", 80), 15_001, Reason::IncludedRange);
}

#[test]
fn the_localhost_range_can_be_widened_from_1_21_on() {
    let wide = CaptureConfig {
        loopback: "127.0.0.0/8".parse().unwrap(),
        ..config("127.0.0.2/32", "")
    };
    assert_direct(&version(21, &wide), &to("127.0.0.2", 80), Reason::Loopback);
    assert_captured(
        &version(20, &wide),
        &to("127.0.0.2", 80),
        15_001,
        Reason::IncludedRange,
    );
}

#[test]
fn excluded_ranges_win_over_included_ports_and_these_over_ranges() {
    let config = CaptureConfig {
        include_ports: ports("443"),
        ..config("10.0.0.0/8", "10.1.0.0/16")
    };
    assert_direct(&config, &to("10.1.2.3", 443), Reason::ExcludedRange);
    assert_captured(&config, &to("8.8.8.8", 443), 15_001, Reason::IncludedPort);
    assert_captured(&config, &to("10.2.2.3", 80), 15_001, Reason::IncludedRange);
    assert_direct(&config, &to("8.8.8.8", 80), Reason::NotIncluded);
    assert_direct(
        &version(6, &config),
        &to("8.8.8.8", 443),
        Reason::NotIncluded,
    );
}

#[test]
fn udp_is_never_captured() {
    let config = config("*", "10.0.0.0/8");
    assert_direct(&config, &udp("8.8.8.8", 443), Reason::NotTcp);
    assert_direct(&config, &udp("10.1.1.1", 443), Reason::ExcludedRange);
}

#[test]
fn the_ports_are_those_of_the_settings() {
    let config = CaptureConfig {
        proxy_port: 15_101,
        ..config("*", "")
    };
    assert_captured(&config, &to("8.8.8.8", 80), 15_101, Reason::IncludedRange);
}

#[test]
fn the_rule_is_told_as_iptables_save_has_it() {
    let config = CaptureConfig {
        include_ports: ports("8000:9000"),
        exclude_ports: ports("15020"),
        ..config("10.0.0.1/8,192.0.2.0/24", "10.1.0.0/16")
    };
    let text = |dialled: &Dialled<'_>| decide(&config, dialled).rule.text(&config);
    let cases = [
        (
            to("192.0.2.1", 80),
            "-A ISTIO_OUTPUT -d 192.0.2.0/24 -j ISTIO_REDIRECT",
        ),
        (
            to("10.1.0.1", 80),
            "-A ISTIO_OUTPUT -d 10.1.0.0/16 -j RETURN",
        ),
        (
            to("8.8.8.8", 8080),
            "-A ISTIO_OUTPUT -p tcp --dport 8000:9000 -j ISTIO_REDIRECT",
        ),
        (
            to("8.8.8.8", 15_020),
            "-A ISTIO_OUTPUT -p tcp --dport 15020 -j RETURN",
        ),
        (
            to("8.8.8.8", 80),
            "end of ISTIO_OUTPUT: no rule redirects it",
        ),
    ];
    for (dialled, expected) in cases {
        assert_eq!(text(&dialled), expected);
    }
}

#[test]
fn ambient_captures_all_tcp_whoever_dials() {
    let ambient = |dialled: &Dialled<'_>, mark| {
        let decision = ambient::decide(ambient::AmbientConfig::default(), dialled, mark);
        (decision.port, decision.reason)
    };
    let own = ["10.0.0.5".parse().unwrap()];
    let proxy = Dialled {
        uid: PROXY,
        ..to("8.8.8.8", 80)
    };
    assert_eq!(ambient(&proxy, 0), (Some(15_001), Reason::Ambient));
    assert_eq!(
        ambient(&to("2001:db8::1", 80), 0),
        (Some(15_001), Reason::Ambient)
    );
    assert_eq!(ambient(&to("8.8.8.8", 80), 0x539), (None, Reason::ProxyUid));
    assert_eq!(ambient(&to("8.8.8.8", 80), 0x111), (None, Reason::Ambient));
    assert_eq!(
        ambient(&to("169.254.7.127", 80), 0),
        (None, Reason::Ambient)
    );
    assert_eq!(ambient(&udp("8.8.8.8", 443), 0), (None, Reason::NotTcp));
    assert_eq!(
        ambient(&udp("8.8.8.8", 53), 0),
        (Some(15_053), Reason::DnsCapture)
    );
    assert_eq!(ambient(&udp("127.0.0.53", 53), 0), (None, Reason::Loopback));
    assert_eq!(
        ambient(&to("127.0.0.53", 53), 0),
        (Some(15_053), Reason::DnsCapture)
    );
    assert_eq!(ambient(&to("127.0.0.1", 53), 0), (None, Reason::Loopback));
    let itself = Dialled {
        own: &own,
        ..to("10.0.0.5", 80)
    };
    assert_eq!(ambient(&itself, 0), (None, Reason::Loopback));
}
