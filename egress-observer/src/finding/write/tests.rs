use std::{net::IpAddr, sync::Arc};

use egress_observer_istio::vocabulary::{
    Actor, ConnectionFailure, ObservedPath, Protocol, Reason, RegistryMatch, Scope, Verdict,
};
use proptest::{prelude::*, sample::select};

use super::{
    super::{Client, Service},
    *,
};
use crate::flows;

/// Names that a host can have.
const PLAIN: &str = "[a-z0-9]{1,9}(-[a-z]{1,3})?(\\.[a-z]{2,5}){1,3}";

/// Any text: quotes, control characters and what is not ASCII, too.
const HOSTILE: &str = "\\PC{0,12}|.{0,12}|[\"\\\\\u{0}-\u{1f}/\u{7f}]{0,6}";

fn names(pattern: &'static str) -> impl Strategy<Value = Vec<Arc<str>>> {
    prop::collection::vec(pattern.prop_map(Arc::from), 0..4)
}

fn client(pattern: &'static str) -> impl Strategy<Value = Option<Client>> {
    let ids = prop_oneof![4 => any::<u32>(), 1 => Just(u32::MAX)];
    let client = (
        pattern,
        prop::option::of(pattern.prop_map(Arc::from)),
        ids.clone(),
        ids,
    );
    prop::option::of(client.prop_map(|(pod, container, uid, gid)| Client {
        pod: pod.into(),
        container,
        uid,
        gid,
    }))
}

fn service(pattern: &'static str) -> impl Strategy<Value = Service> {
    let name = pattern.prop_map(Arc::from);
    prop_oneof![
        name.clone().prop_map(Service::Host),
        name.clone().prop_map(Service::Name),
        name.prop_map(Service::Ambiguous),
        any::<IpAddr>().prop_map(Service::Ip),
        Just(Service::Other),
    ]
}

/// A kind whose names are of a pattern.
fn kind(pattern: &'static str) -> impl Strategy<Value = FindingKind> {
    let place = (any::<IpAddr>(), 1_u16.., names(pattern), service(pattern));
    let words = (
        select(Protocol::ALL),
        select(Actor::ALL),
        select(Scope::ALL),
        select(ObservedPath::ALL),
        select(RegistryMatch::ALL),
        select(Verdict::ALL),
        select(Reason::ALL),
        prop::option::of(select(ConnectionFailure::ALL)),
    );
    (client(pattern), pattern, pattern, place, words).prop_map(
        |(client, namespace, workload, (ip, port, names, service), words)| {
            let (protocol, actor, scope, path, registry, verdict, reason, failure) = words;
            FindingKind {
                client,
                namespace: namespace.into(),
                workload: workload.into(),
                service,
                ip,
                names,
                port,
                protocol,
                actor,
                scope,
                path,
                registry,
                verdict,
                reason,
                failure,
            }
        },
    )
}

fn sightings() -> impl Strategy<Value = Sightings> {
    let second = 0_i64..4_000_000_000;
    (any::<u64>(), second.clone(), second).prop_map(|(n, first, last)| Sightings {
        n,
        first: Timestamp::new(first, 499_999_999).expect("in range"),
        last: Timestamp::new(last, 500_000_000).expect("in range"),
    })
}

fn written(kind: &FindingKind, seen: &Sightings) -> Vec<u8> {
    let mut text = Vec::new();
    write(kind, seen, &mut text).expect("memory");
    text
}

proptest! {
    /// What would be missing or changed in the line that was read would be in the text.
    #[test]
    fn what_is_written_is_read_back_equal(kind in kind(HOSTILE), seen in sightings()) {
        let text = written(&kind, &seen);
        let (end, text) = text.split_last().expect("a line");
        prop_assert_eq!(*end, b'\n');
        prop_assert!(!text.contains(&b'\n'));
        let line: FindingLine<'_> = serde_json::from_slice(text).expect("a line");
        let again = serde_json::to_vec(&line).expect("memory");
        prop_assert_eq!(text.escape_ascii().to_string(), again.escape_ascii().to_string());
    }

    #[test]
    fn every_finding_is_the_flow_that_was_seen(kind in kind(PLAIN), seen in sightings()) {
        let flow = flows::parse(&written(&kind, &seen)).expect("a flow");
        let client = kind.client.as_ref();
        prop_assert_eq!(&*flow.from.namespace, &*kind.namespace);
        prop_assert_eq!(&*flow.from.workload, &*kind.workload);
        prop_assert_eq!(&*flow.from.pod, client.map_or("", |client| &*client.pod));
        prop_assert_eq!(flow.container.as_deref(), client.and_then(|client| client.container.as_deref()));
        prop_assert_eq!(flow.actor, Some(kind.actor));
        prop_assert_eq!(flow.uid, client.and_then(|client| owner(client.uid)));
        prop_assert_eq!(flow.gid, client.and_then(|client| owner(client.gid)));
        prop_assert_eq!((flow.to.ip, flow.to.port), (Some(kind.ip.to_canonical()), kind.port));
        prop_assert_eq!(flow.to.protocol, Some(kind.protocol));
        prop_assert_eq!(flow.names, kind.names.iter().map(ToString::to_string).collect::<Vec<_>>());
        prop_assert_eq!(flow.to.host.is_some(), kind.names.len() == 1);
        prop_assert_eq!(flow.n, seen.n);
        prop_assert_eq!(flow.seen.scope, Some(kind.scope));
        prop_assert_eq!(flow.seen.path, Some(kind.path));
        prop_assert_eq!(flow.seen.registry, Some(kind.registry));
        prop_assert_eq!(flow.seen.verdict, Some(kind.verdict));
        prop_assert_eq!(flow.seen.last, Some(to_seconds(seen.last).to_string()));
    }
}

#[test]
fn the_fields_stand_in_the_order_of_the_documentation() {
    let kind = FindingKind {
        client: Some(Client {
            pod: "sleep-1".into(),
            container: Some("app".into()),
            uid: 1000,
            gid: u32::MAX,
        }),
        namespace: "shop".into(),
        workload: "sleep".into(),
        service: Service::Ambiguous("a.test".into()),
        ip: [192, 0, 2, 1].into(),
        names: vec!["a.test".into(), "b.test".into()],
        port: 443,
        protocol: Protocol::Tcp,
        actor: Actor::App,
        scope: Scope::External,
        path: ObservedPath::Captured,
        registry: RegistryMatch::Undeclared,
        verdict: Verdict::Blocked,
        reason: Reason::IncludedRange,
        failure: None,
    };
    let seen = Sightings {
        n: 12,
        first: Timestamp::constant(0, 0),
        last: Timestamp::constant(9, 500_000_000),
    };
    let expected = concat!(
        r#"{"apiVersion":"egress-observer.io/v1alpha1","kind":"Finding","#,
        r#""firstTime":"1970-01-01T00:00:00Z","lastTime":"1970-01-01T00:00:10Z","#,
        r#""namespace":"shop","pod":"shop/sleep-1","workload":"sleep","#,
        r#""source":{"container":"app","actor":"app","uid":1000,"gid":null},"#,
        r#""destination":{"host":null,"ip":"192.0.2.1","port":443,"protocol":"tcp","#,
        r#""scope":"external","names":["a.test","b.test"],"service":"a.test~ambiguous"},"#,
        r#""path":"captured","registry":"undeclared","verdict":"blocked","#,
        r#""reason":"included_range","failure":null,"count":12}"#,
        "\n"
    );
    assert_eq!(String::from_utf8_lossy(&written(&kind, &seen)), expected);
}
