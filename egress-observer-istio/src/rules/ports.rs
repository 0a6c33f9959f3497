//! Lists of ports, read as Istio's programs read them.

use std::ops::RangeInclusive;

use super::{
    backend::Backend,
    list::{ListError, elements},
    spans::Spans,
};

/// A `PortRange` goes from one port to another; most often to the same.
pub type PortRange = RangeInclusive<u16>;

/// `Ports` are ports in their order.
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
    match text.split_once(joint) {
        Some((low, high)) => {
            let (low, high) = (
                port_number(low, 0, backend)?,
                port_number(high, u16::MAX, backend)?,
            );
            (low <= high).then_some(low..=high)
        }
        None => {
            let port = port_number(text, 0, backend).filter(|_| !text.is_empty())?;
            Some(port..=port)
        }
    }
}

/// One end of a range; iptables takes `8000:` and `:9000` as `open` at that end.
fn port_number(text: &str, open: u16, backend: Backend) -> Option<u16> {
    match (text, backend) {
        ("", Backend::Iptables) => Some(open),
        (text, _) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    }
}

/// A list of ports in text of ours, for tests.
#[cfg(test)]
pub(crate) fn ports(text: &str) -> Ports {
    Ports::parse(text, Backend::Iptables).unwrap()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,60}", list in "[0-9a-f:./,* -]{0,60}") {
            for text in [text, list] {
                drop(Ports::parse(&text, Backend::Iptables));
                drop(Ports::parse(&text, Backend::Nftables));
            }
        }
    }
}
