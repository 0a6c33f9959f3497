//! One kind of socket at a time: each attempt is counted once, and its path is the right one.

use std::time::Duration;

use anyhow::Result;
use egress_observer_tests::{
    istio::Capture,
    pod::{Mesh, User},
    process::output,
    wait,
};

use crate::bed::Bed;

const CAPTURED: &str = "tcp captured passthrough included_range";
const DIRECT: &str = "tcp direct unmeshed no_sidecar";
const REFUSED: &str = "tcp unknown unmeshed no_sidecar";

/// A pod whose connections are captured, and one whose connections are not.
fn bed() -> Result<Bed> {
    let mut bed = Bed::new()?;
    bed.captured_pod("captured")?;
    bed.pod("direct", Mesh::Plain)?;
    bed.start_agent(&[])?;
    Ok(bed)
}

#[test]
fn ipv4_is_captured_or_direct() -> Result<()> {
    let mut bed = bed()?;
    for workload in ["captured", "direct"] {
        bed.python(workload, "tcp().connect(OUT)")?;
    }
    bed.expect("captured", [(CAPTURED, 1)])?;
    bed.expect("direct", [(DIRECT, 1)])
}

#[test]
fn ipv6_is_captured_or_direct() -> Result<()> {
    let mut bed = bed()?;
    for workload in ["captured", "direct"] {
        bed.python(workload, "tcp(socket.AF_INET6).connect(OUT6)")?;
    }
    bed.expect("captured", [(CAPTURED, 1)])?;
    bed.expect("direct", [(DIRECT, 1)])
}

#[test]
fn a_mapped_address_is_the_ipv4_address() -> Result<()> {
    let mut bed = bed()?;
    for workload in ["captured", "direct"] {
        bed.python(
            workload,
            "tcp(socket.AF_INET6).connect(MAPPED)\ntcp().connect(OUT)",
        )?;
    }
    bed.expect("captured", [(CAPTURED, 2)])?;
    bed.expect("direct", [(DIRECT, 2)])?;
    let scrape = bed.scrape()?;
    let by_ipv4 = [
        ("source_workload", "direct"),
        ("destination_service", "198.18.0.10"),
    ];
    let n = scrape.sum("egress_observer_destination_connections_total", &by_ipv4);
    assert_eq!(n, 2.0, "{}", scrape.text);
    Ok(())
}

#[test]
fn a_non_blocking_socket_that_asks_again_is_one_attempt() -> Result<()> {
    let mut bed = bed()?;
    let program = "
s = tcp()
s.setblocking(False)
results = [s.connect_ex(OUT)]
while results[-1] not in (0, errno.EISCONN):
    time.sleep(0.01)
    results.append(s.connect_ex(OUT))
results.append(s.connect_ex(OUT))
assert len(results) >= 3, results
";
    bed.python("captured", program)?;
    bed.python("direct", program)?;
    bed.expect("captured", [(CAPTURED, 1)])?;
    bed.expect("direct", [(DIRECT, 1)])
}

#[test]
fn a_socket_that_connects_again_is_two_attempts() -> Result<()> {
    let mut bed = bed()?;
    let refused_then_connected = "
s = tcp()
assert s.connect_ex(CLOSED) == errno.ECONNREFUSED
s.connect(OUT)
";
    bed.python("direct", refused_then_connected)?;
    // connect(AF_UNSPEC) dissolves a connection; the same socket then makes another.
    let dissolved = "
import ctypes
s = tcp()
s.connect(OUT)
unspecified = struct.pack('=H14x', socket.AF_UNSPEC)
assert ctypes.CDLL(None).connect(s.fileno(), unspecified, 16) == 0
s.connect(OUT)
";
    bed.python("captured", dissolved)?;
    bed.expect("direct", [(DIRECT, 1), (REFUSED, 1)])?;
    bed.expect("captured", [(CAPTURED, 2)])
}

#[test]
fn a_bound_socket_counts_like_any_other() -> Result<()> {
    let mut bed = bed()?;
    // The same port for two destinations: behind the redirection they collide, and conntrack
    // gives the second another one.
    let program = "
held = []
for address in ('198.18.0.10', '198.18.0.11')[:N]:
    s = tcp()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(('', 34567))
    s.connect((address, 80))
    held.append(s)
";
    bed.python("captured", &format!("N = 2{program}"))?;
    bed.python("direct", &format!("N = 1{program}"))?;
    bed.expect("captured", [(CAPTURED, 2)])?;
    bed.expect("direct", [(DIRECT, 1)])
}

#[test]
fn a_forked_process_connects_for_its_container() -> Result<()> {
    let mut bed = bed()?;
    let program = "
inherited = tcp()
for n in range(3):
    if os.fork() == 0:
        (inherited if n == 0 else tcp()).connect(OUT)
        os._exit(0)
for n in range(3):
    assert os.wait()[1] == 0
";
    bed.python("captured", program)?;
    bed.expect("captured", [(CAPTURED, 3)])
}

/// netfilter's owner match goes by whoever created the socket, and so does what is expected: no
/// verdict here may be an unexpected one.
#[test]
fn the_creator_of_a_socket_is_its_owner() -> Result<()> {
    let mut bed = bed()?;
    let root = User { uid: 0, gid: 0 };
    bed.python_as(
        "captured",
        root,
        "s = tcp()\nos.setuid(1337)\ns.connect(OUT)",
    )?;
    bed.python_as(
        "captured",
        root,
        "os.seteuid(1337)\ns = tcp()\nos.seteuid(0)\ns.connect(OUT)",
    )?;
    bed.python_as(
        "captured",
        root,
        "os.setegid(1337)\ns = tcp()\nos.setegid(0)\ns.connect(OUT)",
    )?;
    bed.expect(
        "captured",
        [(CAPTURED, 1), ("tcp direct configured_bypass proxy_uid", 2)],
    )
}

