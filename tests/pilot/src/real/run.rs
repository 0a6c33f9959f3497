//! A running Envoy.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

const START: Duration = Duration::from_secs(30);

/// It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Running {
    envoy: Child,
    /// Where captured connections arrive.
    pub(super) port: u16,
    dir: PathBuf,
}

impl Running {
    /// Waits until it listens.
    pub(super) fn start(binary: &Path, bootstrap: impl Fn(u16) -> Value) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let name = format!(
            "egress-observer-pilot-envoy-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&dir)?;
        let file = dir.join("envoy.json");
        std::fs::write(&file, bootstrap(port).to_string())?;
        let log = std::fs::File::create(dir.join("log"))?;
        let envoy = Command::new(binary)
            .arg("-c")
            .arg(&file)
            .args(["--concurrency", "1", "--disable-hot-restart", "-l", "error"])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot run {}", binary.display()))?;
        let mut running = Self { envoy, port, dir };
        running.wait()?;
        Ok(running)
    }

    fn wait(&mut self) -> Result<()> {
        let begin = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            let has_ended = self.envoy.try_wait()?.is_some();
            if has_ended || begin.elapsed() > START {
                let log = std::fs::read_to_string(self.dir.join("log"))?;
                bail!("Envoy does not listen: {log}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; the directory is one of many temporary ones.
        self.envoy.kill().unwrap_or_default();
        self.envoy.wait().map(drop).unwrap_or_default();
        std::fs::remove_dir_all(&self.dir).unwrap_or_default();
    }
}
