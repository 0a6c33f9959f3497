//! Lists of ranges and ports, read as Istio's programs read them.

use std::{net::IpAddr, ops::RangeInclusive};

use ipnet::IpNet;
use thiserror::Error;

use super::{Backend, Version, spans::Spans};

/// Ports from one to another; most often the same.
pub type PortRange = RangeInclusive<u16>;

/// Text on which Istio's program ends: no rules are made, and the pod does not start.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ListError {
    /// Not a range.
    #[error("`{0}` is not a range in CIDR form, such as 10.0.0.0/8")]
    Range(String),
    /// `*` where only ranges are allowed.
    #[error("`*` is not allowed here")]
    Star,
    /// Not a port.
    #[error("`{0}` is not a port: expected a number from 0 to 65535, or two joined by `{1}`")]
    Port(String, char),
}

/// Destinations by address: `*`, or ranges in their order.
#[derive(Clone, Debug, Default)]
pub struct Ranges {
    all: bool,
    list: Vec<IpNet>,
    v4: Spans<u32>,
    v6: Spans<u128>,
}

impl PartialEq for Ranges {
    fn eq(&self, other: &Self) -> bool {
        (self.all, &self.list) == (other.all, &other.list)
    }
}

impl Eq for Ranges {}

impl FromIterator<IpNet> for Ranges {
    /// Host bits are kept as written and count for nothing.
    fn from_iter<T: IntoIterator<Item = IpNet>>(ranges: T) -> Self {
        let list: Vec<IpNet> = ranges.into_iter().collect();
        let placed = || list.iter().zip(0_u32..);
        let v4 = Spans::new(placed().filter_map(|(range, place)| match range {
            IpNet::V4(range) => Some((place, range.network().into(), range.broadcast().into())),
            IpNet::V6(_) => None,
        }));
        let v6 = Spans::new(placed().filter_map(|(range, place)| match range {
            IpNet::V4(_) => None,
            IpNet::V6(range) => Some((place, range.network().into(), range.broadcast().into())),
        }));
        Self {
            all: false,
            list,
            v4,
            v6,
        }
    }
}

impl Ranges {
    /// `*`: every address, IPv4 and IPv6.
    pub fn all() -> Self {
        Self {
            all: true,
            ..Self::default()
        }
    }

    /// Whether this is `*`.
    pub const fn is_all(&self) -> bool {
        self.all
    }

    /// The ranges in their order; none for `*`.
    pub fn list(&self) -> &[IpNet] {
        &self.list
    }

    /// The place of the first range that holds an address.
    pub fn first(&self, ip: IpAddr) -> Option<u32> {
        match ip {
            IpAddr::V4(ip) => self.v4.first(ip.into()),
            IpAddr::V6(ip) => self.v6.first(ip.into()),
        }
    }

    /// Whether an address is among them.
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.all || self.first(ip).is_some()
    }

    /// Where what they hold begins or ends: between two of these it does not change.
    pub fn ends(&self) -> impl Iterator<Item = IpAddr> {
        let v4 = self
            .v4
            .starts()
            .map(|start| std::net::Ipv4Addr::from(start).into());
        let v6 = self
            .v6
            .starts()
            .map(|start| std::net::Ipv6Addr::from(start).into());
        v4.chain(v6)
    }

    /// Whether a range is written with a loopback address; `*` and `0.0.0.0/0` are not
    /// (`HasLoopBackIP` in `tools/common/config/config.go`).
    pub fn names_loopback(&self) -> bool {
        self.list.iter().any(|range| range.addr().is_loopback())
    }

    /// Reads a list, and says which elements count for nothing. Up to Istio 1.26 what is not in
    /// CIDR form is passed over, a bare address or an element with a blank before it included; from
    /// 1.27 on the program ends (`SeparateV4V6`). A pod of an unknown version that runs had its
    /// program not end.
    pub fn parse(text: &str, version: Option<Version>) -> Result<(Self, Vec<String>), ListError> {
        if text == "*" {
            return Ok((Self::all(), Vec::new()));
        }
        let strict = version.is_some_and(|version| version >= Version(27));
        let (mut ranges, mut ignored) = (Vec::new(), Vec::new());
        for element in elements(text) {
            match prefix(element) {
                Some(range) => ranges.push(range),
                None if strict => return Err(ListError::Range(element.to_owned())),
                None => ignored.push(element.to_owned()),
            }
        }
        Ok((ranges.into_iter().collect(), ignored))
    }
}

