//! A destination as people write it.

use std::{fmt, net::IpAddr, str::FromStr};

use thiserror::Error;

use egress_observer_istio::{
    judgement::Endpoint,
    vocabulary::{
        Protocol,
        host_name::{dns_name, ends_in_number},
    },
};

/// Where a connection goes: a host, an address, or both, and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct To {
    /// The name that the client asks for, in lower case.
    pub host: Option<String>,
    /// The address that it dials.
    pub ip: Option<IpAddr>,
    /// The port that it dials.
    pub port: u16,
    /// Transport protocol, if it is given.
    pub protocol: Option<Protocol>,
}

/// Text that is no destination.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "`{text}` is not a destination: {problem}; expected HOST:PORT, IP:PORT, [IPV6]:PORT or \
     HOST@IP:PORT, such as httpbin.org:443"
)]
pub struct ToError {
    text: String,
    problem: ToProblem,
}

#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum ToProblem {
    #[error("it has no port")]
    NoPort,
    #[error("its port is not a number from 1 to 65535")]
    Port,
    #[error("its address cannot be read")]
    Address,
    #[error("an IPv6 address needs brackets")]
    Brackets,
    #[error("its host is no host name")]
    Host,
    #[error("its protocol is neither `tcp` nor `udp`")]
    Protocol,
    #[error("it is a URL")]
    Url,
}

impl To {
    /// A destination from its parts, as programs write them.
    pub(crate) fn of_parts(
        host: Option<&str>,
        ip: Option<&str>,
        port: u16,
        protocol: Protocol,
    ) -> Result<Self, ToError> {
        if port == 0 {
            return Err(ToProblem::Port.of("0"));
        }
        // A program may put the address where the name should be.
        let (host, ip) = match (host.filter(|host| !host.is_empty()), ip) {
            (Some(literal), None) if literal.parse::<IpAddr>().is_ok() => (None, Some(literal)),
            (Some(literal), Some(_)) if literal.parse::<IpAddr>().is_ok() => (None, ip),
            given => given,
        };
        Ok(Self {
            host: host
                .map(|text| host_name(text).map_err(|problem| problem.of(text)))
                .transpose()?,
            ip: ip
                .map(|text| bare_ip(text).map_err(|problem| problem.of(text)))
                .transpose()?,
            port,
            protocol: Some(protocol),
        })
    }

    /// The same without its name; `protocol` is the one where none is given.
    pub fn endpoint(&self, protocol: Protocol) -> Endpoint {
        Endpoint {
            ip: self.ip,
            port: self.port,
            protocol: self.protocol.unwrap_or(protocol),
        }
    }
}

impl ToProblem {
    fn of(self, text: &str) -> ToError {
        ToError {
            text: text.to_owned(),
            problem: self,
        }
    }
}

impl FromStr for To {
    type Err = ToError;

    fn from_str(text: &str) -> Result<Self, ToError> {
        parse(text.trim()).map_err(|problem| problem.of(text))
    }
}

fn parse(text: &str) -> Result<To, ToProblem> {
    if text.contains("://") {
        return Err(ToProblem::Url);
    }
    let (text, protocol) = match text.rsplit_once('/') {
        Some((rest, "tcp")) => (rest, Some(Protocol::Tcp)),
        Some((rest, "udp")) => (rest, Some(Protocol::Udp)),
        Some(_) => return Err(ToProblem::Protocol),
        None => (text, None),
    };
    let (place, port) = text.rsplit_once(':').ok_or(ToProblem::NoPort)?;
    let port = match port.parse() {
        Ok(port) if port != 0 && port_is_plain(text) => port,
        _ if place.contains(':') && !place.starts_with('[') => return Err(ToProblem::Brackets),
        _ => return Err(ToProblem::Port),
    };
    let (host, address) = match place.split_once('@') {
        Some((host, address)) => (Some(host), Some(address)),
        None if place.starts_with('[') || looks_like_address(place) => (None, Some(place)),
        None => (Some(place), None),
    };
    Ok(To {
        host: host.map(host_name).transpose()?,
        ip: address.map(ip).transpose()?,
        port,
        protocol,
    })
}

