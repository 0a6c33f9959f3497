//! The server as a process of its own.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use kube::Api;
use serde_json::Value;

use crate::bed::{Watched, client, list_watch, until};

struct Server(Child);

impl Server {
    /// Starts it and waits until it says that it is ready.
    fn start(dir: &Path, more: &[&str]) -> Result<(Self, String)> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_fake-apiserver"))
            .arg("--manifests")
            .arg(dir.join("manifests"))
            .arg("--credentials")
            .arg(dir.join("credentials"))
            .arg("--log")
            .arg(dir.join("log"))
            .args(more)
            .stdout(Stdio::piped())
            .stderr(File::create(dir.join("errors"))?)
            .spawn()?;
        let output = child.stdout.take().context("a piped output")?;
        let server = Self(child);
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let ready: Value = serde_json::from_str(&line).context("it does not start")?;
        let address = ready["address"].as_str().context("no address")?;
        Ok((server, address.to_owned()))
    }

    fn terminate(&mut self) -> Result<()> {
        let kill = Command::new("kill").arg(self.0.id().to_string()).status()?;
        ensure!(kill.success(), "kill: {kill}");
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(10) {
            if let Some(status) = self.0.try_wait()? {
                ensure!(status.success(), "it ended with {status}");
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        bail!("it ignores SIGTERM");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already, or a test failed.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn entry(name: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{}}\n")
}

#[tokio::test]
async fn a_directory_is_served_and_followed_across_a_restart() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let manifests = dir.path().join("manifests");
    fs::create_dir(&manifests)?;
    fs::write(manifests.join("a.yaml"), entry("a"))?;
    let (mut server, address) = Server::start(dir.path(), &[])?;
    let kubeconfig = dir.path().join("credentials/kubeconfig");
    let client = client(&kubeconfig).await?;
    let pods: Api<k8s_openapi::api::core::v1::Pod> = Api::all(client);
    let mut watched = Watched::new(pods, list_watch());
    watched.expect(&["init", "init a", "done"]).await?;
    fs::write(manifests.join("b.yaml"), entry("b"))?;
    watched.expect(&["apply b"]).await?;
    // Half written: nothing happens to what is there.
    fs::write(manifests.join("b.yaml"), "kind: [")?;
    fs::write(manifests.join("c.yaml"), entry("c"))?;
    let errors = dir.path().join("errors");
    let complains = || fs::read_to_string(&errors).is_ok_and(|text| text.contains("not YAML"));
    until("it complains", complains).await?;
    fs::write(manifests.join("b.yaml"), entry("b"))?;
    watched.expect(&["apply c"]).await?;
    fs::remove_file(manifests.join("a.yaml"))?;
    watched.expect(&["delete a"]).await?;
    server.terminate()?;

    // The same address and credentials: to its clients it is the same server.
    let (mut server, again) = Server::start(dir.path(), &["--listen", &address])?;
    assert_eq!(again, address);
    assert_eq!(watched.next_good().await?, "init");
    watched.expect(&["init b", "init c", "done"]).await?;
    server.terminate()?;

    let log = fs::read_to_string(dir.path().join("log"))?;
    let requests: Result<Vec<Value>, _> = log.lines().map(serde_json::from_str).collect();
    let requests = requests?;
    assert_eq!(requests[0]["resource"], "pods");
    assert_eq!(requests[0]["verb"], "list");
    assert_eq!(requests[0]["status"], 200);
    Ok(())
}

#[test]
fn wrong_arguments_are_told() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let run = |more: &[&str]| -> Result<String> {
        let output = Command::new(env!("CARGO_BIN_EXE_fake-apiserver"))
            .arg("--credentials")
            .arg(dir.path().join("credentials"))
            .args(more)
            .output()?;
        ensure!(!output.status.success(), "it accepts {more:?}");
        Ok(String::from_utf8(output.stderr)?)
    };
    let missing = run(&["--manifests", "/nonexistent"])?;
    assert!(missing.contains("cannot read /nonexistent"), "{missing}");
    let here = env!("CARGO_MANIFEST_DIR");
    let absent = run(&["--manifests", here, "--absent", "nothing"])?;
    assert!(absent.contains("knows no resource nothing"), "{absent}");
    let rbac = run(&["--manifests", here, "--rbac", "/nonexistent"])?;
    assert!(rbac.contains("cannot read /nonexistent"), "{rbac}");
    Ok(())
}
