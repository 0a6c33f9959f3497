//! The pod's surroundings as plain facts: its addresses and devices, what lies outside, and the
//! ports on which somebody listens everywhere.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The device of the default route.
pub(crate) const MAIN: &str = "eth0";
/// A second device, which has some of the outside.
pub(crate) const SECOND: &str = "net1";
/// What lies behind the second device.
pub(crate) const BEHIND_SECOND: [&str; 2] = ["198.51.100.0/24", "2001:db8:4::/48"];

/// Every port that anybody dials or redirects to.
pub(crate) const PORTS: [u16; 34] = [
    22, 53, 54, 80, 81, 443, 444, 445, 853, 1023, 3306, 5432, 6379, 8000, 8001, 8080, 8443, 9000,
    9080, 15000, 15001, 15006, 15008, 15009, 15020, 15021, 15053, 15090, 15101, 15106, 15108,
    20000, 30000, 65535,
];

const OUTSIDE: [&str; 23] = [
    "8.8.8.8",
    "1.0.0.1",
    "198.18.0.10",
    "198.51.100.7",
    "198.51.100.200",
    "10.96.0.10",
    "10.96.1.200",
    "10.0.0.1",
    "172.20.0.10",
    "192.0.2.1",
    "223.255.255.254",
    "240.240.0.5",
    "169.254.169.254",
    "169.254.7.127",
    "2001:4860:4860::8888",
    "2001:db8:4::7",
    "2001:db8:18::10",
    "2600::1",
    "fd00::1",
    "fd96::a",
    "fd96::b",
    "fdff:ffff::1",
    "fd16:9254:7127:1337:ffff:ffff:ffff:ffff",
];
/// The pod's own: on both devices and on loopback.
const OWN: [&str; 6] = [
    "10.79.3.2",
    "10.79.4.2",
    "10.255.0.1",
    "fd79:0:0:3::2",
    "fd79:0:0:4::2",
    "fd7f::1",
];
const LOOPBACK: [&str; 7] = [
    "127.0.0.1",
    "127.0.0.1",
    "127.0.0.2",
    "127.0.0.6",
    "127.0.0.53",
    "127.255.0.9",
    "::1",
];

fn parsed(texts: &[&str]) -> Vec<IpAddr> {
    let parse = |text: &&str| text.parse().expect("an address of ours");
    texts.iter().map(parse).collect()
}

pub(crate) fn outside() -> Vec<IpAddr> {
    parsed(&OUTSIDE)
}

pub(crate) fn own() -> Vec<IpAddr> {
    parsed(&OWN)
}

pub(crate) fn loopback() -> Vec<IpAddr> {
    parsed(&LOOPBACK)
}

/// What a pod may have as nameservers.
pub(crate) fn servers() -> Vec<IpAddr> {
    parsed(&[
        "10.96.0.10",
        "8.8.8.8",
        "198.51.100.7",
        "127.0.0.1",
        "127.0.0.53",
        "10.79.3.2",
        "2001:4860:4860::8888",
        "fd96::a",
        "::1",
        "fd79:0:0:3::2",
    ])
}

/// Whether packets to an address stay in the pod.
pub(crate) fn stays(ip: IpAddr) -> bool {
    let ip = dialled(ip);
    ip.is_loopback() || own().contains(&ip)
}

/// The address in the packets of an application that dials `ip`.
pub(crate) fn dialled(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    }
}

/// The device that packets to an address leave by.
pub(crate) fn device(ip: IpAddr) -> &'static str {
    let behind_second = BEHIND_SECOND.iter().any(|range| {
        let range: ipnet::IpNet = range.parse().expect("a range of ours");
        range.contains(&dialled(ip))
    });
    match (stays(ip), behind_second) {
        (true, _) => "lo",
        (false, true) => SECOND,
        (false, false) => MAIN,
    }
}

/// What a socket that dials `ip` can be bound to: sources that stay in the pod only.
pub(crate) fn sources(ip: IpAddr) -> Vec<IpAddr> {
    let is_dialled = ip == dialled(ip);
    match ip {
        _ if !is_dialled || !stays(ip) => Vec::new(),
        IpAddr::V4(_) => parsed(&["127.0.0.6", "127.0.0.6", "127.0.0.5", "10.79.3.2"]),
        IpAddr::V6(_) => parsed(&["::6", "::6", "fd79:0:0:3::2"]),
    }
}

/// Whether somebody answers at an address: unicast, and not a neighbour that is not there.
pub(crate) fn is_reachable(ip: IpAddr) -> bool {
    // Both ends of the range are for broadcasts, loopback or not.
    const NOBODY: [IpAddr; 2] = [
        IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)),
        IpAddr::V4(Ipv4Addr::new(127, 255, 255, 255)),
    ];
    if stays(ip) {
        return !NOBODY.contains(&ip);
    }
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            let neighbour = (a, b) == (10, 79) && (c == 3 || c == 4);
            (1..224).contains(&a) && !neighbour
        }
        IpAddr::V6(ip) => {
            let [first, second, third, fourth, ..] = ip.segments();
            let neighbour =
                (first, second, third) == (0xfd79, 0, 0) && (fourth == 3 || fourth == 4);
            let unicast = (0x2000..0x4000).contains(&first) || (0xfc00..0xfe00).contains(&first);
            unicast && !neighbour
        }
    }
}
