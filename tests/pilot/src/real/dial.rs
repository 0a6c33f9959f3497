//! A client of the sidecar.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::Arrival;
use super::upstream::Upstream;
use crate::matcher::Says;

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);
/// Long enough to see that nothing comes where nothing should.
const QUIET: Duration = Duration::from_millis(150);

/// Connects as if it had been captured on its way there.
pub(super) fn dial(
    port: u16,
    to: SocketAddr,
    says: &Says,
    is_quiet: bool,
    upstream: &Upstream,
) -> Result<Arrival> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(if is_quiet { QUIET } else { PATIENCE }))?;
    let mut first = header(to);
    match says {
        Says::Http(host) => first
            .extend(format!("GET / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").bytes()),
        Says::Tls(name) => first.extend(client_hello(name.as_deref())),
        Says::Bytes => first.extend(b"\x00\x01 neither \x02\r\n"),
        Says::Nothing => {}
    }
    stream.write_all(&first)?;
    let text = match read(&mut stream) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            return Ok(Arrival::Silence);
        }
        Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(Arrival::Closed),
        Err(error) => return Err(error.into()),
    };
    understand(&text, upstream)
}

/// Version 1 of the PROXY protocol.
fn header(to: SocketAddr) -> Vec<u8> {
    format!("PROXY TCP4 10.1.0.1 {} 40000 {}\r\n", to.ip(), to.port()).into_bytes()
}

/// All that comes, or as much as tells the cluster.
fn read(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut all = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let length = stream.read(&mut buffer)?;
        all.extend_from_slice(&buffer[..length]);
        if length == 0 || all.starts_with(b"cluster ") && all.ends_with(b"\n") {
            return Ok(String::from_utf8_lossy(&all).into_owned());
        }
    }
}

fn understand(text: &str, upstream: &Upstream) -> Result<Arrival> {
    if text.is_empty() {
        return Ok(Arrival::Closed);
    }
    let told = text.lines().find_map(|line| line.strip_prefix("cluster "));
    if let Some(number) = told {
        let number = number.trim().parse()?;
        let name = upstream.name(number).context("a cluster that is none")?;
        return Ok(Arrival::At(name.clone()));
    }
    let status = text
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3))
        .and_then(|status| status.parse().ok());
    match status {
        Some(status) => Ok(Arrival::Answer(status)),
        None => bail!("an answer that is none: {text:?}"),
    }
}

/// The first record of a TLS handshake, which is all that anybody here reads.
fn client_hello(name: Option<&str>) -> Vec<u8> {
    let mut hello = vec![3, 3];
    hello.extend([7; 32]);
    hello.push(0);
    // One suite, no compression.
    hello.extend([0, 2, 0xc0, 0x2f, 1, 0]);
    let mut extensions = Vec::new();
    if let Some(name) = name {
        let entry = [&[0][..], &with_length(name.as_bytes())].concat();
        let list = with_length(&entry);
        extensions.extend([0, 0]);
        extensions.extend(with_length(&list));
    }
    hello.extend(with_length(&extensions));
    let mut handshake = vec![1, 0];
    handshake.extend(with_length(&hello));
    let mut record = vec![22, 3, 1];
    record.extend(with_length(&handshake));
    record
}

/// After its length in two bytes.
fn with_length(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or_default();
    [&length.to_be_bytes()[..], bytes].concat()
}
