//! The DaemonSet's rolling update on one node: the old pod ends, a new one takes over its pins.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use egress_observer_tests::{
    agent::Agent,
    cgroup::Driver,
    metrics::Scrape,
    network::Network,
    node::Node,
    pod::{APP, Mesh, Runtime, User},
    run,
    story::CONNECTIONS,
    wait,
};
use serde_json::Value;

use crate::bed::{Delivery, envoy};

const TRAFFIC: &str = env!("CARGO_BIN_EXE_traffic");
const SERVER: &str = "198.18.0.10:8080";
/// The client is to be at it during every replacement: some seconds.
const COUNT: u64 = 200_000;
const REPLACEMENTS: u32 = 3;

/// A server outside that takes every connection. Dropping it ends it.
struct Sink(Child);

impl Sink {
    fn start(network: &Network) -> Result<Self> {
        let mut sink = network.ext().command(TRAFFIC);
        sink.args(["sink", SERVER]);
        // It ends with its input.
        let child = sink.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.context("cannot start a server")?;
        let output = child.stdout.take().context("a piped output")?;
        BufReader::new(output).read_line(&mut String::new())?;
        Ok(Self(child))
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Connections of the client so far, as this agent tells them.
fn told(scrape: &Scrape) -> u64 {
    scrape.sum(
        CONNECTIONS,
        &[("source_workload", "plain"), ("protocol", "tcp")],
    ) as u64
}

/// Connections of the client at a scrape that has some.
fn once_it_counts(agent: &mut Agent) -> Result<u64> {
    let counted = wait::until("the agent counts", Duration::from_secs(10), || {
        let told = told(&agent.scrape()?);
        Ok((told > 0).then_some(told))
    });
    match counted {
        Ok(told) => Ok(told),
        Err(error) => {
            let text = agent.scrape()?.text;
            Err(error.context(format!("{}\n{text}", agent.log())))
        }
    }
}

#[test]
fn a_rolling_update_neither_loses_nor_repeats_a_connection() -> Result<()> {
    let delivery = Delivery::unpack()?;
    let traffic_dir = std::path::Path::new(TRAFFIC).parent().context("a file")?;
    let runtime = Runtime::Runc {
        shared: vec![traffic_dir.to_owned()],
    };
    let mut node = Node::create_with(&envoy(), Driver::Systemd, runtime)?;
    node.add_pod("shop", "plain", Mesh::Plain)?;
    let sink = Sink::start(node.network())?;

    let mut agent = delivery.start_agent(&mut node)?;
    let count = COUNT.to_string();
    let argv = [TRAFFIC, "burst", SERVER, "--count", &count];
    let mut client = node
        .pod("shop", "plain")?
        .spawn(APP, User::APP, "client", &argv)?;
    let mut increase = 0;
    for number in 0..REPLACEMENTS {
        increase += once_it_counts(&mut agent).with_context(|| {
            format!("before replacement {number}; the client: {}", client.log())
        })?;
        agent.stop()?;
        agent = delivery.start_agent(&mut node)?;
        client
            .check_running()
            .with_context(|| format!("replacement {number} came too late"))?;
    }
    let said = wait::until("the client ends", Duration::from_secs(120), || {
        Ok(client.check_running().is_err().then(|| client.log()))
    })?;
    let said: Value = serde_json::from_str(&said).with_context(|| said.clone())?;
    ensure!(said["connected"] == COUNT, "{said}");
    let last = wait::until(
        "every connection has its end",
        Duration::from_secs(10),
        || {
            let scrape = agent.scrape()?;
            Ok((increase + told(&scrape) >= COUNT).then_some(scrape))
        },
    );
    let last = match last {
        Ok(scrape) => scrape,
        Err(_too_few) => agent.scrape()?,
    };
    ensure!(
        increase + told(&last) == COUNT,
        "the client made {COUNT} connections; {increase} were told by agents that ended, {} by the \
         last one\n{}",
        told(&last),
        agent.log()
    );
    let lost = last.sum("egress_observer_flows_lost_total", &[]);
    ensure!(lost == 0.0, "{lost} lost\n{}", last.text);

    agent.stop()?;
    drop(sink);
    let id = node.run().id().to_owned();
    drop((client, node));
    ensure!(
        run::leftovers(&id)?.is_empty(),
        "{:?}",
        run::leftovers(&id)?
    );
    Ok(())
}
