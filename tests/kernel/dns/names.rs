//! Which connections a name is for, and what is done without one.

use std::path::Path;

use anyhow::{Result, ensure};
use egress_observer_tests::{
    cgroup::{Driver, command_in},
    envoy::Policy,
    identity,
    istio::Capture,
    manifests,
    pod::{Mesh, PROXY, User},
    process::output,
};
use serde_json::{Value, json};

use super::{DNS, bed_without_agent, counter, expect_answers, expect_services, python};
use crate::bed::{PYTHON, PYTHON_PROLOGUE};

/// Neither another pod's, nor the node's own.
#[test]
fn an_answer_names_no_connection_of_others() -> Result<()> {
    let mut bed = bed_without_agent()?;
    bed.pod("other", Mesh::Plain)?;
    bed.start_agent(&[])?;
    let tell = "told(answer('others.test', address('198.18.7.1')))";
    python(&bed, "other", tell)?;
    let place = bed.cgroup.child(Path::new("system.slice/other.service"))?;
    let netns = &bed.get("pod")?.network.netns;
    let program = format!("{PYTHON_PROLOGUE}\n{DNS}\n{tell}");
    output(
        command_in(&place, "nsenter")
            .args(netns.nsenter_args())
            .args([PYTHON, "-c", &program]),
    )?;
    for workload in ["pod", "other"] {
        python(&bed, workload, "connect('198.18.7.1')")?;
    }
    expect_services(&mut bed, "pod", &[("198.18.7.1 unmeshed", 1)])?;
    expect_services(&mut bed, "other", &[("others.test unmeshed", 1)])?;
    expect_answers(&mut bed, &[("named", 1), ("not_attributed", 1)])
}

/// What is declared by name only cannot be told without one; the next question settles it.
#[test]
fn a_name_from_before_the_agent_is_missing_until_it_is_asked_for_again() -> Result<()> {
    let mut bed = bed_without_agent()?;
    bed.captured_pod("meshed")?;
    bed.apply("mesh.yaml", &[manifests::mesh_config(Policy::RegistryOnly)])?;
    bed.apply("entries.yaml", &[https_entry("declared.test")])?;
    let tell = "told(answer('declared.test', address('198.18.7.1')))";
    python(&bed, "meshed", tell)?;
    bed.start_agent(&[])?;
    python(&bed, "meshed", "connect('198.18.7.1')")?;
    let before = ("198.18.7.1 unknown", 1);
    expect_services(&mut bed, "meshed", &[before])?;
    bed.expect_among("meshed", "tcp captured unknown name_needed", 1)?;
    let missing = counter(&mut bed, "destination_names_missing_total", &[])?;
    ensure!(missing == 1, "{missing} names missing");

    python(&bed, "meshed", &format!("{tell}\nconnect('198.18.7.1')"))?;
    let settled = [before, ("declared.test mediated", 1)];
    expect_services(&mut bed, "meshed", &settled)?;
    let missing = counter(&mut bed, "destination_names_missing_total", &[])?;
    ensure!(missing == 1, "{missing} names missing");
    Ok(())
}

/// The programs stay while no agent runs, and what they hand on waits for the next one.
#[test]
fn a_name_that_was_asked_for_while_no_agent_ran_is_known_to_the_next_one() -> Result<()> {
    let mut bed = bed_without_agent()?;
    bed.start_agent(&[])?;
    bed.take_agent()?.stop()?;
    let program = "told(answer('between.test', address('198.18.7.1')))\nconnect('198.18.7.1')";
    python(&bed, "pod", program)?;
    bed.start_agent(&[])?;
    expect_services(&mut bed, "pod", &[("between.test unmeshed", 1)])
}

/// They may have a resolver in common. A sidecar is none: it asks for every host that the mesh
/// declares.
#[test]
fn a_name_counts_for_other_containers_but_the_proxys_for_nobody() -> Result<()> {
    let mut bed = bed_without_agent()?;
    bed.pod("meshed", Mesh::WithoutRules(Capture::default()))?;
    bed.start_agent(&[])?;
    let pod = bed.get("meshed")?;
    let told = |name: &str, ip: &str| {
        format!("{PYTHON_PROLOGUE}\n{DNS}\ntold(answer('{name}', address('{ip}')))")
    };
    let by_proxy = told("proxys.test", "198.18.7.1");
    let asked = pod.exec(PROXY, User::PROXY, &[PYTHON, "-c", &by_proxy])?;
    ensure!(asked.status.success(), "{asked:?}");
    // Such as an ephemeral container.
    let id = identity::container_id("another");
    let another = bed.cgroup.container(Driver::Systemd, &pod.uid, &id)?;
    let by_another = told("anothers.test", "198.18.7.2");
    output(
        command_in(&another, "nsenter")
            .args(pod.network.netns.nsenter_args())
            .args([PYTHON, "-c", &by_another]),
    )?;
    python(
        &bed,
        "meshed",
        "connect('198.18.7.1')\nconnect('198.18.7.2')",
    )?;
    expect_services(
        &mut bed,
        "meshed",
        &[
            ("198.18.7.1 unexpected_bypass", 1),
            ("anothers.test unexpected_bypass", 1),
        ],
    )
}

