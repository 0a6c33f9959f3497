//! A pod, a peer that answers for the whole outside, and somebody who listens on every port of
//! both: a connection's verdict is where it arrived.

use std::{
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use egress_observer_istio::rules::Backend;
use egress_observer_tests::{
    netns::Netns,
    process::{feed, output},
    rules::{self, Family, ambient},
    run::Run,
};
use socket2::{Domain, Protocol, Socket, Type};

use crate::{
    generate::{Probe, Rules, Transport},
    place::{self, PORTS},
    thread,
};

/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Source ports, used in turn, so that two connections never meet in the kernel's table.
const FIRST_SOURCE_PORT: u16 = 40_000;
const LAST_SOURCE_PORT: u16 = 59_999;

/// Where a connection arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// In the pod.
    Pod,
    /// Outside.
    Peer,
}

/// A connection as its receiver saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) side: Side,
    /// The receiver's address, after NAT; a datagram does not tell.
    pub(crate) ip: Option<IpAddr>,
    pub(crate) port: u16,
}

/// The two namespaces. Both ends of both wires are in them alone.
pub(crate) struct Network {
    pub(crate) pod: Netns,
    pub(crate) peer: Netns,
}

impl Network {
    pub(crate) fn create(run: &Run) -> Result<Self> {
        let pod = Netns::create(&run.netns_name("pod"))?;
        let peer = Netns::create(&run.netns_name("peer"))?;
        for netns in [&pod, &peer] {
            netns.set("ipv4/conf/all/rp_filter", "0")?;
            netns.set("ipv4/conf/default/rp_filter", "0")?;
        }
        let (main, second) = (place::MAIN, place::SECOND);
        let [behind_v4, behind_v6] = place::BEHIND_SECOND;
        let name = peer.name();
        pod.ip(&format!(
            "link add {main} type veth peer name main0 netns {name}\n\
             link add {second} type veth peer name second0 netns {name}\n"
        ))?;
        // An AnyIP route makes the peer accept what is sent to any address. It is in the main
        // table, where the way back to the pod is more specific.
        peer.ip("addr add 10.79.3.1/24 dev main0\n\
             addr add fd79:0:0:3::1/64 dev main0 nodad\n\
             addr add 10.79.4.1/24 dev second0\n\
             addr add fd79:0:0:4::1/64 dev second0 nodad\n\
             link set main0 up\n\
             link set second0 up\n\
             route add local 0.0.0.0/0 dev lo table main\n\
             route add local ::/0 dev lo table main\n")?;
        // ::6 is what Istio adds for the proxy's own inbound connections.
        pod.ip(&format!(
            "addr add 10.79.3.2/24 dev {main}\n\
             addr add fd79:0:0:3::2/64 dev {main} nodad\n\
             addr add 10.79.4.2/24 dev {second}\n\
             addr add fd79:0:0:4::2/64 dev {second} nodad\n\
             addr add 10.255.0.1/32 dev lo\n\
             addr add fd7f::1/128 dev lo nodad\n\
             addr add ::6/128 dev lo nodad\n\
             link set {main} up\n\
             link set {second} up\n\
             route add default via 10.79.3.1\n\
             route add ::/0 via fd79:0:0:3::1\n\
             route add {behind_v4} via 10.79.4.1\n\
             route add {behind_v6} via fd79:0:0:4::1\n"
        ))?;
        Ok(Self { pod, peer })
    }
}

/// The pod seen from inside, by one thread.
pub(crate) struct Bed {
    listeners: Vec<Listener>,
    /// Whose rules are in the kernel.
    backend: Option<Backend>,
    source_port: u16,
    n_datagrams: u64,
}

struct Listener {
    side: Side,
    port: u16,
    tcp: TcpListener,
    udp: UdpSocket,
}

impl Bed {
    /// Opens everything. The calling thread is in the pod from then on.
    pub(crate) fn enter(network: &Network) -> Result<Self> {
        let mut listeners = Vec::new();
        for (side, netns) in [(Side::Peer, &network.peer), (Side::Pod, &network.pod)] {
            thread::enter(&netns.path())?;
            for port in PORTS {
                listeners.push(Listener::open(side, port)?);
            }
        }
        Ok(Self {
            listeners,
            backend: None,
            source_port: FIRST_SOURCE_PORT,
            n_datagrams: 0,
        })
    }

