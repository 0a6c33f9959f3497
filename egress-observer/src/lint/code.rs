//! The codes of findings: a closed set that documentation, suppressions and reports share.

use std::{fmt, str::FromStr};

use thiserror::Error;

/// How much a finding matters, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Worth a look; often meant.
    Notice,
    /// Most likely not what was meant.
    Warning,
    /// Refused by Istio, or traffic leaves the mesh or is lost.
    Error,
}

impl Severity {
    /// Every member, in order.
    pub const ALL: [Self; 4] = [Self::Info, Self::Notice, Self::Warning, Self::Error];

    /// Its one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! codes {
    ($($variant:ident = $code:literal, $severity:ident, $title:literal;)*) => {
        /// What kind of fault a finding is about. Numbers are never given twice.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum LintCode { $(#[doc = $title] $variant,)* }

        impl LintCode {
            /// Every member, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its one spelling.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// How much it matters.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// The fault in a few words.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }
        }
    };
}

codes! {
    // Lists of ranges and ports.
    NothingCaptured = "EO0001", Error, "The list of included ranges is empty: the sidecar gets nothing";
    EmptyUnderCni = "EO0002", Warning, "An empty mesh value means everything under the CNI plugin";
    RefusedAnnotation = "EO0003", Error, "The injector refuses the annotation, and the pod with it";
    UnreadRange = "EO0004", Error, "Text that Istio does not read as a range";
    UnreadPort = "EO0005", Error, "Text that Istio does not read as a port";
    HostBits = "EO0006", Notice, "A range has host bits, which count for nothing";
    NeverCaptured = "EO0007", Warning, "An included range lies in an excluded one";
    Redundant = "EO0008", Info, "An element that changes nothing";
    OneFamily = "EO0009", Notice, "All of IPv4 or all of IPv6 is not everything";
    LoopbackIncluded = "EO0010", Warning, "An included range names a loopback address";
    AllExcluded = "EO0011", Error, "Every address is excluded";
    ClusterExcluded = "EO0012", Warning, "An excluded range holds addresses of the cluster";
    ClusterNotIncluded = "EO0013", Warning, "The included ranges leave out addresses of the cluster";
    AllocatedNotCaptured = "EO0014", Error, "Addresses that Istio allocates are not captured";
    ExcludedPortDeclared = "EO0015", Warning, "An excluded port is declared by a ServiceEntry";
    DnsPortExcluded = "EO0016", Warning, "Port 53 is excluded, which switches DNS capture off";
    IncludedPortExcluded = "EO0017", Warning, "A port is both included and excluded";
    UnusedExclude = "EO0018", Info, "Nothing in the manifests uses what is excluded";

    // Pods and what makes them.
    ProxyUser = "EO0020", Error, "An application runs as the proxy's user or group";
    HostNetwork = "EO0021", Notice, "A pod on the node's network in an injected namespace";
    MisplacedAnnotation = "EO0022", Warning, "An annotation on the workload instead of its pod template";
    UnknownAnnotation = "EO0023", Warning, "An annotation that Istio does not know";
    Ipv6Direct = "EO0024", Warning, "IPv6 addresses without IPv6 rules";
    InitBypass = "EO0025", Notice, "Init containers run before the rules are made";
    InitRefused = "EO0026", Warning, "Init containers are captured before the proxy runs";
    Stale = "EO0027", Warning, "The pod runs with settings that are no longer those configured";
    AnnotationWithoutEffect = "EO0028", Warning, "A capture annotation on a pod without sidecar rules";
    InjectionWord = "EO0029", Warning, "A word about injection that Istio does not know";

    // Mesh and Sidecar objects.
    AllowAny = "EO0040", Notice, "Unknown hosts pass without control";
    RegistryOnly = "EO0041", Info, "Unknown hosts are refused, as far as they are captured";
    InjectionDisabled = "EO0042", Notice, "The injector injects only on demand";
    PolicyHidden = "EO0043", Warning, "A Sidecar hides the root namespace's outbound policy";
    EmptyPolicy = "EO0044", Warning, "An empty outboundTrafficPolicy means REGISTRY_ONLY";
    EntriesHidden = "EO0045", Warning, "A Sidecar hides every ServiceEntry";
    SeveralSidecars = "EO0046", Warning, "Two Sidecars without a selector in one namespace";
    RefusedConfig = "EO0047", Error, "Istio refuses the configuration as a whole";
    RefusedEgress = "EO0048", Error, "An egress listener that Istio refuses";
    RefusedSidecar = "EO0049", Error, "A Sidecar that Istio refuses";

    // ServiceEntries.
    DeclaredBypass = "EO0050", Warning, "A declared address bypasses the sidecar";
    NameBypass = "EO0051", Warning, "A declared host bypasses the sidecar unless its addresses are included";
    TakesWholePort = "EO0052", Warning, "A TCP port without addresses takes every destination on it";
    PortCollision = "EO0053", Warning, "Two ServiceEntries want the same port at every address";
    SeveralTcpHosts = "EO0054", Error, "Several hosts on a port that does not tell them apart";
    BadHost = "EO0055", Error, "A host that this ServiceEntry cannot have";
    RangeResolved = "EO0056", Error, "A CIDR address with a resolution that looks names up";
    UdpPort = "EO0057", Warning, "A UDP port is never captured";
    PlainOnTlsPort = "EO0058", Warning, "A plaintext HTTP protocol on port 443";
    NoPorts = "EO0059", Warning, "A ServiceEntry without ports takes no connection";
    NoProtocol = "EO0060", Notice, "A port without protocol is guessed from the first bytes";
    ExportedToNobody = "EO0061", Warning, "A ServiceEntry that nobody sees";
    BadAddress = "EO0062", Error, "An address that does not parse";
    EndpointsConflict = "EO0063", Error, "Endpoints where they are not allowed";
    RefusedPort = "EO0064", Error, "A port that Istio refuses";
    RefusedEndpoint = "EO0065", Error, "An endpoint that Istio refuses";
    RefusedExport = "EO0066", Error, "An exportTo that Istio refuses";
    RefusedSetting = "EO0067", Error, "A resolution or another setting that Istio refuses";
    HostOfAnother = "EO0068", Warning, "A host that another object has, too, and hides or loses";
    MixedPort = "EO0069", Warning, "Two protocols on one port";

    // Routing.
    UnknownRoutedHost = "EO0070", Warning, "A routing object for an external host that no ServiceEntry declares";
    VoidRouting = "EO0071", Warning, "A routing object for a host that bypasses the sidecar";

    // What is read at all.
    Unreadable = "EO0080", Error, "A document or an object that cannot be read";
}

impl LintCode {
    /// Its page.
    pub fn url(self) -> String {
        let repository = env!("CARGO_PKG_REPOSITORY");
        format!("{repository}/blob/main/docs/lint/{self}.md")
    }
}

impl fmt::Display for LintCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Not a code.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{0}` is not a code; `egress-observer lint --list` names them")]
pub struct UnknownCode(String);

impl FromStr for LintCode {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|code| code.as_str() == text);
        found.copied().ok_or_else(|| UnknownCode(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_ascend_and_are_read_back() {
        assert!(LintCode::ALL.is_sorted_by_key(|code| code.as_str()));
        for code in LintCode::ALL {
            assert_eq!(code.as_str().parse(), Ok(*code));
        }
    }
}
