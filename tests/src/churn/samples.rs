//! What the agent uses while pods come and go: memory, CPU time, requests.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::agent::Agent;
use crate::bench::usage::{Used, resident_bytes};
use crate::process::output;
use egress_observer_fake_apiserver::ApiServer;

/// A look at the agent. Everything but memory is since the first one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageSample {
    pub seconds: f64,
    pub resident_bytes: u64,
    pub cpu_seconds: f64,
    pub requests: usize,
    /// What the API server's connections brought, with TLS.
    pub api_bytes: u64,
}

/// Looks at one agent again and again.
pub(super) struct Sampler<'a> {
    api: &'a ApiServer,
    begin: Instant,
    used: Used,
    requests: usize,
    api_bytes: u64,
    samples: Vec<UsageSample>,
}

impl<'a> Sampler<'a> {
    pub(super) fn start(api: &'a ApiServer, agent: &mut Agent) -> Result<Self> {
        let mut sampler = Self {
            api,
            begin: Instant::now(),
            used: Used::read(agent.pid())?,
            requests: api.requests().len(),
            api_bytes: received(api)?,
            samples: Vec::new(),
        };
        sampler.take(agent)?;
        Ok(sampler)
    }

    /// Scrapes the agent, as Prometheus does, and looks at what it used.
    pub(super) fn take(&mut self, agent: &mut Agent) -> Result<()> {
        agent.scrape()?;
        let used = Used::read(agent.pid())?.since(self.used);
        self.samples.push(UsageSample {
            seconds: self.begin.elapsed().as_secs_f64(),
            resident_bytes: resident_bytes(agent.pid())?,
            cpu_seconds: used.cpu_seconds,
            requests: self.api.requests().len() - self.requests,
            // A connection that ended takes its count along.
            api_bytes: received(self.api)?.saturating_sub(self.api_bytes),
        });
        Ok(())
    }

    pub(super) fn finish(self) -> Vec<UsageSample> {
        self.samples
    }
}

/// Bytes that clients of the API server have received over the connections that are open.
fn received(api: &ApiServer) -> Result<u64> {
    let filter = ["state", "established", "dst"];
    let address = api.address().to_string();
    let text = output(Command::new("ss").arg("-tinH").args(filter).arg(&address))
        .context("cannot ask for the connections of the API server")?;
    Ok(bytes_received(&text))
}

fn bytes_received(text: &str) -> u64 {
    let words = text.split_whitespace();
    let counts = words.filter_map(|word| word.strip_prefix("bytes_received:")?.parse::<u64>().ok());
    counts.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_all_connections_are_added() {
        let text = "0 0 127.0.0.1:4242 127.0.0.1:6443\n\t cubic rto:200 bytes_acked:12 \
            bytes_received:100 segs_out:7\n0 0 127.0.0.1:4243 127.0.0.1:6443\n\t bytes_received:23";
        assert_eq!(bytes_received(text), 123);
    }
}
