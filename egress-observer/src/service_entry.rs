//! A ServiceEntry to be applied: the one place that writes its YAML.

use std::{collections::BTreeMap, fmt, net::IpAddr};

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use egress_observer_istio::{objects, vocabulary::PortProtocol};

/// What is written of one: an external host, or several below a wildcard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewServiceEntry {
    pub(crate) version: ApiVersion,
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) hosts: Vec<String>,
    /// Empty: at any address.
    pub(crate) addresses: Vec<String>,
    pub(crate) ports: Vec<EntryPort>,
    /// Empty: to whom the mesh's configuration says.
    pub(crate) export_to: Vec<String>,
    pub(crate) resolution: Resolution,
    pub(crate) location: Location,
}

/// One of `spec.ports`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EntryPort {
    pub(crate) number: u16,
    pub(crate) name: String,
    pub(crate) protocol: AppProtocol,
    /// Where the host listens, if that is another port; 0 if not.
    pub(crate) target: u16,
}

/// The version of the API group; all have the same fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ApiVersion {
    /// Since Istio 1.22.
    #[default]
    #[value(name = "v1")]
    V1,
    /// Since Istio 1.5.
    #[value(name = "v1beta1")]
    V1Beta1,
    /// Every version of Istio.
    #[value(name = "v1alpha3")]
    V1Alpha3,
}

/// How the proxy finds where a host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resolution {
    /// It asks for the name.
    Dns,
    /// It asks for the name, and keeps to one of the addresses.
    DnsRoundRobin,
    /// It asks for the name that the client says, below a wildcard.
    DynamicDns,
    /// It has the addresses.
    Static,
    /// It goes where the client was going.
    None,
}

/// Whether the host is part of the mesh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Location {
    #[default]
    External,
    Internal,
}

/// What is spoken on a port, as `spec.ports[].protocol` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AppProtocol(&'static str);

impl ApiVersion {
    const fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "networking.istio.io/v1",
            Self::V1Beta1 => "networking.istio.io/v1beta1",
            Self::V1Alpha3 => "networking.istio.io/v1alpha3",
        }
    }
}

impl Resolution {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "DNS",
            Self::DnsRoundRobin => "DNS_ROUND_ROBIN",
            Self::DynamicDns => "DYNAMIC_DNS",
            Self::Static => "STATIC",
            Self::None => "NONE",
        }
    }

    /// The one that is written so; nothing is NONE.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let all = [
            Self::Dns,
            Self::DnsRoundRobin,
            Self::DynamicDns,
            Self::Static,
            Self::None,
        ];
        let text = if text.is_empty() { "NONE" } else { text };
        all.into_iter().find(|known| known.as_str() == text)
    }
}

impl Location {
    const fn as_str(self) -> &'static str {
        match self {
            Self::External => "MESH_EXTERNAL",
            Self::Internal => "MESH_INTERNAL",
        }
    }

    /// The one that is written so; nothing is external.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "" | "MESH_EXTERNAL" => Some(Self::External),
            "MESH_INTERNAL" => Some(Self::Internal),
            _ => None,
        }
    }
}

impl AppProtocol {
    /// Those that make a listener.
    pub(crate) const ALL: [Self; 10] = [
        Self("HTTP"),
        Self("HTTPS"),
        Self("HTTP2"),
        Self("GRPC"),
        Self("GRPC-WEB"),
        Self("TLS"),
        Self("TCP"),
        Self("MONGO"),
        Self("MYSQL"),
        Self("REDIS"),
    ];

    /// The one with this name, in whatever case.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|known| known.0.eq_ignore_ascii_case(text))
    }

    /// What a client most likely speaks on a port.
    pub(crate) fn usual(port: u16) -> Self {
        Self(match PortProtocol::usual(port) {
            PortProtocol::Http => "HTTP",
            PortProtocol::Tls => "TLS",
            PortProtocol::Tcp | PortProtocol::Sniffed | PortProtocol::Udp => "TCP",
        })
    }

    pub(crate) const fn as_str(self) -> &'static str {
        self.0
    }

    /// Whether the client says a name, so that no address is needed.
    pub(crate) fn says_a_name(self) -> bool {
        match PortProtocol::parse(self.0) {
            PortProtocol::Http | PortProtocol::Tls => true,
            PortProtocol::Tcp | PortProtocol::Sniffed | PortProtocol::Udp => false,
        }
    }
}