/// Elements between commas, empty ones dropped, blanks kept (`Split` in
/// `tools/common/config/types.go`).
pub fn elements(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').filter(|element| !element.is_empty())
}

/// A range as Go's `netip.ParsePrefix` reads it: no blanks, no bare address, no zone.
pub fn prefix(text: &str) -> Option<IpNet> {
    let (address, length) = text.split_once('/')?;
    let leading_zero = length.len() > 1 && length.starts_with('0');
    let digits = length.bytes().all(|byte| byte.is_ascii_digit());
    if leading_zero || !digits {
        return None;
    }
    IpNet::new(address.parse().ok()?, length.parse().ok()?).ok()
}

/// Ports in their order.
#[derive(Clone, Debug, Default)]
pub struct Ports {
    list: Vec<PortRange>,
    spans: Spans<u16>,
}

impl PartialEq for Ports {
    fn eq(&self, other: &Self) -> bool {
        self.list == other.list
    }
}

impl Eq for Ports {}

impl FromIterator<PortRange> for Ports {
    fn from_iter<T: IntoIterator<Item = PortRange>>(ports: T) -> Self {
        let list: Vec<PortRange> = ports.into_iter().collect();
        let placed = list.iter().zip(0_u32..);
        let spans = Spans::new(placed.map(|(range, place)| (place, *range.start(), *range.end())));
        Self { list, spans }
    }
}

impl Ports {
    /// The ports in their order.
    pub fn list(&self) -> &[PortRange] {
        &self.list
    }

    /// The place of the first element that holds a port.
    pub fn first(&self, port: u16) -> Option<u32> {
        self.spans.first(port)
    }

    /// Reads a list as `--dport` of iptables does, or `tcp dport` of nft: the text goes into the
    /// rules as it is, so blanks around an element do no harm, and ranges are `8000:9000` for the
    /// one and `8000-9000` for the other.
    pub fn parse(text: &str, backend: Backend) -> Result<Self, ListError> {
        let joint = match backend {
            Backend::Iptables => ':',
            Backend::Nftables => '-',
        };
        elements(text)
            .map(|element| {
                port_range(element.trim(), joint, backend)
                    .ok_or_else(|| ListError::Port(element.to_owned(), joint))
            })
            .collect()
    }
}

fn port_range(text: &str, joint: char, backend: Backend) -> Option<PortRange> {
    let number = |text: &str, open: u16| match (text, backend) {
        // iptables takes `8000:` and `:9000` as open at that end.
        ("", Backend::Iptables) => Some(open),
        (text, _) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    };
    match text.split_once(joint) {
        Some((low, high)) => {
            let (low, high) = (number(low, 0)?, number(high, u16::MAX)?);
            (low <= high).then_some(low..=high)
        }
        None => {
            let port = (!text.is_empty()).then(|| number(text, 0)).flatten()?;
            Some(port..=port)
        }
    }
}

/// A list of ranges in text of ours, for tests.
#[cfg(test)]
pub fn ranges(text: &str) -> Ranges {
    Ranges::parse(text, Some(Version::CURRENT)).unwrap().0
}

