//! The documentation against the code: metrics with their labels and values, verdicts, reasons,
//! settings.
#![expect(
    clippy::tests_outside_test_module,
    reason = "this whole crate is tests"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    path::Path,
    time::{Duration, Instant},
};

use clap::CommandFactory as _;
use egress_observer::{
    cli::Cli,
    finding::{Finding, FindingKind, Service},
    metrics::{
        Destinations, Metrics, Writer,
        health::{Health, ObjectCounts},
        workloads,
    },
};
use egress_observer_common::{maps, programs};
use egress_observer_istio::{manifests, objects::Kind, view::live::Live, vocabulary};

/// A metric: its type and its labels in order.
type Metric = (String, Vec<String>);

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic_with(&path.display(), &error))
}

#[expect(clippy::panic, reason = "how a test fails")]
fn panic_with(what: &dyn fmt::Display, why: &dyn fmt::Display) -> ! {
    panic!("{what}: {why}")
}

/// The cells of the lines of all tables of a page.
fn rows(page: &str) -> impl Iterator<Item = Vec<&str>> {
    page.lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix('|'))
        .map(|row| row.split('|').map(str::trim).collect())
}

/// What stands between backticks.
fn words(text: &str) -> Vec<String> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// The metrics that a page has a row for.
fn documented_metrics(page: &str) -> BTreeMap<String, Metric> {
    rows(page)
        .filter_map(|row| match row.as_slice() {
            [name, kind @ ("counter" | "gauge"), labels, _meaning] => {
                let [name] = words(name).try_into().ok()?;
                Some((name, ((*kind).to_owned(), words(labels))))
            }
            _ => None,
        })
        .collect()
}

/// The metrics in a text in the Prometheus format.
fn exported_metrics(text: &str) -> BTreeMap<String, Metric> {
    let mut metrics = BTreeMap::new();
    for line in text.lines() {
        if let Some(family) = line.strip_prefix("# TYPE ") {
            let (name, kind) = family.split_once(' ').expect("a name and a type");
            metrics.insert(name.to_owned(), (kind.to_owned(), Vec::new()));
        } else if !line.starts_with('#') {
            let (series, _value) = line.rsplit_once(' ').expect("a series and a value");
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let metric: &mut Metric = metrics.get_mut(name).expect("its type comes first");
            metric.1 = labels
                .split("\",")
                .filter_map(|label| Some(label.split_once("=\"")?.0.to_owned()))
                .collect();
        }
    }
    metrics
}

/// The three families of connections, with a series each.
fn connections() -> Metrics {
    let mut metrics = Metrics::new(Destinations::All, 10);
    let kind = FindingKind {
        client: None,
        ip: [192, 0, 2, 1].into(),
        names: Vec::new(),
        namespace: "shop".into(),
        workload: "sleep".into(),
        service: Service::Ip([192, 0, 2, 1].into()),
        port: 443,
        protocol: vocabulary::Protocol::Tcp,
        actor: vocabulary::Actor::App,
        scope: vocabulary::Scope::External,
        path: vocabulary::ObservedPath::Unknown,
        registry: vocabulary::RegistryMatch::Undeclared,
        verdict: vocabulary::Verdict::UnexpectedBypass,
        reason: vocabulary::Reason::NotEstablished,
        failure: Some(vocabulary::ConnectionFailure::Refused),
    };
    let finding = Finding { kind, n: 1 };
    metrics.record(&finding, jiff::Timestamp::now(), Instant::now());
    metrics
}

/// The families of connections and of workloads, as a scrape has them.
fn families() -> BTreeMap<String, Metric> {
    let mut out = Writer::default();
    connections().write(&mut out);
    let shop = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/shop");
    let reading = manifests::read(&[shop]).expect("the example is there");
    let live = Live::of(reading.complete().expect("the example is valid"), &[]);
    workloads::write(live.snapshot(), &mut out);
    exported_metrics(&out.finish())
}

/// The agent's own metrics, as far as they can be had without a kernel's tables.
fn health() -> String {
    let health = Health::new().expect("names are valid");
    health.kernel.attached(std::iter::empty());
    let unreadable = BTreeMap::from([("unknown", 1)]);
    let counts = ObjectCounts {
        unreadable,
        ..ObjectCounts::default()
    };
    health.cluster.reloaded(Some(&counts), false);
    health.flows.host_connections(0);
    health.export.scraped(Duration::ZERO);
    health.write().expect("text")
}

/// The files of the agent's own metrics.
const HEALTH: [&str; 6] = ["cluster", "export", "flows", "kernel", "names", "process"];

