//! What a decision costs: the capture rules against many ranges, the registry against many
//! objects, each beside a linear scan over the same lists, in turns; and what names cost. Prints
//! JSON; `cargo xtask bench` shows it as a table.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "its figures are its output")]

mod registry;

use std::{
    fs,
    hint::black_box,
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant},
};

use egress_observer::{
    dns,
    names::{Limits, NameAsker, PodNames},
};
use egress_observer_istio::{
    registry::{RegistryQuery, Viewer},
    rules::{CaptureConfig, Dialled, Ranges, decide},
    vocabulary::Protocol,
};
use serde_json::{Value, json};

use self::registry::{NAMESPACE, SampleWorld};

/// How often each is measured, in turns.
const ROUNDS: usize = 21;

fn main() {
    // First, as long as no memory was given back that it could have.
    let names = names();
    let ranges: Vec<Value> = [10, 100, 1_000].map(of_ranges).into();
    let entries: Vec<Value> = [100, 1_000, 10_000].map(of_entries).into();
    println!(
        "{}",
        json!({"ranges": ranges, "entries": entries, "whole": whole(), "names": names})
    );
}

/// Nanoseconds of a call: a quarter, half and three quarters of the rounds.
fn quartiles(mut ns: Vec<f64>) -> Value {
    ns.sort_by(f64::total_cmp);
    let at = |share: usize| ns.get(ns.len() * share / 4).copied();
    json!({"p25": at(1), "median": at(2), "p75": at(3)})
}

/// Nanoseconds of one of `n` calls.
fn time(n: usize, mut call: impl FnMut(usize)) -> f64 {
    let start = Instant::now();
    for i in 0..n {
        call(i);
    }
    start.elapsed().as_nanos() as f64 / n as f64
}

/// Two ways of the same, in turns.
fn pair(
    (n_ours, mut ours): (usize, impl FnMut(usize)),
    (n_plain, mut plain): (usize, impl FnMut(usize)),
) -> (Value, Value) {
    // Once for the caches.
    time(n_ours.min(1_000), &mut ours);
    let (mut of_ours, mut of_plain) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        of_ours.push(time(n_ours, &mut ours));
        of_plain.push(time(n_plain, &mut plain));
    }
    (quartiles(of_ours), quartiles(of_plain))
}

/// Addresses in no order, the same in each run.
fn address(i: usize) -> Ipv4Addr {
    Ipv4Addr::from((i as u32).wrapping_mul(2_654_435_761) | 0x0100_0000)
}

fn config(n: usize) -> CaptureConfig {
    let range = |i: usize| format!("{}/24", address(i)).parse();
    let list = |from: usize| (from..from + n / 2).filter_map(|i| range(i).ok()).collect();
    CaptureConfig {
        include: list(0),
        exclude: list(n),
        ..CaptureConfig::default()
    }
}

fn dialled(ip: IpAddr) -> Dialled<'static> {
    Dialled {
        ip,
        port: 443,
        protocol: Protocol::Tcp,
        uid: 1000,
        gid: 1000,
        own: &[],
        source: None,
        interface: None,
    }
}

/// One list after the other.
fn scan(config: &CaptureConfig, ip: IpAddr) -> bool {
    let holds = |ranges: &Ranges| ranges.list().iter().any(|range| range.contains(&ip));
    !holds(&config.exclude) && holds(&config.include)
}

fn of_ranges(n: usize) -> Value {
    let config = config(n);
    let ours = |i| {
        black_box(decide(&config, &dialled(address(i).into())));
    };
    let plain = |i| {
        black_box(scan(&config, address(i).into()));
    };
    let (ours, plain) = pair((200_000, ours), (20_000, plain));
    json!({"ranges": n, "decideNs": ours, "scanNs": plain})
}

/// What is asked, and how.
const QUESTIONS: [&str; 4] = ["name", "wildcard", "unknownName", "address"];

fn name(question: &str, i: usize, n: usize) -> Option<String> {
    let i = i % n;
    match question {
        "name" => Some(format!("first-{i}.example.com")),
        "wildcard" => Some(format!("a.wild-{}.example.com", i / 5 * 5)),
        "unknownName" => Some(format!("www-{i}.example.org")),
        _ => None,
    }
}

