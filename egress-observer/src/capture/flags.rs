//! The command line of `istio-iptables`, which `istio-init` made a pod's rules with
//! (`tools/istio-iptables/pkg/cmd/root.go`).

use thiserror::Error;

use super::{CaptureConfig, RangeError, parse_ports, parse_ranges};

/// A command line that says nothing certain about the rules.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum FlagError {
    /// A list cannot be read.
    #[error("flag {flag}: {source}")]
    List {
        /// The flag, as in the documentation.
        flag: &'static str,
        /// Why.
        source: RangeError,
    },
    /// A user or group is no number.
    #[error("flag {flag}: `{value}` is not a number")]
    Id {
        /// The flag.
        flag: &'static str,
        /// What stands there.
        value: String,
    },
    /// The program was told not to make rules.
    #[error("flag {flag}: no rules were made")]
    NotApplied {
        /// The flag.
        flag: &'static str,
    },
}

/// Flags with a value: short and long spelling.
const VALUES: [(&str, &str); 17] = [
    ("p", "envoy-port"),
    ("z", "inbound-capture-port"),
    ("e", "inbound-tunnel-port"),
    ("u", "proxy-uid"),
    ("g", "proxy-gid"),
    ("m", "istio-inbound-interception-mode"),
    ("b", "istio-inbound-ports"),
    ("d", "istio-local-exclude-ports"),
    ("c", "istio-exclude-interfaces"),
    ("i", "istio-service-cidr"),
    ("x", "istio-service-exclude-cidr"),
    ("q", "istio-outbound-ports"),
    ("o", "istio-local-outbound-ports-exclude"),
    ("k", "kube-virt-interfaces"),
    ("t", "istio-inbound-tproxy-mark"),
    ("r", "istio-inbound-tproxy-route-table"),
    ("", "log_output_level"),
];

/// Flags that stand alone.
const SWITCHES: [(&str, &str); 6] = [
    ("n", "dry-run"),
    ("", "skip-rule-apply"),
    ("", "cleanup-only"),
    ("", "redirect-dns"),
    ("", "capture-all-dns"),
    ("", "dual-stack"),
];

/// The settings that a command line stands for. `-i` absent is the empty list: nothing captured.
/// The last of several spellings wins, as in pflag; flags that do not matter here are passed over.
pub(crate) fn parse(args: &[String]) -> Result<CaptureConfig, FlagError> {
    let mut values: [Option<&str>; VALUES.len()] = [None; VALUES.len()];
    let mut switches = [false; SWITCHES.len()];
    let mut rest = args.iter().map(String::as_str);
    while let Some(arg) = rest.next() {
        let Some((name, attached, long)) = split(arg) else {
            continue;
        };
        let spelt =
            |(short, full): &(&str, &str)| if long { *full == name } else { *short == name };
        if let Some(index) = VALUES.iter().position(spelt) {
            values[index] = attached.or_else(|| rest.next());
        } else if let Some(index) = SWITCHES.iter().position(spelt) {
            switches[index] = attached.is_none_or(|value| matches!(value, "true" | "1"));
        }
    }
    let value = |short: &str| {
        VALUES
            .iter()
            .position(|(known, _)| *known == short)
            .and_then(|index| values[index])
    };
    let switch = |long: &str| {
        SWITCHES
            .iter()
            .position(|(_, known)| *known == long)
            .is_some_and(|index| switches[index])
    };
    for flag in ["dry-run", "skip-rule-apply", "cleanup-only"] {
        if switch(flag) {
            return Err(FlagError::NotApplied { flag });
        }
    }
    let ranges = |flag: &'static str, short: &str| {
        parse_ranges(value(short).unwrap_or("")).map_err(|source| FlagError::List { flag, source })
    };
    let ports = |flag: &'static str, short: &str| {
        parse_ports(value(short).unwrap_or("")).map_err(|source| FlagError::List { flag, source })
    };
    let uids = ids(
        "-u",
        value("u").filter(|text| !text.is_empty()).unwrap_or("1337"),
    )?;
    Ok(CaptureConfig {
        proxy_gids: match value("g").filter(|text| !text.is_empty()) {
            Some(text) => ids("-g", text)?,
            None => uids.clone(),
        },
        proxy_uids: uids,
        include: ranges("-i", "i")?,
        exclude: ranges("-x", "x")?,
        include_ports: ports("-q", "q")?,
        exclude_ports: ports("-o", "o")?,
        ipv6: false,
        dns_capture: switch("redirect-dns") || switch("capture-all-dns"),
    })
}

