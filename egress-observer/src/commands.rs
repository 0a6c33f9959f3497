//! The offline commands: reading at one edge, writing at the other, pure functions between.

pub mod explain;
pub mod flows;
pub mod lint;
pub mod manifests;
pub mod outcome;
mod output;
pub mod suggest;
pub mod what_if;

use std::{
    io::{self, Write},
    sync::Arc,
};

use thiserror::Error;

use egress_observer_istio::{injection::pod::Pod, objects::Kind, view::Snapshot};

/// Input that cannot be used, so that there is no answer.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct BadInput(pub String);

/// The pod with this namespace and name, or the first one of the workload that is called so.
fn pod<'a>(snapshot: &'a Snapshot, name: &str) -> Result<&'a Pod, BadInput> {
    if let [namespace, kind, workload] = name.split('/').collect::<Vec<_>>()[..] {
        return pod_of_kind(snapshot, (namespace, kind, workload));
    }
    let full = if name.contains('/') {
        name.to_owned()
    } else {
        format!("default/{name}")
    };
    let mut names: Vec<String> = Vec::new();
    for pod in snapshot.pods() {
        let own = pod.to_string();
        if own == full {
            return Ok(pod);
        }
        names.push(own);
    }
    // A pod's name changes with every restart; its workload's does not.
    let of_workload = |pod: &&Arc<Pod>| format!("{}/{}", pod.namespace, pod.workload) == full;
    let same = snapshot.pods().filter(of_workload);
    if let Some(pod) = same.min_by_key(|pod| Arc::clone(&pod.name)) {
        return Ok(pod);
    }
    names.sort_by_key(|own| (!alike(own, &full), own.clone()));
    let n_pods = names.len();
    let list = names.into_iter().take(5).collect::<Vec<_>>().join(", ");
    Err(BadInput(match n_pods {
        0 => format!("--pod {name}: there is no pod in the manifests"),
        1..=5 => format!("--pod {name}: no such pod in the manifests; there is {list}"),
        _ => format!("--pod {name}: no such pod among {n_pods} in the manifests, such as {list}"),
    }))
}

/// The first pod of a workload of this kind.
fn pod_of_kind<'a>(
    snapshot: &'a Snapshot,
    (namespace, kind, name): (&str, &str, &str),
) -> Result<&'a Pod, BadInput> {
    let known = workload_kind(kind).ok_or_else(|| {
        BadInput(format!(
            "--pod {namespace}/{kind}/{name}: `{kind}` is no kind that makes pods; write the kind's name, \
             its plural, or deploy, rs, sts, ds, cj, rc, dc, ro, ksvc"
        ))
    })?;
    let pods = snapshot.pods().filter(|pod| {
        &*pod.namespace == namespace
            && &*pod.workload == name
            && pod.workload_kind.as_deref() == Some(known.as_str())
    });
    let first = pods.min_by_key(|pod| Arc::clone(&pod.name));
    first.map(AsRef::as_ref).ok_or_else(|| {
        BadInput(format!(
            "--pod {namespace}/{kind}/{name}: the manifests have neither that {known} nor a pod of it"
        ))
    })
}

/// A kind that makes pods, by its name, its plural or what `kubectl` calls it for short, with its group
/// behind a dot or without (`deployments.apps`).
fn workload_kind(text: &str) -> Option<Kind> {
    let (text, group) = match text.split_once('.') {
        Some((text, group)) => (text, Some(group)),
        None => (text, None),
    };
    let short = match text {
        "deploy" => "deployment",
        "rs" => "replicaset",
        "sts" => "statefulset",
        "ds" => "daemonset",
        "cj" => "cronjob",
        "rc" => "replicationcontroller",
        "dc" => "deploymentconfig",
        "ro" => "rollout",
        "service" | "services" if group.is_some() => "knativeservice",
        "ksvc" => "knativeservice",
        other => other,
    };
    let lower = short.to_lowercase();
    let mut all = Kind::ALL.iter().copied();
    all.find(|kind| {
        kind.makes_pods()
            && group.is_none_or(|group| kind.facts().groups.contains(&group))
            && [kind.as_str().to_lowercase().as_str(), kind.plural()].contains(&&*lower)
    })
}

/// Whether a name is likely to be meant.
fn alike(own: &str, asked: &str) -> bool {
    let name = |full: &str| full.rsplit('/').next().unwrap_or_default().to_owned();
    own.starts_with(asked) || name(own).starts_with(&name(asked))
}

/// Writes to standard output. Whoever reads it may stop reading: that is no failure.
fn write_out(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            // What is left in the buffer would be written, and fail, again.
            drop(out.into_parts());
            Ok(())
        }
        other => other,
    }
}