impl NewServiceEntry {
    /// The same as an object.
    pub(crate) fn object(&self) -> Value {
        let ports = self.ports.iter().map(EntryPort::object);
        let mut object = json!({
            "apiVersion": self.version.as_str(),
            "kind": "ServiceEntry",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": {
                "hosts": self.hosts,
                "ports": ports.collect::<Vec<_>>(),
                "resolution": self.resolution.as_str(),
                "location": self.location.as_str(),
            },
        });
        for (field, words) in [
            ("addresses", &self.addresses),
            ("exportTo", &self.export_to),
        ] {
            if let Some(spec) = object["spec"].as_object_mut()
                && !words.is_empty()
            {
                spec.insert(field.to_owned(), json!(words));
            }
        }
        if let Some(metadata) = object["metadata"].as_object_mut()
            && !self.labels.is_empty()
        {
            metadata.insert("labels".to_owned(), json!(self.labels));
        }
        object
    }
}

impl NewServiceEntry {
    /// The same as it is read, and as old as is said.
    pub(crate) fn read(&self, created: &str) -> objects::ServiceEntryObject {
        let ports = self.ports.iter().map(|port| objects::ServicePort {
            number: port.number,
            name: port.name.clone(),
            protocol: port.protocol.as_str().to_owned(),
            target_port: port.target,
        });
        objects::ServiceEntryObject {
            metadata: objects::Metadata {
                name: self.name.clone(),
                namespace: self.namespace.clone(),
                labels: self.labels.clone(),
                creation_timestamp: created.to_owned(),
                ..objects::Metadata::default()
            },
            spec: objects::ServiceEntrySpec {
                hosts: self.hosts.clone(),
                addresses: self.addresses.clone(),
                ports: ports.collect(),
                location: self.location.as_str().to_owned(),
                resolution: self.resolution.as_str().to_owned(),
                export_to: self.export_to.clone(),
                ..objects::ServiceEntrySpec::default()
            },
            status: objects::ServiceEntryStatus::default(),
        }
    }
}

impl EntryPort {
    /// The same as an object.
    pub(crate) fn object(&self) -> Value {
        let protocol = self.protocol.as_str();
        let mut object = json!({"number": self.number, "name": self.name, "protocol": protocol});
        if self.target != 0 {
            object["targetPort"] = self.target.into();
        }
        object
    }

    /// One line of YAML.
    fn flow(&self) -> String {
        let Self { number, target, .. } = self;
        let (name, protocol) = (scalar(&self.name), self.protocol.as_str());
        let target = match target {
            0 => String::new(),
            target => format!(", targetPort: {target}"),
        };
        format!("{{number: {number}, name: {name}, protocol: {protocol}{target}}}")
    }
}

impl Serialize for NewServiceEntry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.object().serialize(serializer)
    }
}

/// YAML, with the end of its last line.
impl fmt::Display for NewServiceEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "apiVersion: {}", self.version.as_str())?;
        writeln!(f, "kind: ServiceEntry")?;
        writeln!(f, "metadata:")?;
        writeln!(f, "  name: {}", scalar(&self.name))?;
        writeln!(f, "  namespace: {}", scalar(&self.namespace))?;
        if !self.labels.is_empty() {
            writeln!(f, "  labels:")?;
        }
        for (key, value) in &self.labels {
            writeln!(f, "    {}: {}", scalar(key), quoted(value))?;
        }
        writeln!(f, "spec:")?;
        write_list(f, "hosts", self.hosts.iter().map(|host| scalar(host)))?;
        let addresses = self.addresses.iter().map(|address| quoted(address));
        write_list(f, "addresses", addresses)?;
        write_list(f, "ports", self.ports.iter().map(EntryPort::flow))?;
        write_list(
            f,
            "exportTo",
            self.export_to.iter().map(|word| quoted(word)),
        )?;
        writeln!(f, "  resolution: {}", self.resolution.as_str())?;
        writeln!(f, "  location: {}", self.location.as_str())
    }
}

/// A host for an address that has no name, such as `203-0-113-7.external`.
pub(crate) fn host_of(ip: IpAddr) -> String {
    let text = match ip {
        // No label begins or ends with a dash.
        IpAddr::V6(v6) if ip.to_string().starts_with(':') || ip.to_string().ends_with(':') => {
            let segments = v6.segments().map(|segment| format!("{segment:x}"));
            segments.join("-")
        }
        IpAddr::V4(_) | IpAddr::V6(_) => ip.to_string().replace(['.', ':'], "-"),
    };
    format!("{text}.external")
}