/// A flag's name, the value attached to it, and whether it is spelt in full:
/// `-i *`, `-i*`, `-i=*`, `--name value`, `--name=value`.
fn split(arg: &str) -> Option<(&str, Option<&str>, bool)> {
    if let Some(long) = arg.strip_prefix("--") {
        return Some(match long.split_once('=') {
            Some((name, value)) => (name, Some(value), true),
            None => (long, None, true),
        });
    }
    let short = arg.strip_prefix('-')?;
    let (name, value) = short.split_at_checked(1)?;
    let value = value.strip_prefix('=').unwrap_or(value);
    let attached = short.len() > 1;
    Some((name, attached.then_some(value), false))
}

fn ids(flag: &'static str, text: &str) -> Result<Vec<u32>, FlagError> {
    text.split(',')
        .map(|id| {
            id.trim().parse().map_err(|_not_a_number| FlagError::Id {
                flag,
                value: id.to_owned(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_line(line: &[&str]) -> Result<CaptureConfig, FlagError> {
        parse(&line.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
    }

    fn expected() -> CaptureConfig {
        CaptureConfig {
            include: parse_ranges("10.0.0.0/8").unwrap(),
            exclude: parse_ranges("10.1.0.0/16").unwrap(),
            include_ports: parse_ports("443").unwrap(),
            exclude_ports: parse_ports("15020").unwrap(),
            ..CaptureConfig::default()
        }
    }

    #[test]
    fn every_spelling_means_the_same() {
        let short = [
            "-p",
            "15001",
            "-u",
            "1337",
            "-m",
            "REDIRECT",
            "-i",
            "10.0.0.0/8",
            "-x",
            "10.1.0.0/16",
            "-b",
            "*",
            "-d",
            "15090",
            "-q",
            "443",
            "-o",
            "15020",
        ];
        let attached = [
            "-u1337",
            "-i=10.0.0.0/8",
            "-x10.1.0.0/16",
            "-q443",
            "-o=15020",
        ];
        let long = [
            "--proxy-uid=1337",
            "--istio-service-cidr",
            "10.0.0.0/8",
            "--istio-service-exclude-cidr=10.1.0.0/16",
            "--istio-outbound-ports=443",
            "--istio-local-outbound-ports-exclude",
            "15020",
            "--log_as_json",
        ];
        for line in [&short[..], &attached[..], &long[..]] {
            assert_eq!(parse_line(line).unwrap(), expected(), "{line:?}");
        }
    }

    #[test]
    fn empty_values_are_values_and_the_last_one_wins() {
        let config = parse_line(&["-i", "*", "-x", "", "-i", ""]).unwrap();
        assert_eq!(config.include, crate::capture::Ranges::default());
    }

    #[test]
    fn the_group_is_the_user_unless_given() {
        assert_eq!(parse_line(&["-u", "1000,0"]).unwrap().proxy_gids, [1000, 0]);
        assert_eq!(
            parse_line(&["-u", "1000", "-g", "7"]).unwrap().proxy_gids,
            [7]
        );
    }

    #[test]
    fn a_line_that_makes_no_rules_is_not_a_configuration() {
        let error = parse_line(&["-i", "*", "--skip-rule-apply"]).unwrap_err();
        assert_eq!(
            error,
            FlagError::NotApplied {
                flag: "skip-rule-apply"
            }
        );
    }

    #[test]
    fn what_cannot_be_read_names_the_flag() {
        let error = parse_line(&["-x", "nowhere"]).unwrap_err().to_string();
        assert!(
            error.starts_with("flag -x: `nowhere` is not a range"),
            "{error}"
        );
    }
}