#[test]
fn names_that_the_mesh_treats_differently_are_ambiguous() -> Result<()> {
    let mut bed = bed_without_agent()?;
    bed.captured_pod("meshed")?;
    bed.apply("mesh.yaml", &[manifests::mesh_config(Policy::RegistryOnly)])?;
    bed.apply("entries.yaml", &[https_entry("declared.test")])?;
    bed.start_agent(&[])?;
    let program = "
for name in ('declared.test', 'other.test'):
    told(answer(name, address('198.18.7.1')))
for name in ('one.test', 'two.test'):
    told(answer(name, address('198.18.7.2')))
connect('198.18.7.1')
connect('198.18.7.2')
";
    python(&bed, "meshed", program)?;
    let first = [
        ("other.test~ambiguous unknown", 1),
        ("two.test~ambiguous blocked", 1),
    ];
    expect_services(&mut bed, "meshed", &first)?;
    // Connections have the names that are known when the agent looks: only after that look.
    let program = "
told(answer('declared.test', address('198.18.7.1')))
connect('198.18.7.1')
";
    python(&bed, "meshed", program)?;
    let [other, two] = first;
    let all = [other, two, ("declared.test~ambiguous unknown", 1)];
    expect_services(&mut bed, "meshed", &all)?;
    bed.expect_among("meshed", "tcp captured unknown ambiguous_name", 2)?;
    let ambiguous = counter(&mut bed, "destination_names_ambiguous_total", &[])?;
    ensure!(ambiguous == 3, "{ambiguous} names ambiguous");
    Ok(())
}

#[test]
fn names_make_room_for_later_ones_of_the_same_pod() -> Result<()> {
    let mut bed = bed_without_agent()?;
    bed.pod("other", Mesh::Plain)?;
    bed.start_agent(&["--dns-max-names-per-pod", "8"])?;
    python(
        &bed,
        "other",
        "told(answer('others.test', address('198.18.7.1')))",
    )?;
    let program = "
for n in range(1, 21):
    told(answer(f'n{n}.test', address(f'198.18.7.{n}')))
for n in (12, 13, 20):
    connect(f'198.18.7.{n}')
";
    python(&bed, "pod", program)?;
    python(&bed, "other", "connect('198.18.7.1')")?;
    expect_services(
        &mut bed,
        "pod",
        &[
            ("198.18.7.12 unmeshed", 1),
            ("n13.test unmeshed", 1),
            ("n20.test unmeshed", 1),
        ],
    )?;
    expect_services(&mut bed, "other", &[("others.test unmeshed", 1)])?;
    expect_answers(&mut bed, &[("named", 21)])?;
    let evicted = counter(&mut bed, "dns_names_evicted_total", &[("bound", "pod")])?;
    let names = counter(&mut bed, "dns_names", &[])?;
    ensure!(
        (evicted, names) == (12, 9),
        "{evicted} names evicted, {names} left"
    );
    Ok(())
}

/// With the pins of an agent that read them, and back again.
#[test]
fn without_dns_everything_else_is_as_before() -> Result<()> {
    let mut bed = bed_without_agent()?;
    let program = "
told(answer('named.test', address('198.18.7.1')))
connect('198.18.7.1')
";
    let attached = [("program", "eo_dns")];
    for (dns, service, n_attached) in [
        ("on", "named.test unmeshed", 1),
        ("off", "198.18.7.1 unmeshed", 0),
        ("on", "named.test unmeshed", 1),
    ] {
        bed.start_agent(&["--dns", dns])?;
        let n = counter(&mut bed, "bpf_program_attached", &attached)?;
        ensure!(n == n_attached, "with --dns {dns}, {n} programs attached");
        python(&bed, "pod", program)?;
        expect_services(&mut bed, "pod", &[(service, 1)])?;
        expect_answers(&mut bed, &[("named", n_attached)][..n_attached as usize])?;
        let missing = counter(&mut bed, "destination_names_missing_total", &[])?;
        ensure!(missing == 1 - n_attached, "{missing} names missing");
        bed.take_agent()?.stop()?;
        let pinned = bed.pins().join("eo_dns").exists();
        ensure!(
            pinned == (n_attached == 1),
            "with --dns {dns}, pinned: {pinned}"
        );
    }
    Ok(())
}

/// A ServiceEntry that says nothing of addresses, for the port that programs here connect to.
fn https_entry(host: &str) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": {"name": "declared", "namespace": "shop"},
        "spec": {
            "hosts": [host],
            "ports": [{"number": 8080, "name": "https", "protocol": "HTTPS"}],
            "resolution": "DNS",
            "location": "MESH_EXTERNAL",
        },
    })
}
