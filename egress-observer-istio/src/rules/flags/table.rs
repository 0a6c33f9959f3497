//! The flags of `istio-iptables` (`tools/istio-iptables/pkg/cmd/root.go`, `pkg/flag/flag.go`).

/// A flag: short and long spelling, and the variables besides the long one in capitals.
pub(super) struct Flag {
    pub(super) short: &'static str,
    pub(super) long: &'static str,
    pub(super) switch: bool,
    pub(super) variables: &'static [&'static str],
}

const fn value(short: &'static str, long: &'static str) -> Flag {
    Flag {
        short,
        long,
        switch: false,
        variables: &[],
    }
}

const fn switch(
    short: &'static str,
    long: &'static str,
    variables: &'static [&'static str],
) -> Flag {
    Flag {
        short,
        long,
        switch: true,
        variables,
    }
}

pub(super) const PROXY_PORT: &str = "envoy-port";
pub(super) const INBOUND_PORT: &str = "inbound-capture-port";
pub(super) const TUNNEL_PORT: &str = "inbound-tunnel-port";
pub(super) const UID: &str = "proxy-uid";
pub(super) const GID: &str = "proxy-gid";
pub(super) const INTERFACES: &str = "istio-exclude-interfaces";
pub(super) const INCLUDE: &str = "istio-service-cidr";
pub(super) const EXCLUDE: &str = "istio-service-exclude-cidr";
pub(super) const INCLUDE_PORTS: &str = "istio-outbound-ports";
pub(super) const EXCLUDE_PORTS: &str = "istio-local-outbound-ports-exclude";
pub(super) const DRY_RUN: &str = "dry-run";
pub(super) const SKIP: &str = "skip-rule-apply";
pub(super) const CLEANUP: &str = "cleanup-only";
pub(super) const DNS: &str = "redirect-dns";
pub(super) const ALL_DNS: &str = "capture-all-dns";
pub(super) const DUAL_STACK: &str = "dual-stack";
pub(super) const NFTABLES: &str = "native-nftables";

/// Every flag that some version has.
pub(super) const FLAGS: [Flag; 36] = [
    value("p", PROXY_PORT),
    value("z", INBOUND_PORT),
    value("e", TUNNEL_PORT),
    value("u", UID),
    value("g", GID),
    value("m", "istio-inbound-interception-mode"),
    value("b", "istio-inbound-ports"),
    value("d", "istio-local-exclude-ports"),
    value("c", INTERFACES),
    value("i", INCLUDE),
    value("x", EXCLUDE),
    value("q", INCLUDE_PORTS),
    value("o", EXCLUDE_PORTS),
    value("k", "kube-virt-interfaces"),
    value("t", "istio-inbound-tproxy-mark"),
    value("r", "istio-inbound-tproxy-route-table"),
    value("", "iptables-probe-port"),
    value("", "probe-timeout"),
    value("", "network-namespace"),
    value("", "force-iptables-binary"),
    value("", "log_output_level"),
    value("", "log_target"),
    value("", "log_caller"),
    value("", "log_stacktrace_level"),
    switch("n", DRY_RUN, &[]),
    switch("f", "restore-format", &[]),
    switch("", SKIP, &[]),
    switch("", CLEANUP, &[]),
    switch("", "run-validation", &[]),
    switch("", DNS, &["ISTIO_META_DNS_CAPTURE"]),
    switch("", ALL_DNS, &[]),
    switch("", "drop-invalid", &["INVALID_DROP"]),
    switch(
        "",
        DUAL_STACK,
        &["ISTIO_DUAL_STACK", "ISTIO_AGENT_DUAL_STACK"],
    ),
    switch("", NFTABLES, &[]),
    switch("", "force-apply", &[]),
    switch("", "log_as_json", &[]),
];

/// Variables that have no flag.
pub(super) const OWNER_GROUPS: &str = "ISTIO_OUTBOUND_OWNER_GROUPS";
pub(super) const OWNER_GROUPS_EXCLUDE: &str = "ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE";
pub(super) const LOOPBACK: &str = "ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR";