    /// Puts rules in the place of the ones before.
    pub(crate) fn apply(&mut self, rules: &Rules) -> Result<()> {
        let backend = match rules {
            Rules::Sidecar(backend, _) => *backend,
            Rules::Ambient(_) => Backend::Iptables,
        };
        match self.backend {
            Some(Backend::Nftables) if backend == Backend::Iptables => {
                nft(&rules::nftables::remove())?;
            }
            Some(Backend::Iptables) if backend == Backend::Nftables => {
                for family in Family::ALL {
                    restore(family, "*nat\nCOMMIT\n")?;
                }
            }
            _ => {}
        }
        self.backend = Some(backend);
        match rules {
            Rules::Sidecar(Backend::Nftables, settings) => nft(&rules::nftables::nat(settings)),
            Rules::Sidecar(Backend::Iptables, settings) => Family::ALL
                .into_iter()
                .try_for_each(|family| restore(family, &rules::iptables::nat(settings, family))),
            Rules::Ambient(settings) => Family::ALL
                .into_iter()
                .try_for_each(|family| restore(family, &ambient::nat(*settings, family))),
        }
    }

    /// Connects, and says where that arrived; `None` if nowhere.
    pub(crate) fn connect(&mut self, probe: &Probe) -> Result<Option<Arrival>> {
        let source_port = self.next_source_port()?;
        let socket = open(probe, source_port).with_context(|| format!("{probe:?}"))?;
        let connected = socket.connect(&SocketAddr::new(probe.ip, probe.port).into());
        if connected.is_err() {
            return Ok(None);
        }
        match probe.transport {
            Transport::Tcp => Ok(self.await_connection(source_port)),
            Transport::Udp => {
                self.n_datagrams += 1;
                let number = self.n_datagrams.to_be_bytes();
                socket.send(&number).context("cannot send a datagram")?;
                self.await_datagram(&number)
            }
        }
    }

    fn next_source_port(&mut self) -> Result<u16> {
        let port = self.source_port;
        self.source_port += 1;
        if port == LAST_SOURCE_PORT {
            self.source_port = FIRST_SOURCE_PORT;
            // The verdict on a connection is kept with its addresses and ports.
            output(Command::new("conntrack").arg("-F"))?;
        }
        Ok(port)
    }

    fn await_connection(&self, source_port: u16) -> Option<Arrival> {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            for listener in &self.listeners {
                let Ok((stream, from)) = listener.tcp.accept() else {
                    continue;
                };
                if from.port() == source_port {
                    let ip = stream.local_addr().ok()?.ip().to_canonical();
                    return Some(listener.arrival(Some(ip)));
                }
            }
        }
        None
    }

    fn await_datagram(&self, number: &[u8]) -> Result<Option<Arrival>> {
        let begin = Instant::now();
        let mut buffer = [0; 16];
        while begin.elapsed() < PATIENCE {
            for listener in &self.listeners {
                match listener.udp.recv(&mut buffer) {
                    Ok(n) if buffer.get(..n) == Some(number) => {
                        return Ok(Some(listener.arrival(None)));
                    }
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error).context("cannot receive"),
                }
            }
        }
        Ok(None)
    }
}

impl Listener {
    /// Both families, any address.
    fn open(side: Side, port: u16) -> Result<Self> {
        let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
        let listen = |kind| -> std::io::Result<Socket> {
            let socket = Socket::new(Domain::IPV6, kind, None)?;
            socket.set_only_v6(false)?;
            socket.bind(&any.into())?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        };
        let tcp = listen(Type::STREAM).and_then(|socket| socket.listen(128).map(|()| socket));
        let udp = listen(Type::DGRAM);
        let what = || format!("cannot listen on port {port}");
        Ok(Self {
            side,
            port,
            tcp: tcp.with_context(what)?.into(),
            udp: udp.with_context(what)?.into(),
        })
    }

    const fn arrival(&self, ip: Option<IpAddr>) -> Arrival {
        Arrival {
            side: self.side,
            ip,
            port: self.port,
        }
    }
}

/// The socket belongs to whoever creates it, whatever its creator becomes later.
fn open(probe: &Probe, source_port: u16) -> Result<Socket> {
    let (kind, protocol) = match probe.transport {
        Transport::Tcp => (Type::STREAM, Protocol::TCP),
        Transport::Udp => (Type::DGRAM, Protocol::UDP),
    };
    let any: IpAddr = match probe.ip {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let domain = Domain::for_address((probe.ip, 0).into());
    let socket = thread::owned_by(probe.uid, probe.gid, || {
        Socket::new(domain, kind, Some(protocol))
    })?;
    if probe.ip.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    if probe.mark != 0 {
        socket.set_mark(probe.mark)?;
    }
    socket.set_write_timeout(Some(PATIENCE))?;
    if probe.transport == Transport::Tcp {
        // Reset at the end: nothing of it stays behind.
        socket.set_linger(Some(Duration::ZERO))?;
    }
    let source = probe.source.unwrap_or(any);
    socket.bind(&SocketAddr::new(source, source_port).into())?;
    Ok(socket)
}

fn restore(family: Family, text: &str) -> Result<()> {
    feed(&mut Command::new(family.restore_command()), text)
}

fn nft(text: &str) -> Result<()> {
    feed(Command::new("nft").args(["-f", "-"]), text)
}