#[test]
fn fast_open_is_captured_or_direct_once() -> Result<()> {
    let mut bed = bed()?;
    let server = "
server = tcp()
server.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 5)
server.bind(('127.0.0.1', 8080))
server.listen()
MSG_FASTOPEN = 0x20000000
for n in range(3):
    s = tcp()
    s.sendto(b'hello', MSG_FASTOPEN, ('127.0.0.1', 8080))
    accepted = server.accept()[0]
    assert accepted.recv(5) == b'hello'
    s.close()
";
    // Both sides on; the second and third connection carry a cookie, and data in the SYN.
    bed.get("direct")?
        .network
        .netns
        .set("ipv4/tcp_fastopen", "3")?;
    bed.python("direct", server)?;
    bed.python("direct", "tcp().sendto(b'x', 0x20000000, OUT)")?;
    bed.expect("direct", [(DIRECT, 4)])
}

#[test]
fn a_socket_connected_to_itself_is_local() -> Result<()> {
    let mut bed = bed()?;
    let program = "
s = tcp()
s.bind(('127.0.0.1', 45678))
s.connect(('127.0.0.1', 45678))
assert s.getpeername() == s.getsockname()
";
    bed.python("captured", program)?;
    bed.expect("captured", [("tcp direct configured_bypass loopback", 1)])
}

#[test]
fn any_address_is_the_loopback() -> Result<()> {
    let mut bed = bed()?;
    let program = "
for family, any in ((socket.AF_INET, '0.0.0.0'), (socket.AF_INET6, '::')):
    server = tcp(family)
    server.bind((any, 0))
    server.listen()
    tcp(family).connect((any, server.getsockname()[1]))
";
    bed.python("captured", program)?;
    bed.expect("captured", [("tcp direct configured_bypass loopback", 2)])?;
    let scrape = bed.scrape()?;
    let local = [("scope", "local"), ("source_workload", "captured")];
    assert_eq!(
        scrape.sum("egress_observer_connections_total", &local),
        2.0,
        "{}",
        scrape.text
    );
    Ok(())
}

/// The listener shows up seconds after the connection was answered.
#[test]
fn a_deferred_accept_is_waited_for() -> Result<()> {
    let mut bed = bed()?;
    let program = "
server = tcp()
server.bind(('127.0.0.1', 0))
server.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 30)
server.listen()
client = tcp()
client.connect(server.getsockname())
time.sleep(2)
client.send(b'x')
server.accept()
";
    bed.python("captured", program)?;
    bed.expect("captured", [("tcp direct configured_bypass loopback", 1)])
}

/// A subflow is a TCP socket of its own; the first one is the attempt.
#[test]
fn multipath_tcp_is_one_attempt() -> Result<()> {
    let mut bed = bed()?;
    let program = "socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262).connect(OUT)";
    bed.python("captured", program)?;
    bed.python("direct", program)?;
    bed.expect("captured", [(CAPTURED, 1)])?;
    bed.expect("direct", [(DIRECT, 1)])
}

/// A server of another pod announces the MSS of loopback and accepts on a capture port of its own.
fn poser(more: &[&str]) -> Result<Bed> {
    let mut bed = Bed::new()?;
    bed.pod("client", Mesh::WithoutRules(Capture::default()))?;
    bed.pod("server", Mesh::WithoutRules(Capture::default()))?;
    let server = &bed.get("server")?.network;
    server
        .netns
        .ip("route replace 10.79.1.0/24 dev eth0 advmss 65495\n")?;
    let mut redirect = server.netns.command("iptables");
    redirect.args([
        "-t",
        "nat",
        "-A",
        "PREROUTING",
        "-p",
        "tcp",
        "--dport",
        "80",
    ]);
    output(redirect.args(["-j", "REDIRECT", "--to-ports", "15001"]))?;
    let address = server.v4;
    bed.start_agent(more)?;
    bed.python("client", &format!("tcp().connect(('{address}', 80))"))?;
    Ok(bed)
}

#[test]
fn a_server_that_poses_as_a_sidecar_hides_no_bypass() -> Result<()> {
    let mut bed = poser(&[])?;
    bed.expect(
        "client",
        [("tcp direct unexpected_bypass included_range", 1)],
    )
}

/// Where only the MSS tells loopback, the server is believed that far, and no further.
#[test]
fn a_server_that_poses_as_a_sidecar_proves_no_capture() -> Result<()> {
    let mut bed = poser(&["--btf", "/nonexistent"])?;
    // It waits for a listener that never comes.
    wait::until("it waits", Duration::from_secs(20), || {
        let scrape = bed.scrape()?;
        let waiting = scrape.sum("egress_observer_bpf_map_entries", &[("map", "proofs")]);
        Ok((waiting == 1.0).then_some(()))
    })?;
    bed.expect_counts("client", &[])
}

/// A loopback device with the MTU, and so the MSS, of a network.
#[test]
fn a_smaller_mtu_of_loopback_changes_nothing() -> Result<()> {
    let mut bed = bed()?;
    bed.get("captured")?
        .network
        .netns
        .ip("link set lo mtu 1500\n")?;
    bed.python(
        "captured",
        "tcp().connect(OUT)\ntcp(socket.AF_INET6).connect(OUT6)",
    )?;
    bed.expect("captured", [(CAPTURED, 2)])
}