/// Words of lower-case letters and underscores that the code of the agent's own metrics spells:
/// names, labels and label values, also of those that only a kernel's tables bring about.
fn words_of_health() -> BTreeSet<String> {
    let mut code = read("src/metrics/health.rs");
    for part in HEALTH {
        code.push_str(&read(&format!("src/metrics/health/{part}.rs")));
    }
    // Labels of maps stand in the table of maps.
    let labels = maps::MEASURED.map(|(label, _)| label.to_owned());
    code.split('"')
        .skip(1)
        .step_by(2)
        .map(|literal| literal.trim_start_matches("{PREFIX}"))
        .filter(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        .map(str::to_owned)
        .chain(labels)
        .collect()
}

#[test]
fn every_family_of_connections_and_workloads_is_documented_with_its_labels_in_order() {
    let exported = families();
    let mut documented = documented_metrics(&read("../docs/metrics.md"));
    documented.retain(|name, _| exported.contains_key(name));
    assert_eq!(documented, exported);
}

#[test]
fn every_metric_of_the_agent_is_documented_and_nothing_else() {
    let documented = documented_metrics(&read("../docs/metrics.md"));
    for (name, metric) in exported_metrics(&health()) {
        assert_eq!(documented.get(&name), Some(&metric), "{name}");
    }
    let families = families();
    let spelt = words_of_health();
    for (name, (kind, labels)) in documented {
        if families.contains_key(&name) {
            continue;
        }
        let short = name.trim_start_matches("egress_observer_");
        assert!(spelt.contains(short), "{name} is not in the code");
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
        for label in labels {
            assert!(
                spelt.contains(&label),
                "{name}: no label {label} in the code"
            );
        }
    }
}

#[test]
fn every_word_of_the_agents_metrics_is_documented() {
    let page = read("../docs/metrics.md");
    let documented: BTreeSet<_> = rows(&page)
        .flat_map(|row| row.iter().flat_map(|cell| words(cell)).collect::<Vec<_>>())
        .map(|word| word.trim_start_matches("egress_observer_").to_owned())
        .collect();
    let missing: Vec<_> = words_of_health().difference(&documented).cloned().collect();
    assert_eq!(missing, [] as [String; 0]);
}

/// Values of labels that are closed sets, by label.
fn closed_sets() -> BTreeMap<&'static str, Vec<String>> {
    macro_rules! values {
        ($set:ident) => {
            vocabulary::$set::ALL
                .iter()
                .map(|value| value.as_str().to_owned())
                .collect()
        };
    }
    let families = connections()
        .n_series()
        .map(|(family, _)| family.to_owned());
    let mut causes: Vec<String> = ["flow_table_full", "slot_reused"]
        .map(str::to_owned)
        .to_vec();
    let unattributed: Vec<String> = values!(Unattributed);
    causes.extend(unattributed);
    let mut resources: Vec<String> = Kind::watched()
        .map(|kind| kind.plural().to_owned())
        .collect();
    resources.push("unknown".to_owned());
    BTreeMap::from([
        ("cause", causes),
        ("mode", values!(MeshMode)),
        ("capture", values!(CaptureExtent)),
        ("resource", resources),
        ("protocol", values!(Protocol)),
        ("actor", values!(Actor)),
        ("scope", values!(Scope)),
        ("path", values!(ObservedPath)),
        ("registry", values!(RegistryMatch)),
        ("verdict", values!(Verdict)),
        ("reason", values!(Reason)),
        ("error", values!(ConnectionFailure)),
        ("result", values!(DnsResult)),
        ("program", programs::names().map(str::to_owned).collect()),
        (
            "map",
            maps::MEASURED.map(|(label, _)| label.to_owned()).to_vec(),
        ),
        ("family", families.to_vec()),
    ])
}

#[test]
fn every_map_is_described_with_its_kind() {
    let page = read("../ARCHITECTURE.md");
    let (_, section) = page.split_once("### Tables").expect("a section of tables");
    let (section, _) = section.split_once("\n### ").unwrap_or((section, ""));
    let described: BTreeSet<_> = rows(section)
        .filter(|row| row[0].starts_with('`'))
        .map(|row| (row[0].trim_matches('`').to_owned(), row[1].replace('_', "")))
        .collect();
    let expected = maps::MAPS.iter().map(|map| {
        let kind = format!("{:?}", map.kind).to_uppercase();
        let mapped = if kind == "ARRAY" { ", mapped" } else { "" };
        (map.name.to_owned(), kind + mapped)
    });
    assert_eq!(described, expected.collect());
}

/// The rows of the table of label values: label, and values or `open`.
fn documented_values(page: &str) -> BTreeMap<String, Option<Vec<String>>> {
    let (_, table) = page
        .split_once("## Label values")
        .expect("a section of label values");
    let (table, _) = table.split_once("\n## ").unwrap_or((table, ""));
    rows(table)
        .filter_map(|row| {
            let [label] = words(row.first()?).try_into().ok()?;
            let values = row.get(1)?;
            Some((label, (!values.starts_with("open")).then(|| words(values))))
        })
        .collect()
}