/// A list of ports in text of ours, for tests.
#[cfg(test)]
pub fn ports(text: &str) -> Ports {
    Ports::parse(text, Backend::Iptables).unwrap()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn host_bits_count_for_nothing_and_empty_elements_are_dropped() {
        let ranges = ranges("10.0.0.1/24,,fd00::1/8,");
        assert_eq!(ranges.list().len(), 2);
        assert!(ranges.contains("10.0.0.200".parse().unwrap()));
        assert!(ranges.contains("fdff::1".parse().unwrap()));
        assert!(!ranges.contains("10.0.1.0".parse().unwrap()));
    }

    #[test]
    fn a_star_is_every_address_and_only_alone() {
        assert!(ranges("*").contains("2001:db8::1".parse().unwrap()));
        assert_eq!(ranges(""), Ranges::default());
        let with_blank = Ranges::parse(" *", Some(Version(26))).unwrap();
        assert_eq!(with_blank, (Ranges::default(), vec![" *".to_owned()]));
    }

    #[test]
    fn what_is_no_range_is_passed_over_up_to_1_26_and_ends_the_program_from_1_27() {
        let text = "10.0.0.0/8, 10.1.0.0/16,192.0.2.1,10.0.0.0\\";
        let (ranges, ignored) = Ranges::parse(text, Some(Version(26))).unwrap();
        assert_eq!(ranges.list().len(), 1);
        assert_eq!(ignored, [" 10.1.0.0/16", "192.0.2.1", "10.0.0.0\\"]);
        assert_eq!(
            Ranges::parse(text, Some(Version(27))),
            Err(ListError::Range(" 10.1.0.0/16".to_owned()))
        );
    }

    #[test]
    fn ports_are_read_as_the_backend_reads_them() {
        assert_eq!(ports("6000, 7000:7010,").list(), [6000..=6000, 7000..=7010]);
        assert_eq!(ports("8000:,:80").list(), [8000..=65535, 0..=80]);
        let nft = Ports::parse("443-445", Backend::Nftables).unwrap();
        assert_eq!(nft.list(), [443..=445]);
        for (text, backend) in [
            ("443-445", Backend::Iptables),
            ("8000:9000", Backend::Nftables),
            ("*", Backend::Iptables),
            ("http", Backend::Iptables),
            ("90:80", Backend::Iptables),
            ("65536", Backend::Iptables),
            ("+80", Backend::Iptables),
        ] {
            assert!(Ports::parse(text, backend).is_err(), "{text}");
        }
    }

    #[test]
    fn only_a_range_written_with_a_loopback_address_names_loopback() {
        assert!(ranges("127.1.2.3/8").names_loopback());
        assert!(ranges("::1/128").names_loopback());
        assert!(!ranges("0.0.0.0/0,::/0").names_loopback());
        assert!(!ranges("*").names_loopback());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parsers_panic(text in ".{0,60}", list in "[0-9a-f:./,* -]{0,60}") {
            for text in [text, list] {
                for version in [None, Some(Version(26)), Some(Version(27))] {
                    drop(Ranges::parse(&text, version));
                }
                drop(Ports::parse(&text, Backend::Iptables));
                drop(Ports::parse(&text, Backend::Nftables));
            }
        }

        #[test]
        fn a_list_contains_what_one_of_its_ranges_contains(
            list in prop::collection::vec((any::<u32>(), 0_u8..=32), 0..20),
            probes in prop::collection::vec(any::<u32>(), 20),
        ) {
            let nets: Vec<IpNet> = list
                .iter()
                .map(|(address, length)| {
                    IpNet::new(std::net::Ipv4Addr::from(*address).into(), *length).unwrap()
                })
                .collect();
            let ranges: Ranges = nets.iter().copied().collect();
            let ends = nets.iter().flat_map(|net| [net.network(), net.broadcast()]);
            let probes = probes.into_iter().map(|probe| std::net::Ipv4Addr::from(probe).into());
            for ip in probes.chain(ends) {
                let expected = nets.iter().position(|net| net.contains(&ip));
                prop_assert_eq!(ranges.first(ip).map(|place| place as usize), expected);
            }
        }
    }
}
