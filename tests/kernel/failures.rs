//! Failed connections: each kind is told apart, and none is taken for a bypass.

use anyhow::{Result, ensure};

use crate::bed::Bed;

const FAILED: &str = "tcp unknown unmeshed no_sidecar";

#[test]
fn every_kind_of_failure_has_its_name() -> Result<()> {
    let mut bed = Bed::new()?;
    bed.pod("pod", egress_observer_tests::pod::Mesh::Plain)?;
    let netns = &bed.get("pod")?.network.netns;
    // One retry instead of six: a timeout takes seconds instead of minutes.
    netns.set("ipv4/tcp_syn_retries", "1")?;
    netns.ip("route add unreachable 198.51.100.0/24\n")?;
    // The world outside swallows one network and refuses another by ICMP.
    bed.network.ext().set("ipv4/ip_forward", "1")?;
    bed.network
        .ext()
        .ip("route add blackhole 203.0.113.0/25\nroute add prohibit 203.0.113.128/25\n")?;
    bed.start_agent(&[])?;
    let program = "
def fails(address, *wanted):
    error = tcp().connect_ex((address, 80))
    assert error in wanted, (address, os.strerror(error))
assert tcp().connect_ex(CLOSED) == errno.ECONNREFUSED
fails('203.0.113.1', errno.ETIMEDOUT)
fails('203.0.113.129', errno.EHOSTUNREACH, errno.EACCES)
fails('198.51.100.1', errno.EHOSTUNREACH, errno.ENETUNREACH)
s = tcp()
s.setblocking(False)
assert s.connect_ex(('203.0.113.1', 80)) == errno.EINPROGRESS
s.close()
";
    bed.python("pod", program)?;
    // What never sent anything shows up when it is looked for, some seconds later.
    let found = egress_observer_tests::wait::until(
        "five failures",
        std::time::Duration::from_secs(30),
        || Ok((bed.counts("pod")?.get(FAILED) == Some(&5)).then_some(())),
    );
    let scrape = bed.scrape()?;
    for error in ["refused", "timed_out", "unreachable", "not_sent", "closed"] {
        let n = scrape.sum(
            "egress_observer_connection_failures_total",
            &[("error", error)],
        );
        ensure!(n == 1.0, "{n} {error}\n{}", scrape.text);
    }
    found?;
    bed.expect("pod", [(FAILED, 5)])
}

/// The sidecar is down: the connection is refused over loopback. It was redirected, but a refusal
/// proves no path.
#[test]
fn a_refusing_sidecar_is_not_a_bypass() -> Result<()> {
    let mut bed = Bed::new()?;
    bed.captured_pod("pod")?;
    bed.end_jobs_of_pods();
    bed.start_agent(&[])?;
    bed.python("pod", "assert tcp().connect_ex(OUT) == errno.ECONNREFUSED")?;
    bed.expect("pod", [("tcp unknown unknown not_established", 1)])
}
