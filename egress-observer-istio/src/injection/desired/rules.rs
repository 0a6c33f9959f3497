//! The rules of a pod to be made, from its lists: through the CNI plugin's annotations or the
//! command line of `istio-init`.

use std::collections::BTreeMap;

use super::lists::Chosen;
use crate::{
    injection::{
        cni::CniPlugin,
        names::{EXCLUDE, EXCLUDE_PORTS, INCLUDE, INCLUDE_PORTS, PROXY, TRAFFIC},
        pod_to_be::PodToBe,
        setup::{Membership, Setup},
        spec::{container, has_ipv6, nameservers},
    },
    mesh::Injector,
    rules::{
        Backend, CaptureConfig, Release, Version,
        flags::{self, FlagContext, FlagVariable},
    },
};

const UID_RANGE: &str = "openshift.io/sa.scc.uid-range";

/// Through the annotations that the injector writes for the CNI plugin.
pub(super) fn by_cni(
    pod: &PodToBe<'_>,
    injector: &Injector,
    values: &[Chosen],
    metadata: &BTreeMap<String, String>,
) -> Result<Setup, String> {
    // An empty value of the mesh is no annotation.
    let annotations = values
        .iter()
        .filter(|value| value.by_annotation || !value.text.is_empty())
        .map(|value| (format!("{TRAFFIC}{}", value.name), value.text.clone()))
        .collect();
    let (uids, gids) = proxy_ids(pod, injector);
    let plugin = CniPlugin {
        version: version(pod, injector),
        release: Release::of_tag(&injector.values.global.tag),
        backend: Backend::of(injector.values.global.native_nftables),
        uid: uids.first().copied(),
        gid: gids.first().copied(),
        dns: is_on(metadata, "ISTIO_META_DNS_CAPTURE"),
        ipv6: has_ipv6(pod.ips, is_on(metadata, "ISTIO_DUAL_STACK")),
    };
    plugin.setup(&annotations, String::new())
}

/// Through the command line that the template renders.
pub(super) fn by_init(
    pod: &PodToBe<'_>,
    injector: &Injector,
    revision: &str,
    values: &[Chosen],
    metadata: &BTreeMap<String, String>,
) -> Result<Setup, String> {
    let mesh = pod.today.mesh.config(revision);
    let outbound = mesh.map_or(15_001, |mesh| mesh.proxy_listen_port);
    let inbound = mesh.map_or(15_006, |mesh| mesh.proxy_inbound_listen_port);
    let (uids, gids) = proxy_ids(pod, injector);
    let mut args = vec![
        ("-p", outbound.to_string()),
        ("-z", inbound.to_string()),
        ("-u", joined(&uids)),
        ("-g", joined(&gids)),
    ];
    for value in values {
        let flag = match value.name {
            INCLUDE => "-i",
            EXCLUDE => "-x",
            INCLUDE_PORTS => "-q",
            EXCLUDE_PORTS => "-o",
            _ => "-c",
        };
        args.push((flag, value.text.clone()));
    }
    let mut words: Vec<&str> = args
        .iter()
        .flat_map(|(flag, value)| [*flag, value.as_str()])
        .collect();
    if injector.values.global.native_nftables {
        words.push("--native-nftables");
    }
    let env: Vec<_> = metadata
        .iter()
        .map(|(name, value)| FlagVariable {
            name,
            value: Some(value),
        })
        .collect();
    let context = FlagContext {
        version: version(pod, injector),
        env: &env,
        nameservers: nameservers(pod.spec, pod.today.cluster_dns),
    };
    let parsed = flags::parse(&words, &context).map_err(|problem| problem.to_string())?;
    let config = CaptureConfig {
        ipv6: has_ipv6(pod.ips, parsed.dual_stack),
        ..parsed.config
    };
    Ok(Setup {
        notes: parsed.notes,
        ..Setup::new(Membership::Sidecar(Box::new(config)), "")
    })
}

fn joined(ids: &[u32]) -> String {
    let ids: Vec<_> = ids.iter().map(u32::to_string).collect();
    ids.join(",")
}

fn is_on(metadata: &BTreeMap<String, String>, name: &str) -> bool {
    metadata.get(name).and_then(|text| flags::parse_bool(text)) == Some(true)
}

/// The version that would be injected: the injector's, else the one that runs.
pub(super) fn version(pod: &PodToBe<'_>, injector: &Injector) -> Option<Version> {
    let running = pod.applied.config().map(|config| config.version);
    Version::of_tag(&injector.values.global.tag)
        .or_else(|| running.unwrap_or(Some(Version::CURRENT)))
}

/// The proxy's user: the mesh's values do not change what the running pod has; OpenShift gives
/// each namespace its own (`pkg/kube/inject/openshift.go`).
fn proxy_ids(pod: &PodToBe<'_>, injector: &Injector) -> (Vec<u32>, Vec<u32>) {
    if let Some(config) = pod.applied.config() {
        return (config.proxy_uids.clone(), config.proxy_gids.clone());
    }
    let openshift = injector.values.global.platform == "openshift";
    let range = pod.labels.filter(|_| openshift);
    let range = range.and_then(|namespace| namespace.annotations.get(UID_RANGE));
    let own = container(pod.spec, PROXY).and_then(|proxy| proxy.security_context.run_as_user);
    let uid = own.filter(|uid| *uid != 0);
    let uid = uid.or_else(|| last_of(range?));
    let ids = vec![uid.unwrap_or(1337)];
    (ids.clone(), ids)
}

/// The last user of a range that OpenShift gives: `first/number`, or `first-last`.
fn last_of(range: &str) -> Option<u32> {
    if let Some((_, last)) = range.split_once('-') {
        return last.parse().ok();
    }
    let (first, number) = range.split_once('/')?;
    let (first, number): (u32, u32) = (first.parse().ok()?, number.parse().ok()?);
    first.checked_add(number)?.checked_sub(1)
}
