//! The index against the linear scan.

use std::collections::BTreeMap;

use proptest::{prelude::*, sample::select};

use super::{
    super::linear::{Linear, ScanClient},
    *,
};

const NAMESPACES: [&str; 3] = ["shop", "other", "third"];
const PORTS: [u16; 2] = [80, 443];
const HOSTS: [&str; 8] = [
    "a.test",
    "b.a.test",
    "c.b.a.test",
    "*.a.test",
    "*.b.a.test",
    "*.test",
    "test",
    "web.shop.svc.cluster.local",
];
const NAMES: [&str; 8] = [
    "a.test",
    "B.a.test.",
    "c.b.a.test",
    "x.b.a.test",
    "test",
    "web",
    "web.other",
    "10.0.0.1",
];
const ADDRESSES: [&str; 7] = [
    "10.0.0.1",
    "10.0.0.2/32",
    "10.0.0.0/24",
    "10.0.0.0/16",
    "2001:db8::/32",
    "2001:db8::1",
    "nonsense",
];
const IPS: [&str; 5] = [
    "10.0.0.1",
    "10.0.0.2",
    "10.0.0.9",
    "10.0.9.9",
    "2001:db8::1",
];
const PROTOCOLS: [&str; 5] = ["HTTP", "TLS", "TCP", "", "UDP"];
const EXPORTS: [&str; 4] = ["*", ".", "shop", "other"];
const EGRESS: [&str; 8] = [
    "*/*",
    "./*",
    "other/*",
    "*/*.test",
    "*/a.test",
    "./*.a.test",
    "~other/a.test",
    "~/*",
];

