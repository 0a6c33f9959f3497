//! The server behind all clusters: cluster number N is at `127.100.x.y`, which are N's two bytes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};

/// How long a client of it may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// It serves until the program ends: its threads wait for connections that no longer come.
#[derive(Debug)]
pub(super) struct Upstream {
    names: Vec<String>,
    /// Speaks first, and says the number.
    pub(super) stream_port: u16,
    /// Answers requests of HTTP with the number.
    pub(super) http_port: u16,
}

impl Upstream {
    pub(super) fn start(names: &[String]) -> Result<Self> {
        ensure!(names.len() < 0x1_0000, "too many clusters");
        Ok(Self {
            names: names.to_vec(),
            stream_port: serve(tell)?,
            http_port: serve(answer)?,
        })
    }

    /// All clusters with their addresses.
    pub(super) fn clusters(&self) -> impl Iterator<Item = (&str, Ipv4Addr)> {
        self.names
            .iter()
            .zip(0_u16..)
            .map(|(name, number)| (name.as_str(), address(number)))
    }

    pub(super) fn name(&self, number: u16) -> Option<&String> {
        self.names.get(usize::from(number))
    }
}

const fn address(number: u16) -> Ipv4Addr {
    let [high, low] = number.to_be_bytes();
    Ipv4Addr::new(127, 100, high, low)
}

fn number(own: SocketAddr) -> Option<u16> {
    match own.ip() {
        IpAddr::V4(own) => {
            let [_, _, high, low] = own.octets();
            Some(u16::from_be_bytes([high, low]))
        }
        IpAddr::V6(_) => None,
    }
}

fn serve(with: fn(TcpStream, u16) -> std::io::Result<()>) -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                if let Some(number) = stream.local_addr().ok().and_then(number) {
                    // The client's side shows what is wrong.
                    with(stream, number).unwrap_or_default();
                }
            });
        }
    });
    Ok(port)
}

fn tell(mut stream: TcpStream, number: u16) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    writeln!(stream, "cluster {number}")?;
    // Until the client has it, what it said must not reset the connection.
    std::io::copy(&mut stream, &mut std::io::sink())?;
    Ok(())
}

fn answer(mut stream: TcpStream, number: u16) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    while let Some(line) = lines.next().transpose()? {
        if line.is_empty() {
            break;
        }
    }
    let body = format!("cluster {number}\n");
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len(),
    )
}
