//! Waiting for a condition: always with a deadline, and never past a Ctrl-C.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    flag,
};

/// How often a condition is looked at.
const PERIOD: Duration = Duration::from_millis(20);

static INTERRUPTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From now on Ctrl-C and SIGTERM set a flag instead of ending the process, so that everything
/// made so far is removed on the way out. The second one ends it at once.
pub fn catch_interrupts() -> Result<()> {
    if INTERRUPTED.get().is_some() {
        return Ok(());
    }
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // In this order the handler that exits sees the flag of an earlier signal only.
        flag::register_conditional_shutdown(signal, 1, Arc::clone(&flag))
            .and_then(|_| flag::register(signal, Arc::clone(&flag)))
            .with_context(|| format!("cannot handle signal {signal}"))?;
    }
    INTERRUPTED.get_or_init(|| flag);
    Ok(())
}

/// Whether the user asked this process to stop.
pub fn interrupted() -> bool {
    INTERRUPTED
        .get()
        .is_some_and(|flag| flag.load(Ordering::Relaxed))
}

/// An error when the user asked this process to stop.
pub fn check_interrupt() -> Result<()> {
    if interrupted() {
        bail!("interrupted");
    }
    Ok(())
}

/// Looks until `look` finds something; `what` names it in the error.
pub fn until<T>(
    what: &str,
    within: Duration,
    mut look: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let begin = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        check_interrupt()?;
        if begin.elapsed() >= within {
            bail!("{what}: not within {within:?}");
        }
        pause();
    }
}

/// Lets a moment pass between two looks.
pub fn pause() {
    thread::sleep(PERIOD);
}
