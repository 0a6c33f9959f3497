//! Answers of every shape, to every kind of socket; and what is none.

use anyhow::{Result, ensure};
use egress_observer_tests::pod::{APP, User};

use super::{ISTIO_DNS, bed, counter, expect_answers, expect_each_once, expect_services, python};
use crate::bed::{Bed, TRAFFIC};

/// With a server in the pod, too: one that answers from the mesh's own port.
fn bed_with_istio_dns() -> Result<Bed> {
    let mut bed = bed()?;
    let argv = [TRAFFIC, "echo", ISTIO_DNS];
    let server = bed.get("pod")?.command(APP, User::APP, &argv)?;
    bed.add_job(server)?;
    Ok(bed)
}

#[test]
fn answers_of_every_shape_name_their_addresses() -> Result<()> {
    let mut bed = bed()?;
    let program = r"
def hint(ip):
    return record(HTTPS, struct.pack('>HBHH', 1, 0, 4, 4) + socket.inet_aton(ip))
opt = record(OPT, b'', owner=b'\0', ttl=0, kind_of_net=1232)
end, middle, other = host('end.test'), host('middle.test'), host('ns.test')
long = '.'.join(['l' * 63] * 3 + ['x' * 61])
shapes = [
    ('198.18.7.1', answer('plain.test', address('198.18.7.1'))),
    ('198.18.7.2', answer('several.test', address('198.18.7.250'), address('198.18.7.2'))),
    ('198.18.7.3', answer('chain.test', alias('middle.test'),
        alias('end.test', owner=middle), address('198.18.7.3', owner=end))),
    ('198.18.7.4', answer('disorder.test', address('198.18.7.4', owner=end), alias('end.test'))),
    ('2001:db8:7::5', answer('six.test', address('2001:db8:7::5'), kind=AAAA)),
    ('198.18.7.6', answer('edns.test', address('198.18.7.6'), additional=[opt])),
    ('198.18.7.7', answer('more.test', address('198.18.7.7'), authority=[record(NS, other)],
        additional=[address('198.18.7.251', owner=other)])),
    ('198.18.7.8', answer('https.test', hint('198.18.7.8'), kind=HTTPS)),
    ('198.18.7.9', answer('MiXed.Test', address('198.18.7.9'))),
    # The owner is a label and a pointer into the question's name.
    ('198.18.7.10', answer('a.b.test', address('198.18.7.10', owner=b'\1a\xc0\x0e'))),
    ('198.18.7.11', answer('never.test', address('198.18.7.11', ttl=0))),
    ('198.18.7.12', answer('always.test', address('198.18.7.12', ttl=0xffffffff))),
    ('198.18.7.13', answer(long, address('198.18.7.13'))),
    ('198.18.7.14', answer('_8443._https.port.test', hint('198.18.7.14'), kind=HTTPS)),
    # Completed from the search list by a server that spares the client the other questions.
    ('198.18.7.15', answer('found.test.shop.svc.cluster.local', alias('found.test'),
        address('198.18.7.15', owner=host('found.test')))),
]
for ip, message in shapes:
    told(message)
    connect(ip)
";
    python(&bed, "pod", program)?;
    let long = [&"l".repeat(63)[..]; 3].join(".") + "." + &"x".repeat(61);
    let mut names: Vec<String> = [
        "plain", "several", "chain", "disorder", "six", "edns", "more", "https", "mixed", "a.b",
        "never", "always", "port", "found",
    ]
    .map(|name| format!("{name}.test"))
    .into();
    names.push(long);
    expect_each_once(&mut bed, &names)?;
    expect_answers(&mut bed, &[("named", 15)])
}

#[test]
fn answers_are_seen_at_every_kind_of_socket() -> Result<()> {
    let mut bed = bed_with_istio_dns()?;
    let program = "
ips = (f'198.18.7.{n}' for n in range(1, 100))
def named(name, tell, **more):
    ip = next(ips)
    tell(answer(name, address(ip)), **more)
    connect(ip)
connected = udp()
connected.connect(SERVER)
def to_connected(message):
    connected.send(message)
    assert connected.recv(1 << 16) == message
unread = udp()
def to_unread(message):
    unread.sendto(message, SERVER)
    assert unread.recv(1, socket.MSG_PEEK) == message[:1]
named('unconnected.test', told)
named('connected.test', to_connected)
named('unread.test', to_unread)
named('six.test', told, server=SERVER6)
named('mapped.test', told, server=SERVER_MAPPED)
named('tcp.test', told_by_tcp)
named('apart.test', told_by_tcp, apart=True)
named('tcp-six.test', told_by_tcp, server=SERVER6)
named('tcp-mapped.test', told_by_tcp, server=SERVER_MAPPED, apart=True)
named('istio.test', told, server=('127.0.0.1', 15053))
named('istio-tcp.test', told_by_tcp, server=('127.0.0.1', 15053))
";
    python(&bed, "pod", program)?;
    let names = [
        "unconnected",
        "connected",
        "unread",
        "six",
        "mapped",
        "tcp",
        "apart",
        "tcp-six",
        "tcp-mapped",
        "istio",
        "istio-tcp",
    ];
    expect_each_once(&mut bed, &names.map(|name| format!("{name}.test")))?;
    expect_answers(&mut bed, &[("named", 11)])
}

