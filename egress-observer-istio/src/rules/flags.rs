//! The command line and environment of `istio-iptables`, which `istio-init` made a pod's rules
//! with (`tools/istio-iptables/pkg/cmd/root.go`, `pkg/flag/flag.go`, `tools/common/config`).

use std::net::IpAddr;

use thiserror::Error;

use super::{
    Backend, CaptureConfig, DnsCapture, ListError, OwnerGroups, Ports, Ranges, Setting, Version,
    ranges::elements,
};

/// A command line that made no rules, or that says nothing certain about them.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FlagError {
    /// A list on which the program ends.
    #[error("{from}: {source}")]
    List {
        /// The flag or variable.
        from: String,
        /// Why.
        source: ListError,
    },
    /// A value on which the program ends.
    #[error("{from}: `{value}` is not {expected}")]
    Value {
        /// The flag or variable.
        from: String,
        /// What stands there.
        value: String,
        /// What should.
        expected: &'static str,
    },
    /// A value that stands elsewhere.
    #[error("environment variable {0}: its value comes from elsewhere (`valueFrom`)")]
    Elsewhere(String),
    /// A flag without its value.
    #[error("{0}: a value is missing")]
    Missing(String),
    /// The program was told not to make rules.
    #[error("{0}: no rules were made")]
    NotApplied(String),
}

/// What a command line stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The rules' settings; addresses of the pod are not looked at.
    pub config: CaptureConfig,
    /// Whether addresses other than the first count for IPv6.
    pub dual_stack: bool,
    /// Where each setting comes from, as in the pod.
    pub origins: Vec<(Setting, String)>,
    /// What counts for nothing, and why.
    pub notes: Vec<String>,
}

/// A variable of the container.
#[derive(Clone, Debug)]
pub struct Variable<'a> {
    pub name: &'a str,
    /// `None` if it stands elsewhere.
    pub value: Option<&'a str>,
}

/// What the command line itself does not say.
pub struct Surroundings<'a> {
    pub version: Option<Version>,
    pub env: &'a [Variable<'a>],
    /// The pod's nameservers, and whether there may be others.
    pub nameservers: (Vec<IpAddr>, bool),
}

/// A flag: short and long spelling, and the variables besides the long one in capitals.
struct Flag {
    short: &'static str,
    long: &'static str,
    switch: bool,
    variables: &'static [&'static str],
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

const PROXY_PORT: &str = "envoy-port";
const INBOUND_PORT: &str = "inbound-capture-port";
const TUNNEL_PORT: &str = "inbound-tunnel-port";
const UID: &str = "proxy-uid";
const GID: &str = "proxy-gid";
const INTERFACES: &str = "istio-exclude-interfaces";
const INCLUDE: &str = "istio-service-cidr";
const EXCLUDE: &str = "istio-service-exclude-cidr";
const INCLUDE_PORTS: &str = "istio-outbound-ports";
const EXCLUDE_PORTS: &str = "istio-local-outbound-ports-exclude";
const DRY_RUN: &str = "dry-run";
const SKIP: &str = "skip-rule-apply";
const CLEANUP: &str = "cleanup-only";
const DNS: &str = "redirect-dns";
const ALL_DNS: &str = "capture-all-dns";
const DUAL_STACK: &str = "dual-stack";
const NFTABLES: &str = "native-nftables";

