//! DNS answers of all kinds, as many and as fast as asked for: garbage, heads with garbage behind,
//! counts that lie, pointers that go round, good ones that each name another host, and huge ones.

use std::{
    net::{SocketAddr, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

/// How many different messages are sent round and round.
const N_MESSAGES: usize = 4_096;
/// The most bytes of one that is not huge.
const ORDINARY: u64 = 1_400;
/// Bytes of a huge one.
const HUGE: usize = 60_000;
/// Where the name in a good one begins: behind the head and the label's length.
const NAME_AT: usize = 13;
/// Letters of it, one for each hexadecimal digit of a number.
const NAME_LENGTH: usize = 8;

/// What to send.
#[derive(clap::Args)]
pub(crate) struct Flood {
    /// Where answers come from; the port of a DNS server.
    from: SocketAddr,
    to: SocketAddr,
    #[arg(long)]
    count: u32,
    /// How many a second, at most.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// How many of a thousand are huge.
    #[arg(long, default_value = "0")]
    huge: u64,
    #[arg(long, default_value = "1")]
    seed: u64,
}

struct Message {
    bytes: Vec<u8>,
    /// Whether its name is made anew each time it is sent.
    is_good: bool,
}

impl Flood {
    /// Sends all of them, and tells how many of them look like answers with something in them.
    pub(crate) fn run(&self) -> Result<Value> {
        let socket =
            UdpSocket::bind(self.from).with_context(|| format!("answering from {}", self.from))?;
        let mut random = Random(self.seed);
        let mut messages: Vec<Message> =
            (0..N_MESSAGES).map(|_| self.message(&mut random)).collect();
        let mut n_answers = 0_u32;
        let start = Instant::now();
        for number in 0..self.count {
            self.keep_pace(start, number);
            let message = &mut messages[number as usize % N_MESSAGES];
            if message.is_good {
                let name = format!("{number:08x}");
                message.bytes[NAME_AT..NAME_AT + NAME_LENGTH].copy_from_slice(name.as_bytes());
            }
            n_answers += u32::from(is_answer(&message.bytes));
            socket
                .send_to(&message.bytes, self.to)
                .with_context(|| format!("answer {number} to {}", self.to))?;
        }
        let seconds = start.elapsed().as_secs_f64();
        let per_second = f64::from(self.count) / seconds;
        Ok(json!({ "sent": self.count, "answers": n_answers, "per_second": per_second }))
    }

    /// Waits until `number` of them are due.
    fn keep_pace(&self, start: Instant, number: u32) {
        let due = Duration::from_secs(1) * number / self.rate;
        let early = due.saturating_sub(start.elapsed());
        // In steps of a millisecond, for a shorter pause takes longer than it says.
        if early > Duration::from_millis(1) {
            thread::sleep(early);
        }
    }

    fn message(&self, random: &mut Random) -> Message {
        let is_huge = random.below(1_000) < self.huge;
        let (bytes, is_good) = match random.below(16) {
            _ if is_huge => (padded(good(random), HUGE), true),
            0..3 => (random.bytes(ORDINARY), false),
            3..10 => (
                [head(1, random.next() as u16), random.bytes(ORDINARY)].concat(),
                false,
            ),
            10 => (lying(random), false),
            11 => (looping(), false),
            _ => (good(random), true),
        };
        Message { bytes, is_good }
    }
}

/// The head of an answer that says how many questions and records follow.
fn head(n_questions: u16, n_records: u16) -> Vec<u8> {
    let mut bytes = vec![0, 1, 0x81, 0x80];
    bytes.extend(n_questions.to_be_bytes());
    bytes.extend(n_records.to_be_bytes());
    bytes.extend([0; 4]);
    bytes
}

/// `<name>.flood.example` at an address of RFC 6598, which nobody connects to.
fn good(random: &mut Random) -> Vec<u8> {
    let mut bytes = head(1, 1);
    bytes.push(NAME_LENGTH as u8);
    bytes.extend([b'x'; NAME_LENGTH]);
    bytes.extend(*b"\x05flood\x07example\0\0\x01\0\x01");
    let [_, a, b, c, ..] = random.next().to_be_bytes();
    bytes.extend(*b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04");
    bytes.extend([100, 64 | (a & 63), b, c]);
    bytes
}

/// Room for more records than there are.
fn padded(mut bytes: Vec<u8>, length: usize) -> Vec<u8> {
    bytes.resize(length, 0);
    bytes
}

/// As many records as can be said, of which the last one breaks off.
fn lying(random: &mut Random) -> Vec<u8> {
    let mut bytes = good(random);
    bytes[6..12].fill(0xff);
    bytes.extend(*b"\xc0\x0c\0\x05\0\x01\0\0\0\x3c\xff\xff\x03www");
    bytes
}

/// Names that point at themselves and at each other.
fn looping() -> Vec<u8> {
    let mut bytes = head(1, 3);
    bytes.extend(*b"\xc0\x0c\0\x01\0\x01");
    bytes.extend(*b"\xc0\x18\xc0\x16\0\x05\0\x01\0\0\0\x3c\0\x02\xc0\x18");
    bytes
}

/// What the agent's program takes for an answer: a response to one question of the usual kind, with
/// records.
fn is_answer(bytes: &[u8]) -> bool {
    bytes.len() >= 12 && bytes[2] & 0xf8 == 0x80 && bytes[4..6] == [0, 1] && bytes[6..8] != [0, 0]
}

/// xorshift64: good enough for garbage, and the same for the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Up to so many.
    fn bytes(&mut self, most: u64) -> Vec<u8> {
        (0..self.below(most + 1))
            .map(|_| self.next() as u8)
            .collect()
    }
}
