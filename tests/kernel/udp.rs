//! UDP: what counts as one, and what does not count.

use anyhow::{Result, ensure};

use crate::bed::Bed;

const UDP: &str = "udp direct configured_bypass not_tcp";

fn bed() -> Result<Bed> {
    let mut bed = Bed::new()?;
    bed.captured_pod("pod")?;
    bed.start_agent(&[])?;
    Ok(bed)
}

#[test]
fn a_connected_socket_is_one_however_much_it_sends() -> Result<()> {
    let mut bed = bed()?;
    // A send that names the connected peer is not another one; nor, on an IPv6 socket connected to
    // a mapped address, are the plain sends that the kernel hands to the IPv4 hook.
    let program = "
u = udp(); u.connect(('198.18.0.10', 5353))
for n in range(3): u.send(b'x')
u.sendto(b'x', ('198.18.0.10', 5353))
m = udp(socket.AF_INET6); m.connect(('::ffff:198.18.0.10', 5353))
for n in range(3): m.send(b'x')
s = udp(socket.AF_INET6); s.connect(('2001:db8:18::10', 5353))
for n in range(3): s.send(b'x')
s.sendto(b'x', ('2001:db8:18::10', 5353))
";
    // Nobody listens there: the answers of ICMP must not end the program.
    let program = program.replace("udp(", "quiet(");
    let prologue = "
class Quiet(socket.socket):
    def send(self, *a):
        try: super().send(*a)
        except ConnectionRefusedError: super().send(*a)
    def sendto(self, *a):
        try: super().sendto(*a)
        except ConnectionRefusedError: super().sendto(*a)
def quiet(family=socket.AF_INET):
    return Quiet(family, socket.SOCK_DGRAM)
";
    bed.python("pod", &format!("{prologue}{program}"))?;
    // The IPv6 one is direct as well: no rule captures UDP.
    bed.expect("pod", [(UDP, 3)])
}

#[test]
fn an_unconnected_socket_is_one_for_each_destination() -> Result<()> {
    let mut bed = bed()?;
    let program = "
u, u6 = udp(), udp(socket.AF_INET6)
for n in range(5):
    for port in (5001, 5002, 5003, 5004):
        u.sendto(b'x', ('198.18.0.10', port))
    u6.sendto(b'x', ('2001:db8:18::10', 5001))
    u6.sendto(b'x', ('::ffff:198.18.0.10', 5001))
";
    bed.python("pod", program)?;
    bed.expect("pod", [(UDP, 6)])
}

#[test]
fn the_answers_of_a_server_are_no_connections() -> Result<()> {
    let mut bed = bed()?;
    let program = "
server = udp(); server.bind(('127.0.0.1', 5353))
client = udp(); client.connect(('127.0.0.1', 5353))
for n in range(10):
    client.send(b'?')
    question, whence = server.recvfrom(1)
    server.sendto(b'!', whence)
    client.recv(1)
";
    bed.python("pod", program)?;
    bed.expect("pod", [("udp direct configured_bypass loopback", 1)])?;
    let replies = bed.scrape()?.sum("egress_observer_udp_replies_total", &[]);
    ensure!(replies == 10.0, "{replies} replies");
    Ok(())
}