/// Every flag that some version has.
const FLAGS: [Flag; 36] = [
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
const OWNER_GROUPS: &str = "ISTIO_OUTBOUND_OWNER_GROUPS";
const OWNER_GROUPS_EXCLUDE: &str = "ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE";
const LOOPBACK: &str = "ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR";

/// A flag's value, and where it stands.
struct Given {
    value: String,
    from: String,
}

/// The words behind the program's name. Images up to 1.3 had it as their entry point.
pub fn arguments<'a>(command: &'a [String], args: &'a [String]) -> Vec<&'a str> {
    let words: Vec<&str> = command.iter().chain(args).map(String::as_str).collect();
    let program = |word: &&str| {
        let name = word.rsplit('/').next().unwrap_or_default();
        matches!(name, "istio-iptables" | "istio-iptables.sh")
    };
    let start = words.iter().rposition(program).map_or(0, |at| at + 1);
    words.get(start..).unwrap_or_default().to_vec()
}

/// The settings that a command line stands for: a flag before a variable before the default, the
/// last of several spellings, an empty value as a value, as in pflag. `-i` absent is the empty
/// list: nothing captured.
pub fn parse(args: &[&str], around: &Surroundings<'_>) -> Result<Parsed, FlagError> {
    let mut notes = Vec::new();
    let given = Lookup {
        flags: read_flags(args, &mut notes)?,
        env: around.env,
    };
    for flag in [DRY_RUN, SKIP, CLEANUP] {
        if given.switch(flag)? {
            return Err(FlagError::NotApplied(format!("--{flag}")));
        }
    }
    let version = around.version;
    let backend = Backend::of(given.switch(NFTABLES)?);
    let mut origins = Vec::new();
    let mut ranges = |flag, setting| -> Result<Ranges, FlagError> {
        let given = given.value(flag)?;
        let (text, from) = (given.value.as_str(), given.from);
        let list = |source| FlagError::List {
            from: from.clone(),
            source,
        };
        let (ranges, ignored) = Ranges::parse(text, version).map_err(list)?;
        if setting == Setting::Exclude && ranges.is_all() {
            return Err(list(ListError::Star));
        }
        notes.extend(
            ignored
                .iter()
                .map(|element| ignored_element(&from, element)),
        );
        origins.push((setting, format!("{from} {text:?}")));
        Ok(ranges)
    };
    let include = ranges(INCLUDE, Setting::Include)?;
    let exclude = ranges(EXCLUDE, Setting::Exclude)?;
    let mut ports = |flag, setting| -> Result<Ports, FlagError> {
        let given = given.value(flag)?;
        let (text, from) = (given.value.as_str(), given.from);
        origins.push((setting, format!("{from} {text:?}")));
        Ports::parse(text, backend).map_err(|source| FlagError::List { from, source })
    };
    let include_ports = ports(INCLUDE_PORTS, Setting::IncludePorts)?;
    let exclude_ports = ports(EXCLUDE_PORTS, Setting::ExcludePorts)?;
    let uid = given.value(UID)?;
    let proxy_uids = ids(&uid)?.unwrap_or_else(|| vec![1337]);
    origins.push((Setting::Proxy, format!("{} {:?}", uid.from, uid.value)));
    let proxy_gids = ids(&given.value(GID)?)?.unwrap_or_else(|| proxy_uids.clone());
    let interfaces = given.value(INTERFACES)?;
    origins.push((
        Setting::Interfaces,
        format!("{} {:?}", interfaces.from, interfaces.value),
    ));
    origins.push((
        Setting::OwnerGroups,
        format!("environment variable {OWNER_GROUPS}"),
    ));
    origins.push((Setting::Dns, given.origin_of_switch(DNS)));
    let config = CaptureConfig {
        version,
        backend,
        ipv6: false,
        proxy_port: given.port(PROXY_PORT, 15_001)?,
        inbound_port: given.port(INBOUND_PORT, 15_006)?,
        tunnel_port: given.port(TUNNEL_PORT, 15_008)?,
        proxy_uids,
        proxy_gids,
        exclude_interfaces: elements(&interfaces.value).map(str::to_owned).collect(),
        exclude_ports,
        owner_groups: given.owner_groups()?,
        dns: dns(&given, around)?,
        loopback: given.loopback()?,
        exclude,
        include_ports,
        include,
    };
    Ok(Parsed {
        config,
        dual_stack: given.switch(DUAL_STACK)?,
        origins,
        notes,
    })
}

/// Why an element of a list counts for nothing.
pub fn ignored_element(from: &str, element: &str) -> String {
    format!("{from}: Istio ignores `{element}`: it is not in CIDR form, such as 10.0.0.0/8")
}

fn dns(given: &Lookup<'_>, around: &Surroundings<'_>) -> Result<Option<DnsCapture>, FlagError> {
    if !given.switch(DNS)? {
        // `--capture-all-dns` alone does nothing.
        return Ok(None);
    }
    if given.switch(ALL_DNS)? {
        return Ok(Some(DnsCapture::All));
    }
    let (known, others) = around.nameservers.clone();
    Ok(Some(DnsCapture::Nameservers { known, others }))
}

/// The flags of a command line by their long spelling, the last of each.
fn read_flags(
    args: &[&str],
    notes: &mut Vec<String>,
) -> Result<Vec<(&'static Flag, Given)>, FlagError> {
    let mut found: Vec<(&Flag, Given)> = Vec::new();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        if *arg == "--" {
            break;
        }
        let Some(Word {
            name,
            attached,
            long,
        }) = Word::read(arg)
        else {
            // A positional argument: without meaning.
            continue;
        };
        let spelt = |flag: &&Flag| name == if long { flag.long } else { flag.short };
        let Some(flag) = FLAGS.iter().find(spelt) else {
            notes.push(format!(
                "flag {arg}: not one of istio-iptables, not looked at"
            ));
            continue;
        };
        let from = format!("flag {}{name}", if long { "--" } else { "-" });
        let value = match (attached, flag.switch) {
            // Switches may be joined: `-nf`.
            (Some(attached), true) if !long && !attached.starts_with('=') => {
                notes.push(format!("flag {arg}: only -{name} of it is looked at"));
                "true"
            }
            (Some(attached), _) => attached.strip_prefix('=').unwrap_or(attached),
            (None, true) => "true",
            (None, false) => match rest.next() {
                Some(value) => value,
                None => return Err(FlagError::Missing(from)),
            },
        };
        let given = Given {
            value: value.to_owned(),
            from,
        };
        found.retain(|(known, _)| known.long != flag.long);
        found.push((flag, given));
    }
    Ok(found)
}

