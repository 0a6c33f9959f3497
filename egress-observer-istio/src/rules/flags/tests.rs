use proptest::prelude::*;

use super::{
    table::{OWNER_GROUPS, OWNER_GROUPS_EXCLUDE},
    *,
};
use crate::rules::{CaptureConfig, DnsCapture, OwnerGroups, Ranges, Version, ports, ranges};

fn parse_with(line: &[&str], env: &[(&str, &str)]) -> Result<ParsedFlags, FlagError> {
    let env: Vec<_> = env
        .iter()
        .map(|(name, value)| FlagVariable {
            name,
            value: Some(value),
        })
        .collect();
    let around = FlagContext {
        version: Some(Version::CURRENT),
        env: &env,
        nameservers: (vec!["10.96.0.10".parse().unwrap()], false),
    };
    parse(line, &around)
}

fn config(line: &[&str]) -> CaptureConfig {
    parse_with(line, &[]).unwrap().config
}

fn expected() -> CaptureConfig {
    CaptureConfig {
        include: ranges("10.0.0.0/8"),
        exclude: ranges("10.1.0.0/16"),
        include_ports: ports("443"),
        exclude_ports: ports("15020"),
        exclude_interfaces: vec!["net1".to_owned()],
        proxy_port: 15_101,
        ..CaptureConfig::default()
    }
}

#[test]
fn every_spelling_means_the_same() {
    let short = "-p 15101 -z 15006 -u 1337 -m REDIRECT -i 10.0.0.0/8 -x 10.1.0.0/16 -b * \
                 -d 15090 -q 443 -o 15020 -c net1";
    let attached = "-p15101 -u=1337 -i=10.0.0.0/8 -x10.1.0.0/16 -q443 -o=15020 -cnet1";
    let long = "--envoy-port=15101 --proxy-uid=1337 --istio-service-cidr 10.0.0.0/8 \
                --istio-service-exclude-cidr=10.1.0.0/16 --istio-outbound-ports=443 \
                --istio-local-outbound-ports-exclude 15020 --log_as_json \
                --istio-exclude-interfaces net1 --log_output_level=default:info";
    for line in [short, attached, long] {
        let words: Vec<_> = line.split(' ').filter(|word| !word.is_empty()).collect();
        let parsed = parse_with(&words, &[]).unwrap();
        assert_eq!(
            (parsed.config, parsed.notes),
            (expected(), vec![]),
            "{line}"
        );
    }
}

#[test]
fn empty_values_are_values_and_the_last_one_wins() {
    assert_eq!(
        config(&["-i", "*", "-x", "", "-i", ""]).include,
        Ranges::default()
    );
    assert_eq!(
        config(&["-i", "*", "--istio-service-cidr="]).include,
        Ranges::default()
    );
}

#[test]
fn a_variable_counts_only_without_the_flag() {
    let env = [("ISTIO_SERVICE_CIDR", "10.0.0.0/8"), ("ENVOY_PORT", "1")];
    let without = parse_with(&[], &env).unwrap().config;
    assert_eq!(without.include, ranges("10.0.0.0/8"));
    assert_eq!(without.proxy_port, 15_001);
    let with = parse_with(&["-i", "*"], &env).unwrap().config;
    assert!(with.include.is_all());
}

#[test]
fn a_variable_that_stands_elsewhere_is_not_guessed() {
    let env = [FlagVariable {
        name: "ISTIO_SERVICE_CIDR",
        value: None,
    }];
    let around = FlagContext {
        version: Some(Version::CURRENT),
        env: &env,
        nameservers: (vec![], true),
    };
    let error = parse(&[], &around).unwrap_err();
    assert_eq!(error, FlagError::Elsewhere("ISTIO_SERVICE_CIDR".to_owned()));
    assert!(parse(&["-i", "*"], &around).is_ok());
}

#[test]
fn dns_is_captured_to_nameservers_or_altogether() {
    let dns = |line: &[&str], env: &[(&str, &str)]| parse_with(line, env).unwrap().config.dns;
    let known = vec!["10.96.0.10".parse().unwrap()];
    let nameservers = Some(DnsCapture::Nameservers {
        known,
        others: false,
    });
    assert_eq!(dns(&["--redirect-dns"], &[]), nameservers);
    assert_eq!(dns(&[], &[("ISTIO_META_DNS_CAPTURE", "true")]), nameservers);
    assert_eq!(dns(&[], &[("REDIRECT_DNS", "1")]), nameservers);
    let all = [
        ("ISTIO_META_DNS_CAPTURE", "true"),
        ("CAPTURE_ALL_DNS", "true"),
    ];
    assert_eq!(dns(&[], &all), Some(DnsCapture::All));
    assert_eq!(dns(&["--capture-all-dns"], &[]), None);
    assert_eq!(
        dns(&["--redirect-dns=false"], &[("REDIRECT_DNS", "1")]),
        None
    );
    assert_eq!(dns(&[], &[("ISTIO_META_DNS_CAPTURE", "yes")]), None);
}

