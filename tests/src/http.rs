//! One GET at a time, without a client's library.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context as _, Result};

/// One request to the agent.
const ANSWER: Duration = Duration::from_secs(5);

/// An HTTP answer, as far as anyone here looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

/// One GET. HTTP/1.0, so that the answer ends with the connection and is never in chunks.
pub fn get(address: SocketAddr, path: &str) -> Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&address, ANSWER)
        .with_context(|| format!("cannot connect to {address}"))?;
    stream
        .set_read_timeout(Some(ANSWER))
        .context("cannot set a timeout")?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").context("cannot ask")?;
    let mut text = String::new();
    stream
        .read_to_string(&mut text)
        .with_context(|| format!("no answer from {address}{path}"))?;
    parse_answer(&text).with_context(|| format!("{address}{path} answers no HTTP:\n{text}"))
}

pub(crate) fn parse_answer(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?;
    Some(Answer {
        status: status.parse().ok()?,
        body: body.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_a_status_and_a_body() {
        let text = "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok";
        assert_eq!(
            parse_answer(text),
            Some(Answer {
                status: 200,
                body: "ok".to_owned()
            })
        );
        assert_eq!(parse_answer("ok"), None);
    }
}