fn of_entries(n: usize) -> Value {
    let sample = SampleWorld::new(n);
    let start = Instant::now();
    let mut indexed = sample.registry();
    let build_ms = start.elapsed().as_secs_f64() * 1e3;
    let viewer = Viewer {
        namespace: NAMESPACE,
        ..Viewer::default()
    };
    let mut lookups = serde_json::Map::new();
    for question in QUESTIONS {
        // Names are made before the clock runs.
        let names: Vec<_> = (0..1_000).map(|i| name(question, i * 7, n)).collect();
        let to = |i: usize| RegistryQuery {
            ip: Some(registry::address(i)),
            host: names.get(i % names.len()).and_then(Option::as_deref),
            port: 443,
            protocol: Protocol::Tcp,
        };
        let ours = |i| {
            black_box(indexed.lookup(&viewer, &to(i)));
        };
        let plain = |i| {
            let to = to(i);
            black_box(sample.scan(to.host, registry::address(i), to.port));
        };
        let (ours, plain) = pair((20_000, ours), (20_000 / n, plain));
        lookups.insert(
            question.to_owned(),
            json!({"lookupNs": ours, "scanNs": plain}),
        );
    }
    let mut replaced = Vec::new();
    for round in 0..ROUNDS {
        replaced.push(time(200, |i| {
            sample.replace(&mut indexed, (round * 200 + i) % n);
        }));
    }
    json!({
        "entries": n,
        "lookups": lookups,
        "replaceNs": quartiles(replaced),
        "buildMs": build_ms,
    })
}

/// Both together, as for one connection: 1,000 ranges, 10,000 entries, a name.
fn whole() -> Value {
    let config = CaptureConfig {
        include: Ranges::all(),
        ..config(2_000)
    };
    let sample = SampleWorld::new(10_000);
    let indexed = sample.registry();
    let viewer = Viewer {
        namespace: NAMESPACE,
        ..Viewer::default()
    };
    let names: Vec<_> = (0..1_000)
        .filter_map(|i| name("name", i * 7, 10_000))
        .collect();
    let ours = |i: usize| {
        let ip = address(i).into();
        black_box(decide(&config, &dialled(ip)));
        black_box(indexed.lookup(
            &viewer,
            &RegistryQuery {
                ip: Some(ip),
                host: names.get(i % names.len()).map(String::as_str),
                port: 443,
                protocol: Protocol::Tcp,
            },
        ));
    };
    let (ours, _) = pair((50_000, ours), (1, |_| ()));
    ours
}

/// Pods, and names of each: a node that is full of them.
const PODS: usize = 64;
const NAMES_PER_POD: usize = 1_024;

/// A DNS answer taken in, beside a broken one that is refused; the names of an address, beside an
/// address without; and what a name takes.
fn names() -> Value {
    let mut names = PodNames::new(Limits {
        in_all: PODS * NAMES_PER_POD,
        per_pod: NAMES_PER_POD,
        keep: Duration::from_secs(600),
    });
    let now = Instant::now();
    let answers: Vec<_> = (0..NAMES_PER_POD).map(answer).collect();
    let before = resident_bytes();
    for pod in 0..PODS {
        for answer in &answers {
            learn(&mut names, pod, answer, now);
        }
    }
    let bytes = resident_bytes().saturating_sub(before) / names.n_known().max(1);
    let broken: Vec<_> = answers.iter().map(|answer| &answer[..20]).collect();
    let taken_in = |i: usize| learn(&mut names, i % PODS, &answers[i % answers.len()], now);
    let refused = |i: usize| {
        drop(black_box(dns::parse(broken[i % broken.len()])));
    };
    let (answer_ns, broken_ns) = pair((20_000, taken_in), (20_000, refused));
    let mut of = |i: usize, known: usize| {
        let asker = NameAsker {
            pod: &(i % PODS).to_string(),
            container: Some("app"),
            alike: &|_| true,
        };
        black_box(names.of(&asker, address(known + i % NAMES_PER_POD).into(), now));
    };
    let mut rounds = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (ns, known) in rounds.iter_mut().zip([0, NAMES_PER_POD]) {
            ns.push(time(20_000, |i| of(i, known)));
        }
    }
    let [known_ns, unknown_ns] = rounds.map(quartiles);
    json!({
        "names": PODS * NAMES_PER_POD,
        "answerNs": answer_ns,
        "brokenNs": broken_ns,
        "knownNs": known_ns,
        "unknownNs": unknown_ns,
        "bytes": bytes,
    })
}

fn learn(names: &mut PodNames, pod: usize, message: &[u8], now: Instant) {
    if let Ok(answer) = dns::parse(message) {
        names.learn(&pod.to_string(), Some("app"), &answer, now);
    }
}

/// `www<i>.example.com`, over an alias, at one address.
fn answer(i: usize) -> Vec<u8> {
    let label = format!("www{i}");
    let mut message = vec![0, 1, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0];
    message.push(label.len() as u8);
    message.extend(label.as_bytes());
    message.extend(b"\x07example\x03com\x00\x00\x01\x00\x01");
    // The question's name is at 12, its parent behind the first label.
    message.extend([0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 6, 3]);
    message.extend(*b"cdn");
    message.extend([0xc0, 13 + label.len() as u8]);
    let alias = message.len() - 6;
    message.extend([0xc0, alias as u8, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
    message.extend(address(i).octets());
    message
}

fn resident_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = status
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse().ok());
    pages.unwrap_or(0_usize) * 4_096
}