#[derive(Clone, Debug)]
enum Change {
    ServiceEntry(objects::ServiceEntryObject),
    Service(objects::ServiceObject),
    Sidecar(objects::Sidecar),
    RemoveServiceEntry(&'static str, String),
    RemoveService(&'static str, &'static str),
    RemoveSidecar(&'static str),
    Defaults(Vec<String>),
}

fn some(from: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(select(from), 0..=most)
}

fn metadata(namespace: &str, name: &str, age: u8) -> Value {
    let created = format!("2025-01-01T00:00:0{age}Z");
    json!({"namespace": namespace, "name": name, "creationTimestamp": created})
}

fn service_entries() -> impl Strategy<Value = Change> {
    let ports = prop::sample::subsequence(PORTS.to_vec(), 1..=2);
    let parts = (
        (select(&NAMESPACES[..]), 0..4u8, 0..4u8),
        (some(&HOSTS, 2), some(&ADDRESSES, 2)),
        (ports, select(&PROTOCOLS[..]), select(&PROTOCOLS[..])),
        (
            some(&EXPORTS, 1),
            some(&IPS, 1),
            some(&IPS, 1),
            any::<bool>(),
        ),
    );
    let object = |(place, (hosts, addresses), (ports, first, second), rest)| {
        let (namespace, name, age): (&str, u8, u8) = place;
        let (export_to, endpoints, allocated, of_one): (Vec<&str>, Vec<&str>, Vec<&str>, bool) =
            rest;
        let ports: Vec<Value> = std::iter::zip(ports, [first, second])
            .map(|(number, protocol)| json!({"number": number, "protocol": protocol}))
            .collect();
        let endpoints: Vec<Value> = endpoints.iter().map(|ip| json!({"address": ip})).collect();
        let of = if of_one { "a.test" } else { "" };
        let allocated: Vec<Value> = allocated
            .iter()
            .map(|ip| json!({"value": ip, "host": of}))
            .collect();
        let object = json!({
            "metadata": metadata(namespace, &format!("e{name}"), age),
            "spec": {
                "hosts": hosts, "addresses": addresses, "ports": ports,
                "exportTo": export_to, "endpoints": endpoints,
            },
            "status": {"addresses": allocated},
        });
        Change::ServiceEntry(serde_json::from_value(object).unwrap())
    };
    parts.prop_map(object)
}

fn services() -> impl Strategy<Value = Change> {
    let ips = select(&["10.0.0.1", "10.0.0.2", "None", ""][..]);
    let port_names = select(&["http", "tls", "tcp", "x"][..]);
    let parts = (
        select(&NAMESPACES[..]),
        0..4u8,
        ips,
        port_names,
        some(&EXPORTS, 1),
    );
    parts.prop_map(|(namespace, age, ip, port_name, export_to)| {
        let mut metadata = metadata(namespace, "web", age);
        if let Some(word) = export_to.first() {
            metadata["annotations"] = json!({"networking.istio.io/exportTo": word});
        }
        let external = if ip.is_empty() { "a.test" } else { "" };
        let object = json!({
            "metadata": metadata,
            "spec": {
                "clusterIP": ip, "externalName": external,
                "ports": [{"name": port_name, "port": 80}],
            },
        });
        Change::Service(serde_json::from_value(object).unwrap())
    })
}

fn sidecars() -> impl Strategy<Value = Change> {
    let namespace = select(&["shop", "istio-system"][..]);
    let listener = (
        some(&EGRESS, 3),
        prop::option::weighted(0.3, select(&PORTS[..])),
    );
    let listeners = prop::collection::vec(listener, 0..3);
    (namespace, listeners).prop_map(|(namespace, listeners)| {
        let egress: Vec<Value> = listeners
            .into_iter()
            .map(|(hosts, port)| match port {
                Some(number) => json!({"hosts": hosts, "port": {"number": number}}),
                None => json!({"hosts": hosts}),
            })
            .collect();
        Change::Sidecar(sidecar(namespace, "s", json!({"egress": egress})))
    })
}

fn changes() -> impl Strategy<Value = Change> {
    let namespace = || select(&NAMESPACES[..]);
    prop_oneof![
        8 => service_entries(),
        2 => services(),
        1 => sidecars(),
        2 => (namespace(), 0..4u8)
            .prop_map(|(namespace, name)| Change::RemoveServiceEntry(namespace, format!("e{name}"))),
        1 => namespace().prop_map(|namespace| Change::RemoveService(namespace, "web")),
        1 => select(&["shop", "istio-system"][..]).prop_map(Change::RemoveSidecar),
        1 => some(&EXPORTS, 1)
            .prop_map(|words| Change::Defaults(words.into_iter().map(str::to_owned).collect())),
    ]
}

/// The same history for the index and for plain lists.
#[derive(Default)]
struct Both {
    registry: Registry,
    linear: Linear,
    sidecars: BTreeMap<String, objects::Sidecar>,
}

fn is(metadata: &objects::Metadata, namespace: &str, name: &str) -> bool {
    metadata.namespace == namespace && metadata.name == name
}

impl Both {
    fn apply(&mut self, change: &Change) {
        let Self {
            registry,
            linear,
            sidecars,
        } = self;
        match change {
            Change::ServiceEntry(object) => {
                registry.set_service_entry(object);
                let (namespace, name) = (&object.metadata.namespace, &object.metadata.name);
                linear
                    .service_entries
                    .retain(|other| !is(&other.metadata, namespace, name));
                linear.service_entries.push(object.clone());
            }
            Change::Service(object) => {
                registry.set_service(object);
                let (namespace, name) = (&object.metadata.namespace, &object.metadata.name);
                linear
                    .services
                    .retain(|other| !is(&other.metadata, namespace, name));
                linear.services.push(object.clone());
            }
            Change::Sidecar(object) => {
                registry.set_sidecar(object);
                sidecars.insert(object.metadata.namespace.clone(), object.clone());
            }
            Change::RemoveServiceEntry(namespace, name) => {
                let n_before = linear.service_entries.len();
                linear
                    .service_entries
                    .retain(|other| !is(&other.metadata, namespace, name));
                let removed = linear.service_entries.len() < n_before;
                assert_eq!(registry.remove_service_entry(namespace, name), removed);
            }
            Change::RemoveService(namespace, name) => {
                registry.remove_service(namespace, name);
                linear
                    .services
                    .retain(|other| !is(&other.metadata, namespace, name));
            }
            Change::RemoveSidecar(namespace) => {
                let removed = sidecars.remove(*namespace).is_some();
                assert_eq!(registry.remove_sidecar(namespace, "s"), removed);
            }
            Change::Defaults(words) => {
                registry.set_defaults("", words);
                linear.service_export_to.clone_from(words);
            }
        }
    }

    /// The registry that the present objects make, put together at once.
    fn fresh(&self) -> Registry {
        let mut registry = Registry::default();
        registry.set_defaults("", &self.linear.service_export_to);
        self.sidecars
            .values()
            .for_each(|it| registry.set_sidecar(it));
        self.linear
            .service_entries
            .iter()
            .for_each(|it| registry.set_service_entry(it));
        self.linear
            .services
            .iter()
            .for_each(|it| registry.set_service(it));
        registry
    }

    fn check(&self, registry: &Registry) {
        let root = self.sidecars.get("istio-system");
        let hosts = NAMES.iter().copied().map(Some).chain([None]);
        let ips = IPS.iter().map(|ip| Some(ip.parse().unwrap())).chain([None]);
        let destinations: Vec<RegistryQuery<'_>> = hosts
            .flat_map(|host| ips.clone().map(move |ip| (host, ip)))
            .flat_map(|(host, ip)| {
                PORTS.map(|port| RegistryQuery {
                    ip,
                    host,
                    port,
                    protocol: Protocol::Tcp,
                })
            })
            .collect();
        for (namespace, dns_capture) in [
            ("shop", false),
            ("shop", true),
            ("other", false),
            ("new", false),
        ] {
            let viewer = Viewer {
                namespace,
                sidecar: registry.sidecar_for(namespace, &BTreeMap::new()),
                dns_capture,
            };
            let client = ScanClient {
                namespace,
                sidecar: self.sidecars.get(namespace).or(root),
                dns_capture,
            };
            for to in &destinations {
                let found = ScanAnswer::from(registry.lookup(&viewer, to));
                let expected = self.linear.lookup(&client, to);
                assert_eq!(found, expected, "{client:?}\n{to:?}\n{:#?}", self.linear);
                registry.near_misses(&viewer, to);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn the_index_finds_what_a_scan_finds(history in prop::collection::vec(changes(), 1..16)) {
        let mut both = Both::default();
        history.iter().for_each(|change| both.apply(change));
        both.check(&both.registry);
        both.check(&both.fresh());
    }

    #[test]
    fn taking_everything_away_leaves_nothing(history in prop::collection::vec(changes(), 1..16)) {
        let mut both = Both::default();
        history.iter().for_each(|change| both.apply(change));
        let Both { mut registry, linear, .. } = both;
        for object in &linear.service_entries {
            registry.remove_service_entry(&object.metadata.namespace, &object.metadata.name);
        }
        for object in &linear.services {
            registry.remove_service(&object.metadata.namespace, &object.metadata.name);
        }
        let empty = crate::registry::index::Index::default();
        prop_assert_eq!(format!("{:?}", registry.index), format!("{empty:?}"));
        prop_assert!(registry.sidecars.values().flatten().all(|scope| scope.listeners.is_empty()));
    }
}
