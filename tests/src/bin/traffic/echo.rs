//! A server that answers with exactly what it gets: what a test sends is what comes back, from the
//! port that the test wants it to come from.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    thread,
};

use anyhow::{Context as _, Result};

/// Answers on these addresses by UDP and TCP, from now on.
pub(crate) fn serve(addresses: &[SocketAddr]) -> Result<()> {
    for address in addresses {
        let (datagrams, streams) =
            sockets(*address).with_context(|| format!("listening on {address}"))?;
        thread::spawn(move || echo_datagrams(&datagrams));
        thread::spawn(move || {
            for stream in streams.incoming() {
                thread::spawn(move || echo_stream(stream?));
            }
        });
    }
    Ok(())
}

fn sockets(address: SocketAddr) -> io::Result<(UdpSocket, TcpListener)> {
    Ok((UdpSocket::bind(address)?, TcpListener::bind(address)?))
}

fn echo_datagrams(socket: &UdpSocket) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let (length, whence) = socket.recv_from(&mut buffer)?;
        socket.send_to(&buffer[..length], whence)?;
    }
}

/// A segment for each one that arrives, as long as the client waits for it.
fn echo_stream(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..length])?;
    }
}
