//! The chart's roles against what the agent really asks for: nothing is missing, nothing is granted
//! in vain.

use std::{collections::BTreeSet, process::Command, time::Duration};

use anyhow::{Context as _, Result, ensure};
use egress_observer_fake_apiserver::{
    ApiServer, Options, log::Request, rbac::Rbac, shared::StreamingLists,
};
use egress_observer_tests::{agent::Agent, manifests, process::output, wait};
use serde_json::Value;

use crate::bed::Bed;

/// Verb, namespace (empty for the whole cluster), resource, and name (empty for all).
type Right = (String, String, String, String);

/// Until the last request at the start.
const ASKED: Duration = Duration::from_secs(10);

const CHART: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../deploy/charts/egress-observer"
);

/// With and without the right to Services.
fn rendered(services: bool) -> Result<String> {
    let helm = std::env::var_os("EGRESS_OBSERVER_HELM");
    let helm = helm.context("EGRESS_OBSERVER_HELM is not set: run `cargo xtask test`")?;
    let mut render = Command::new(helm);
    render.args(["template", "egress-observer", CHART]);
    render.args(["--namespace", "egress-observer"]);
    render.args(["--set", &format!("config.services={services}")]);
    output(&mut render)
}

fn granted(chart: &str) -> Result<BTreeSet<Right>> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(chart).context("not YAML")?;
    let roles = documents.iter().filter(|document| {
        ["ClusterRole", "Role"]
            .map(Value::from)
            .contains(&document["kind"])
    });
    let mut rights = BTreeSet::new();
    for role in roles {
        let namespace = role["metadata"]["namespace"].as_str().unwrap_or_default();
        for rule in role["rules"].as_array().context("a role has rules")? {
            for group in texts(&rule["apiGroups"]) {
                for resource in texts(&rule["resources"]) {
                    let id = match group {
                        "" => resource.to_owned(),
                        _ => format!("{group}/{resource}"),
                    };
                    for verb in texts(&rule["verbs"]) {
                        let names = texts(&rule["resourceNames"]);
                        let names = if names.is_empty() { vec![""] } else { names };
                        rights.extend(names.into_iter().map(|name| {
                            let [verb, namespace, name] =
                                [verb, namespace, name].map(str::to_owned);
                            (verb, namespace, id.clone(), name)
                        }));
                    }
                }
            }
        }
    }
    Ok(rights)
}

fn texts(list: &Value) -> Vec<&str> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(Value::as_str).collect()
}

fn asked(request: &Request) -> Option<Right> {
    let selected = request.field_selector.strip_prefix("metadata.name=");
    Some((
        request.verb?.as_str().to_owned(),
        request.namespace.clone().unwrap_or_default(),
        request.resource.clone()?,
        request
            .name
            .as_deref()
            .or(selected)
            .unwrap_or_default()
            .to_owned(),
    ))
}

#[test]
fn the_charts_roles_grant_what_the_agent_asks_for_and_nothing_else() -> Result<()> {
    let mut bed = Bed::new()?;
    roles_are_exact(&mut bed, &rendered(true)?, "watch", 12)?;
    roles_are_exact(&mut bed, &rendered(false)?, "off", 11)
}

/// Starts agents with `--services` and the chart's roles: all of so many kinds can be watched, and what
/// is granted is asked for.
fn roles_are_exact(bed: &mut Bed, chart: &str, services: &str, n_kinds: usize) -> Result<()> {
    let mut all = BTreeSet::new();
    for streaming_lists in [StreamingLists::Served, StreamingLists::SwitchedOff] {
        let api = ApiServer::start(Options {
            streaming_lists,
            rbac: Some(Rbac::parse(chart)?),
            ..Options::default()
        })?;
        api.apply(manifests::namespace("shop", true))?;
        bed.start_agent_with(&api, &["--services", services], Agent::start)?;
        wait::until("ranges are looked for", ASKED, || {
            let asked = api.requests();
            let last = Some("kube-flannel-cfg");
            Ok(asked
                .iter()
                .any(|one| one.name.as_deref() == last)
                .then_some(()))
        })?;
        let requests = api.requests();
        let refused = requests
            .iter()
            .filter(|request| request.status == Some(403));
        ensure!(
            refused.clone().count() == 0,
            "{:#?}",
            refused.collect::<Vec<_>>()
        );
        ensure!(
            requests
                .iter()
                .filter(|request| request.resource.as_deref() == Some("namespaces"))
                .all(|request| request.metadata_only),
            "of namespaces only the metadata"
        );
        all.extend(requests.iter().filter_map(asked));
        let scrape = bed.scrape()?;
        let synced: Vec<_> = scrape
            .select("egress_observer_watch_synced", &[])
            .map(|sample| sample.value)
            .collect();
        ensure!(synced == vec![1.0; n_kinds], "{}", scrape.text);
        bed.take_agent()?.stop()?;
    }
    let granted = granted(chart)?;
    ensure!(
        all == granted,
        "asked for and not granted: {:#?}\ngranted and not asked for: {:#?}",
        all.difference(&granted).collect::<Vec<_>>(),
        granted.difference(&all).collect::<Vec<_>>()
    );
    Ok(())
}
