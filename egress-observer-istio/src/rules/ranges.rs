//! Lists of ranges of addresses, read as Istio's programs read them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::{
    list::{ListError, elements, prefix},
    spans::Spans,
    version::Version,
};

/// `Ranges` are destinations by address: `*`, or ranges in their order.
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
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (range, place) in list.iter().zip(0_u32..) {
            match range {
                IpNet::V4(range) => {
                    v4.push((place, range.network().into(), range.broadcast().into()));
                }
                IpNet::V6(range) => {
                    v6.push((place, range.network().into(), range.broadcast().into()));
                }
            }
        }
        Self {
            all: false,
            list,
            v4: Spans::new(v4),
            v6: Spans::new(v6),
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
        let v4 = self.v4.starts().map(|start| Ipv4Addr::from(start).into());
        let v6 = self.v6.starts().map(|start| Ipv6Addr::from(start).into());
        v4.chain(v6)
    }

    /// Whether a range is written with a loopback address; `*` and `0.0.0.0/0` are not
    /// (`HasLoopBackIP` in `tools/common/config/config.go`).
    pub(super) fn names_loopback(&self) -> bool {
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

/// A list of ranges in text of ours, for tests.
#[cfg(test)]
pub(crate) fn ranges(text: &str) -> Ranges {
    Ranges::parse(text, Some(Version::CURRENT)).unwrap().0
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
    fn only_a_range_written_with_a_loopback_address_names_loopback() {
        assert!(ranges("127.1.2.3/8").names_loopback());
        assert!(ranges("::1/128").names_loopback());
        assert!(!ranges("0.0.0.0/0,::/0").names_loopback());
        assert!(!ranges("*").names_loopback());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,60}", list in "[0-9a-f:./,* -]{0,60}") {
            for text in [text, list] {
                for version in [None, Some(Version(26)), Some(Version(27))] {
                    drop(Ranges::parse(&text, version));
                }
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
                    IpNet::new(Ipv4Addr::from(*address).into(), *length).unwrap()
                })
                .collect();
            let ranges: Ranges = nets.iter().copied().collect();
            let ends = nets.iter().flat_map(|net| [net.network(), net.broadcast()]);
            let probes = probes.into_iter().map(|probe| Ipv4Addr::from(probe).into());
            for ip in probes.chain(ends) {
                let expected = nets.iter().position(|net| net.contains(&ip));
                prop_assert_eq!(ranges.first(ip).map(|place| place as usize), expected);
            }
        }
    }
}
