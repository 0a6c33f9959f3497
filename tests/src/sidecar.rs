//! A pod's sidecar: a real Envoy in the container `istio-proxy`.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context as _, Result};

use crate::{
    envoy::{self, ADMIN_PORT, Policy, Service},
    pod::{PROXY, Pod, User},
    process::{Process, output},
    run::Run,
};

/// Envoy is ready in well under a second on an idle machine.
const READY: Duration = Duration::from_secs(20);

/// Starts the sidecar and waits until it is live. Dropping the process ends it.
pub fn start(
    run: &Run,
    binary: &Path,
    pod: &Pod,
    policy: Policy,
    services: &[Service],
) -> Result<Process> {
    let config = run.dir().join(format!("{}-envoy.json", pod.name));
    fs::write(&config, format!("{:#}", envoy::sidecar(policy, services)))
        .with_context(|| format!("cannot write {}", config.display()))?;
    let (binary, config) = (binary.to_string_lossy(), config.to_string_lossy());
    let mut argv = vec![binary.as_ref(), "-c", config.as_ref()];
    argv.extend(OPTIONS);
    let mut process = pod.spawn(PROXY, User::PROXY, "envoy", &argv)?;
    process.until_ready(READY, || Ok(is_live(pod)))?;
    Ok(process)
}

/// Options of every Envoy here. Hot restart needs shared memory, which two of them would share.
pub(crate) const OPTIONS: [&str; 7] = [
    "--disable-hot-restart",
    "--concurrency",
    "1",
    "--drain-time-s",
    "1",
    "--log-level",
    "warning",
];

/// Asked from the pod's network, but from outside of its cgroups: this is no traffic of the pod.
fn is_live(pod: &Pod) -> bool {
    let url = format!("http://127.0.0.1:{ADMIN_PORT}/ready");
    let mut curl = pod.network.netns.command("curl");
    curl.args(["--silent", "--noproxy", "*", "--max-time", "1", &url]);
    output(&mut curl).is_ok_and(|answer| answer.trim() == "LIVE")
}