/// `u16::from_str` takes a sign.
fn port_is_plain(text: &str) -> bool {
    let digits = text.rsplit(':').next().unwrap_or_default();
    digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// No name of a host has only digits behind its last dot.
fn looks_like_address(place: &str) -> bool {
    place.contains(':') || ends_in_number(place)
}

fn ip(text: &str) -> Result<IpAddr, ToProblem> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    match (bare, text.contains(':')) {
        (None, true) => Err(ToProblem::Brackets),
        (bare, _) => bare_ip(bare.unwrap_or(text)),
    }
}

fn bare_ip(text: &str) -> Result<IpAddr, ToProblem> {
    let ip: IpAddr = text.parse().map_err(|_not_one| ToProblem::Address)?;
    Ok(ip.to_canonical())
}

fn host_name(text: &str) -> Result<String, ToProblem> {
    dns_name(text).ok_or(ToProblem::Host)
}

impl fmt::Display for To {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(host) = &self.host {
            f.write_str(host)?;
        }
        match (self.ip, &self.host) {
            (Some(ip), None) => std::net::SocketAddr::new(ip, self.port).fmt(f),
            (Some(ip), Some(_)) => write!(f, "@{}", std::net::SocketAddr::new(ip, self.port)),
            (None, _) => write!(f, ":{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn to(host: Option<&str>, ip: Option<&str>, port: u16) -> To {
        To {
            host: host.map(str::to_owned),
            ip: ip.map(|ip| ip.parse().unwrap()),
            port,
            protocol: None,
        }
    }

    #[test]
    fn hosts_and_addresses_are_told_apart() {
        let cases = [
            ("httpbin.org:80", to(Some("httpbin.org"), None, 80)),
            ("HTTPbin.org.:443", to(Some("httpbin.org"), None, 443)),
            ("198.18.0.10:443", to(None, Some("198.18.0.10"), 443)),
            ("[2001:db8::1]:443", to(None, Some("2001:db8::1"), 443)),
            ("[::ffff:10.0.0.1]:80", to(None, Some("10.0.0.1"), 80)),
            (
                "a.test@192.0.2.1:80",
                to(Some("a.test"), Some("192.0.2.1"), 80),
            ),
            (
                "a.test@[2001:db8::1]:80",
                to(Some("a.test"), Some("2001:db8::1"), 80),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        let udp: To = "10.96.0.10:53/udp".parse().unwrap();
        assert_eq!(udp.protocol, Some(Protocol::Udp));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cases = [
            ("8.8.8.8", ToProblem::NoPort),
            ("a.test:https", ToProblem::Port),
            ("a.test:0", ToProblem::Port),
            ("a.test:+80", ToProblem::Port),
            ("a.test:70000", ToProblem::Port),
            ("256.0.0.1:80", ToProblem::Address),
            ("2001:db8::1:80", ToProblem::Brackets),
            ("2001:db8::1:https", ToProblem::Brackets),
            ("*.test:80", ToProblem::Host),
            ("bücher.test:80", ToProblem::Host),
            (":80", ToProblem::Host),
            ("2.:80", ToProblem::Host),
            ("2@192.0.2.1:80", ToProblem::Host),
            ("https://a.test:80", ToProblem::Url),
            ("a.test:80/sctp", ToProblem::Protocol),
        ];
        for (text, problem) in cases {
            let error: Result<To, _> = text.parse();
            assert_eq!(error.map_err(|error| error.problem), Err(problem), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}", likely in "[a-z0-9.:@/\\[\\]-]{0,30}") {
            drop(text.parse::<To>());
            drop(likely.parse::<To>());
        }

        #[test]
        fn what_is_written_is_read_again(
            host in prop::option::of("[a-z]{1,8}(\\.[a-z]{1,8}){0,2}"),
            v4 in any::<u32>(), v6 in any::<u128>(), six in any::<bool>(), port in 1_u16..,
        ) {
            let ip = if six {
                IpAddr::from(std::net::Ipv6Addr::from(v6)).to_canonical()
            } else {
                std::net::Ipv4Addr::from(v4).into()
            };
            let to = To { host, ip: Some(ip), port, protocol: None };
            prop_assert_eq!(to.to_string().parse(), Ok(to));
        }
    }
}