/// On one line if it is one element; nothing if there is none.
fn write_list(
    f: &mut fmt::Formatter<'_>,
    field: &str,
    elements: impl Iterator<Item = String>,
) -> fmt::Result {
    let elements: Vec<String> = elements.collect();
    match elements.as_slice() {
        [] => Ok(()),
        [one] => writeln!(f, "  {field}: [{one}]"),
        all => {
            writeln!(f, "  {field}:")?;
            all.iter().try_for_each(|one| writeln!(f, "    - {one}"))
        }
    }
}

/// Text that YAML reads as that text: plain where it cannot be taken for anything else.
fn scalar(text: &str) -> String {
    let reserved = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let plain = text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
        && text.bytes().any(is_of_no_number)
        && !reserved.contains(&text.to_ascii_lowercase().as_str());
    if plain { text.to_owned() } else { quoted(text) }
}

/// Whether no number has such a letter, in whatever base or with an exponent.
fn is_of_no_number(byte: u8) -> bool {
    byte.is_ascii_alphabetic() && !b"abcdefox".contains(&(byte | 0x20))
}

fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            other => out.push_str(&format!("\\U{:08x}", u32::from(other))),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(host: &str, ports: &[u16]) -> NewServiceEntry {
        let port = |number: &u16| EntryPort {
            number: *number,
            name: format!("p-{number}"),
            protocol: AppProtocol::usual(*number),
            target: 0,
        };
        NewServiceEntry {
            version: ApiVersion::V1,
            name: "a".to_owned(),
            namespace: "shop".to_owned(),
            labels: BTreeMap::new(),
            hosts: vec![host.to_owned()],
            addresses: Vec::new(),
            ports: ports.iter().map(port).collect(),
            export_to: Vec::new(),
            resolution: Resolution::Dns,
            location: Location::External,
        }
    }

    fn read(entry: &NewServiceEntry) -> Value {
        serde_saphyr::from_str(&entry.to_string()).unwrap()
    }

    #[test]
    fn what_might_be_something_else_than_text_is_quoted() {
        let cases = [
            ("www.baidu.com", "www.baidu.com"),
            ("203-0-113-7.external", "203-0-113-7.external"),
            ("*.test", "\"*.test\""),
            ("1.5e3", "\"1.5e3\""),
            ("0x1f", "\"0x1f\""),
            ("2026-01-01", "\"2026-01-01\""),
            ("No", "\"No\""),
            ("null", "\"null\""),
            ("", "\"\""),
            ("a\nb: \u{1b}", "\"a\\U0000000ab: \\U0000001b\""),
        ];
        for (text, expected) in cases {
            assert_eq!(scalar(text), expected);
        }
    }

    #[test]
    fn one_element_stays_on_its_line() {
        let one = entry("a.test", &[80]).to_string();
        assert!(one.contains("  ports: [{number: 80, name: p-80, protocol: HTTP}]\n"));
        let two = entry("a.test", &[80, 443]).to_string();
        assert!(two.contains("  ports:\n    - {number: 80, name: p-80, protocol: HTTP}\n    - {"));
    }

    #[test]
    fn a_protocol_has_its_class() {
        for (word, named) in [
            ("grpc", true),
            ("Https", true),
            ("tcp", false),
            ("redis", false),
        ] {
            let protocol = AppProtocol::parse(word).unwrap();
            assert_eq!(protocol.says_a_name(), named, "{word}");
        }
        assert_eq!(AppProtocol::parse("udp"), None);
    }

    proptest! {
        #[test]
        fn yaml_and_object_say_the_same(
            host in "[ -~\\n\u{1b}\u{2028}é]{0,12}", plain in "[a-z0-9.-]{1,8}", wide in any::<bool>(),
        ) {
            let mut entry = entry(&host, &[80, 5432]);
            entry.name = plain;
            if wide {
                entry.addresses = vec!["192.0.2.1".to_owned(), "2001:db8::1".to_owned()];
                entry.export_to = vec!["*".to_owned()];
                entry.labels.insert("app.test/a".to_owned(), host.clone());
                entry.ports[1].target = 15_432;
            }
            prop_assert_eq!(read(&entry), entry.object());
            let object: objects::ServiceEntryObject = serde_json::from_value(entry.object()).unwrap();
            prop_assert_eq!(format!("{object:?}"), format!("{:?}", entry.read("")));
        }
    }
}
