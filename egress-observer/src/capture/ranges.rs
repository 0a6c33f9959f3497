//! Lists of ranges and ports, in the syntax of Istio's values and annotations.

use std::{net::IpAddr, ops::RangeInclusive};

use ipnet::IpNet;
use thiserror::Error;

/// Ports from one to another; most often the same.
pub type PortRange = RangeInclusive<u16>;

/// An element that cannot be read.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum RangeError {
    /// Not a range.
    #[error("`{0}` is not a range: expected `*` alone, or CIDRs such as 10.0.0.0/8")]
    Range(String),
    /// Not a port.
    #[error("`{0}` is not a port: expected a number from 0 to 65535, or two joined by a colon")]
    Port(String),
}

/// Destinations by address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ranges {
    /// `*`: all, IPv4 and IPv6.
    All,
    /// These. Host bits are kept as written and count for nothing.
    Some(Vec<IpNet>),
}

impl Default for Ranges {
    /// None.
    fn default() -> Self {
        Self::Some(Vec::new())
    }
}

impl Ranges {
    /// Whether an address is among them.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match self {
            Self::All => true,
            Self::Some(ranges) => ranges.iter().any(|range| range.contains(&ip)),
        }
    }

    /// Whether a range is written with a loopback address; `*` is not.
    pub fn names_loopback(&self) -> bool {
        match self {
            Self::All => false,
            Self::Some(ranges) => ranges.iter().any(|range| range.addr().is_loopback()),
        }
    }
}

/// Elements between commas, empty ones dropped, as Istio splits (`tools/common/config/types.go`).
/// Blanks around them and escaped commas, as of Helm's `--set`, are forgiven.
fn elements(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(|element| element.trim().trim_end_matches('\\').trim())
        .filter(|element| !element.is_empty())
}

/// Reads a list of ranges. A bare address is the range of that address alone.
pub fn parse_ranges(text: &str) -> Result<Ranges, RangeError> {
    if text.trim() == "*" {
        return Ok(Ranges::All);
    }
    elements(text)
        .map(|element| {
            element
                .parse()
                .or_else(|_| element.parse::<IpAddr>().map(IpNet::from))
                .map_err(|_neither| RangeError::Range(element.to_owned()))
        })
        .collect::<Result<_, _>>()
        .map(Ranges::Some)
}

/// Reads a list of ports; `8000:9000` is a range, as iptables reads it.
pub fn parse_ports(text: &str) -> Result<Vec<PortRange>, RangeError> {
    elements(text)
        .map(|element| {
            let (low, high) = element.split_once(':').unwrap_or((element, element));
            match (low.parse(), high.parse()) {
                (Ok(low), Ok(high)) => Ok(low..=high),
                _ => Err(RangeError::Port(element.to_owned())),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_people_write_them() {
        let ranges = parse_ranges("10.4.0.0/14\\,10.7.240.0/20, 10.0.0.1/24,").unwrap();
        let written = ["10.4.0.0/14", "10.7.240.0/20", "10.0.0.1/24"];
        assert_eq!(
            ranges,
            Ranges::Some(written.map(|range| range.parse().unwrap()).to_vec())
        );
        assert!(ranges.contains("10.0.0.200".parse().unwrap()));
        assert_eq!(parse_ranges(" * ").unwrap(), Ranges::All);
        assert_eq!(parse_ranges("").unwrap(), Ranges::default());
        assert_eq!(
            parse_ports("6000,7000:7010,").unwrap(),
            [6000..=6000, 7000..=7010]
        );
    }

    #[test]
    fn what_is_no_range_or_port_is_named() {
        let error = parse_ranges("10.0.0.0/8,*").unwrap_err();
        assert_eq!(error, RangeError::Range("*".to_owned()));
        let error = parse_ports("80,http").unwrap_err();
        assert_eq!(error, RangeError::Port("http".to_owned()));
    }
}