#[test]
fn every_label_is_documented_with_exactly_its_values() {
    let page = read("../docs/metrics.md");
    let documented = documented_values(&page);
    for (label, values) in closed_sets() {
        assert_eq!(documented.get(label), Some(&Some(values)), "{label}");
    }
    let spelt = words_of_health();
    for (label, values) in &documented {
        if closed_sets().contains_key(label.as_str()) {
            continue;
        }
        for value in values.iter().flatten() {
            assert!(spelt.contains(value), "{label}: {value} is not in the code");
        }
    }
    let used: BTreeSet<_> = documented_metrics(&page)
        .into_values()
        .flat_map(|(_, labels)| labels)
        .collect();
    let documented: BTreeSet<_> = documented.into_keys().collect();
    assert_eq!(documented, used);
}

/// Headings of one level that are one word between backticks.
fn headings(page: &str, level: &str) -> BTreeSet<String> {
    page.lines()
        .filter_map(|line| {
            line.strip_prefix(level)?
                .strip_prefix(" `")?
                .strip_suffix('`')
        })
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_reason_has_a_section() {
    let all: BTreeSet<_> = closed_sets()
        .remove("reason")
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(headings(&read("../docs/reasons.md"), "###"), all);
}

#[test]
fn every_verdict_has_a_section_and_a_line_in_the_readme() {
    let all: BTreeSet<_> = closed_sets()
        .remove("verdict")
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(headings(&read("../docs/verdicts.md"), "##"), all);
    let readme = read("../README.md");
    let lines: BTreeSet<_> = rows(&readme)
        .filter(|row| row.len() == 3)
        .filter_map(|row| <[String; 1]>::try_from(words(row[0])).ok())
        .map(|[verdict]| verdict)
        .collect();
    assert_eq!(lines, all);
}

/// Flag, variable and default of a setting.
type Setting = (String, String, Option<String>);

fn settings(command: &clap::Command) -> BTreeSet<Setting> {
    let settings = command.get_arguments().filter_map(|argument| {
        let flag = format!("--{}", argument.get_long()?);
        let variable = argument.get_env()?.to_string_lossy().into_owned();
        let default = argument.get_default_values().first();
        Some((
            flag,
            variable,
            default.map(|value| value.to_string_lossy().into_owned()),
        ))
    });
    settings.collect()
}

fn documented_settings(section: &str) -> BTreeSet<Setting> {
    let settings = rows(section).filter_map(|row| {
        let [flag, variable, default, _meaning] = row.as_slice() else {
            return None;
        };
        let flag = words(flag).pop()?;
        let flag = flag.split(' ').next()?.to_owned();
        let default = words(default).pop();
        Some((flag, words(variable).pop()?, default))
    });
    settings.collect()
}

#[test]
fn every_setting_is_documented_with_its_variable_and_default() {
    let page = read("../docs/configuration.md");
    let section = |title: &str| {
        let (_, rest) = page.split_once(title).expect(title);
        rest.split("\n## ").next().unwrap_or_default()
    };
    let cli = Cli::command();
    assert_eq!(
        documented_settings(section("## All commands")),
        settings(&cli)
    );
    for command in cli.get_subcommands() {
        let title = format!("## `egress-observer {}`", command.get_name());
        assert_eq!(
            documented_settings(section(&title)),
            settings(command),
            "{title}"
        );
        for inner in command.get_subcommands() {
            let settings = settings(inner);
            let title = format!(
                "## `egress-observer {} {}`",
                command.get_name(),
                inner.get_name()
            );
            // One without variables of its own needs no section.
            if !settings.is_empty() {
                assert_eq!(documented_settings(section(&title)), settings, "{title}");
            }
        }
    }
}

/// What the roles grant in the whole cluster is what is watched there, and nothing else: ConfigMaps and
/// istiod's Deployments are granted in Istio's namespace.
#[test]
fn the_role_grants_the_kinds_that_are_watched() {
    let text = read("../deploy/kustomize/base/manifests.yaml");
    let documents: Vec<serde_json::Value> = serde_saphyr::from_multiple(&text).expect("YAML");
    let mut roles = documents.iter().filter(|one| one["kind"] == "ClusterRole");
    let role = roles.next().expect("a ClusterRole");
    let mut granted = BTreeSet::new();
    for rule in role["rules"].as_array().expect("rules") {
        let groups = rule["apiGroups"].as_array().expect("groups");
        for resource in rule["resources"].as_array().expect("resources") {
            let group = groups[0].as_str().unwrap_or_default();
            granted.insert((group, resource.as_str().unwrap_or_default()));
        }
    }
    let in_namespace = [Kind::ConfigMap, Kind::Deployment];
    let watched = Kind::watched().filter(|kind| !in_namespace.contains(kind));
    let watched: BTreeSet<_> = watched
        .map(|kind| (kind.facts().groups[0], kind.plural()))
        .collect();
    assert_eq!(granted, watched);
}