#[test]
fn owner_groups_are_numbers_or_names() {
    let groups = |include: &str, exclude: &str| {
        let env = [(OWNER_GROUPS, include), (OWNER_GROUPS_EXCLUDE, exclude)];
        parse_with(&[], &env).unwrap().config.owner_groups
    };
    assert_eq!(groups("*", ""), OwnerGroups::default());
    assert_eq!(
        groups("*", "202,203"),
        OwnerGroups {
            exclude: vec![202, 203],
            ..OwnerGroups::default()
        }
    );
    assert_eq!(
        groups("java,202", ""),
        OwnerGroups {
            include: Some(vec![202]),
            named: vec!["java".to_owned()],
            ..OwnerGroups::default()
        }
    );
}

#[test]
fn the_group_is_the_user_unless_given() {
    assert_eq!(config(&["-u", "1000,0"]).proxy_gids, [1000, 0]);
    assert_eq!(config(&["-u", "1000", "-g", "7"]).proxy_gids, [7]);
    assert_eq!(config(&["-u", ""]).proxy_uids, [1337]);
}

#[test]
fn a_line_that_makes_no_rules_is_not_a_configuration() {
    for flag in [
        "--skip-rule-apply",
        "--cleanup-only",
        "-n",
        "--dry-run=true",
    ] {
        let error = parse_with(&["-i", "*", flag], &[]).unwrap_err();
        assert!(matches!(error, FlagError::NotApplied(_)), "{flag}: {error}");
    }
    assert!(parse_with(&["-n=false"], &[]).is_ok());
}

#[test]
fn what_cannot_be_read_names_the_flag() {
    let message = |line: &[&str]| parse_with(line, &[]).unwrap_err().to_string();
    assert_eq!(
        message(&["-x", "nowhere"]),
        "flag -x: `nowhere` is not a range in CIDR form, such as 10.0.0.0/8"
    );
    assert_eq!(message(&["-x", "*"]), "flag -x: `*` is not allowed here");
    assert_eq!(message(&["-u", "root"]), "flag -u: `root` is not a number");
    assert_eq!(
        message(&["--proxy-uid"]),
        "flag --proxy-uid: a value is missing"
    );
    assert_eq!(
        message(&["--redirect-dns=yes"]),
        "flag --redirect-dns: `yes` is not true or false"
    );
}

#[test]
fn unknown_flags_are_passed_over_and_named() {
    let parsed = parse_with(&["--new-flag", "-i", "*"], &[]).unwrap();
    assert!(parsed.config.include.is_all());
    assert_eq!(
        parsed.notes,
        ["flag --new-flag: not one of istio-iptables, not looked at"]
    );
}

#[test]
fn the_program_may_stand_anywhere_before_its_flags() {
    let owned =
        |words: &[&str]| -> Vec<String> { words.iter().map(|word| (*word).to_owned()).collect() };
    let args = |command: &[&str], args: &[&str]| {
        let (command, args) = (owned(command), owned(args));
        arguments(&command, &args).join(" ")
    };
    assert_eq!(args(&[], &["istio-iptables", "-i", "*"]), "-i *");
    assert_eq!(
        args(&["/usr/local/bin/istio-iptables"], &["-i", "*"]),
        "-i *"
    );
    assert_eq!(
        args(&["pilot-agent"], &["istio-iptables", "-i", "*"]),
        "-i *"
    );
    assert_eq!(args(&[], &["-p", "15001", "-i", "*"]), "-p 15001 -i *");
}

proptest! {
    #[test]
    fn no_command_line_makes_the_parser_panic(
        args in prop::collection::vec("-{0,2}[a-z_]{0,3}=?.{0,6}", 0..12),
    ) {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        drop(parse_with(&args, &[]));
    }

    #[test]
    fn attached_and_separate_values_mean_the_same(
        include in "[0-9./,*]{0,20}",
        ports in "[0-9,:]{0,10}",
    ) {
        let separate = parse_with(&["-i", &include, "-o", &ports], &[]);
        let attached = [format!("-i={include}"), format!("-o={ports}")];
        let attached: Vec<&str> = attached.iter().map(String::as_str).collect();
        let same = |result: Result<ParsedFlags, FlagError>| {
            result.map(|parsed| parsed.config).map_err(|error| error.to_string())
        };
        prop_assert_eq!(same(separate), same(parse_with(&attached, &[])));
    }
}
