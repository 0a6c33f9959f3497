//! Makes connections, as many and as fast as a test asks for, and says what it made.
//!
//! One process, one job, one JSON line on standard output when it is done; a job that holds
//! something open prints its line first and then waits for the end of its standard input.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "its output is what tests read")]

mod echo;
mod flood;

use std::{
    fs,
    io::{self, Read as _},
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use clap::Parser;
use serde_json::json;
use socket2::{Domain, Socket, Type};

/// What to do.
#[derive(Parser)]
enum Job {
    /// Accept on ports, and close each connection once the client did.
    Sink {
        #[arg(required = true)]
        listen: Vec<SocketAddr>,
        /// Keep what was accepted, and tell the clients' ports at the end.
        #[arg(long)]
        hold: bool,
    },
    /// Open connections to consecutive addresses and hold them.
    Hold {
        /// The first address.
        first: SocketAddr,
        #[arg(long)]
        destinations: u32,
        #[arg(long)]
        count: u32,
    },
    /// Connect and close, one after the other.
    Burst {
        to: SocketAddr,
        #[arg(long)]
        count: u32,
        #[arg(long, value_enum, default_value = "tcp")]
        kind: Kind,
        /// Join this cgroup first.
        #[arg(long)]
        cgroup: Option<PathBuf>,
    },
    /// Time `connect()`.
    Time {
        to: SocketAddr,
        #[arg(long)]
        count: u32,
    },
    /// Answer by UDP and TCP with exactly what is sent.
    Echo {
        #[arg(required = true)]
        listen: Vec<SocketAddr>,
    },
    /// Hold a UDP port and read nothing.
    Deaf { listen: SocketAddr },
    /// Send DNS answers of all kinds by UDP.
    Flood(flood::Flood),
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Kind {
    Tcp,
    /// A connected UDP socket that sends two datagrams.
    Udp,
    /// An unconnected UDP socket that sends two datagrams.
    Sendto,
}

fn main() -> Result<()> {
    match Job::parse() {
        Job::Sink { listen, hold } => sink(&listen, hold),
        Job::Hold {
            first,
            destinations,
            count,
        } => hold(first, destinations, count),
        Job::Burst {
            to,
            count,
            kind,
            cgroup,
        } => {
            cgroup.as_deref().map_or(Ok(()), join)?;
            burst(to, count, kind)
        }
        Job::Time { to, count } => time(to, count),
        Job::Echo { listen } => {
            echo::serve(&listen)?;
            hold_open()
        }
        Job::Deaf { listen } => {
            let _held = UdpSocket::bind(listen)?;
            hold_open()
        }
        Job::Flood(flood) => {
            println!("{}", flood.run()?);
            Ok(())
        }
    }
}

/// Says that it is there, and stays.
fn hold_open() -> Result<()> {
    println!("{}", json!({ "ready": true }));
    wait_for_end_of_input()
}

fn stream(to: SocketAddr) -> io::Result<Socket> {
    Socket::new(Domain::for_address(to), Type::STREAM, None)
}

/// Closes with a RST: no TIME_WAIT, so ports do not run out.
fn abort(socket: Socket) -> io::Result<()> {
    socket.set_linger(Some(Duration::ZERO))
}

fn wait_for_end_of_input() -> Result<()> {
    io::stdin()
        .read_to_end(&mut Vec::new())
        .context("waiting for the end of the input")?;
    Ok(())
}

fn sink(listen: &[SocketAddr], hold: bool) -> Result<()> {
    let (send, accepted) = std::sync::mpsc::channel();
    for address in listen {
        let listener = stream(*address)?;
        listener.set_reuse_address(true)?;
        if address.is_ipv6() {
            listener.set_only_v6(true)?;
        }
        listener
            .bind(&(*address).into())
            .with_context(|| format!("listening on {address}"))?;
        listener.listen(16_384)?;
        let send = send.clone();
        thread::spawn(move || {
            while let Ok((mut socket, peer)) = listener.accept() {
                if !hold {
                    // The client closes first, with a RST: either way there is nothing to read. A
                    // RST is not sent again when it is lost; all others would wait for it.
                    drop(socket.set_read_timeout(Some(Duration::from_secs(1))));
                    drop(socket.read(&mut [0]));
                } else if send
                    .send((socket, peer.as_socket().map(|peer| peer.port())))
                    .is_err()
                {
                    break;
                }
            }
        });
    }
    println!("{}", json!({ "ready": true }));
    wait_for_end_of_input()?;
    let held: Vec<_> = accepted.try_iter().collect();
    let ports: Vec<_> = held.iter().filter_map(|(_, port)| *port).collect();
    println!("{}", json!({ "accepted": held.len(), "ports": ports }));
    Ok(())
}

/// Sockets belong to the cgroup that their maker is in at that time.
fn join(cgroup: &Path) -> Result<()> {
    let file = cgroup.join("cgroup.procs");
    fs::write(&file, "0").with_context(|| format!("cannot join {}", cgroup.display()))
}

fn nth(first: SocketAddr, index: u32) -> SocketAddr {
    let ip = match first.ip() {
        IpAddr::V4(ip) => IpAddr::V4(Ipv4Addr::from_bits(ip.to_bits() + index)),
        IpAddr::V6(ip) => IpAddr::V6((ip.to_bits() + u128::from(index)).into()),
    };
    SocketAddr::new(ip, first.port())
}

fn hold(first: SocketAddr, destinations: u32, count: u32) -> Result<()> {
    let mut held = Vec::new();
    for index in 0..count {
        let to = nth(first, index % destinations);
        let socket = stream(to)?;
        socket
            .connect(&to.into())
            .with_context(|| format!("connection {index} to {to}"))?;
        held.push(socket);
    }
    let ports: Vec<_> = held
        .iter()
        .filter_map(|socket| Some(socket.local_addr().ok()?.as_socket()?.port()))
        .collect();
    println!("{}", json!({ "connected": held.len(), "ports": ports }));
    wait_for_end_of_input()
}

fn burst(to: SocketAddr, count: u32, kind: Kind) -> Result<()> {
    let (mut connected, mut refused) = (0_u32, 0_u32);
    for index in 0..count {
        let made = match kind {
            Kind::Tcp => stream(to).and_then(|socket| {
                socket.connect(&to.into())?;
                abort(socket)
            }),
            Kind::Udp => datagrams(to, true),
            Kind::Sendto => datagrams(to, false),
        };
        match made {
            Ok(()) => connected += 1,
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => refused += 1,
            Err(error) => return Err(error).with_context(|| format!("connection {index} to {to}")),
        }
    }
    println!("{}", json!({ "connected": connected, "refused": refused }));
    Ok(())
}

fn datagrams(to: SocketAddr, connect: bool) -> io::Result<()> {
    let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any)?;
    if connect {
        socket.connect(to)?;
        socket.send(b"1")?;
        // Nobody need listen: an answer of ICMP may refuse the second.
        drop(socket.send(b"2"));
    } else {
        socket.send_to(b"1", to)?;
        socket.send_to(b"2", to)?;
    }
    Ok(())
}

fn time(to: SocketAddr, count: u32) -> Result<()> {
    let mut ns: Vec<u64> = Vec::with_capacity(count as usize);
    let start = Instant::now();
    for _ in 0..count {
        let socket = stream(to)?;
        let to = to.into();
        let before = Instant::now();
        socket.connect(&to)?;
        ns.push(before.elapsed().as_nanos() as u64);
        abort(socket)?;
    }
    let seconds = start.elapsed().as_secs_f64();
    ns.sort_unstable();
    let [p25, p50, p75, p99] = [0.25, 0.5, 0.75, 0.99].map(|share| {
        let place = (ns.len() as f64 * share) as usize;
        ns.get(place).copied().unwrap_or(0)
    });
    println!(
        "{}",
        json!({
            "connections": count,
            "per_second": f64::from(count) / seconds,
            "connect_ns": { "p25": p25, "p50": p50, "p75": p75, "p99": p99 },
        })
    );
    Ok(())
}