/// Longer than a packet, by the network in fragments and over loopback in one piece; and longer
/// than what is ever read of a message.
#[test]
fn a_huge_answer_counts_as_far_as_it_is_read() -> Result<()> {
    let mut bed = bed_with_istio_dns()?;
    let program = "
ips = (f'198.18.7.{n}' for n in range(1, 100))
for server, where in ((SERVER, 'network'), (SERVER6, 'network-six'), (('127.0.0.1', 15053), 'loopback')):
    for size in (1400, 1500, 4096, 4097, 60000):
        ip = next(ips)
        message = answer(f'{where}-{size}.test', address(ip))
        told(message + bytes(size - len(message)), server=server)
        connect(ip)
";
    python(&bed, "pod", program)?;
    let mut names = Vec::new();
    for place in ["network", "network-six", "loopback"] {
        names.extend([1400, 1500, 4096, 4097, 60000].map(|size| format!("{place}-{size}.test")));
    }
    expect_each_once(&mut bed, &names)?;
    expect_answers(&mut bed, &[("named", 15)])
}

/// Most are not even looked at; for the others there is a counter.
#[test]
fn answers_that_name_nothing_leave_the_address() -> Result<()> {
    let mut bed = bed()?;
    let program = r"
import random
ip = '198.18.7.1'
good = answer('good.test', address(ip))
def counts(*numbers):
    return good[:4] + struct.pack('>4H', *numbers) + good[12:]
no_answers = [
    b'', good[:11], b'\xff' * 512,
    answer('question.test', address(ip), flags=0x0100),
    answer('update.test', address(ip), flags=0xa880),
    answer('nxdomain.test', flags=0x8183, authority=[record(SOA, bytes(22))]),
    # Cut off: what it was about comes by TCP.
    answer('truncated.test', flags=0x8380),
    counts(0, 1, 0, 0), counts(2, 1, 0, 0), counts(1, 0, 0, 1),
]
no_address = [
    answer('nxdomain.test', alias('end.test'), flags=0x8183),
    answer('servfail.test', address(ip), flags=0x8182),
    answer('alias.test', alias('end.test')),
    answer('other.test', address(ip, owner=host('another.test'))),
    answer(b'\5a b\0c\4test\0', address(ip)),
    answer('chaos.test', record(A, socket.inet_aton(ip), kind_of_net=3)),
    # An alias of itself, and two of each other.
    answer('loop.test', alias('loop.test')),
    answer('a.test', alias('b.test'), alias('a.test', owner=host('b.test'))),
]
malformed = [
    good[:12], good[:20], good[:-1], good[:-5],
    counts(1, 9, 0, 0)[:-6],
    # Names that point at themselves, at each other, and forward.
    good[:12] + b'\xc0\x0c\0\1\0\1',
    answer('pointer.test', record(A, socket.inet_aton(ip), owner=b'\xc0\x1e')),
    answer('forward.test', record(A, socket.inet_aton(ip), owner=b'\xff\xff')),
    answer('long.test', record(A, bytes(5))),
    answer('short.test', record(AAAA, bytes(4)), kind=AAAA),
    answer('label.test', record(A, socket.inet_aton(ip), owner=b'\x80')),
    *(good[:12] + random.Random(seed).randbytes(400) for seed in range(20)),
]
for message in (*no_answers, *no_address, *malformed):
    told(message)
assert (len(no_address), len(malformed)) == (8, 31)
connect(ip)
";
    python(&bed, "pod", program)?;
    expect_services(&mut bed, "pod", &[("198.18.7.1 unmeshed", 1)])?;
    expect_answers(&mut bed, &[("malformed", 31), ("no_address", 8)])?;
    let missing = counter(&mut bed, "destination_names_missing_total", &[])?;
    ensure!(missing == 1, "{missing} names missing");
    let names = counter(&mut bed, "dns_names", &[])?;
    ensure!(names == 0, "{names} names known");
    Ok(())
}

/// As for a client that asks for both families at once, and by a network that puts segments
/// together.
#[test]
fn two_answers_in_one_segment_both_count() -> Result<()> {
    let mut bed = bed()?;
    let program = "
for n, second in enumerate((answer('two.test', address('2001:db8:7::2'), kind=AAAA), answer('no.test')), 1):
    first = answer(f'one-{n}.test', address(f'198.18.7.{n}'))
    told_by_tcp(first + struct.pack('>H', len(second)) + second, length=len(first))
for ip in ('198.18.7.1', '198.18.7.2', '2001:db8:7::2'):
    connect(ip)
";
    python(&bed, "pod", program)?;
    let names = ["one-1", "one-2", "two"];
    expect_each_once(&mut bed, &names.map(|name| format!("{name}.test")))?;
    expect_answers(&mut bed, &[("named", 3)])
}

#[test]
fn the_answer_by_tcp_counts_where_the_one_by_udp_was_truncated() -> Result<()> {
    let mut bed = bed()?;
    let program = "
told(answer('truncated.test', flags=0x8380))
told_by_tcp(answer('truncated.test', address('198.18.7.1')))
connect('198.18.7.1')
";
    python(&bed, "pod", program)?;
    expect_services(&mut bed, "pod", &[("truncated.test unmeshed", 1)])?;
    expect_answers(&mut bed, &[("named", 1)])
}
