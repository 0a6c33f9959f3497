//! The figures for people and for programs.

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::{
    BenchFigures,
    agent_cost::AgentCost,
    decision::{Decision, Names},
    latency::{Comparison, Latency},
    machine::Machine,
    program_time::{ProgramTime, Rate},
    quartiles::Quartiles,
    usage::Usage,
};
use crate::{churn, columns::aligned};

/// All figures as one JSON object.
pub fn json(figures: &BenchFigures) -> Result<String> {
    let object = Benchmark {
        api_version: "egress-observer.io/v1alpha1",
        kind: "Benchmark",
        figures,
    };
    serde_json::to_string_pretty(&object).context("cannot write JSON")
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Benchmark<'a> {
    api_version: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    figures: &'a BenchFigures,
}

/// A line about the machine, and a table per part.
pub fn table(figures: &BenchFigures) -> String {
    let plan = figures.plan;
    let pairs = format!("{} pairs of {} connections", plan.rounds, plan.connections);
    let mut parts = vec![
        machine(&figures.machine),
        "Medians, in brackets the quartiles.".to_owned(),
        String::new(),
        format!("Program time per TCP connection on loopback, both ends watched ({pairs})"),
        program_time(&figures.program_time),
        format!("A client without and with the agent ({pairs}; noise: two without)"),
        latency(&figures.latency),
        format!(
            "The agent itself ({} destinations, then {} connections)",
            plan.flows, plan.load
        ),
        agent(&figures.agent),
        "A decision, beside a linear scan over the same lists (in turns)".to_owned(),
        decision(&figures.decision),
        format!("Names, {} of them remembered", figures.decision.names.names),
        names(&figures.decision.names),
    ];
    if let Some(churn) = &figures.churn {
        parts.push(format!(
            "Pods that come and go: {} that stay, {:.0} starts a minute",
            churn.made.standing,
            60.0 * churn.made.n_connections() as f64 / churn.made.seconds
        ));
        parts.push(of_churn(churn));
    }
    parts.join("\n")
}

fn machine(machine: &Machine) -> String {
    let unknown = "unknown";
    format!(
        "Linux {} {}, {} CPUs{} ({}), clock source {}, BPF JIT {}; client on CPU {}, server on \
         CPU {}",
        machine.kernel,
        machine.architecture,
        machine.cpus,
        if machine.is_virtual {
            " of a virtual machine"
        } else {
            ""
        },
        machine.cpu_model.as_deref().unwrap_or(unknown),
        machine.clocksource.as_deref().unwrap_or(unknown),
        match machine.bpf_jit {
            Some(true) => "on",
            Some(false) => "OFF",
            None => unknown,
        },
        machine.client_cpu,
        machine.server_cpu,
    )
}

fn program_time(time: &ProgramTime) -> String {
    let head = [
        "",
        "ours: runs/connection",
        "ns/run",
        "empty: runs/connection",
        "ns/run",
    ];
    let mut lines = vec![head.map(str::to_owned)];
    for program in &time.programs {
        let (ours, empty) = (cells(program.ours), cells(program.empty));
        let hook = program.hook.to_owned();
        lines.push([hook, ours.0, ours.1, empty.0, empty.1]);
    }
    let totals = [
        ("all runs of our programs", &time.ours_ns),
        ("all runs of empty programs", &time.empty_ns),
        ("NET of empty programs", &time.net_ns),
        (
            "net of an empty run for every run of ours",
            &time.net_of_every_run_ns,
        ),
    ]
    .map(|(what, ns)| [what.to_owned(), quartiles(ns, 0, "ns")]);
    format!("{}\n{}", aligned("  ", &lines), aligned("  ", &totals))
}

fn cells(rate: Rate) -> (String, String) {
    let ns = rate.ns_per_run.map(|ns| format!("{ns:.0}"));
    (
        format!("{:.2}", rate.runs_per_connection),
        ns.unwrap_or_else(|| "-".to_owned()),
    )
}

fn latency(latency: &Latency) -> String {
    let head = ["", "without", "with", "difference", "", "noise"].map(str::to_owned);
    let per_second = &latency.connections_per_second;
    aligned(
        "  ",
        &[
            head,
            change("connect(), median", &latency.connect_p50_ns, 1e-3, 2, "us"),
            change("connect(), 99 %", &latency.connect_p99_ns, 1e-3, 2, "us"),
            change("socket, connect, close", per_second, 1.0, 0, "/s"),
        ],
    )
}

fn change(what: &str, change: &Comparison, scale: f64, digits: usize, unit: &str) -> [String; 6] {
    let [without, with] =
        [&change.without, &change.with].map(|quartiles| quartiles.scaled(scale).median);
    [
        what.to_owned(),
        format!("{without:.digits$} {unit}"),
        format!("{with:.digits$} {unit}"),
        quartiles(&change.difference.scaled(scale), digits, unit),
        format!("{:+.1} %", change.percent),
        quartiles(&change.noise.scaled(scale), digits, unit),
    ]
}