/// An argument that is a flag: `-i *`, `-i*`, `-i=*`, `--name value`, `--name=value`.
struct Word<'a> {
    name: &'a str,
    /// What is attached, with its `=`.
    attached: Option<&'a str>,
    long: bool,
}

impl<'a> Word<'a> {
    fn read(arg: &'a str) -> Option<Self> {
        if let Some(long) = arg.strip_prefix("--") {
            let end = long.find('=').unwrap_or(long.len());
            let (name, attached) = long.split_at(end);
            return Some(Self {
                name,
                attached: (!attached.is_empty()).then_some(attached),
                long: true,
            });
        }
        let short = arg.strip_prefix('-')?;
        let end = short
            .char_indices()
            .nth(1)
            .map_or(short.len(), |(at, _)| at);
        let (name, attached) = short.split_at(end);
        (!name.is_empty()).then_some(Self {
            name,
            attached: (!attached.is_empty()).then_some(attached),
            long: false,
        })
    }
}

/// Flags, and variables behind them.
struct Lookup<'a> {
    flags: Vec<(&'static Flag, Given)>,
    env: &'a [Variable<'a>],
}

impl Lookup<'_> {
    fn variable(&self, name: &str) -> Result<Option<&str>, FlagError> {
        // Of several with one name, the last one counts.
        match self.env.iter().rev().find(|variable| variable.name == name) {
            None => Ok(None),
            Some(Variable {
                value: Some(value), ..
            }) => Ok(Some(value)),
            Some(_) => Err(FlagError::Elsewhere(name.to_owned())),
        }
    }

    fn given(&self, long: &str) -> Result<Option<Given>, FlagError> {
        let flag = self.flags.iter().find(|(flag, _)| flag.long == long);
        if let Some((_, given)) = flag {
            return Ok(Some(Given {
                value: given.value.clone(),
                from: given.from.clone(),
            }));
        }
        // The one flag that has no variable.
        if long == PROXY_PORT {
            return Ok(None);
        }
        let own = long.to_ascii_uppercase().replace('-', "_");
        let others = FLAGS.iter().find(|flag| flag.long == long);
        let others = others.map_or(&[][..], |flag| flag.variables);
        for name in others.iter().copied().chain([own.as_str()]) {
            if let Some(value) = self.variable(name)? {
                return Ok(Some(Given {
                    value: value.to_owned(),
                    from: format!("environment variable {name}"),
                }));
            }
        }
        Ok(None)
    }

    /// The value, or the empty default.
    fn value(&self, long: &'static str) -> Result<Given, FlagError> {
        let default = || Given {
            value: String::new(),
            from: format!("no flag --{long}, default"),
        };
        Ok(self.given(long)?.unwrap_or_else(default))
    }

    fn port(&self, long: &str, default: u16) -> Result<u16, FlagError> {
        match self.given(long)? {
            None => Ok(default),
            Some(Given { value, from }) => {
                value.trim().parse().map_err(|_no_port| FlagError::Value {
                    from,
                    value,
                    expected: "a port",
                })
            }
        }
    }

    /// As Go's `strconv.ParseBool` reads it. A variable that it does not read counts for nothing.
    fn switch(&self, long: &str) -> Result<bool, FlagError> {
        let Some(Given { value, from }) = self.given(long)? else {
            return Ok(false);
        };
        match parse_bool(&value) {
            Some(value) => Ok(value),
            None if from.starts_with("environment") => Ok(false),
            None => Err(FlagError::Value {
                from,
                value,
                expected: "true or false",
            }),
        }
    }

    fn origin_of_switch(&self, long: &str) -> String {
        match self.given(long) {
            Ok(Some(Given { value, from })) => format!("{from} {value:?}"),
            Ok(None) | Err(_) => format!("no flag --{long}, default"),
        }
    }

    fn owner_groups(&self) -> Result<OwnerGroups, FlagError> {
        let include = self.variable(OWNER_GROUPS)?.unwrap_or("*");
        let exclude = self.variable(OWNER_GROUPS_EXCLUDE)?.unwrap_or("");
        let mut groups = OwnerGroups::default();
        let mut numbers = |text: &str| -> Vec<u32> {
            let (ids, names): (Vec<_>, Vec<_>) = elements(text)
                .map(|name| name.parse().map_err(|_a_name| name.to_owned()))
                .partition(Result::is_ok);
            groups
                .named
                .extend(names.into_iter().filter_map(Result::err));
            ids.into_iter().filter_map(Result::ok).collect()
        };
        if include == "*" {
            groups.exclude = numbers(exclude);
        } else {
            groups.include = Some(numbers(include));
        }
        Ok(groups)
    }

    fn loopback(&self) -> Result<ipnet::Ipv4Net, FlagError> {
        let Some(text) = self.variable(LOOPBACK)? else {
            return Ok(CaptureConfig::default().loopback);
        };
        match super::prefix(text) {
            Some(ipnet::IpNet::V4(range)) if range.addr().is_loopback() => Ok(range),
            _ => Err(FlagError::Value {
                from: format!("environment variable {LOOPBACK}"),
                value: text.to_owned(),
                expected: "an IPv4 loopback range",
            }),
        }
    }
}

/// Go's `strconv.ParseBool`.
pub fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// Users or groups; `None` for an empty text.
fn ids(given: &Given) -> Result<Option<Vec<u32>>, FlagError> {
    let ids = elements(&given.value).map(|id| {
        id.trim().parse().map_err(|_not_a_number| FlagError::Value {
            from: given.from.clone(),
            value: id.to_owned(),
            expected: "a number",
        })
    });
    let ids: Vec<u32> = ids.collect::<Result<_, _>>()?;
    Ok((!ids.is_empty()).then_some(ids))
}

#[cfg(test)]
mod tests;
