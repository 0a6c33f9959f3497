//! Bodies of answers: whole, or written bit by bit, slowly or not to the end.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;

use super::faults::Fault;

/// Bodies that are written slowly leave in bits this often a second.
const BITS_PER_SECOND: u32 = 20;

/// The time that a body which is broken off has to leave.
const TO_SEND: Duration = Duration::from_millis(20);

/// A body.
#[derive(Debug)]
pub(super) enum Outgoing {
    Whole(Option<Bytes>),
    Written(mpsc::Receiver<Result<Bytes, Broken>>),
}

/// The connection is broken on purpose.
#[derive(Debug)]
pub(super) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection is broken on purpose")
    }
}

impl std::error::Error for Broken {}

impl Outgoing {
    pub(super) fn whole(text: impl Into<Bytes>) -> Self {
        Self::Whole(Some(text.into()))
    }

    /// A body, and what writes it.
    pub(super) fn written(fault: Option<Fault>) -> (Self, Pen) {
        let (sender, receiver) = mpsc::channel(16);
        let pen = Pen {
            sender,
            fault,
            written: 0,
        };
        (Self::Written(receiver), pen)
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Written(receiver) => receiver
                .poll_recv(context)
                .map(|bit| bit.map(|bit| bit.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                let length = bytes.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
            Self::Written(_) => SizeHint::default(),
        }
    }
}

/// The client is gone, or was cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gone;

/// Writes a body, with the faults that it was given.
#[derive(Debug)]
pub(super) struct Pen {
    sender: mpsc::Sender<Result<Bytes, Broken>>,
    fault: Option<Fault>,
    written: usize,
}

impl Pen {
    pub(super) async fn write(&mut self, text: impl Into<Bytes>) -> Result<(), Gone> {
        let mut text = text.into();
        match self.fault {
            Some(Fault::Cut { after }) if self.written + text.len() > after => {
                text.truncate(after - self.written);
                self.send(text).await?;
                self.break_off().await
            }
            Some(Fault::Slow { bytes_per_second }) => {
                let pace = usize::try_from(BITS_PER_SECOND).unwrap_or(1);
                let bit = (bytes_per_second / pace).max(1);
                while !text.is_empty() {
                    self.send(text.split_to(bit.min(text.len()))).await?;
                    tokio::time::sleep(Duration::from_secs(1) / BITS_PER_SECOND).await;
                }
                Ok(())
            }
            _ => self.send(text).await,
        }
    }

    /// Ends the connection without ending the body.
    pub(super) async fn break_off(&mut self) -> Result<(), Gone> {
        // hyper throws away what it has not sent yet.
        tokio::time::sleep(TO_SEND).await;
        self.sender.send(Err(Broken)).await.map_err(gone)?;
        Err(Gone)
    }

    /// Until the client is gone.
    pub(super) async fn closed(&self) {
        self.sender.closed().await;
    }

    async fn send(&mut self, text: Bytes) -> Result<(), Gone> {
        self.written += text.len();
        self.sender.send(Ok(text)).await.map_err(gone)
    }
}

fn gone<T>(_: mpsc::error::SendError<T>) -> Gone {
    Gone
}