fn agent(cost: &AgentCost) -> String {
    let lines = [
        ("resident memory after the start", mib(cost.start_bytes)),
        (
            "resident memory with these flows",
            format!("{} ({} flows)", mib(cost.flows_bytes), cost.flows),
        ),
        ("resident memory at the end", mib(cost.end_bytes)),
        ("tables and programs in the kernel", mib(cost.kernel_bytes)),
        ("under load", used(&cost.load)),
        ("idle", used(&cost.idle)),
        (
            "CPU time per connection, net of idle",
            format!("{:.0} ns", cost.cpu_ns_per_connection),
        ),
        ("one scrape", format!("{:.1} ms", cost.scrape_seconds * 1e3)),
        (
            "connections made, counted, lost",
            format!("{}, {}, {}", cost.made, cost.counted, cost.lost),
        ),
    ];
    aligned("  ", &lines.map(|(what, value)| [what.to_owned(), value]))
}

fn used(usage: &Usage) -> String {
    format!(
        "{:.1} ms CPU in {:.1} s ({:.2} % of a CPU), {:.1} wake-ups/s",
        usage.cpu_seconds * 1e3,
        usage.seconds,
        100.0 * usage.cpu_seconds / usage.seconds,
        usage.wakeups_per_second
    )
}

fn decision(decision: &Decision) -> String {
    let head = ["", "indexed", "scanned"].map(str::to_owned);
    let mut lines = vec![head];
    for rules in &decision.ranges {
        lines.push([
            format!("capture rules, {} ranges", rules.ranges),
            quartiles(&rules.decide_ns, 0, "ns"),
            quartiles(&rules.scan_ns, 0, "ns"),
        ]);
    }
    for registry in &decision.entries {
        let n = registry.entries;
        for (question, lookup) in &registry.lookups {
            lines.push([
                format!("registry, {n} entries and Services, by {question}"),
                quartiles(&lookup.lookup_ns, 0, "ns"),
                quartiles(&lookup.scan_ns, 0, "ns"),
            ]);
        }
        lines.push([
            format!("registry, {n} ServiceEntries, one replaced or all built"),
            quartiles(&registry.replace_ns, 0, "ns"),
            format!("{:.1} ms", registry.build_ms),
        ]);
    }
    let whole = quartiles(&decision.whole, 0, "ns");
    let what = "one decision with 1,000 ranges and 10,000 ServiceEntries".to_owned();
    lines.push([what, whole, String::new()]);
    aligned("  ", &lines)
}

fn names(names: &Names) -> String {
    let lines = [
        ("a DNS answer read and remembered", &names.answer_ns),
        ("a broken one refused", &names.broken_ns),
        ("the names of an address", &names.known_ns),
        ("of an address without", &names.unknown_ns),
    ];
    let mut lines: Vec<_> = lines
        .iter()
        .map(|(what, ns)| [(*what).to_owned(), quartiles(ns, 0, "ns")])
        .collect();
    let bytes = format!("{} bytes", names.bytes);
    lines.push(["memory for each name".to_owned(), bytes]);
    aligned("  ", &lines)
}

fn of_churn(churn: &churn::ChurnFigures) -> String {
    let head = [
        "after",
        "resident",
        "CPU",
        "requests",
        "from the API server",
    ];
    let mut lines = vec![head.map(str::to_owned)];
    for pair in churn.samples.windows(2) {
        let [before, sample] = pair else { continue };
        let seconds = sample.seconds - before.seconds;
        let requests = sample.requests - before.requests;
        let bytes = sample.api_bytes.saturating_sub(before.api_bytes);
        lines.push([
            format!("{:.0} s", sample.seconds),
            mib(sample.resident_bytes),
            format!(
                "{:.1} %",
                100.0 * (sample.cpu_seconds - before.cpu_seconds) / seconds
            ),
            format!("{:.1}/min", 60.0 * requests as f64 / seconds),
            format!(
                "{:.1} MiB/min",
                60.0 * bytes as f64 / seconds / 1024.0 / 1024.0
            ),
        ]);
    }
    format!(
        "  {}\n  {} requests until the agent was ready\n{}",
        churn.summary(),
        churn.requests.at_start,
        aligned("  ", &lines)
    )
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / 1024.0 / 1024.0)
}

fn quartiles(quartiles: &Quartiles, digits: usize, unit: &str) -> String {
    let Quartiles { p25, median, p75 } = quartiles;
    format!("{median:.digits$} {unit} [{p25:.digits$}, {p75:.digits$}]")
}
