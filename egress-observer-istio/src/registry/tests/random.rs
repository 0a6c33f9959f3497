//! The index after a random history against one that is made at once.

use std::collections::BTreeMap;

use proptest::{prelude::*, sample::select};

use super::*;

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
    VirtualService(objects::VirtualService),
    RemoveServiceEntry(&'static str, String),
    RemoveService(&'static str, &'static str),
    RemoveSidecar(&'static str),
    RemoveVirtualService(&'static str),
    Defaults(Vec<String>, &'static str),
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

fn virtual_services() -> impl Strategy<Value = Change> {
    let host = || select(&HOSTS[..]);
    let parts = (
        (select(&NAMESPACES[..]), 0..4u8),
        (host(), host(), some(&EXPORTS, 1)),
        select(&["http", "tls", "tcp"][..]),
    );
    parts.prop_map(|((namespace, age), (host, to, export_to), kind)| {
        let route = json!([{"destination": {"host": to, "port": {"number": 443}}}]);
        let matches = if kind == "tls" {
            json!([{"sniHosts": [host]}])
        } else {
            json!([])
        };
        let object = json!({
            "metadata": metadata(namespace, "v", age),
            "spec": {
                "hosts": [host], "exportTo": export_to,
                kind: [{"match": matches, "route": route}],
            },
        });
        Change::VirtualService(serde_json::from_value(object).unwrap())
    })
}

fn changes() -> impl Strategy<Value = Change> {
    let namespace = || select(&NAMESPACES[..]);
    prop_oneof![
        8 => service_entries(),
        2 => services(),
        1 => sidecars(),
        2 => virtual_services(),
        1 => namespace().prop_map(Change::RemoveVirtualService),
        2 => (namespace(), 0..4u8)
            .prop_map(|(namespace, name)| Change::RemoveServiceEntry(namespace, format!("e{name}"))),
        1 => namespace().prop_map(|namespace| Change::RemoveService(namespace, "web")),
        1 => select(&["shop", "istio-system"][..]).prop_map(Change::RemoveSidecar),
        1 => (some(&EXPORTS, 1), select(&["", "other.test"][..])).prop_map(|(words, domain)| {
            Change::Defaults(words.into_iter().map(str::to_owned).collect(), domain)
        }),
    ]
}

type Named<T> = BTreeMap<(String, String), T>;

/// A history, and the objects that are there after it.
#[derive(Default)]
struct History {
    registry: Registry,
    service_entries: Named<objects::ServiceEntryObject>,
    services: Named<objects::ServiceObject>,
    sidecars: Named<objects::Sidecar>,
    virtual_services: Named<objects::VirtualService>,
    defaults: (Vec<String>, &'static str),
}

fn key(metadata: &objects::Metadata) -> (String, String) {
    (metadata.namespace.clone(), metadata.name.clone())
}

fn named(namespace: &str, name: &str) -> (String, String) {
    (namespace.to_owned(), name.to_owned())
}

fn defaults((words, domain): &(Vec<String>, &str)) -> RegistryDefaults {
    RegistryDefaults {
        service_export_to: words.clone(),
        virtual_service_export_to: words.clone(),
        cluster_domain: (*domain).to_owned(),
        root_namespace: String::new(),
    }
}

impl History {
    fn apply(&mut self, change: Change) {
        let registry = &mut self.registry;
        match change {
            Change::ServiceEntry(object) => {
                registry.set_service_entry(&object);
                self.service_entries.insert(key(&object.metadata), object);
            }
            Change::Service(object) => {
                registry.set_service(&object, endpoints());
                self.services.insert(key(&object.metadata), object);
            }
            Change::Sidecar(object) => {
                registry.set_sidecar(&object);
                self.sidecars.insert(key(&object.metadata), object);
            }
            Change::VirtualService(object) => {
                registry.set_virtual_service(&object);
                self.virtual_services.insert(key(&object.metadata), object);
            }
            Change::RemoveServiceEntry(namespace, name) => {
                let known = self.service_entries.remove(&named(namespace, &name));
                let removed = registry.remove_service_entry(namespace, &name);
                assert_eq!(removed, known.is_some());
            }
            Change::RemoveService(namespace, name) => {
                let known = self.services.remove(&named(namespace, name));
                assert_eq!(registry.remove_service(namespace, name), known.is_some());
            }
            Change::RemoveSidecar(namespace) => {
                let known = self.sidecars.remove(&named(namespace, "s"));
                assert_eq!(registry.remove_sidecar(namespace, "s"), known.is_some());
            }
            Change::RemoveVirtualService(namespace) => {
                let known = self.virtual_services.remove(&named(namespace, "v"));
                let removed = registry.remove_virtual_service(namespace, "v");
                assert_eq!(removed, known.is_some());
            }
            Change::Defaults(words, domain) => {
                self.defaults = (words, domain);
                registry.set_defaults(defaults(&self.defaults));
            }
        }
    }

    /// The registry that the present objects make, put together at once.
    fn fresh(&self) -> Registry {
        let mut registry = Registry::default();
        registry.set_defaults(defaults(&self.defaults));
        let sidecars = self.sidecars.values();
        sidecars.for_each(|it| registry.set_sidecar(it));
        let entries = self.service_entries.values();
        entries.for_each(|it| registry.set_service_entry(it));
        let services = self.services.values();
        services.for_each(|it| registry.set_service(it, endpoints()));
        let rules = self.virtual_services.values();
        rules.for_each(|it| registry.set_virtual_service(it));
        registry
    }
}

fn endpoints() -> Vec<IpAddr> {
    vec!["10.0.0.9".parse().unwrap()]
}

/// Every answer to every question that the lists above allow.
fn answers(registry: &Registry) -> String {
    let hosts = NAMES.iter().copied().map(Some).chain([None]);
    let ips = IPS.iter().map(|ip| Some(ip.parse().unwrap())).chain([None]);
    let mut answers = String::new();
    let clients = [
        ("shop", false),
        ("shop", true),
        ("other", false),
        ("new", false),
    ];
    for ((namespace, dns_capture), version) in
        std::iter::zip(clients.into_iter().cycle(), [30, 16, 22, 24, 30, 31, 21])
    {
        let viewer = Viewer {
            namespace,
            sidecar: registry.sidecar_for(namespace, &BTreeMap::new()),
            dns_capture,
            version: Some(Version(version)),
            ..Viewer::default()
        };
        for (host, ip) in hosts
            .clone()
            .flat_map(|host| ips.clone().map(move |ip| (host, ip)))
        {
            for port in PORTS {
                let to = RegistryQuery {
                    ip,
                    host,
                    port,
                    protocol: Protocol::Tcp,
                };
                let found = words(registry.lookup(&viewer, &to));
                let misses = registry.near_misses(&viewer, &to).len();
                answers.push_str(&format!("{namespace} {to:?}: {found}, {misses} near\n"));
            }
        }
    }
    answers
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn a_history_ends_where_its_objects_would_begin(history in prop::collection::vec(changes(), 1..16)) {
        let mut all = History::default();
        history.into_iter().for_each(|change| all.apply(change));
        prop_assert_eq!(answers(&all.registry), answers(&all.fresh()));
    }

    #[test]
    fn taking_everything_away_leaves_nothing(history in prop::collection::vec(changes(), 1..16)) {
        let mut all = History::default();
        history.into_iter().for_each(|change| all.apply(change));
        let History { mut registry, service_entries, services, virtual_services, .. } = all;
        for (namespace, name) in service_entries.keys() {
            registry.remove_service_entry(namespace, name);
        }
        for (namespace, name) in services.keys() {
            registry.remove_service(namespace, name);
        }
        for (namespace, name) in virtual_services.keys() {
            registry.remove_virtual_service(namespace, name);
        }
        let empty = crate::registry::index::Index::default();
        prop_assert_eq!(format!("{:?}", registry.index), format!("{empty:?}"));
        let empty = crate::registry::routing::Routing::default();
        prop_assert_eq!(format!("{:?}", registry.routing), format!("{empty:?}"));
        prop_assert!(registry.sidecars.values().flatten().all(|scope| scope.listeners.is_empty()));
    }
}
