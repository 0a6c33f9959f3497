//! The agent: everything wired together. The place to start reading.
//!
//! One loop owns all state ([`state`]). It turns once a second, when the configuration changes, and
//! when a scrape asks; never for a connection.

mod start;
mod state;

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    time::{MissedTickBehavior, sleep},
};
use tracing::info;

use self::state::AgentState;
use crate::{
    cli::AgentArgs,
    http::{self, Pulse},
    readable::Readable,
    source::ObjectSource,
};

/// How often counters are read when nobody asks.
const TURN: Duration = Duration::from_secs(1);
/// Between two looks at DNS answers that cannot wait for the next turn: a flood of them must not
/// keep the agent busy.
const PAUSE: Duration = Duration::from_millis(50);

/// Runs until SIGTERM or SIGINT.
pub async fn run(args: AgentArgs) -> Result<()> {
    // Before anything else, so that bad input is what is reported.
    let mut source = ObjectSource::open(&args)?;
    let cluster = source.known()?;
    // Before anything is attached: an address that is taken is the commonest mistake.
    let listener = http::bind(args.metrics_address)
        .await
        .with_context(|| format!("cannot serve on --metrics-address {}", args.metrics_address))?;
    let api = start::api(args.api_socket.as_deref())?;
    let mut agent = start::attach(&args, cluster)?;
    // After: what happens before the cluster is known waits in the kernel.
    agent.watches = source.watch().await?;
    let (send, mut requests) = mpsc::channel(16);
    let pulse = Arc::new(Pulse::default());
    let servers = [Some(listener), api].into_iter().flatten();
    let servers: Vec<_> = servers
        .map(|listener| tokio::spawn(http::serve(listener, Arc::clone(&pulse), send.clone())))
        .collect();

    let mut answers = answers(&agent).context("waiting for DNS answers")?;
    let mut terminate = signal(SignalKind::terminate()).context("handling SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("handling SIGINT")?;
    let mut turn = tokio::time::interval(TURN);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);

    pulse.set_waiting(agent.waits_for());
    info!(address = %args.metrics_address, "serving");
    loop {
        pulse.beat();
        tokio::select! {
            _ = turn.tick() => agent.turn()?,
            Some(request) = requests.recv() => agent.answer(request),
            Some(()) = answers.recv() => agent.listen(Instant::now()),
            arrived = source.next() => {
                agent.take(arrived?);
                if let Some(watches) = &mut agent.watches {
                    source.follow(&mut agent.cluster, watches);
                }
                pulse.set_waiting(agent.waits_for());
            }
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    for server in servers {
        server.abort();
    }
    agent.end();
    info!(pinned = agent.kernel.pinned, "stopping");
    Ok(())
}

/// Tells when the buffer of DNS answers has become half full, and not too often.
fn answers(agent: &AgentState) -> io::Result<mpsc::Receiver<()>> {
    let mut half_full = agent.kernel.answers.events().and_then(Readable::new)?;
    let (send, receive) = mpsc::channel(1);
    tokio::spawn(async move {
        while half_full.wait().await.is_ok() && send.send(()).await.is_ok() {
            sleep(PAUSE).await;
        }
    });
    Ok(receive)
}
